// Another configuration while callers are there, in one thread: what began ends where it began, and what begins goes by
// the new one.
import { Agent } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { startTwin, type Twin } from '../../src/twin/twin.ts';
import { type HeldRegion, openHeldRegion } from '../support/held-region.ts';
import { basic } from '../support/http.ts';
import { ALICE, type Lab, openLab } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';

const VIOLATIONS = 'onetime_gateway_pin_violations_total';
const RULES = [
  { domain: 'us.example', region: 'us' },
  { domain: 'eu.example', region: 'eu' },
];

const opened: (() => PromiseLike<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

async function open(options: Parameters<typeof openLab>[0] = {}): Promise<Lab> {
  const lab = await openLab(options);
  opened.push(lab.close);
  return lab;
}

async function openHeld(): Promise<HeldRegion> {
  const held = await openHeldRegion();
  opened.push(() => held[Symbol.asyncDispose]());
  return held;
}

async function openTwin(region: 'us' | 'eu'): Promise<Twin> {
  const twin = await startTwin({ region, accounts: [] });
  opened.push(twin.close);
  return twin;
}

async function applied(lab: Lab, sections: Readonly<Record<string, unknown>>): Promise<void> {
  expect(await lab.reload(sections)).toMatchObject({ result: 'applied', needsRestart: [], problems: [] });
}

const regionsOf = (us: string, eu: string) => ({ us: { upstreams: [us] }, eu: { upstreams: [eu] } });
const paths = ({ requests }: Twin): string[] => requests.map(({ path }) => path);

it('the next request on the same connection goes by the new rule', async () => {
  const lab = await open();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const create = () => lab.call('POST', '/api/v1/share', { as: ALICE, agent, body: 'secret=x&ttl=600' });
  expect((await create()).headers['onetime-gateway-region']).toBe('us');
  lab.clearLedgers();
  const sockets = Object.values(agent.freeSockets).flat();
  await applied(lab, { accounts: { rules: [{ domain: 'us.example', region: 'eu' }] } });
  await create();
  expect(lab.us.requests).toEqual([]);
  expect(paths(lab.eu)).toEqual(['/api/v1/share']);
  expect(Object.values(agent.freeSockets).flat()).toEqual(sockets);
  agent.destroy();
});

it('one that its region has gets its answer, whatever becomes of that region meanwhile', async () => {
  const held = await openHeld();
  const lab = await open({ upstreams: { us: [held.url] } });
  const reply = lab.call('POST', '/us/api/v1/share', { body: 'secret=held&ttl=600' });
  await held.first;
  await applied(lab, { regions: { eu: { upstreams: [lab.eu.url] } }, accounts: { rules: [] } });
  expect((await lab.call('GET', '/us/api/v1/status')).status).toBe(400);
  held.release();
  expect(await reply).toMatchObject({ status: 200, body: '{"state":"new"}' });
  expect(held.received).toHaveLength(1);
});

it('one that is under way since two configurations is not cut by the second', async () => {
  const held = await openHeld();
  const lab = await open({ upstreams: { us: [held.url] } });
  const reply = lab.call('POST', '/us/api/v1/share', { body: 'secret=held&ttl=600' });
  await held.first;
  // The same regions, then others.
  await applied(lab, { errors: 'verbatim' });
  await applied(lab, { regions: regionsOf(lab.us.url, lab.eu.url) });
  expect((await lab.call('GET', '/us/api/v1/status')).status).toBe(200);
  held.release();
  expect(await reply).toMatchObject({ status: 200, body: '{"state":"new"}' });
  expect(held.received).toHaveLength(1);
});

it('one whose body is still coming in is verified, and sent, by the configuration in which it began', async () => {
  const lab = await open();
  const other = await openTwin('us');
  const { metadata } = await lab.create({ as: ALICE });
  lab.clearLedgers();
  const caller = rawCaller(lab.gateway.url);
  caller.send(
    `POST /api/v1/private/${metadata}/burn HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(ALICE)}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\nConnection: close\r\n\r\nfor`,
  );
  await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(1);
  await applied(lab, { regions: regionsOf(other.url, lab.eu.url) });
  caller.send('ce=yes');
  expect(await caller.closed).toMatch(/^HTTP\/1.1 200 /);
  expect(paths(lab.us)).toEqual(['/api/v1/authcheck', `/api/v1/private/${metadata}/burn`]);
  expect(other.requests).toEqual([]);
});

it('one whose region is gone before it was verified is no violation', async () => {
  const lab = await open();
  const { metadata } = await lab.create({ as: ALICE });
  const caller = rawCaller(lab.gateway.url);
  caller.send(
    `POST /api/v1/private/${metadata}/burn HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(ALICE)}\r\nContent-Length: 1\r\nConnection: close\r\n\r\n`,
  );
  await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(1);
  const without = { regions: { eu: { upstreams: [lab.eu.url] } }, accounts: { rules: [] } };
  await applied(lab, without);
  caller.send('x');
  expect(await caller.closed).toMatch(/^HTTP\/1.1 200 /);
  expect(await lab.metric(VIOLATIONS)).toBe(0);
});

it('a shorter time for requests does not cut one that began with the longer, and is in force once that is over', async () => {
  const lab = await open({ config: { request: { timeout: '2s' } } });
  const part = 'POST /us/api/v1/share HTTP/1.1\r\nHost: g\r\nContent-Length: 16\r\nConnection: close\r\n\r\nsecret=';
  const [slow, slower] = [rawCaller(lab.gateway.url), rawCaller(lab.gateway.url)];
  for (const caller of [slow, slower]) caller.send(part);
  await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(2);
  await applied(lab, { request: { timeout: '300ms' } });
  // Were it cut, it would be by now: who takes too long is looked for four times a second.
  await wait(900);
  slow.send('x&ttl=600');
  expect(await slow.closed).toMatch(/^HTTP\/1.1 200 /);
  expect(await slower.closed).toMatch(/^HTTP\/1.1 408 /);
  const timed = async (): Promise<number> => {
    const startedMs = performance.now();
    const caller = rawCaller(lab.gateway.url);
    caller.send(part);
    expect(await caller.closed).toMatch(/^HTTP\/1.1 408 /);
    return performance.now() - startedMs;
  };
  await timed();
  expect(await timed()).toBeLessThan(1500);
});

it('credentials are asked for anew where the upstream of their region is another', async () => {
  const lab = await open();
  const other = await openTwin('us');
  const { metadata } = await lab.create({ as: ALICE });
  const read = () => lab.call('POST', `/api/v1/private/${metadata}`, { as: ALICE });
  expect((await read()).status).toBe(200);
  await applied(lab, { regions: regionsOf(other.url, lab.eu.url), accounts: { rules: RULES } });
  lab.clearLedgers();
  expect((await read()).status).toBe(401);
  expect([paths(lab.us), paths(other)]).toEqual([[], ['/api/v1/authcheck']]);
});

it('one that waits for a connection gets one of its own configuration’s', async () => {
  const held = await openHeld();
  const lab = await open({ upstreams: { us: [held.url] }, config: { upstream: { connections: 1 } } });
  const create = () => lab.call('POST', '/us/api/v1/share', { body: 'secret=held&ttl=600' });
  const first = create();
  await held.first;
  const second = create();
  await expect.poll(() => lab.metric('onetime_gateway_upstream_waiting{region="us"}')).toBe(1);
  await applied(lab, { regions: regionsOf(lab.us.url, lab.eu.url) });
  held.release();
  expect((await first).status).toBe(200);
  await expect.poll(() => held.received.length).toBe(2);
  held.release();
  expect((await second).status).toBe(200);
  expect(lab.us.requests).toEqual([]);
});

it('a repeat by the next configuration waits for the first, which is sent once', async () => {
  const held = await openHeld();
  const lab = await open({ upstreams: { us: [held.url] } });
  const headers = { 'Idempotency-Key': 'reload-0123456789abcdef' };
  const create = () => lab.call('POST', '/us/api/v1/share', { headers, body: 'secret=held&ttl=600' });
  const first = create();
  await held.first;
  await applied(lab, { regions: regionsOf(lab.us.url, lab.eu.url) });
  const repeat = create();
  await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(2);
  held.release();
  expect([(await first).body, (await repeat).body]).toEqual(['{"state":"new"}', '{"state":"new"}']);
  expect([held.received.length, lab.us.requests]).toEqual([1, []]);
});
