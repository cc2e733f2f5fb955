// The directory at size, on either engine: bytes an account, imports and what they hold up, look-ups, a gateway's memory.
import { randomBytes } from 'node:crypto';
import { accountHash, createKeyedHash, identityName } from '../src/keyed-hash.ts';
import { createDirectory } from '../src/locality/directory.ts';
import type { AccountRow } from '../src/store/directory-store.ts';
import type { Store } from '../src/store/store.ts';
import { until } from '../test/support/redis.ts';
import { type Figure, figuresOf, heapBytes, rounds, timeCalls } from './scale-measure.ts';
import { startWitness, type Witnessed } from './scale-witness.ts';

const CHUNK_ROWS = 1000;
const FRONT_ENTRIES = 100_000;
const LANES = 64;
const PATIENCE_MS = 60_000;
const REGIONS = ['us', 'eu', 'ca'] as const;

const hash = createKeyedHash(randomBytes(32));
const identity = identityName(hash);
const nameOf = (at: number): string => `person.${at}@example.com`;

/** Nine of ten are pinned; one of fifty has an account in a second region, too. */
function rowOf(at: number): AccountRow {
  const region = REGIONS[at % 3] ?? 'us';
  return {
    hash: accountHash(hash, nameOf(at)),
    region,
    pinned: at % 10 !== 0,
    also: at % 50 === 0 ? [region === 'us' ? 'eu' : 'us'] : [],
    identity,
    replaces: [],
    line: at + 1,
  };
}

export interface AccountsBench {
  readonly store: Store;
  readonly witnessed: Witnessed;
  readonly samples: number;
}

/** Imports accounts number `from` to `to`, as `accounts import` does, and tells how long that took and held up others. */
export async function measureImport({ store, witnessed }: AccountsBench, from: number, to: number): Promise<Figure[]> {
  const stage = await store.directory.stage();
  const startMs = performance.now();
  for (let at = from; at < to; at += CHUNK_ROWS) {
    const rows = Array.from({ length: Math.min(CHUNK_ROWS, to - at) }, (_, index) => rowOf(at + index));
    await stage.add(rows);
  }
  const stagedMs = performance.now();
  await stage.compare();
  const comparedMs = performance.now();
  const witness = await startWitness(witnessed);
  const commitMs = performance.now();
  const { written } = await stage.commit('cli:bench', false);
  const endMs = performance.now();
  const waited = await witness.end();
  if (!written) throw new Error('the import was not written');
  const what = `import of ${(to - from).toLocaleString('en')} into ${from === 0 ? 'none' : from.toLocaleString('en')}`;
  const seconds = (comparedMs - startMs + (endMs - commitMs)) / 1000;
  return [
    { what: `${what}: hash and stage`, value: (stagedMs - startMs) / 1000, unit: 's' },
    { what: `${what}: compare`, value: (comparedMs - stagedMs) / 1000, unit: 's' },
    { what: `${what}: commit`, value: (endMs - commitMs) / 1000, unit: 's' },
    { what: `${what}: all of it`, value: (to - from) / seconds, unit: '/s' },
    { what: `${what}: longest wait of others during commit`, value: waited.mostMs, unit: 'ms' },
    { what: `${what}: p99 of others' waits`, value: waited.p99Ms, unit: 'ms' },
  ];
}

/** Look-ups of accounts that nobody remembers, and of names that nobody has. */
export async function measureLookups({ store, samples }: AccountsBench, accounts: number): Promise<Figure[]> {
  const find = (from: number, expected: 'found' | 'missing') => (at: number) => {
    // Spread over the directory.
    const number = from + (((at + from) * 7919) % accounts);
    const answer = store.directory.findAccount(accountHash(hash, nameOf(number)), { leftMs: PATIENCE_MS });
    const check = ({ kind }: { kind: string }): void => {
      if (kind !== expected) throw new Error(`account ${number} is ${kind}`);
    };
    return answer instanceof Promise ? answer.then(check) : check(answer);
  };
  // Once for the compiler, and to see that strangers are strangers.
  await timeCalls(samples, LANES, find(accounts, 'missing'));
  const latency = await rounds(() => timeCalls(samples, 1, find(0, 'found')));
  const rate = await rounds(() => timeCalls(samples, LANES, find(0, 'found')));
  return figuresOf('findAccount', { latency, rate }, LANES);
}

/** Bytes of this process for each account that the front of the directory remembers. */
export async function measureFront({ store }: AccountsBench, accounts: number): Promise<Figure[]> {
  const directory = createDirectory(store.directory, {
    hashes: [hash],
    accountHash,
    regions: new Set(REGIONS),
    gateway: randomBytes(8).toString('hex'),
    label: 'bench',
    leaseMs: 300_000,
    pollMs: 1000,
    pollMovingMs: 1000,
    entries: FRONT_ENTRIES,
    now: Date.now,
    steady: () => performance.now(),
  });
  await until(() => directory.term() !== undefined);
  // A first turn, so that what is compiled and allocated once is not counted.
  await timeCalls(1000, LANES, (at) => directory.locate(nameOf(at), { leftMs: PATIENCE_MS }));
  const [before, entriesBefore] = [heapBytes(), directory.readings().entries];
  const end = Math.min(FRONT_ENTRIES, accounts);
  await timeCalls(end, LANES, (at) => directory.locate(nameOf(at), { leftMs: PATIENCE_MS }));
  const remembered = directory.readings().entries - entriesBefore;
  const bytes = (heapBytes() - before) / remembered;
  const warm = await rounds(() => timeCalls(end, 1, (at) => directory.locate(nameOf(at), { leftMs: PATIENCE_MS })));
  await directory.close();
  return [
    { what: 'memory of a gateway for each account that it remembers', value: bytes, unit: 'bytes' },
    { what: 'locate, remembered: median', value: warm.medianUs, unit: 'us' },
  ];
}
