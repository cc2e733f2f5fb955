// Every view of the page on a real gateway: whether it can be read by everybody, at every width, and walked by keyboard.
import { describe, expect, it } from 'vitest';
import { audit, hasChromium, overflow } from './browser.ts';
import { VIEWS } from './console-lab.ts';
import { useConsole } from './session.ts';
import { soon } from './soon.ts';

describe.skipIf(!hasChromium)('the console', () => {
  const session = useConsole();

  describe('each view', () => {
    it.each(VIEWS)(
      '%s: nothing that axe-core finds in either colour scheme, at a desk and on a phone',
      async (view) => {
        const page = await session.show(`#/${view}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme });
          for (const width of [1280, 320]) {
            await page.setViewportSize({ width, height: 800 });
            expect(await audit(page), `${colorScheme}, ${width}`).toEqual([]);
          }
        }
      },
    );

    it.each(VIEWS)(
      '%s: needs no scrolling sideways at 320 pixels, nor at 1280 with everything twice as large',
      async (view) => {
        const page = await session.show(`#/${view}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        // Zoom makes the window half as wide in the page's own pixels.
        for (const width of [320, 640, 1280]) {
          await page.setViewportSize({ width, height: 640 });
          expect(await overflow(page), String(width)).toBe(0);
        }
      },
    );

    it('is checked by something that finds faults', async () => {
      const { page, complaints } = await session.openOnly('');
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.evaluate(`document.querySelector('main').append(
        Object.assign(document.createElement('img'), { src: 'data:,' }),
        Object.assign(document.createElement('button'), { type: 'button' }))`);
      expect((await audit(page)).map((found) => found.split(':')[0])).toEqual(
        expect.arrayContaining(['image-alt', 'button-name']),
      );
      await page.evaluate(`document.querySelector('main').style.width = '4000px'`);
      expect(await overflow(page)).toBeGreaterThan(0);
      await page.evaluate(`document.body.insertAdjacentHTML('beforeend', '<p style="color: red">inline</p>')`);
      await soon(() => complaints.splice(0).join(' ')).toContain('style-src');
    });
  });

  it('is walked through by keyboard alone', async () => {
    const page = await session.show('#/overview');
    const focused = (): Promise<unknown> => page.evaluate('document.activeElement.textContent.trim()');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await focused()).toBe('Overview');

    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor();
    // Skip link, token, then the views in order.
    for (const expected of ['Skip to the content', 'Token entered', 'Overview', 'Limits', 'Accounts']) {
      await page.keyboard.press('Tab');
      expect(await focused()).toBe(expected);
      expect(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`)).not.toBe('none');
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Accounts and moves' }).waitFor();
    await soon(focused).toBe('Accounts and moves');

    await page.keyboard.press('Tab');
    await page.keyboard.type('bruno@eu.example');
    await page.keyboard.press('Enter');
    await page.getByText('A rule of the configuration says that it lives in eu, pinned.').waitFor();

    await page.getByRole('button', { name: 'Add an account' }).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    // The focus stays in the dialog, however often it goes on.
    for (let i = 0; i < 15; i += 1) {
      await page.keyboard.press('Tab');
      const inside = await page.evaluate(
        `document.querySelector('dialog').contains(document.activeElement) || document.activeElement === document.body`,
      );
      expect(inside).toBe(true);
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await focused()).toBe('Add an account');
  });
});
