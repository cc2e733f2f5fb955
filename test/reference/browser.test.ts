// The reference page in a real browser: readable by everybody, on a phone as on a desk, without script.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { audit, hasChromium, launch, open, overflow } from '../console/browser.ts';
import { type Lab, openLab } from '../support/lab.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe.runIf(hasChromium)('the page', () => {
  let lab: Lab;
  let browser: Browser;
  beforeAll(async () => {
    [lab, browser] = await Promise.all([openLab(), launch()]);
  });
  afterAll(async () => {
    await browser.close();
    await lab.close();
  });

  it.each([
    { scheme: 'dark', width: 1280 },
    { scheme: 'light', width: 360 },
  ] as const)('has no fault that axe-core finds, fits and complains of nothing: $scheme, $width', async (look) => {
    await using opened = await open(browser, lab.gateway.url, 'docs', look);
    const { page, complaints } = opened;
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
    expect(await audit(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('asks for nothing but itself', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (request) => void asked.push(request.url()));
    await page.goto(`${lab.gateway.url}/docs`);
    // Some browsers look for an icon by themselves; the gateway has none.
    expect(asked.filter((url) => !url.endsWith('/favicon.ico'))).toEqual([`${lab.gateway.url}/docs`]);
    await context.close();
  });

  it('works by keyboard: to the content, and along its anchors', async () => {
    await using opened = await open(browser, lab.gateway.url, 'docs');
    const { page } = opened;
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('To the content');
    await page.keyboard.press('Enter');
    expect(new URL(page.url()).hash).toBe('#content');
    await page.goto(`${lab.gateway.url}/docs#v2.reveal`);
    expect(await page.locator('[id="v2.reveal"]').isVisible()).toBe(true);
    expect(await page.evaluate('document.getElementById("v2.reveal").getBoundingClientRect().top')).toBeLessThan(100);
  });

  it('shows the contents at once where there is room, and on demand on a phone', async () => {
    await using wide = await open(browser, lab.gateway.url, 'docs', { width: 1280 });
    const link = (opened: typeof wide) => opened.page.locator('nav a[href="#v1.share"]');
    expect(await link(wide).isVisible()).toBe(true);
    await using phone = await open(browser, lab.gateway.url, 'docs', { width: 360 });
    expect(await link(phone).isVisible()).toBe(false);
    await phone.page.locator('nav summary').click();
    expect(await link(phone).isVisible()).toBe(true);
  });

  it('selects a whole example by one click', async () => {
    await using opened = await open(browser, lab.gateway.url, 'docs');
    await opened.page.locator('article:has([id="v1.private"]) pre code').click();
    expect(await opened.page.evaluate('String(getSelection())')).toBe(
      `curl -u 'NAME:TOKEN' \\\n  "${lab.gateway.url}/api/v1/private/METADATA_KEY"`,
    );
  });
});
