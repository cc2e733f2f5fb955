// The page in states that no real gateway can be brought into, and with answers that no real one gives: scripted by the
// stand-in, shown by Chromium.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LiveState } from '../../src/listener/admin-live-types.ts';
import { hasChromium, launch, type Opened, type OpenOptions, open } from './browser.ts';
import { soon } from './soon.ts';
import { goodState, type StandIn, startStandIn } from './stand-in.ts';

const MARKUP = '<img src=x onerror="document.title=1"><b>bold</b>';
const ID = 'a3'.repeat(16);
const AUDIT = {
  file: '/srv/data/audit.jsonl',
  sequence: 12,
  written: { request: 9 },
  lost: 0,
  failing: false,
  failures: 0,
  headAgeMs: 4000,
  head: { at: 9, hash: 'ab'.repeat(32), time: '2026-05-04T09:30:00.000Z' },
  bytes: 4096,
};
const RECORDS = [
  { seq: 10, prev: '0', time: '2026-05-04T09:30:00.000Z', kind: 'head', at: 9, hash: 'ab'.repeat(32) },
  {
    seq: 11,
    prev: '0',
    time: '2026-05-04T09:30:01.000Z',
    kind: 'request',
    region: 'us',
    route: 'v1.share',
    status: 200,
    outcome: 'delivered',
    account: ID,
  },
  { seq: 12, prev: '0', time: '2026-05-04T09:30:02.000Z', kind: 'violation', region: 'eu', problem: MARKUP },
];

describe.skipIf(!hasChromium)('the page', () => {
  let browser: Browser;
  let gateway: StandIn;
  let opened: Opened | undefined;

  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    gateway = await startStandIn();
  });
  afterEach(async () => {
    const complaints = opened?.complaints.filter((line) => !/^console: Failed to load resource/.test(line));
    await opened?.[Symbol.asyncDispose]();
    opened = undefined;
    await gateway.close();
    // Of the Content-Security-Policy above all.
    expect(complaints ?? []).toEqual([]);
  });

  async function show(hash: string, options?: OpenOptions): Promise<Page> {
    opened = await open(browser, gateway.url, hash, options);
    await opened.page.getByText('Live', { exact: true }).waitFor();
    return opened.page;
  }
  /** Sent with a fresh time each, as a gateway does. */
  const send = (change: Partial<LiveState>): void => gateway.send(goodState(change));
  const troubles = (page: Page) => page.getByRole('region', { name: 'What is wrong' }).getByRole('listitem');

  it('says in the banner what is wrong, tells a screen reader once, and says when it is over', async () => {
    const page = await show('#/overview');
    expect(await troubles(page).count()).toBe(0);
    send({ violations: 1, audit: { ...AUDIT, failing: true } });
    await page.getByText('The audit log cannot be written.').first().waitFor();
    expect(await troubles(page).allTextContents()).toEqual([
      expect.stringMatching(/^1.request of a pinned account was stopped/),
      expect.stringContaining('The audit log cannot be written.'),
    ]);
    expect(await page.getByRole('status').first().textContent()).toBe('The audit log cannot be written.');
    send({ violations: 1, audit: AUDIT });
    await troubles(page).getByText('The audit log').waitFor({ state: 'detached' });
    expect(await page.getByRole('status').first().textContent()).toBe('Over: The audit log cannot be written.');
  });

  it('leads from a trouble to the view that tells more', async () => {
    const page = await show('#/overview');
    send({ store: { engine: 'valkey', up: false }, moves: null });
    await troubles(page).getByRole('link').click();
    await page.getByRole('heading', { level: 1, name: 'Accounts and moves' }).waitFor();
    expect(await troubles(page).getByRole('link').count()).toBe(0);
  });

  it('says that the connection is lost, keeps what it heard, and comes back by itself', async () => {
    const page = await show('#/overview');
    const us = page.getByRole('article', { name: 'Region us' });
    await us.getByText('74.0').first().waitFor();
    gateway.cut();
    await page.getByText(/^Connection lost for/).waitFor();
    expect(await troubles(page).allTextContents()).toEqual([expect.stringContaining('what was last heard')]);
    expect(await us.getByText('74.0').first().isVisible()).toBe(true);
    send({});
    await page.getByText('Live', { exact: true }).waitFor();
    expect(await troubles(page).count()).toBe(0);
  });

  it('takes a gateway that says nothing for eight seconds for lost', async () => {
    const page = await show('#/overview');
    await page.clock.install();
    send({ requests: { ...goodState().requests, total: 99_999 } });
    await page.getByText('99,999').waitFor();
    await page.clock.fastForward(7000);
    expect(await page.getByText('Live', { exact: true }).isVisible()).toBe(true);
    gateway.cutNew();
    await page.clock.fastForward(1500);
    await page.getByText(/^Connection lost/).waitFor();
  });

  it('shows what the gateway says in place of its state', async () => {
    opened = await open(browser, `${gateway.url}`, '#/overview');
    await opened.page.route('**/admin/v1/live', (route) =>
      route.fulfill({ status: 503, json: { error: 'too_many_listeners', message: 'As many as may listen do so.' } }),
    );
    gateway.cut();
    await troubles(opened.page).getByText('As many as may listen do so.').waitFor();
  });

  it('is told apart by words, not by colour, what state a region is in', async () => {
    const page = await show('#/overview');
    const states: readonly (readonly [Partial<LiveState['regions'][number]>, string])[] = [
      [{}, 'Up'],
      [{ up: false }, 'Down'],
      [{ breaker: 'half_open' }, 'Breaker half-open'],
      [{ breaker: 'open' }, 'Breaker open'],
      [{ drained: true }, 'Drained'],
      [{ up: false, proxyFault: 'unreachable' }, 'Proxy fails'],
    ];
    for (const [change, word] of states) {
      send({ regions: goodState().regions.map((region) => ({ ...region, ...change })) });
      await page.getByRole('article', { name: 'Region eu' }).getByText(word, { exact: true }).waitFor();
    }
  });

  it('shows how near the gateway is to turning calls away, whom it turns away, and the lines', async () => {
    const page = await show('#/limits');
    const overload = page.getByRole('region', { name: 'Overload' });
    await overload.getByRole('meter', { name: 'Heap, of its bound' }).waitFor();
    // No limit of the memory is known.
    expect(await overload.getByRole('meter', { name: /^Memory/ }).count()).toBe(0);
    send({
      overload: {
        pressure: { event_loop: 1.24, heap: 0.31, memory: 0.97 },
        refused: { anonymous: 12, authenticated: 0 },
        shadow: { anonymous: 0, authenticated: 3 },
        connections: { open: 10_000, refused: { all: 0, address: 2 }, reclaimed: 0.5 },
      },
      regions: goodState().regions.map((region) => ({ ...region, turnedAway: { full: 7, share: 0, late: 0 } })),
    });
    await overload.getByRole('meter', { name: 'Memory, of its bound' }).waitFor();
    const meters = await overload.getByRole('meter').all();
    expect(await Promise.all(meters.map((meter) => meter.getAttribute('aria-valuetext')))).toEqual([
      expect.stringMatching(/^124.%$/),
      expect.stringMatching(/^31.%$/),
      expect.stringMatching(/^97.%$/),
    ]);
    const turned = overload.getByRole('table', { name: 'Calls turned away for want of time or memory' });
    expect(await turned.getByRole('row').allTextContents()).toEqual([
      'CallsTurned awayWould be',
      expect.stringMatching(/^Without credentials12\.0.\/s0.\/s$/),
      expect.stringMatching(/^With credentials0.\/s3\.00.\/s$/),
    ]);
    const callers = overload.getByRole('table', { name: 'Connections of callers' });
    expect(await callers.getByRole('row').nth(1).textContent()).toMatch(/^10,0000.\/s2\.00.\/s0\.50.\/s$/);
    const lines = overload.getByRole('table', { name: 'Lines for connections to the regions' });
    expect(await lines.getByRole('row').nth(2).textContent()).toMatch(/^eu307\.00.\/s0.\/s0.\/s$/);
    expect(await troubles(page).allTextContents()).toEqual([
      expect.stringContaining('The gateway turns calls without credentials away'),
      expect.stringContaining('Calls to region us get no connection'),
      expect.stringContaining('Calls to region eu get no connection'),
    ]);
  });

  it('shows markup in records, problems and configuration as the text that it is', async () => {
    gateway.answer('GET /audit', { readings: AUDIT, records: RECORDS });
    gateway.answer('GET /config', { values: [{ key: `a${MARKUP}`, value: MARKUP, from: 'file', line: 3 }] });
    gateway.answer('GET /log-level', { error: 'log_level_fixed', message: MARKUP }, 409);
    send({ audit: AUDIT });
    const page = await show('#/audit');
    await page.getByRole('cell', { name: `Stopped at the door: ${MARKUP}` }).waitFor();
    await page.goto(`${gateway.url}/#/configuration`);
    await page.getByRole('cell', { name: `a${MARKUP}` }).waitFor();
    await page.getByRole('alert').filter({ hasText: MARKUP }).waitFor();
    expect(await page.locator('main img, main b').count()).toBe(0);
  });

  it('shows the tail newest first, filters it, and reads on when there is more', async () => {
    gateway.answer('GET /audit', { readings: AUDIT, records: RECORDS });
    send({ audit: AUDIT });
    const page = await show('#/audit');
    const rows = page.getByRole('table', { name: /latest records/ }).locator('tbody tr');
    await soon(() => rows.count()).toBe(3);
    expect(await rows.first().textContent()).toContain('12');
    expect(await page.locator('.hash dd').textContent()).toBe('ab'.repeat(32));
    await page.getByLabel('Region').selectOption('us');
    await soon(() => rows.allTextContents()).toEqual([expect.stringContaining('v1.share: 200')]);
    await page.getByLabel('Region').selectOption('');
    gateway.answer('GET /audit', { readings: AUDIT, records: [...RECORDS, { ...RECORDS[1], seq: 13 }] });
    send({ audit: { ...AUDIT, sequence: 13 } });
    await soon(() => rows.count()).toBe(4);
  });

  it('does not read the tail while it is paused, or while nothing was written', async () => {
    gateway.answer('GET /audit', { readings: AUDIT, records: RECORDS });
    send({ audit: AUDIT });
    const page = await show('#/audit');
    const asked = (): number => gateway.asked.filter(({ path }) => path.startsWith('/audit')).length;
    await soon(asked).toBe(1);
    await page.getByRole('button', { name: 'Pause' }).click();
    send({ audit: { ...AUDIT, sequence: 13, bytes: 5120 } });
    await page.getByText('5.00').waitFor();
    expect(asked()).toBe(1);
    await page.getByRole('button', { name: 'Go on' }).click();
    send({ audit: { ...AUDIT, sequence: 13 } });
    await soon(asked).toBe(2);
    send({ audit: { ...AUDIT, sequence: 13, bytes: 6144 } });
    await page.getByText('6.00').waitFor();
    expect(asked()).toBe(2);
  });

  it('says which records of the audit were tampered with', async () => {
    gateway.answer('POST /audit/verification', {
      at: '2026-05-04T09:30:00.000Z',
      tookMs: 812,
      good: false,
      records: 1000,
      files: 2,
      faults: [{ file: 'audit.jsonl', line: 42, what: 'this record was changed' }],
    });
    send({ audit: AUDIT });
    const page = await show('#/audit');
    await page.getByRole('button', { name: 'Verify now' }).click();
    await page.getByText('audit.jsonl:42 this record was changed').waitFor();
    await page.getByText('Not whole', { exact: true }).waitFor();
  });

  it('says how the audit is switched on where it is off', async () => {
    const page = await show('#/audit');
    await page.getByText('The audit log is off').waitFor();
    expect(await page.getByRole('button', { name: 'Verify now' }).isVisible()).toBe(false);
  });

  it('sends the token with every call once it is entered, and none before', async () => {
    gateway.answer('GET /config', { values: [] });
    const page = await show('#/configuration');
    await soon(() => gateway.asked.length).toBeGreaterThan(0);
    expect(gateway.asked.every(({ authorization }) => authorization === undefined)).toBe(true);
    gateway.asked.length = 0;
    await page.getByRole('button', { name: 'Enter a token' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Use this token' }).click();
    await dialog.getByText('Type or paste the token.').waitFor();
    await dialog.getByLabel('Token', { exact: true }).fill('otga_secret');
    await dialog.getByRole('button', { name: 'Use this token' }).click();
    await soon(() => gateway.asked.length).toBeGreaterThan(0);
    expect(gateway.asked.every(({ authorization }) => authorization === 'Bearer otga_secret')).toBe(true);
    expect(await page.content()).not.toContain('otga_secret');
    expect(await page.evaluate('JSON.stringify(localStorage) + document.cookie')).not.toContain('otga_secret');
  });

  it('goes on with a change for which a token was entered in the middle', async () => {
    gateway.answer('POST /accounts', { error: 'token_required', message: 'This needs a token.' }, 401);
    const page = await show('#/accounts');
    await page.getByRole('button', { name: 'Add an account' }).click();
    const change = page.getByRole('dialog', { name: 'Add an account' });
    await change.getByLabel('Account name').fill('ann@corp.example');
    await change.getByRole('button', { name: 'Add', exact: true }).click();
    await change.getByText('This needs a token.').waitFor();
    await change.getByRole('button', { name: 'Enter a token' }).click();
    await page.getByRole('dialog').getByLabel('Token', { exact: true }).fill('otga_secret');
    await page.getByRole('button', { name: 'Use this token' }).click();
    const account = { id: ID, region: 'us', pinned: true, also: [], epoch: 2, move: null };
    gateway.answer('POST /accounts', { result: 'added', account }, 201);
    expect(await change.getByLabel('Account name').inputValue()).toBe('ann@corp.example');
    await change.getByRole('button', { name: 'Add', exact: true }).click();
    await change.waitFor({ state: 'detached' });
    const put = gateway.asked.filter(({ method, path }) => method === 'POST' && path === '/accounts');
    expect(put.map(({ authorization }) => authorization)).toEqual([undefined, 'Bearer otga_secret']);
    expect(put[1]?.body).toEqual({ account: 'ann@corp.example', region: 'us', pinned: true, also: [] });
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Add an account');
  });

  it('forgets the token when it is told to', async () => {
    const page = await show('#/overview', { token: 'otga_secret' });
    await page.getByRole('button', { name: 'Token entered' }).click();
    await page.getByRole('button', { name: 'Forget the token' }).click();
    await page.getByRole('button', { name: 'Enter a token' }).waitFor();
    expect(await page.evaluate('JSON.stringify(sessionStorage)')).not.toContain('otga_secret');
  });

  it('keeps the focus and what was typed while states come in', async () => {
    const page = await show('#/accounts');
    const name = page.getByLabel('Account name or id');
    await name.fill('ann@corp');
    for (let i = 0; i < 5; i += 1) send({ uptimeSeconds: 100 + i });
    send({ violations: 3 });
    await page
      .getByText(/3.requests of a pinned account/)
      .first()
      .waitFor();
    expect(await name.inputValue()).toBe('ann@corp');
    expect(await page.evaluate('document.activeElement.value')).toBe('ann@corp');
  });

  it('pages through the directory, forward and back', async () => {
    const account = (id: string) => ({ id, region: 'us', pinned: true, also: [], epoch: 1, move: null });
    gateway.answer('GET /accounts', { accounts: [account(ID)], next: 'after this' });
    gateway.answer('GET /accounts?limit=25&after=after%20this', { accounts: [account('b4'.repeat(16))], next: null });
    const page = await show('#/accounts');
    await page.getByRole('link', { name: ID }).waitFor();
    await page.getByRole('button', { name: 'Next page' }).click();
    await page.getByRole('link', { name: 'b4'.repeat(16) }).waitFor();
    expect(await page.getByRole('button', { name: 'Next page' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Previous page' }).click();
    await page.getByRole('link', { name: ID }).waitFor();
  });

  it('shows what a reload refused, with every problem', async () => {
    gateway.answer(
      'POST /reload',
      {
        error: 'reload_refused',
        message: 'Not good.',
        result: 'refused',
        at: '2026-05-04T09:30:00.000Z',
        actor: 'token:deploy',
        changed: [],
        needsRestart: [],
        problems: ['limits.client: found a text, expected a number (line 4).'],
      },
      422,
    );
    gateway.answer('GET /config', { values: [] });
    send({ reload: { appliedAt: '2026-05-04T09:00:00.000Z' } });
    const page = await show('#/configuration');
    await page.getByRole('button', { name: 'Reload now' }).click();
    await page.getByText('Refused', { exact: true }).waitFor();
    await page.getByText('limits.client: found a text, expected a number (line 4).').waitFor();
  });

  it('has the numbers of a chart in a table', async () => {
    const page = await show('#/overview');
    send({});
    await page
      .getByText(/^Numbers/)
      .first()
      .click();
    const table = page.getByRole('table', { name: /^Requests, by region/ });
    await table.getByRole('cell', { name: 'us', exact: true }).waitFor();
    expect(await table.locator('tbody tr').count()).toBe(2);
  });
});
