// Accounts, moves and "why?" as operators work with them: on a real gateway, while callers come.
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { hasChromium } from './browser.ts';
import { WRITER } from './console-lab.ts';
import { useConsole } from './session.ts';

const MARKUP = '<img/src=x/onerror=alert(1)>';

describe.skipIf(!hasChromium)('the console', () => {
  const session = useConsole();

  describe('accounts', () => {
    it('are added, found, moved from start to end, and removed, while callers come', async () => {
      const name = 'move.me@corp.example';
      const page = await session.show('#/accounts');
      await page.getByRole('button', { name: 'Add an account' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Account name').fill(name);
      await dialog.getByLabel('Region').selectOption('us');
      await dialog.getByRole('button', { name: 'Add', exact: true }).click();
      await dialog.waitFor({ state: 'detached' });

      await page.getByLabel('Account name or id').fill(name);
      await page.getByRole('button', { name: 'Look up' }).click();
      const found = page.getByRole('article', { name: 'The account that was looked up' });
      await found.getByText('The directory says that it lives in us, pinned.').waitFor();

      await found.getByRole('button', { name: 'Move', exact: true }).click();
      expect(await dialog.getByLabel('Account name').inputValue()).toBe(name);
      await dialog.getByLabel('To').selectOption('eu');
      await dialog.getByRole('button', { name: 'Begin the move' }).click();
      const move = page.getByRole('article', { name: 'Move from us to eu' });
      await move.getByText('Finished', { exact: true }).waitFor({ timeout: 30_000 });
      expect(await move.locator('.step-done').count()).toBe(4);
      await found.getByText('The directory says that it lives in eu, pinned. It may also name us.').waitFor();
      await page.getByRole('cell', { name: 'Move finished' }).first().waitFor();

      await found.getByRole('button', { name: 'Remove' }).click();
      await dialog.getByLabel('Type its name').fill('somebody else');
      await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
      await dialog.getByText('That is not it. Nothing was removed.').waitFor();
      await dialog.getByLabel('Type its name').fill(name);
      await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
      await found.getByText('Nobody knows this account').waitFor();
      expect(await page.content()).not.toContain(WRITER);
    });

    it('are refused in the API’s own words, at the field that is wrong', async () => {
      const page = await session.show('#/accounts');
      await page.getByRole('button', { name: 'Add an account' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Add', exact: true }).click();
      await dialog.locator('.wrong').getByText('Type the name of the account.').waitFor();
      await dialog.getByLabel('Account name').fill('no:colon@corp.example');
      await dialog.getByRole('button', { name: 'Add', exact: true }).click();
      await dialog.getByRole('alert').waitFor();
      expect(await dialog.getByLabel('Account name').getAttribute('aria-invalid')).toBe('true');
    });

    it('that the directory knows elsewhere are written only by who says so once more', async () => {
      const page = await session.show('#/accounts');
      const put = async (to: string): Promise<void> => {
        await page.getByRole('dialog').getByLabel('Region').selectOption(to);
        await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
      };
      for (const to of ['us', 'eu']) {
        await page.getByRole('button', { name: 'Add an account' }).click();
        await page.getByRole('dialog').getByLabel('Account name').fill('twice@corp.example');
        await put(to);
        if (to === 'us') await page.getByRole('dialog').waitFor({ state: 'detached' });
      }
      await page.getByText('The directory knows this account in another region. Nothing was changed.').waitFor();
      await page.getByLabel('Write it all the same').check();
      await put('eu');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    });

    it('whose name is markup are shown as the text that it is', async () => {
      const page = await session.show('#/accounts');
      await page.getByLabel('Account name or id').fill(MARKUP);
      await page.getByRole('button', { name: 'Look up' }).click();
      await page.getByRole('heading', { name: MARKUP }).waitFor();
      await page.getByRole('button', { name: 'Add to the directory' }).click();
      expect(await page.getByRole('dialog').getByLabel('Account name').inputValue()).toBe(MARKUP);
      expect(await page.locator('img').count()).toBe(0);
    });

    it('of an unknown id are said to be unknown', async () => {
      const page = await session.show(`#/accounts/${'0'.repeat(32)}`);
      await page.getByText('The directory has no entry of this id.').waitFor();
    });
  });

  describe('why', () => {
    async function explain(page: Page, path: string, user = ''): Promise<void> {
      await page.getByLabel('Path').fill(path);
      await page.getByLabel('Account name').fill(user);
      await page.getByRole('button', { name: 'Explain' }).click();
    }

    it('draws the journey of what is permitted, and of what is refused with the place where it ends', async () => {
      const page = await session.show('#/why');
      await explain(page, '/api/v1/private/recent', 'bruno@eu.example');
      await page.getByText('Sent to eu: the account lives there.').waitFor();
      expect(await page.locator('.journey h3').allTextContents()).toEqual([
        'classifypassed',
        'identifypassed',
        'admitnot asked',
        'locatepassed',
        'decidepassed',
        'verifypassed',
        'forwardpassed',
      ]);
      await explain(page, '/us/api/v1/private/recent', 'bruno@eu.example');
      await page.getByText('Refused with 403 region_not_allowed.').waitFor();
      await page.getByText('The account is pinned to its own region.').waitFor();
      expect(await page.locator('.station-stopped h3').allTextContents()).toEqual(['decideends here']);
      await explain(page, '/nothing/here');
      await page.getByText('Refused with 404 not_found.').waitFor();
      expect(await page.locator('.station-stopped h3').allTextContents()).toEqual(['classifyends here']);
    });

    it('sends nothing to a region, puts nothing into an address, and shows markup as text', async () => {
      const page = await session.show('#/why');
      const before = [session.lab.us, session.lab.eu].map(
        (twin) => twin.requests.filter(({ path }) => path.includes('canary')).length,
      );
      await explain(page, `/api/v1/secret/canary${MARKUP}`, MARKUP);
      await page.getByText(`GET /api/v1/secret/canary${MARKUP}`).waitFor();
      expect(
        [session.lab.us, session.lab.eu].map(
          (twin) => twin.requests.filter(({ path }) => path.includes('canary')).length,
        ),
      ).toEqual(before);
      expect(page.url()).toBe(`${session.lab.gateway.adminUrl}/#/why`);
      expect(await page.locator('main img').count()).toBe(0);
      expect(session.lab.log.join('')).not.toContain('canary');
    });

    it('says which field is wrong before it asks', async () => {
      const page = await session.show('#/why');
      await explain(page, 'no slash');
      await page.getByText('Type a path that begins with /').waitFor();
      expect(await page.evaluate('document.activeElement.value')).toBe('no slash');
    });
  });
});
