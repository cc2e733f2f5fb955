// What requests leave in the log: of whom, of which region, and which of them do where they are sampled.
import { afterEach, expect, it } from 'vitest';
import { accountHash, createKeyedHash } from '../../src/keyed-hash.ts';
import { openHeldRegion } from '../support/held-region.ts';
import type { Reply } from '../support/http.ts';
import { ALICE, type Lab, openLab } from '../support/lab.ts';
import { until } from '../support/redis.ts';

type Line = Readonly<Record<string, unknown>>;

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

async function open(
  log: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
): Promise<Lab> {
  lab = await openLab({ config: { log: { level: 'info', ...log }, ...more } });
  return lab;
}

const linesOf = ({ log }: Lab): Line[] => log.map((line) => JSON.parse(line) as Line);
const requestLines = (from: Lab): Line[] => linesOf(from).filter(({ request_id: id }) => id !== undefined);

/** The line of an answer, which is written when the answer has left. */
async function lineOf(from: Lab, { headers }: Reply): Promise<Line> {
  const find = (): Line | undefined => linesOf(from).find(({ request_id: id }) => id === headers['x-request-id']);
  await until(() => find() !== undefined);
  return find() ?? {};
}

it('a forwarded request: the account by its hash, the upstream, its time and the bytes', async () => {
  const from = await open({});
  const body = 'secret=s3cret-value&ttl=3600';
  const reply = await from.call('POST', '/api/v1/share', { as: ALICE, body });
  const line = await lineOf(from, reply);
  const [name = ''] = ALICE.split(':');
  const hash = accountHash(createKeyedHash(Buffer.from('5a'.repeat(32), 'hex')), name).toString('hex');
  expect(line).toMatchObject({
    route: 'v1.share',
    region: 'us',
    account: hash.slice(0, 16),
    upstream: new URL(from.us.url).host,
    outcome: 'delivered',
    status: 200,
    request_bytes: body.length,
    response_bytes: Buffer.byteLength(reply.body),
  });
  expect(Number(line.upstream_ms)).toBeGreaterThan(0);
  expect(Number(line.upstream_ms)).toBeLessThanOrEqual(Number(line.duration_ms));
  expect(JSON.stringify(line)).not.toContain(name);
});

it('a request of nobody that reaches no region: neither account nor upstream', async () => {
  const from = await open({});
  const line = await lineOf(from, await from.call('GET', '/api/v1/status'));
  expect(line).toMatchObject({ route: 'v1.status', status: 200, request_bytes: 0 });
  for (const absent of ['account', 'client', 'upstream', 'upstream_ms', 'region'])
    expect(line).not.toHaveProperty(absent);
});

it('none of the good ones with sample 0, each of the others; metrics count all', async () => {
  const from = await open({ sample: 0 });
  for (let turn = 0; turn < 5; turn++) expect((await from.call('GET', '/api/v1/status')).status).toBe(200);
  expect((await from.call('GET', '/api/v1/private/recent', {})).status).toBe(401);
  expect((await from.call('GET', '/api/v1/nothing')).status).toBe(404);
  await until(() => requestLines(from).length >= 2);
  expect(requestLines(from).map(({ status }) => status)).toEqual([401, 404]);
  expect(await from.metric('onetime_gateway_requests_total{route="v1.status",region="none",class="2xx"}')).toBe(5);
});

it('a slow one with sample 0', async () => {
  await using held = await openHeldRegion();
  lab = await openLab({ config: { log: { level: 'info', sample: 0, slow: '60s' } }, upstreams: { us: [held.url] } });
  const from = lab;
  const reply = from.call('POST', '/us/api/v1/share', { body: 'secret=s3cret-value&ttl=3600' });
  await held.first;
  from.advance(60_000);
  held.release();
  const line = await lineOf(from, await reply);
  expect(line).toMatchObject({ route: 'v1.share', status: 200 });
  expect(line).not.toHaveProperty('sample');
});

it.each([
  ['address', /^127\.0\.0\.9$/],
  ['hash', /^[0-9a-f]{16}$/],
])('the client as %s: of calls, refusals and what is passed through', async (client, text) => {
  const from = await open({ client }, { passthrough: [{ prefix: '/help', region: 'us' }] });
  const calls = [
    await from.call('GET', '/api/v1/status', { from: '127.0.0.9' }),
    await from.call('GET', '/api/v1/status', { from: '127.0.0.9', headers: { authorization: 'Basic %%%' } }),
    await from.call('GET', '/help/faq', { from: '127.0.0.9' }),
  ];
  const lines = await Promise.all(calls.map((reply) => lineOf(from, reply)));
  expect(lines.map(({ route }) => route)).toEqual(['v1.status', 'v1.status', 'passthrough']);
  for (const line of lines) expect(line.client).toMatch(text);
  expect(new Set(lines.map((line) => line.client)).size).toBe(1);
  const other = await lineOf(from, await from.call('GET', '/api/v1/status', { from: '127.0.0.10' }));
  expect(other.client).not.toBe(lines[0]?.client);
  if (client === 'hash') expect(from.log.join('')).not.toContain('127.0.0.9"');
});
