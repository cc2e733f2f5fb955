// More load than there is room for: who waits, who is told at once, and who is turned away.
import { afterEach, describe, expect, it } from 'vitest';
import { type HeldRegion, openHeldRegion } from '../support/held-region.ts';
import { call } from '../support/http.ts';
import { ALICE, type Lab, openLab } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };
const STATUS = '/us/api/v1/status';
const WAITING = 'onetime_gateway_upstream_waiting{region="us"}';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(config: Readonly<Record<string, unknown>> = {}, region?: HeldRegion): Promise<Lab> {
  const upstreams = region === undefined ? {} : { upstreams: { us: [region.url] } };
  const lab = await openLab({ ...upstreams, config: { limits: LIMITS, ...config } });
  closing.push(() => lab.close());
  return lab;
}

async function held(): Promise<HeldRegion> {
  const region = await openHeldRegion();
  closing.push(() => region[Symbol.asyncDispose]());
  return region;
}

/** Callers say who they are. */
const BEHIND_PROXY = { listen: { host: '127.0.0.1', port: 0, trustProxy: ['127.0.0.1'] } };
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
const waits = (lab: Lab, count: number) => expect.poll(() => lab.metric(WAITING)).toBe(count);

/** From us, by reason. */
async function turnedAway(lab: Lab): Promise<Record<string, number>> {
  const of = async (reason: string) =>
    [reason, await lab.metric(`onetime_gateway_upstream_turned_away_total{region="us",reason="${reason}"}`)] as const;
  return Object.fromEntries(await Promise.all(['full', 'share', 'late'].map(of)));
}

describe('when every connection to a region is in use', () => {
  it('answers 503 within milliseconds, not sent, to whoever finds the line full', async () => {
    const region = await held();
    const lab = await open({ ...BEHIND_PROXY, upstream: { connections: 1, queue: { most: 2, wait: '20s' } } }, region);
    const first = [1, 2, 3].map((client) => lab.call('GET', STATUS, from(`192.0.2.${client}`)));
    await region.first;
    await waits(lab, 2);
    const sinceMs = performance.now();
    const turned = await lab.call('GET', STATUS, from('192.0.2.4'));
    const tookMs = performance.now() - sinceMs;
    expect([turned.status, turned.json().error]).toEqual([503, 'region_busy']);
    expect([turned.headers['retry-after'], turned.headers['onetime-gateway-outcome']]).toEqual(['1', 'not_sent']);
    // Far below the time that it may wait.
    expect(tookMs).toBeLessThan(1000);
    expect(region.received).toHaveLength(1);
    const served = setInterval(() => region.release(), 5);
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200, 200]);
    clearInterval(served);
    expect(region.received).toHaveLength(3);
    expect(await turnedAway(lab)).toEqual({ full: 1, share: 0, late: 0 });
    // The two that waited, and got a connection.
    expect(await lab.metric('onetime_gateway_upstream_wait_seconds_count{region="us"}')).toBe(2);
    expect(await lab.metric('onetime_gateway_upstream_wait_seconds_count{region="eu"}')).toBe(0);
  });

  it('lets nobody wait where the line has no places', async () => {
    const region = await held();
    const lab = await open({ upstream: { connections: 1, queue: { most: 0 } } }, region);
    const first = lab.call('GET', STATUS);
    await region.first;
    expect((await lab.call('GET', STATUS)).status).toBe(503);
    region.release();
    expect((await first).status).toBe(200);
    expect(await turnedAway(lab)).toEqual({ full: 1, share: 0, late: 0 });
    expect(await lab.metric('onetime_gateway_upstream_wait_seconds_count{region="us"}')).toBe(0);
  });

  it('answers 503 at once also on a passed-through path whose line is full', async () => {
    const region = await held();
    const passthrough = [{ prefix: '/help', region: 'us' }];
    const lab = await open({ passthrough, upstream: { connections: 1, queue: { most: 1 } } }, region);
    const first = [lab.call('GET', '/help/one'), lab.call('GET', '/help/two')];
    await region.first;
    await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(2);
    const turned = await lab.call('POST', '/help/three', { body: 'x' });
    expect([turned.status, turned.json().error, turned.headers['retry-after']]).toEqual([503, 'region_busy', '1']);
    const served = setInterval(() => region.release(), 5);
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await lab.call('GET', '/help/four')).status).toBe(200);
    clearInterval(served);
    expect(region.received).toHaveLength(3);
    expect(await turnedAway(lab)).toEqual({ full: 1, share: 0, late: 0 });
  });

  it('answers 503 after the time to wait also on a passed-through path', async () => {
    const region = await held();
    const passthrough = [{ prefix: '/help', region: 'us' }];
    const upstream = { connections: 1, connectTimeout: '200ms', headersTimeout: '20s' };
    const lab = await open({ passthrough, upstream }, region);
    const first = lab.call('GET', '/help/one');
    await region.first;
    const late = await lab.call('GET', '/help/two');
    expect([late.status, late.json().error]).toEqual([503, 'region_busy']);
    expect(late.headers['onetime-gateway-outcome']).toBe('not_sent');
    region.release();
    expect((await first).status).toBe(200);
    const served = setInterval(() => region.release(), 5);
    expect((await lab.call('GET', '/help/three')).status).toBe(200);
    clearInterval(served);
    expect(await turnedAway(lab)).toEqual({ full: 0, share: 0, late: 1 });
    expect(region.received.map((head) => head.split(' ')[1])).toEqual(['/help/one', '/help/three']);
  });

  it('answers 503 after the time to wait, once for all upstream URLs of the region', async () => {
    const [one, other] = [await held(), await held()];
    const lab = await openLab({
      upstreams: { us: [one.url, other.url] },
      config: { limits: LIMITS, upstream: { connections: 1, headersTimeout: '20s', queue: { wait: '400ms' } } },
    });
    closing.push(() => lab.close());
    const underWay = [lab.call('GET', STATUS)];
    await one.first;
    // The first URL is busy: after its time this one finds the second free.
    underWay.push(lab.call('GET', STATUS));
    await other.first;
    const sinceMs = performance.now();
    const late = await lab.call('GET', STATUS);
    const tookMs = performance.now() - sinceMs;
    expect([late.status, late.json().error]).toEqual([503, 'region_busy']);
    expect(tookMs).toBeGreaterThanOrEqual(390);
    expect(tookMs).toBeLessThan(790);
    one.release();
    other.release();
    expect((await Promise.all(underWay)).map(({ status }) => status)).toEqual([200, 200]);
    expect([one.received.length, other.received.length]).toEqual([1, 1]);
    expect(await turnedAway(lab)).toEqual({ full: 0, share: 0, late: 1 });
    // One call found the second URL free, the other none: each waited once, whatever URLs it tried.
    expect(await lab.metric('onetime_gateway_upstream_wait_seconds_count{region="us"}')).toBe(2);
    const waitedSeconds = await lab.metric('onetime_gateway_upstream_wait_seconds_sum{region="us"}');
    expect(waitedSeconds).toBeGreaterThan(0.78);
    expect(waitedSeconds).toBeLessThan(1.5);
  });

  it('sends nothing of a caller that left the line, and the next one takes its place', async () => {
    const region = await held();
    const lab = await open({ upstream: { connections: 1, queue: { most: 2, wait: '20s' } } }, region);
    const first = lab.call('GET', STATUS);
    await region.first;
    const key = 'a'.repeat(31);
    const leaver = rawCaller(lab.gateway.url);
    leaver.send(`POST /us/api/v1/secret/${key} HTTP/1.1\r\nHost: g.example\r\nContent-Length: 0\r\n\r\n`);
    await waits(lab, 1);
    leaver.socket.destroy();
    await waits(lab, 0);
    const next = lab.call('GET', STATUS);
    await waits(lab, 1);
    const served = setInterval(() => region.release(), 5);
    expect((await Promise.all([first, next])).map(({ status }) => status)).toEqual([200, 200]);
    clearInterval(served);
    expect(region.received).toHaveLength(2);
    expect(region.received.join()).not.toContain(key);
    // Who left was not turned away.
    expect(await turnedAway(lab)).toEqual({ full: 0, share: 0, late: 0 });
    expect(await lab.metric('onetime_gateway_upstream_wait_seconds_count{region="us"}')).toBe(1);
  });

  it('does not let one client fill the line, and serves others and accounts behind it', async () => {
    const region = await held();
    const config = {
      ...BEHIND_PROXY,
      upstream: { connections: 1, queue: { most: 8, wait: '20s' } },
      private: { verify: 'presence' },
    };
    const lab = await open(config, region);
    const first = lab.call('GET', STATUS, from('192.0.2.1'));
    await region.first;
    const greedy = Array.from({ length: 4 }, () => lab.call('GET', STATUS, from('192.0.2.1')));
    await waits(lab, 4);
    expect((await lab.call('GET', STATUS, from('192.0.2.1'))).status).toBe(503);
    // Two clients of one IPv6 network are one.
    const network = ['2001:db8::1', '2001:db8::2'].map((address) => lab.call('GET', STATUS, from(address)));
    await waits(lab, 6);
    expect((await lab.call('GET', STATUS, from('2001:db8::3'))).status).toBe(503);
    const account = lab.call('GET', STATUS, { ...from('192.0.2.1'), as: ALICE });
    await waits(lab, 7);
    const served = setInterval(() => region.release(), 5);
    const statuses = (await Promise.all([first, ...greedy, ...network, account])).map(({ status }) => status);
    clearInterval(served);
    expect(statuses).toEqual(Array(8).fill(200));
    expect(await turnedAway(lab)).toEqual({ full: 0, share: 2, late: 0 });
  });
});

const shed = (lab: Lab, load: 'anonymous' | 'authenticated', mode = 'enforce') =>
  lab.metric(`onetime_gateway_shed_total{class="${load}",mode="${mode}"}`);
const errorOf = async (lab: Lab, path = STATUS, as?: string) => (await lab.call('GET', path, { as })).json().error;
/** Settles when callers without an account are turned away. */
const turnsAway = (lab: Lab) => expect.poll(() => errorOf(lab), { timeout: 8000 }).toBe('overloaded');
/** Every heap is fuller than this, and none of a test as full as the harder bound that follows. */
const FULL = { overload: { heap: 0.001 } };

describe('a thread whose heap is full', () => {
  it('turns away who has no account before the body is there, and nothing of it is sent', async () => {
    const lab = await open(FULL);
    await turnsAway(lab);
    lab.clearLedgers();
    const caller = rawCaller(lab.gateway.url);
    caller.send('POST /us/api/v1/share HTTP/1.1\r\nHost: g.example\r\nContent-Length: 100000\r\n\r\nsecret=');
    await caller.sees(/"request_id":"[^"]+"}$/);
    caller.socket.destroy();
    const answer = caller.received();
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toMatch(/\r\nOnetime-Gateway-Outcome: not_sent\r\nRetry-After: 1\r\n/);
    expect(answer).toContain('"error":"overloaded"');
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
  });

  it('serves accounts, health and metrics, and counts whom it turned away', async () => {
    const lab = await open(FULL);
    await turnsAway(lab);
    const before = await shed(lab, 'anonymous');
    expect(await errorOf(lab)).toBe('overloaded');
    expect((await lab.call('GET', '/api/v1/authcheck', { as: ALICE })).status).toBe(200);
    expect([(await shed(lab, 'anonymous')) - before, await shed(lab, 'authenticated')]).toEqual([1, 0]);
    const statuses = ['/livez', '/readyz', '/metrics'].map(
      async (path) => (await call(lab.gateway.adminUrl, 'GET', path)).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 200, 200]);
    expect(await lab.metric('onetime_gateway_pressure{kind="heap"}')).toBeGreaterThan(1);
  });

  it('turns away who follows links, passed-through paths and what tells of the API as well', async () => {
    const lab = await open({ ...FULL, passthrough: [{ prefix: '/help', region: 'us' }] });
    await turnsAway(lab);
    lab.clearLedgers();
    for (const path of [`/secret/${'a'.repeat(31)}`, '/help/faq', '/openapi.json', '/docs']) {
      expect([path, await errorOf(lab, path)]).toEqual([path, 'overloaded']);
    }
    expect(lab.us.requests).toEqual([]);
  });

  it('only counts in shadow, and takes another configuration at once', async () => {
    const lab = await open({ overload: { heap: 0.001, mode: 'shadow' } });
    await expect
      .poll(async () => [await errorOf(lab), (await shed(lab, 'anonymous', 'shadow')) > 0])
      .toEqual([undefined, true]);
    expect(await shed(lab, 'anonymous')).toBe(0);
    expect((await lab.reload({ limits: LIMITS, ...FULL })).result).toBe('applied');
    expect(await errorOf(lab)).toBe('overloaded');
    expect((await lab.reload({ limits: LIMITS, overload: OFF })).result).toBe('applied');
    expect(await errorOf(lab)).toBe(undefined);
  });
});

/** Keeps this thread, which is the gateway's, busy for so long in every turn of its event loop. @returns ends it */
function keepBusy(ms: number): () => void {
  let timer = setTimeout(turn);
  function turn(): void {
    const untilMs = performance.now() + ms;
    while (performance.now() < untilMs);
    timer = setTimeout(turn);
  }
  const end = (): void => clearTimeout(timer);
  closing.push(end);
  return end;
}

describe('a thread whose event loop is late', () => {
  it('turns away everybody while it is very late, and serves them again soon after', async () => {
    const lab = await open({ overload: { eventLoopDelay: '20ms' } });
    expect((await lab.call('GET', '/api/v1/authcheck', { as: ALICE })).status).toBe(200);
    const end = keepBusy(200);
    await expect.poll(() => errorOf(lab, '/api/v1/authcheck', ALICE), { timeout: 8000 }).toBe('overloaded');
    end();
    expect(await shed(lab, 'authenticated')).toBeGreaterThan(0);
    await expect.poll(() => errorOf(lab), { timeout: 8000 }).toBe(undefined);
  });

  it('is not taken for one after a single pause', async () => {
    const lab = await open();
    const untilMs = performance.now() + 1500;
    while (performance.now() < untilMs);
    const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await lab.call('GET', STATUS)).status));
    expect(statuses).toEqual(Array(20).fill(200));
    expect(await shed(lab, 'anonymous')).toBe(0);
  });
});
