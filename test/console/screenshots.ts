// Takes the pictures of docs/console.md from a real gateway between two twin regions, with callers:
//   node scripts/run.mjs node test/console/screenshots.ts [NAME...]
// It takes about two minutes: charts want something to show. With names, only these pictures are written.
import { mkdirSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { basic, call } from '../support/http.ts';
import { launch, type Opened, open } from './browser.ts';
import { WRITER } from './console-lab.ts';
import { type Served, serve } from './served.ts';
import { startTraffic } from './traffic.ts';

const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const FILL_MS = 75_000;
const MOST_BYTES = 250_000;
/** Around a part of the page, in pixels of the page. */
const MARGIN = 16;
const DESK = { width: 1200, height: 900, scale: 1.25 };
const PHONE = { width: 390, height: 844, scale: 2 };
const MOVED = 'mira.sommer@corp.example';
const PEOPLE: readonly (readonly [string, string, boolean, readonly string[]])[] = [
  [MOVED, 'us', true, []],
  ['jonas.berg@corp.example', 'eu', true, []],
  ['lea.fischer@corp.example', 'eu', true, ['us']],
  ['tom.keller@corp.example', 'us', false, []],
  ['nina.vogel@corp.example', 'eu', true, []],
];

const WANTED: ReadonlySet<string> = new Set(process.argv.slice(2));

/**
 * @param part of the page, in place of all of it
 * @throws where the picture is larger than a repository should hold
 */
async function take(page: Page, name: string, fullPage = true, part?: Locator): Promise<void> {
  if (WANTED.size > 0 && !WANTED.has(name)) return;
  const path = `${FOLDER}${name}.png`;
  await page.mouse.move(0, 0);
  await page.evaluate('scrollTo(0, 0)');
  const box = await part?.boundingBox();
  const clip = box && {
    x: box.x - MARGIN,
    y: box.y - MARGIN,
    width: box.width + 2 * MARGIN,
    height: box.height + 2 * MARGIN,
  };
  await page.screenshot({ path, fullPage: fullPage || clip !== undefined, ...(clip && { clip }) });
  const { size } = statSync(path);
  process.stdout.write(`${name}.png ${Math.round(size / 1000)} kB\n`);
  if (size > MOST_BYTES) throw new Error(`${name}.png is larger than ${MOST_BYTES / 1000} kB`);
}

async function admin(gateway: Served, path: string, body: object): Promise<void> {
  const reply = await call(gateway.adminUrl, 'POST', `/admin/v1${path}`, {
    headers: { authorization: `Bearer ${WRITER}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (reply.status >= 300) throw new Error(`${path}: ${reply.status} ${reply.body}`);
}

/** A slow upload of the account: located, and not over, so its move has to wait. @returns ends it */
function holdUpload(gateway: Served, account: string): () => void {
  const { hostname, port } = new URL(gateway.url);
  const headers = {
    authorization: basic(`${account}:token`),
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': '64',
  };
  const upload = request({ hostname, port, method: 'POST', path: '/api/v1/share', headers, agent: false });
  // It is cut in the end, which is what it is for.
  upload.on('error', () => {});
  upload.write('secret=');
  return () => upload.destroy();
}

async function overviews(browser: Browser, gateway: Served): Promise<void> {
  const pages: Opened[] = [];
  for (const options of [
    { ...DESK, height: 880, scheme: 'light' as const },
    { ...DESK, height: 880, scheme: 'dark' as const },
    { ...PHONE, scheme: 'dark' as const },
  ]) {
    const one = await open(browser, gateway.adminUrl, '#/overview', { ...options, token: WRITER });
    pages.push(one);
    await one.page.getByLabel('1 min').check();
  }
  await pause(FILL_MS);
  const [light, dark, phone] = pages.map(({ page }) => page);
  if (light !== undefined) await take(light, 'overview-light', false);
  if (dark !== undefined) await take(dark, 'overview-dark', false);
  if (phone !== undefined) await take(phone, 'phone', false);
  if (light !== undefined) {
    await overload(light, gateway);
    await incident(light, gateway);
  }
  for (const one of pages) await one[Symbol.asyncDispose]();
}

const LOG = 'log: { level: info }';
/** Less of the heap than every gateway has in use. */
const OVERLOADED = `${LOG}\noverload: { heap: 0.01 }`;

/** Callers without an account are turned away for a while. */
async function overload(page: Page, gateway: Served): Promise<void> {
  await page.goto(`${gateway.adminUrl}/#/limits`);
  gateway.edit(LOG, OVERLOADED);
  await admin(gateway, '/reload', {});
  const part = page.getByRole('region', { name: 'Overload' });
  const trouble = page.getByRole('region', { name: 'What is wrong' }).getByText('its heap is full');
  await trouble.waitFor();
  await pause(20_000);
  await take(page, 'overload', false, part);
  gateway.edit(OVERLOADED, LOG);
  await admin(gateway, '/reload', {});
  await trouble.waitFor({ state: 'detached' });
  await page.goto(`${gateway.adminUrl}/#/overview`);
  await page.getByLabel('1 min').check();
}

/** The region eu goes away. */
async function incident(page: Page, gateway: Served): Promise<void> {
  await gateway.eu.close();
  await page.getByRole('article', { name: 'Region eu' }).getByText('Breaker open', { exact: true }).waitFor();
  await pause(8000);
  await take(page, 'incident', false);
}

async function accounts(page: Page, gateway: Served): Promise<void> {
  for (const [account, region, pinned, also] of PEOPLE)
    await admin(gateway, '/accounts', { account, region, pinned, also });
  const release = holdUpload(gateway, MOVED);
  await pause(300);
  await page.goto(`${gateway.adminUrl}/#/accounts`);
  await page.getByLabel('Account name or id').fill(MOVED);
  await page.getByRole('button', { name: 'Look up' }).click();
  await page.getByRole('button', { name: 'Move', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Begin the move' }).click();
  await page.getByRole('article', { name: 'Move from us to eu' }).waitFor();
  await pause(2500);
  await take(page, 'accounts', false);
  release();
}

async function why(page: Page, gateway: Served): Promise<void> {
  await page.goto(`${gateway.adminUrl}/#/why`);
  await page.getByLabel('Path').fill('/us/api/v1/private/recent');
  await page.getByLabel('Account name').fill('bruno@eu.example');
  await page.getByRole('button', { name: 'Explain' }).click();
  await page.getByText('Refused', { exact: true }).waitFor();
  await take(page, 'why');
}

async function rest(page: Page, gateway: Served): Promise<void> {
  // So that there is something to look at.
  await pause(10_000);
  await page.goto(`${gateway.adminUrl}/#/audit`);
  await page.getByRole('button', { name: 'Verify now' }).click();
  await page.getByText('Whole', { exact: true }).waitFor();
  await page
    .locator('.hash dd')
    .filter({ hasText: /^[0-9a-f]{64}$/ })
    .waitFor();
  await take(page, 'audit', false);
  await page.goto(`${gateway.adminUrl}/#/configuration`);
  await page.getByRole('table').locator('tbody tr').nth(5).waitFor();
  await take(page, 'configuration', false);
}

mkdirSync(FOLDER, { recursive: true });
const gateway = await serve({ delayMs: 6 });
const traffic = startTraffic(gateway.url, 30);
const browser = await launch();
try {
  const { page } = await open(browser, gateway.adminUrl, '#/accounts', { ...DESK, token: WRITER });
  await page.getByText('Live', { exact: true }).waitFor();
  await accounts(page, gateway);
  await why(page, gateway);
  await rest(page, gateway);
  await overviews(browser, gateway);
} finally {
  await browser.close();
  await traffic.stop();
  await gateway[Symbol.asyncDispose]();
}
