// What gateways share beside directory and keys: limits, verifications, kept answers. On the distributed engine alone.
import { randomBytes } from 'node:crypto';
import type { Found, KeyedHash } from '../src/domain.ts';
import { derive, NONCE_BYTES, SALT_BYTES, seal } from '../src/replay/seal.ts';
import type { SharedReplays, SharedState, Store } from '../src/store/store.ts';
import { type RedisServer, until } from '../test/support/redis.ts';
import { engineUsEach, type Figure, figuresOf, rounds, timeCalls, usedMemory } from './scale-measure.ts';

const LANES = 64;
const PATIENCE_MS = 60_000;
const KEEP_MS = 3_600_000;
const BODY_BYTES = 500;
/** An entry stays for its emission interval at least: an hour, so that none goes away while they are counted. */
const SLOW = { emissionUs: 3_600_000_000, toleranceUs: 36_000_000_000 };
/** One that is never used up. */
const FAST = { emissionUs: 1, toleranceUs: 1_000_000_000 };

export interface SharedBench {
  readonly server: RedisServer;
  readonly store: Store;
  /** More connections to the same engine. */
  readonly others: readonly Store[];
  /** Of each kind. */
  readonly entries: number;
  readonly calls: number;
}

function sharedOf(store: Store): SharedState {
  if (store.shared === undefined) throw new Error('this engine shares nothing');
  return store.shared;
}

function answered<T>(found: Found<T> | undefined): T {
  if (found?.kind !== 'found') throw new Error(`the engine's answer is ${found?.kind}`);
  return found.value;
}

async function spend(store: Store, key: KeyedHash, rate: typeof SLOW): Promise<void> {
  const { limits } = sharedOf(store);
  const found = await limits?.apply('spend', 'per-key', key, rate, 1, { leftMs: PATIENCE_MS });
  if (!answered(found).allowed) throw new Error('not allowed');
}

const someone = (): KeyedHash => randomBytes(16) as KeyedHash;

async function bytesEach(bench: SharedBench, work: () => Promise<unknown>): Promise<number> {
  const before = await usedMemory(bench.server);
  await work();
  return ((await usedMemory(bench.server)) - before) / bench.entries;
}

export async function measureLimits(bench: SharedBench): Promise<Figure[]> {
  const { store, others, server, entries, calls } = bench;
  const bytes = await bytesEach(bench, () => timeCalls(entries, LANES, () => spend(store, someone(), SLOW)));
  const latency = await rounds(() => timeCalls(calls, 1, () => spend(store, someone(), FAST)));
  const rate = await rounds(() => timeCalls(calls, LANES, () => spend(store, someone(), FAST)));
  const all = [store, ...others];
  const several = await engineUsEach(server, 3 * calls, () =>
    rounds(() => timeCalls(calls, LANES * all.length, (at) => spend(all[at % all.length] ?? store, someone(), FAST))),
  );
  const hot = someone();
  const one = await rounds(() => timeCalls(calls, LANES, () => spend(store, hot, FAST)));
  return [
    { what: 'a limit entry', value: bytes, unit: 'bytes' },
    ...figuresOf('spend, one connection', { latency, rate }, LANES),
    { what: `spend, ${all.length} connections of one process`, value: several.result.perSecond, unit: '/s' },
    { what: 'spend, all on one entry, one connection', value: one.perSecond, unit: '/s' },
    { what: 'spend: CPU of the engine', value: several.eachUs, unit: 'us' },
  ];
}

export async function measureVerifications(bench: SharedBench): Promise<Figure[]> {
  const { store, server, entries, calls } = bench;
  const { verifications } = sharedOf(store);
  const hashes = Array.from({ length: entries }, someone);
  // A put is not waited for. What is asked on the same connection afterwards is answered after it.
  const bytes = await bytesEach(bench, async () => {
    await timeCalls(entries, LANES, async (at) => {
      verifications.put(hashes[at] ?? someone(), true, KEEP_MS);
      answered(await verifications.find(hashes[at] ?? someone(), { leftMs: PATIENCE_MS }));
    });
  });
  const find = async (at: number): Promise<void> => {
    answered(await verifications.find(hashes[(at * 7919) % entries] ?? someone(), { leftMs: PATIENCE_MS }));
  };
  const { eachUs } = await engineUsEach(server, calls, () => timeCalls(calls, LANES, find));
  return [
    { what: 'a verification', value: bytes, unit: 'bytes' },
    { what: 'a look-up of one: CPU of the engine', value: eachUs, unit: 'us' },
  ];
}

/** A record as a gateway seals it: an answer of `BODY_BYTES` with the headers that cross. */
function sealedAnswer(): { readonly name: Buffer; readonly check: Buffer; readonly record: Buffer } {
  const request = { method: 'POST', target: '/api/v1/share', contentType: 'text/plain', body: randomBytes(16) };
  const derived = derive(randomBytes(SALT_BYTES), randomBytes(18).toString('base64url'), undefined, request);
  const headers = ['content-type', 'application/json', 'date', 'Thu, 01 Jan 2026 00:00:00 GMT'];
  const body = Buffer.alloc(BODY_BYTES, 'x');
  const answer = { kind: 'answered', status: 200, headers, body, region: 'us' } as const;
  const record = seal(derived, randomBytes(NONCE_BYTES), answer, 1 << 20);
  if (record === undefined) throw new Error('not sealed');
  return { name: Buffer.from(derived.name, 'latin1'), check: derived.check, record };
}

async function keepAnswer(replays: SharedReplays): Promise<void> {
  const { name, check, record } = sealedAnswer();
  const owner = randomBytes(16);
  const begun = await replays.begin(name, check, owner, 10_000, KEEP_MS, { leftMs: PATIENCE_MS });
  if (answered(begun).kind !== 'claimed') throw new Error('not claimed');
  if (!answered(await replays.settle(name, owner, record, KEEP_MS))) throw new Error('not settled');
}

export async function measureReplays(bench: SharedBench): Promise<Figure[]> {
  const { store, server, entries } = bench;
  const { replays } = sharedOf(store);
  // Replays need the generation, which a gateway knows from following the directory.
  await store.directory.mark();
  await until(() => store.readings().up);
  const bytes = await bytesEach(bench, async () => {
    await timeCalls(entries, LANES, () => keepAnswer(replays));
  });
  const { eachUs } = await engineUsEach(server, entries, () => timeCalls(entries, LANES, () => keepAnswer(replays)));
  return [
    { what: `a kept answer of ${BODY_BYTES} bytes`, value: bytes, unit: 'bytes' },
    { what: 'claim and settle: CPU of the engine', value: eachUs, unit: 'us' },
  ];
}
