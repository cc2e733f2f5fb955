// The ledger test: thousands of destructive calls under every fault between gateway and regions and every habit of callers.
// Afterwards the regions' books and what the callers were told are compared, secret by secret.
//
//     LEDGER_SCALE=10 LEDGER_SEED=7 vitest run test/fault/ledger.test.ts     ten times as many, another order
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../src/gateway.ts';
import { type ClosedPort, holdClosedPort } from '../support/fault-proxy.ts';
import { openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { ALICE, BRUNO } from '../support/lab.ts';
import { audit, surprises, table, verdictOf } from './ledger-books.ts';
import { inParallel } from './ledger-caller.ts';
import { type CasesOptions, casesOf, create, createAll, type Prepared, pathOf } from './ledger-cases.ts';
import { openKillable } from './ledger-killed.ts';
import { noteFirsts, repeatProblems } from './ledger-repeats.ts';
import { configOf, type Entry, openGatewayOn, openWorld, SCALE, SEED, untilIdle, type World } from './ledger-world.ts';

const TIME_MS = 180_000 * Math.max(1, SCALE);
const timesOf = (count: number): number => Math.max(1, Math.round(count * SCALE));
const report = (title: string, text: string): void => console.log(`\n${title}\n${text}\n`);

let world: World;
let closed: ClosedPort;
let gateway: Gateway | undefined;
beforeEach(async () => {
  world = await openWorld();
  closed = await holdClosedPort();
});
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  await world[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
});

/** In eu a dead URL stands before the region's good one. */
const upstreams = () => ({ us: [world.proxies.us.url], eu: [closed.url, world.proxies.eu.url] });

async function open(more: object = {}): Promise<Gateway> {
  gateway = await openGatewayOn(configOf(upstreams(), more));
  return gateway;
}

/** Makes the secrets while all is well; then come the faults. */
async function prepare(base: string, options: CasesOptions): Promise<Prepared[]> {
  const cases = await createAll(base, casesOf(options));
  world.plan(cases);
  world.twins.us.clearLedger();
  world.twins.eu.clearLedger();
  return cases;
}

async function storm(running: Gateway, cases: readonly Prepared[]): Promise<Entry[]> {
  world.resetsPerCent = 3;
  const entries = await world.run(cases, () => running.url);
  await untilIdle(world, running);
  return entries;
}

describe('no secret is lost silently and none is asked for twice', () => {
  it(
    'under every fault, with callers that leave at every stage',
    async () => {
      const running = await open();
      const options: CasesOptions = { seed: SEED, regions: ['us', 'eu'], repetitions: timesOf(3) };
      const entries = await storm(running, await prepare(running.url, options));
      report('Every fault, us and eu', table(world, entries));
      expect(audit(world, entries)).toEqual([]);
      expect(surprises(world, entries)).toEqual([]);
    },
    TIME_MS,
  );

  it(
    'while the breaker opens and closes: what it holds back is not_sent',
    async () => {
      const running = await open({
        health: { probe: '50ms', breaker: { failures: 5, open: '20ms', mode: 'enforce' } },
      });
      const options: CasesOptions = { seed: SEED + 1, regions: ['us', 'eu'], repetitions: timesOf(1) };
      const entries = await storm(running, await prepare(running.url, options));
      report('With the breaker', table(world, entries));
      expect(audit(world, entries)).toEqual([]);
      expect(surprises(world, entries)).toEqual([]);
      expect(entries.filter(({ seen }) => verdictOf(seen) === 'not_sent').length).toBeGreaterThan(0);
    },
    TIME_MS,
  );

  it('when no connection to the regions opens: every caller is told not_sent, and every secret is still there', async () => {
    using folder = openFolder();
    const store = { store: `sqlite:${folder.path}/gateway.db` };
    const before = await open(store);
    const options: CasesOptions = { seed: SEED, regions: ['us', 'eu'], repetitions: 1, faults: ['none'] };
    const cases = await prepare(before.url, options);
    await before.close();
    await using usClosed = await holdClosedPort();
    gateway = await openGatewayOn(configOf({ us: [usClosed.url], eu: [closed.url] }, store));
    const entries = await storm(gateway, cases);
    expect(audit(world, entries)).toEqual([]);
    const told = entries.filter(({ seen }) => seen.kind === 'told').map(({ seen }) => verdictOf(seen));
    expect(new Set(told)).toEqual(new Set(['not_sent']));
    expect(cases.filter(({ region, secret }) => world.twins[region].secret(secret)?.state !== 'new')).toEqual([]);
  });
});

describe('an account pinned to eu', () => {
  it(
    'under every fault: us receives nothing, and no connection to us is opened',
    async () => {
      const running = await open();
      const options: CasesOptions = { seed: SEED, regions: ['eu'], repetitions: timesOf(2), accountsOnly: true };
      const cases = await prepare(running.url, options);
      const foreign = await create(world.twins.us.url, { ...casesOf(options)[0], owner: ALICE } as Prepared);
      world.twins.us.clearLedger();
      const askUs = async (): Promise<void> => {
        const path = `/us${pathOf(foreign)}`;
        expect((await call(running.url, 'POST', path, { as: BRUNO })).json().error).toBe('region_not_allowed');
      };
      const [entries] = await Promise.all([storm(running, cases), inParallel(Array.from({ length: 100 }), 2, askUs)]);
      report('Every fault, an account pinned to eu', table(world, entries));
      expect(audit(world, entries)).toEqual([]);
      expect(surprises(world, entries)).toEqual([]);
      expect(world.twins.us.requests).toEqual([]);
      expect(world.proxies.us.connections()).toBe(0);
      expect(world.twins.us.secret(foreign.secret)?.state).toBe('new');
    },
    TIME_MS,
  );
});

describe('a gateway that is killed', () => {
  it(
    'under load, several times: no secret is asked for twice, and acknowledged keys are found without naming a region',
    async () => {
      using folder = openFolder();
      await using killable = openKillable(folder, configOf(upstreams()));
      const urlOf = async (): Promise<string> => (await killable.urls()).url;
      const options: CasesOptions = { seed: SEED, regions: ['us', 'eu'], repetitions: timesOf(1) };
      const cases = await prepare(await urlOf(), options);
      world.resetsPerCent = 3;

      const acknowledged: Prepared[] = [];
      let over = false;
      const createOn = async (): Promise<void> => {
        for (const one of casesOf({ ...options, seed: SEED + 2 })) {
          if (over) return;
          await create(await urlOf(), one).then(
            (made) => acknowledged.push(made),
            () => {}, // the gateway died, or a fault: nobody was told of a key
          );
        }
      };
      let done = 0;
      const every = Math.ceil(cases.length / 6);
      const onEntry = (): void => void (++done % every === 0 && killable.kill());
      const [entries] = await Promise.all([
        world.run(cases, urlOf, { onEntry }).finally(() => {
          over = true;
        }),
        createOn(),
      ]);
      await untilIdle(world, await killable.urls());
      report(`Every fault, the gateway killed ${killable.kills()} times`, table(world, entries));
      expect(killable.kills()).toBeGreaterThanOrEqual(5);
      expect(audit(world, entries, true)).toEqual([]);
      expect(surprises(world, entries).filter((sentence) => !sentence.endsWith('gateway died'))).toEqual([]);

      world.resetsPerCent = 0;
      expect(acknowledged.length).toBeGreaterThan(20);
      const retrievals = acknowledged.map((made): Prepared => ({ ...made, kind: 'retrieve', as: undefined }));
      const found = await world.run(retrievals, urlOf, { habit: 'stays' });
      expect(found.filter(({ seen }) => verdictOf(seen) !== 'delivered')).toEqual([]);
    },
    TIME_MS,
  );
});

describe('with Idempotency-Key', () => {
  it(
    'every answer that reached the gateway reaches a repeat, every other repeats as unknown, and nothing is sent again',
    async () => {
      const running = await open();
      const options: CasesOptions = { seed: SEED + 3, regions: ['us', 'eu'], repetitions: timesOf(1) };
      const cases = await prepare(running.url, options);
      const headersOf = (one: Prepared): string[] => [`Idempotency-Key: ${one.metadata}`];
      world.resetsPerCent = 3;
      const entries = await world.run(cases, () => running.url, { headersOf });
      await untilIdle(world, running);
      const firsts = noteFirsts(world, entries);
      report('With Idempotency-Key: first calls', table(world, entries));
      expect(audit(world, entries)).toEqual([]);

      world.resetsPerCent = 0;
      const repeats = await world.run(cases, () => running.url, { headersOf, habit: 'stays' });
      const again = await world.run(cases, () => running.url, { headersOf, habit: 'stays' });
      report('With Idempotency-Key: repeats', table(world, repeats));
      expect(repeatProblems(firsts, repeats, again)).toEqual([]);
      expect(audit(world, repeats)).toEqual([]);
      expect(audit(world, again)).toEqual([]);
    },
    TIME_MS,
  );
});
