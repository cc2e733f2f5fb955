// What many gateways cost the node that holds the directory, though nobody makes a request: each follows it every second,
// and ten times a second while an account moves; each also tries to take the move's next step.
import { randomBytes } from 'node:crypto';
import type { KeyedHash } from '../src/domain.ts';
import type { AccountRow, Lease, Mark } from '../src/store/directory-store.ts';
import type { Store } from '../src/store/store.ts';
import type { RedisServer } from '../test/support/redis.ts';
import { engineCpuUs, engineUsEach, type Figure, timeCalls } from './scale-measure.ts';

const LANES = 32;
const IDLE_MS = 5000;
const GATEWAYS = [10, 100, 500] as const;

const leaseOf = (gateway: number, seen: number): Lease => ({
  gateway: gateway.toString(16).padStart(16, '0'),
  label: `gateway-${gateway}.example:8080`,
  seen,
  leaseMs: 300_000,
});

async function follow(store: Store, gateway: number, mark: Mark): Promise<void> {
  const { kind } = await store.directory.follow(leaseOf(gateway, mark.epoch), mark);
  if (kind !== 'found') throw new Error(`the directory is ${kind}`);
}

async function markOf(store: Store): Promise<Mark> {
  const mark = await store.directory.mark();
  if (mark === undefined) throw new Error('no mark');
  return mark;
}

/** CPU time of the engine for each follow, and for each try to take a step that has to wait for others. */
async function measureGateways(server: RedisServer, store: Store, gateways: number, calls: number): Promise<Figure[]> {
  const row: AccountRow = {
    hash: randomBytes(16) as KeyedHash,
    region: 'us',
    pinned: true,
    also: [],
    identity: '00000000',
    replaces: [],
  };
  await store.directory.put(row, false, 'cli:bench');
  const before = await markOf(store);
  await timeCalls(gateways, LANES, (at) => follow(store, at, before));
  const quiet = await engineUsEach(server, calls, () =>
    timeCalls(calls, LANES, (at) => follow(store, at % gateways, before)),
  );
  await store.directory.beginMove({ hash: row.hash, to: 'eu', keepOld: false, otherwise: undefined }, 'cli:bench');
  // No gateway has seen the move: whoever tries to go on has to wait.
  const step = await engineUsEach(server, calls, () =>
    timeCalls(calls, LANES, async () => {
      const { kind } = await store.directory.advanceMove(row.hash, 'gateway:bench');
      if (kind !== 'waiting') throw new Error(`a step is ${kind}`);
    }),
  );
  await store.directory.abortMove(row.hash, 'cli:bench');
  return [
    { what: `follow, ${gateways} gateways: CPU of the engine`, value: quiet.eachUs, unit: 'us' },
    { what: `a try at a move's next step, ${gateways} gateways: CPU of the engine`, value: step.eachUs, unit: 'us' },
  ];
}

/** @param store on that engine, with a directory that has a mark and that nobody follows */
export async function measureFollowing(server: RedisServer, store: Store, calls: number): Promise<Figure[]> {
  const beforeUs = await engineCpuUs(server);
  await new Promise((settle) => setTimeout(settle, IDLE_MS));
  const idleUs = ((await engineCpuUs(server)) - beforeUs) / (IDLE_MS / 1000);
  const figures: Figure[] = [{ what: 'an idle engine, a second: CPU', value: idleUs, unit: 'us' }];
  for (const gateways of GATEWAYS) figures.push(...(await measureGateways(server, store, gateways, calls)));
  return figures;
}
