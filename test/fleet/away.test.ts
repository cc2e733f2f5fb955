// The store goes away under load: nothing is guessed, nothing is a 500, nobody waits long, and it comes back by itself.
import { afterEach, describe, expect, it } from 'vitest';
import type { Reply } from '../support/http.ts';
import { HAS_REDIS, until } from '../support/redis.ts';
import { type Fleet, type FleetGateway, MOVER, NO_LIMITS, openFleet, STAYER } from './fleet.ts';

const CALLERS = 9;

interface Seen {
  readonly what: string;
  readonly atMs: number;
  readonly tookMs: number;
  readonly status: number;
  readonly error: string | undefined;
  readonly outcome: string | undefined;
}

/** Calls of every kind at every gateway in turn. */
function loadOn(fleet: Fleet, known: { secret: string; metadata: string }) {
  const seen: Seen[] = [];
  let stopped = false;
  let turn = 0;
  const kinds: Readonly<Record<string, (gateway: FleetGateway) => Promise<Reply>>> = {
    create: (gateway) => gateway.call('POST', '/api/v1/share', { as: STAYER, body: 'secret=x&ttl=600' }),
    metadata: (gateway) => gateway.call('GET', `/api/v1/private/${known.metadata}`, { as: STAYER }),
    named: (gateway) => gateway.call('GET', '/eu/api/v1/status'),
    stranger: (gateway) =>
      gateway.call('POST', '/api/v1/share', { as: `una${turn}@elsewhere.example:0abc`, body: 'secret=x' }),
    unlocated: (gateway) => gateway.call('POST', `/api/v1/secret/unknownkey${'0'.repeat(20)}${turn % 10}`),
    repeatable: (gateway) =>
      gateway.call('POST', '/api/v1/share', {
        as: STAYER,
        body: 'secret=x&ttl=600',
        headers: { 'idempotency-key': `repeat-${String(turn).padStart(16, '0')}` },
      }),
  };
  const names = Object.keys(kinds);
  const running = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let index = caller; !stopped; index++) {
      const what = names[index % names.length] ?? '';
      const gateway = fleet.gateways[turn++ % fleet.gateways.length] as FleetGateway;
      const atMs = performance.now();
      const reply = await (kinds[what] as (gateway: FleetGateway) => Promise<Reply>)(gateway);
      const { error, outcome } = reply.json() as { error?: string; outcome?: string };
      seen.push({ what, atMs, tookMs: performance.now() - atMs, status: reply.status, error, outcome });
    }
  });
  return {
    seen,
    /** So many more calls of each kind. */
    async more(count: number): Promise<readonly Seen[]> {
      const from = seen.length;
      const counted = (what: string) => seen.slice(from).filter((one) => one.what === what).length;
      await until(() => names.every((what) => counted(what) >= count), 30_000);
      return seen.slice(from);
    },
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}

const kindsOf = (seen: readonly Seen[]): string[] =>
  [
    ...new Set(seen.map(({ what, status, error }) => `${what} ${status}${error === undefined ? '' : ` ${error}`}`)),
  ].toSorted();

/** While all is well. */
const WELL = [
  'create 200',
  'metadata 200',
  'named 200',
  'repeatable 200',
  'stranger 401 unknown_account',
  'unlocated 400 region_required',
];
/** What may be answered while the store comes or goes: nothing but this. */
const AWAY = [
  'metadata 503 index_unavailable',
  'repeatable 503 replay_unavailable',
  'stranger 503 directory_unavailable',
  'unlocated 503 index_unavailable',
];

describe.skipIf(!HAS_REDIS)('the store goes away under load', () => {
  let fleet: Fleet | undefined;
  let running: ReturnType<typeof loadOn> | undefined;
  afterEach(async () => {
    await running?.stop();
    running = undefined;
    await fleet?.[Symbol.asyncDispose]();
    fleet = undefined;
  });

  async function begin(config: Readonly<Record<string, unknown>> = {}) {
    // Far away, but counted: in the store, or by each gateway alone.
    const limits = { ...NO_LIMITS, account: { per: '60s', requests: 1_000_000, burst: 1_000_000 } };
    fleet = await openFleet({ config: { limits, accounts: { lease: '10m' }, storeTimeout: '300ms', ...config } });
    const [gateway] = fleet.gateways as [FleetGateway];
    const known = await fleet.create(gateway, { as: STAYER });
    // Known localities are those that were asked for before.
    for (const one of fleet.gateways)
      expect((await one.call('GET', `/api/v1/private/${known.metadata}`, { as: STAYER })).status).toBe(200);
    running = loadOn(fleet, known);
    return { fleet, load: running };
  }

  async function isUpEverywhere(fleet: Fleet, up: 0 | 1): Promise<boolean> {
    const values = await Promise.all(
      fleet.gateways.map((gateway) => gateway.metric('onetime_gateway_store_up{engine="valkey"}')),
    );
    return values.every((value) => value === up);
  }

  async function checkReturn(fleet: Fleet, load: ReturnType<typeof loadOn>): Promise<void> {
    await until(() => isUpEverywhere(fleet, 1));
    await until(async () => {
      const kinds = kindsOf(await load.more(3));
      return kinds.every((kind) => WELL.includes(kind));
    }, 30_000);
    expect(kindsOf(await load.more(5))).toEqual(WELL);
    await load.stop();
    for (const gateway of fleet.gateways) {
      expect(await gateway.metric('onetime_gateway_store_away_total{engine="valkey"}')).toBeGreaterThanOrEqual(1);
      expect(await gateway.metric('onetime_gateway_limit_fallback{limit="account"}')).toBe(0);
      expect(await gateway.metric('onetime_gateway_pin_violations_total')).toBe(0);
    }
    const strays = load.seen.filter(({ status, what }) => status >= 500 && !AWAY.some((kind) => kind.startsWith(what)));
    expect(kindsOf(strays)).toEqual([]);
    expect(kindsOf(load.seen).filter((kind) => !WELL.includes(kind) && !AWAY.includes(kind))).toEqual([]);
    for (const one of load.seen.filter(({ status }) => status === 503)) expect(one.outcome).toBe('not_sent');
  }

  it('killed: known accounts go on from memory, others are 503, and after a restart all is as before', async () => {
    const { fleet, load } = await begin();
    expect(kindsOf(await load.more(3))).toEqual(WELL);
    await fleet.redis.kill();
    await until(() => isUpEverywhere(fleet, 0));
    fleet.eu.clearLedger();
    const away = await load.more(6);
    expect(kindsOf(away.filter(({ what }) => what === 'create' || what === 'named'))).toEqual([
      'create 200',
      'named 200',
    ]);
    expect(kindsOf(away.slice(-40)).filter((kind) => kind.startsWith('stranger'))).toEqual([
      'stranger 503 directory_unavailable',
    ]);
    // Of a pinned account nothing went elsewhere.
    expect(fleet.eu.requests.filter(({ path }) => path !== '/api/v1/status')).toEqual([]);
    await fleet.redis.restart();
    await checkReturn(fleet, load);
  }, 90_000);

  it('stalled: nobody waits for it longer than storeTimeout, and then nobody waits at all', async () => {
    const { fleet, load } = await begin();
    await load.more(3);
    fleet.redis.stall();
    await until(() => isUpEverywhere(fleet, 0));
    const away = await load.more(8);
    const settled = away.slice(CALLERS * 2);
    const slowest = Math.max(...settled.map(({ tookMs }) => tookMs));
    // Not a measurement: one that waited for the store once more would take these 300 ms at least.
    expect(settled.filter(({ tookMs }) => tookMs > 290).length, `slowest ${slowest} ms`).toBeLessThan(
      settled.length / 10,
    );
    fleet.redis.resume();
    await checkReturn(fleet, load);
  }, 90_000);

  it('restarted empty: it knows nothing, and does not know nobody, until an operator has made it ready', async () => {
    const { fleet, load } = await begin();
    await load.more(3);
    await fleet.redis.restart({ empty: true });
    await until(async () => {
      const epochs = await Promise.all(
        fleet.gateways.map((one) => one.metric('onetime_gateway_directory_age_seconds')),
      );
      return (await isUpEverywhere(fleet, 1)) && epochs.every((age) => age > 1.5);
    });
    const lost = await load.more(6);
    expect(kindsOf(lost).filter((kind) => !WELL.includes(kind) && !AWAY.includes(kind))).toEqual([]);
    expect(kindsOf(lost).filter((kind) => kind.startsWith('stranger'))).toEqual(['stranger 503 directory_unavailable']);
    expect(kindsOf(lost).filter((kind) => kind.startsWith('unlocated'))).toEqual(['unlocated 503 index_unavailable']);
    expect(kindsOf(lost).filter((kind) => kind.startsWith('create'))).toEqual(['create 200']);
    const said = fleet.gateways.flatMap(({ log }) => log).filter((line) => line.includes('the store has lost data'));
    expect(said).toHaveLength(fleet.gateways.length);

    await until(async () => (await fleet.store.directory.init('new', 'cli:test').catch(() => 'away')) === 'made');
    for (const account of [STAYER, MOVER.us]) {
      const name = account.slice(0, account.indexOf(':'));
      await fleet.desk.add(name, { region: 'us', pinned: true, also: [] }, false);
    }
    await until(async () => kindsOf(await load.more(2)).every((kind) => WELL.includes(kind)), 30_000);
    await load.stop();
  }, 90_000);

  it('away for longer than the lease: accounts of the directory are 503, too, and come back with it', async () => {
    const { fleet, load } = await begin({ accounts: { lease: '2s' } });
    await load.more(2);
    await fleet.redis.kill();
    await until(async () => {
      const leases = await Promise.all(fleet.gateways.map((one) => one.metric('onetime_gateway_directory_leased')));
      return leases.every((leased) => leased === 0);
    });
    const away = await load.more(4);
    expect(kindsOf(away.slice(-40)).filter((kind) => kind.startsWith('create'))).toEqual([
      'create 503 directory_unavailable',
    ]);
    expect(kindsOf(away).filter((kind) => kind.startsWith('named'))).toEqual(['named 200']);
    expect(away.filter(({ status }) => status === 500)).toEqual([]);
    await fleet.redis.restart();
    await until(async () => kindsOf(await load.more(2)).every((kind) => WELL.includes(kind)), 30_000);
    await load.stop();
  }, 90_000);
});
