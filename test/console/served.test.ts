// The configuration and the audit as operators and auditors look at them: a gateway of its own process, with its file.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { audit, hasChromium, launch, type Opened, open } from './browser.ts';
import { WRITER } from './console-lab.ts';
import { SECRET, type Served, serve } from './served.ts';
import { soon } from './soon.ts';
import { startTraffic } from './traffic.ts';

describe.skipIf(!hasChromium)('the console of a gateway with a file', () => {
  let browser: Browser;
  let gateway: Served;
  let opened: Opened | undefined;

  beforeAll(async () => {
    browser = await launch();
    gateway = await serve();
    await using _callers = startTraffic(gateway.url);
    await vi.waitUntil(() => readFileSync(gateway.auditFile, 'utf8').includes('"kind":"head"'), { timeout: 20_000 });
  });
  afterAll(async () => {
    await browser.close();
    await gateway[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    const complaints = opened?.complaints ?? [];
    await opened?.[Symbol.asyncDispose]();
    opened = undefined;
    expect(complaints.filter((line) => !line.startsWith('console: Failed to load resource'))).toEqual([]);
  });

  async function show(hash: string): Promise<Page> {
    opened = await open(browser, gateway.adminUrl, hash, { token: WRITER });
    await opened.page.getByText('Live', { exact: true }).waitFor();
    return opened.page;
  }

  describe('configuration', () => {
    const rowOf = (page: Page, key: string) =>
      page.getByRole('row').filter({ has: page.getByRole('cell', { name: key, exact: true }) });
    const reload = (page: Page) => page.getByRole('button', { name: 'Reload now' }).click();
    const report = (page: Page) => page.getByRole('article', { name: 'The last reload' });

    it('shows where each value comes from, and nothing that is secret', async () => {
      const page = await show('#/configuration');
      await soon(() => rowOf(page, 'audit.heads').textContent()).toMatch(/5s.*file, line 20/);
      expect(await rowOf(page, 'admin.tokens[1].hash').textContent()).toMatch(/\(hidden\).*DEPLOY_TOKEN_HASH/);
      expect(await rowOf(page, 'accounts.source.token').textContent()).toContain('(hidden)');
      expect(await rowOf(page, 'audit.flush').textContent()).toMatch(/200ms.*default/);
      expect(await page.content()).not.toContain(SECRET);
      expect(await audit(page)).toEqual([]);
    });

    it('is searched by key, value and origin', async () => {
      const page = await show('#/configuration');
      const rows = page.getByRole('table', { name: /in force/ }).locator('tbody tr');
      await rowOf(page, 'audit.heads').waitFor();
      await page.getByLabel('Search').fill('deploy_token');
      await soon(() => rows.count()).toBe(1);
      await page.getByLabel('Search').fill('rules[0]');
      await page.getByLabel('Where from').selectOption('file');
      await soon(() => rows.allTextContents()).toContainEqual(expect.stringContaining('us.example'));
      await page.getByLabel('Search').fill('no such key');
      await page.getByText('No key fits.').waitFor();
    });

    it('is reloaded: what changed is reported, and in force at once', async () => {
      const page = await show('#/configuration');
      await rowOf(page, 'audit.heads').waitFor();
      gateway.edit('domain: roaming.example, region: eu', 'domain: roaming.example, region: us');
      await reload(page);
      await report(page).getByText('Applied', { exact: true }).waitFor();
      await report(page).getByText('accounts.rules[2].region').waitFor();
      await soon(() => rowOf(page, 'accounts.rules[2].region').textContent()).toContain('us');
      await reload(page);
      await report(page).getByText('Unchanged', { exact: true }).waitFor();
    });

    it('with mistakes is refused, with each of them, and the banner says so until it is good again', async () => {
      const page = await show('#/configuration');
      gateway.edit('heads: 5s', 'heads: soon');
      await reload(page);
      await report(page).getByText('Refused', { exact: true }).waitFor();
      await report(page)
        .getByText(/audit\.heads.*soon|audit\.heads/)
        .first()
        .waitFor();
      await page.getByText('The configuration was not reloaded: it has mistakes').first().waitFor();
      gateway.edit('heads: soon', 'heads: 5s');
      await reload(page);
      await report(page).getByText('Unchanged', { exact: true }).waitFor();
      await page.getByRole('region', { name: 'What is wrong' }).waitFor({ state: 'hidden' });
    });

    it('that would need a restart is refused by name', async () => {
      const page = await show('#/configuration');
      gateway.edit('workers: 1', 'workers: 2');
      await reload(page);
      await report(page).getByRole('listitem').getByText('workers', { exact: true }).first().waitFor();
      await page.getByText('workers can change with a restart only').first().waitFor();
      gateway.edit('workers: 2', 'workers: 1');
    });

    it('has a log level that is changed while it runs', async () => {
      const page = await show('#/configuration');
      await page.getByRole('button', { name: 'Change the log level' }).click();
      await page.getByRole('dialog').getByLabel('Log level').selectOption('warn');
      await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
      await soon(() => page.locator('.level .figure').textContent()).toBe('warn');
      await page.reload();
      await soon(() => page.locator('.level .figure').textContent()).toBe('warn');
    });
  });

  describe('audit', () => {
    it('shows records as they are written, without names, and verifies the chain', async () => {
      const page = await show('#/audit');
      await page.getByText('Written', { exact: true }).waitFor();
      const first = page
        .getByRole('table', { name: /latest records/ })
        .locator('tbody tr')
        .first();
      const before = await first.textContent();
      await using _callers = startTraffic(gateway.url);
      await soon(() => first.textContent()).not.toBe(before);
      await page.getByLabel('Region').selectOption('eu');
      await page.getByLabel('Outcome').selectOption('delivered');
      await soon(() => first.textContent()).toMatch(/eu.*delivered/);
      await page.getByRole('button', { name: 'Verify now' }).click();
      await page.getByText('Whole', { exact: true }).waitFor();
      // Signed each five seconds here.
      await page
        .locator('.hash dd')
        .filter({ hasText: /^[0-9a-f]{64}$/ })
        .waitFor();
      expect(await page.content()).not.toMatch(/eu\.example|us\.example/);
      expect(await audit(page)).toEqual([]);
    });

    it('of a log that somebody changed is not whole, and says where', async () => {
      const page = await show('#/audit');
      const text = readFileSync(gateway.auditFile, 'utf8');
      writeFileSync(gateway.auditFile, text.replace('"region":"us"', '"region":"eu"'));
      await page.getByRole('button', { name: 'Verify now' }).click();
      await page.getByText('Not whole', { exact: true }).waitFor();
      expect(await page.locator('.faults li').first().textContent()).toMatch(/audit\.jsonl:\d+ \S/);
    });
  });
});
