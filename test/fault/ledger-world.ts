// Two twins, a fault proxy in front of each, and the gateway's configuration between them and its callers.
import { pino } from 'pino';
import { expect } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { type Gateway, openGateway } from '../../src/gateway.ts';
import { DEMO_ACCOUNTS } from '../../src/twin/accounts.ts';
import { startTwin, type Twin } from '../../src/twin/twin.ts';
import { type FaultProxy, openFaultProxy } from '../support/fault-proxy.ts';
import { call } from '../support/http.ts';
import { ask, type Habit, inParallel, type Seen } from './ledger-caller.ts';
import { askOf, type Prepared, pathOf, type RegionId } from './ledger-cases.ts';
import { behaviourOf, chanceOf, type Fault } from './ledger-faults.ts';

/** `LEDGER_SCALE=10 vitest run test/fault/ledger.test.ts` makes ten times as many calls. */
export const SCALE = Number(process.env.LEDGER_SCALE ?? 1);
/** `LEDGER_SEED`: another order, other sizes, other garbage. */
export const SEED = Number(process.env.LEDGER_SEED ?? 1);
export const CALLERS = 32;

/** What was done by one call, and what its caller saw. */
export interface Entry {
  readonly one: Prepared;
  readonly habit: Habit;
  readonly seen: Seen;
}

/** A request that arrived at a proxy. */
export interface Arrival {
  readonly fault: Fault;
  /** What the request before it on the same connection met. */
  readonly after: Fault | undefined;
}

export interface World extends AsyncDisposable {
  readonly twins: Readonly<Record<RegionId, Twin>>;
  readonly proxies: Readonly<Record<RegionId, FaultProxy>>;
  /** The requests that arrived for a path, in order. */
  arrivals(path: string): readonly Arrival[];
  /** From now on the calls of these cases meet their faults. */
  plan(cases: readonly Prepared[]): void;
  /** Of a hundred new connections to a region, how many are reset when they are accepted. */
  resetsPerCent: number;
  /** Makes the calls, CALLERS at a time; `urlOf` is asked for each. */
  run(cases: readonly Prepared[], urlOf: () => string | Promise<string>, more?: RunOptions): Promise<Entry[]>;
  /** Destructive requests in the twins' ledgers, by path. */
  counts(): ReadonlyMap<string, number>;
}

export interface RunOptions {
  /** Further headers of each call. */
  readonly headersOf?: (one: Prepared) => readonly string[];
  /** In place of each case's own habit. */
  readonly habit?: Habit;
  readonly onEntry?: (entry: Entry) => void;
}

export async function openWorld(): Promise<World> {
  const twins = {
    us: await startTwin({ region: 'us', accounts: DEMO_ACCOUNTS.us }),
    eu: await startTwin({ region: 'eu', accounts: DEMO_ACCOUNTS.eu }),
  };
  const planned = new Map<string, Prepared>();
  const arrived = new Map<string, Arrival[]>();
  const awaited = new Map<string, () => void>();
  const onAccept = chanceOf(SEED);

  const openProxy = (region: RegionId): Promise<FaultProxy> => {
    const last = new Map<number, Fault>();
    return openFaultProxy({
      target: twins[region].port,
      resetsOnAccept: () => onAccept() * 100 < world.resetsPerCent,
      plan(path, connection) {
        const one = planned.get(path);
        const fault = one?.fault ?? 'none';
        if (one !== undefined) {
          arrived.set(path, [...(arrived.get(path) ?? []), { fault, after: last.get(connection) }]);
          awaited.get(path)?.();
        }
        last.set(connection, fault);
        return behaviourOf(fault, one?.chance ?? onAccept);
      },
    });
  };

  async function runOne(one: Prepared, url: string, { headersOf, habit = one.habit }: RunOptions): Promise<Entry> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const request = askOf(one, url, headersOf?.(one));
    awaited.set(request.path, resolve);
    const turns = Math.floor(one.chance() * 30);
    const seen = await ask({ ...request, habit, resets: one.chance() < 0.5, turns, arrived: promise });
    awaited.delete(request.path);
    return { one, habit, seen };
  }

  const proxies = {} as Record<RegionId, FaultProxy>;
  const world: World = {
    twins,
    proxies,
    resetsPerCent: 0,
    arrivals: (path) => arrived.get(path) ?? [],
    plan(cases) {
      for (const one of cases) planned.set(pathOf(one), one);
    },
    async run(cases, urlOf, more = {}) {
      const entries: Entry[] = [];
      await inParallel(cases, CALLERS, async (one) => {
        const entry = await runOne(one, await urlOf(), more);
        entries.push(entry);
        more.onEntry?.(entry);
      });
      return entries;
    },
    counts() {
      const counts = new Map<string, number>();
      for (const { method, path } of [...twins.us.requests, ...twins.eu.requests])
        if (method === 'POST' && planned.has(path)) counts.set(path, (counts.get(path) ?? 0) + 1);
      return counts;
    },
    async [Symbol.asyncDispose]() {
      for (const region of ['us', 'eu'] as const) {
        await proxies[region][Symbol.asyncDispose]();
        await twins[region].close();
      }
    },
  };
  proxies.us = await openProxy('us');
  proxies.eu = await openProxy('eu');
  return world;
}

const OFF = { mode: 'off' };

/** Short timeouts, limits off; eu accounts are pinned there. */
export function configOf(
  upstreams: Readonly<Record<RegionId, readonly string[]>>,
  more: object = {},
): Record<string, unknown> {
  return {
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    regions: { us: { upstreams: upstreams.us }, eu: { upstreams: upstreams.eu } },
    accounts: {
      rules: [
        { domain: 'us.example', region: 'us' },
        { domain: 'eu.example', region: 'eu', pinned: true },
      ],
    },
    limits: { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF },
    upstream: {
      connectTimeout: '700ms',
      headersTimeout: '700ms',
      bodyTimeout: '700ms',
      connections: 28,
      queue: { wait: '700ms' },
    },
    health: { breaker: OFF },
    // Room for every answer of a run.
    replay: { keep: '1h', maxBytes: '1024MiB' },
    store: 'sqlite::memory:',
    audit: { file: null },
    ...more,
  };
}

export function openGatewayOn(config: Record<string, unknown>): Promise<Gateway> {
  return openGateway(parseConfig(JSON.stringify(config), 'ledger.yaml', {}), {
    log: pino({ level: 'silent' }),
    version: 'test',
    env: { GATEWAY_IDENTITY_KEY: '5a'.repeat(32) },
  });
}

/** Waits until neither the gateway nor a proxy is still busy with a call whose caller has left. */
export async function untilIdle(world: World, gateway: Pick<Gateway, 'adminUrl'>): Promise<void> {
  const busy = /^onetime_gateway_(in_flight_requests|upstream_connections_in_use\{.*\}|upstream_waiting\{.*\}) [1-9]/m;
  const isBusy = async (): Promise<boolean> =>
    world.proxies.us.underWay() + world.proxies.eu.underWay() > 0 ||
    busy.test((await call(gateway.adminUrl, 'GET', '/metrics')).body);
  await expect.poll(isBusy, { timeout: 15_000 }).toBe(false);
}
