// What the page shows of a real gateway as it happens, and who may do what with it.
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BRUNO, type Lab, openLab } from '../support/lab.ts';
import { hasChromium, launch, type Opened, open } from './browser.ts';
import { READER } from './console-lab.ts';
import { useConsole } from './session.ts';
import { soon } from './soon.ts';
import { startTraffic } from './traffic.ts';

describe.skipIf(!hasChromium)('the console', () => {
  const session = useConsole();
  const region = (page: Page, name: string): Locator => page.getByRole('article', { name: `Region ${name}` });

  describe('the overview', () => {
    it('shows each region with its share, its latency and its outcomes, from the traffic that there is', async () => {
      const page = await session.show('#/overview');
      for (const name of ['us', 'eu']) {
        const card = region(page, name);
        await card.getByText('Up', { exact: true }).waitFor();
        await soon(() => card.locator('.region-rate .figure').textContent()).toMatch(/[1-9].*\/s/);
        await soon(() => card.getByText('p95').locator('..').textContent()).toMatch(/\d.ms/);
        await soon(() => card.getByText('Delivered').locator('..').textContent()).toMatch(/[1-9]/);
      }
      const share = await region(page, 'us').getByRole('meter', { name: /Share/ }).getAttribute('aria-valuenow');
      expect(Number(share)).toBeGreaterThan(0);
      await page.getByRole('cell', { name: 'v1.share', exact: true }).waitFor();
    });

    it('draws the last seconds, and says them to those who do not see the drawing', async () => {
      const page = await session.show('#/overview');
      const chart = page.getByRole('figure', { name: 'Requests, by region' });
      await soon(() => chart.getByRole('img').locator('canvas').count()).toBe(1);
      const description = chart.locator('.away').first();
      await soon(() => description.textContent()).toMatch(/us: .*\/s; eu: .*\/s/);
      const drawn = `(() => {
        const canvas = document.querySelector('figure canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return new Set(new Uint32Array(data.buffer)).size;
      })()`;
      await soon(() => page.evaluate(drawn)).toBeGreaterThan(10);
    });

    it('says within seconds that an operator took a region out of service, and that it is back', async () => {
      const page = await session.show('#/overview');
      await region(page, 'eu').getByRole('button', { name: 'Take eu out of service' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Take it out of service' }).click();
      await region(page, 'eu').getByText('Drained', { exact: true }).waitFor();
      await page.getByText('Region eu was taken out of service by an operator').first().waitFor();
      expect((await session.lab.call('GET', '/api/v1/authcheck', { as: BRUNO })).status).toBe(503);
      await region(page, 'eu').getByRole('button', { name: 'Put eu back into service' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Put it back' }).click();
      await region(page, 'eu').getByText('Up', { exact: true }).waitFor();
    });
  });

  it('shows what is limited and refused', async () => {
    const page = await session.show('#/limits');
    await page
      .getByRole('table', { name: /^Limits/ })
      .locator('tbody tr')
      .first()
      .waitFor();
    await page.getByRole('cell', { name: 'authentication_required' }).first().waitFor({ timeout: 15_000 });
  });

  describe('access', () => {
    it('is asked for where tokens are configured, and a wrong one is told', async () => {
      const { page } = await session.openOnly('');
      await page.getByText('This needs a token: send it as Authorization: Bearer TOKEN.').waitFor();
      const enter = async (token: string): Promise<void> => {
        await page
          .getByRole('button', { name: /Enter a token|Token entered/ })
          .first()
          .click();
        await page.getByLabel('Token', { exact: true }).fill(token);
        await page.getByRole('button', { name: 'Use this token' }).click();
      };
      await enter('otga_wrong');
      await page.getByText('No token like the one in the Authorization header is configured.').waitFor();
      await enter(READER);
      await page.getByRole('article', { name: 'Region us' }).waitFor();
    });

    it('to change is refused to a token that may only read, in words, and nothing is changed', async () => {
      const page = await session.show('#/accounts', { token: READER });
      await page.getByRole('button', { name: 'Add an account' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Account name').fill('nobody@corp.example');
      await dialog.getByRole('button', { name: 'Add', exact: true }).click();
      await dialog.getByText('The role of this token is read: it may change nothing.').waitFor();
      await dialog.getByText('Use a token with role write.').waitFor();
      await page.keyboard.press('Escape');
      await page.getByLabel('Account name or id').fill('nobody@corp.example');
      await page.getByRole('button', { name: 'Look up' }).click();
      await page.getByText('Nobody knows this account').waitFor();
    });
  });
});

describe.skipIf(!hasChromium)('the console of a gateway', () => {
  let browser: Browser;
  let lab: Lab | undefined;
  let opened: Opened | undefined;

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());
  beforeEach(() => {
    lab = undefined;
    opened = undefined;
  });
  afterEach(async () => {
    await opened?.[Symbol.asyncDispose]();
    await lab?.close();
  });

  it('without tokens is read from this machine, and changed by nobody', async () => {
    lab = await openLab();
    opened = await open(browser, lab.gateway.adminUrl, '#/accounts');
    const { page } = opened;
    await page.getByRole('button', { name: 'Add an account' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Changes need a token with role write. None is entered in this tab yet.').waitFor();
    await dialog.getByLabel('Account name').fill('nobody@corp.example');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.getByText('nobody may change anything').waitFor();
    await dialog.getByText('onetime-gateway admin token').waitFor();
  });

  it('says within seconds that a region is down', async () => {
    lab = await openLab();
    opened = await open(browser, lab.gateway.adminUrl);
    const { page } = opened;
    const region = (name: string) => page.getByRole('article', { name: `Region ${name}` });
    await region('eu').getByText('Up', { exact: true }).waitFor();
    await lab.eu.close();
    await using _callers = startTraffic(lab.gateway.url, 20);
    await region('eu').getByText('Down', { exact: true }).waitFor({ timeout: 10_000 });
    await page
      .getByText(/^Region eu is down/)
      .first()
      .waitFor();
    expect(await region('us').getByText('Up', { exact: true }).isVisible()).toBe(true);
  });

  it('that ends says that the connection is lost', async () => {
    lab = await openLab();
    opened = await open(browser, lab.gateway.adminUrl);
    const { page } = opened;
    await page.getByText('Live', { exact: true }).waitFor();
    await lab.gateway.close();
    await page.getByText(/^Connection lost for/).waitFor();
  });
});
