// The ledger test: thousands of destructive calls under every fault between gateway and regions and every habit of callers.
// Afterwards the regions' books and what the callers were told are compared, secret by secret.
//
//     LEDGER_SCALE=10 LEDGER_SEED=7 vitest run test/fault/ledger.test.ts     ten times as many, another order
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../src/gateway.ts';
import { type ClosedPort, holdClosedPort } from '../support/fault-proxy.ts';
import { audit, surprises, table } from './ledger-books.ts';
import { type CasesOptions, casesOf, createAll, type Prepared } from './ledger-cases.ts';
import { configOf, type Entry, openGatewayOn, openWorld, SCALE, SEED, untilIdle, type World } from './ledger-world.ts';

const TIME_MS = 120_000 * Math.max(1, SCALE);
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

async function storm(running: Gateway, options: CasesOptions): Promise<Entry[]> {
  const cases = await prepare(running.url, options);
  world.resetsPerCent = 3;
  const entries = await world.run(cases, () => running.url);
  await untilIdle(world, running);
  return entries;
}

describe('no secret is lost silently and none is asked for twice', () => {
  it(
    'under every fault, with callers that leave at every stage',
    async () => {
      const entries = await storm(await open(), { seed: SEED, regions: ['us', 'eu'], repetitions: timesOf(4) });
      report('Every fault, us and eu', table(world, entries));
      expect(audit(world, entries)).toEqual([]);
      expect(surprises(world, entries)).toEqual([]);
    },
    TIME_MS,
  );
});
