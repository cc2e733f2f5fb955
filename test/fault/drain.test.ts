// SIGTERM while hundreds of secrets are being retrieved: each caller has its secret, or it is still there.
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRecords } from '../support/audited.ts';
import { type FaultProxy, openFaultProxy } from '../support/fault-proxy.ts';
import { call } from '../support/http.ts';
import { ALICE } from '../support/lab.ts';
import { openServed, openWorld, type Served, type World } from '../workers/served.ts';
import { ask, type Seen } from './ledger-caller.ts';

/** As `serve` has it. */
const BOUND_MS = 25_000;
const CALLS = 400;

let world: World;
let region: FaultProxy;
/** Called when a request has been answered by the twin: when its answer may go on. */
let hold: () => Promise<unknown>;
beforeEach(async () => {
  world = await openWorld();
  region = await openFaultProxy({
    target: world.us.port,
    plan: () => ({
      passesOn: 'whole',
      async finish({ socket, answer }) {
        await hold();
        socket.write(answer);
      },
    }),
  });
});
afterEach(async () => {
  await region[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

function open(workers: number, upstream = {}): Promise<Served> {
  return openServed({
    workers,
    before: world,
    upstreams: { us: region.url },
    config: {
      upstream: { connections: 200, queue: { wait: '20s' }, ...upstream },
      audit: { file: `${world.folder.path}/audit-${workers}.jsonl`, key: `${world.folder.path}/audit-${workers}.key` },
      store: `sqlite:${world.folder.path}/gateway-${workers}.db`,
    },
  });
}

interface Secret {
  readonly key: string;
  readonly value: string;
}

async function make(count: number): Promise<Secret[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, number) => {
      const value = `value-of-${number}`;
      const made = await call(world.us.url, 'POST', '/api/v1/share', { as: ALICE, body: `secret=${value}&ttl=3600` });
      return { key: String(made.json().secret_key), value };
    }),
  );
}

const retrieve = (from: Served, { key }: Secret): Promise<Seen> =>
  ask({
    url: from.url,
    path: `/us/api/v1/secret/${key}`,
    headers: [],
    body: '',
    habit: 'stays',
    resets: false,
    turns: 0,
  });

/** What does not agree between a caller and the twin, in words. */
function wrongWith({ key, value }: Secret, seen: Seen): string[] {
  const isConsumed = world.us.secret(key)?.consumed ?? true;
  const sent = world.us.requests.filter(({ path }) => path.endsWith(key)).length;
  if (sent > 1) return [`sent ${sent} times`];
  if (seen.kind !== 'told') return isConsumed || sent > 0 ? [`${seen.kind}, and its secret is gone`] : [];
  if (seen.status === 200) return isConsumed && seen.body.includes(`"${value}"`) ? [] : ['told another’s secret'];
  const outcome = seen.headers.get('onetime-gateway-outcome');
  return outcome === 'not_sent' && !isConsumed ? [] : [`told ${seen.status} ${outcome}, consumed: ${isConsumed}`];
}

describe('SIGTERM under full load', () => {
  it.each([1, 2])(
    'loses nothing with %i worker(s): who was under way has its answer, who comes after is not sent',
    async (workers) => {
      const released = Promise.withResolvers<void>();
      hold = () => released.promise.then(() => pause(Math.random() * 500));
      const [secrets, others] = [await make(CALLS), await make(50)];
      world.us.clearLedger();
      await using from = await open(workers);
      const calls = secrets.map((secret) => retrieve(from, secret));
      // As many at the region as there may be, the others in line.
      await expect.poll(region.underWay, { timeout: 10_000 }).toBe(200);
      await expect.poll(() => from.metric('onetime_gateway_in_flight_requests'), { timeout: 10_000 }).toBe(CALLS);
      from.process.kill('SIGTERM');
      await from.process.line(/"msg":"draining"/);
      const sinceMs = performance.now();
      const late = others.map((secret) => retrieve(from, secret));
      released.resolve();
      const seen = await Promise.all(calls);
      expect(await from.process.exited).toEqual({ code: 0, signal: null });
      expect(performance.now() - sinceMs).toBeLessThan(BOUND_MS);

      expect(secrets.flatMap((secret, at) => wrongWith(secret, seen[at] ?? { kind: 'refused' }))).toEqual([]);
      expect(seen.map((each) => each.kind === 'told' && each.status)).toEqual(Array(CALLS).fill(200));
      const lateSeen = await Promise.all(late);
      expect(others.flatMap((secret, at) => wrongWith(secret, lateSeen[at] ?? { kind: 'refused' }))).toEqual([]);
      expect(world.us.requests.filter(({ path }) => path.includes('/secret/'))).toHaveLength(CALLS);
      const records = readRecords(`${world.folder.path}/audit-${workers}.jsonl`);
      expect(records.filter(({ kind, outcome }) => kind === 'request' && outcome === 'delivered')).toHaveLength(CALLS);
      expect(records.filter(({ kind }) => kind === 'gap')).toEqual([]);
    },
    60_000,
  );

  it('cuts at its bound what a region has not answered, ends with 1, and the audit log says unknown', async () => {
    hold = () => new Promise(() => {});
    const secrets = await make(10);
    await using from = await open(2, { headersTimeout: '60s' });
    const calls = secrets.map(({ key }) => from.call('POST', `/us/api/v1/secret/${key}`));
    const seen = Promise.allSettled(calls);
    await expect.poll(region.underWay, { timeout: 10_000 }).toBe(10);
    from.process.kill('SIGTERM');
    await from.process.line(/"msg":"draining"/);
    const sinceMs = performance.now();
    expect(await from.process.exited).toEqual({ code: 1, signal: null });
    const tookMs = performance.now() - sinceMs;
    expect(tookMs).toBeGreaterThan(BOUND_MS - 1000);
    expect(tookMs).toBeLessThan(BOUND_MS + 5000);
    expect((await seen).map(({ status }) => status)).toEqual(Array(10).fill('rejected'));
    expect(from.log().filter(({ msg }) => /still under way/.test(String(msg))).length).toBeGreaterThan(0);
    const records = readRecords(`${world.folder.path}/audit-2.jsonl`);
    expect(records.filter(({ kind, outcome }) => kind === 'request' && outcome === 'unknown')).toHaveLength(10);
  }, 60_000);
});
