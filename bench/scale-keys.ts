// The key index at size, on either engine.
import { randomBytes } from 'node:crypto';
import type { KeyedHash } from '../src/domain.ts';
import type { Store, StoredKey } from '../src/store/store.ts';
import { type Figure, figuresOf, rounds, type Times, timeCalls } from './scale-measure.ts';

const CHUNK_ROWS = 500;
const FILL_LANES = 4;
const LANES = 64;
const PATIENCE_MS = 60_000;
const REGIONS = ['us', 'eu', 'ca'] as const;
const TTL_MS = 28 * 86_400_000;
const OWNERS = Array.from({ length: 20_000 }, () => randomBytes(16) as KeyedHash);

/** As the key index hands them over: two of a create, nine of ten creates by an account (locality/held.ts). */
function rowOf(hash: KeyedHash, at: number): StoredKey {
  const create = at >> 1;
  return {
    hash,
    region: REGIONS[create % 3] ?? 'us',
    kind: at % 2 === 0 ? 'secret' : 'metadata',
    owner: create % 10 === 0 ? undefined : OWNERS[create % OWNERS.length],
    expiresAtMs: Date.now() + TTL_MS,
  };
}

const randomHash = (): KeyedHash => randomBytes(16) as KeyedHash;

export interface Filled {
  /** Some of what was put, spread over all. */
  readonly sample: readonly StoredKey[];
  readonly perSecond: number;
}

/** Puts `count` keys through the store itself, in chunks: what is measured afterwards is what the code writes. */
export async function fillKeys(store: Store, count: number, samples: number): Promise<Filled> {
  const sample: StoredKey[] = [];
  const every = Math.max(1, Math.floor(count / samples));
  let next = 0;
  async function lane(): Promise<void> {
    while (next < count) {
      const from = next;
      next = Math.min(count, from + CHUNK_ROWS);
      const bytes = randomBytes(16 * (next - from));
      const rows: StoredKey[] = [];
      for (let at = from; at < next; at++) {
        // A copy: a sample must not keep the whole chunk alive.
        const slice = bytes.subarray(16 * (at - from), 16 * (at - from + 1));
        const row = rowOf((at % every === 0 ? Buffer.from(slice) : slice) as KeyedHash, at);
        rows.push(row);
        if (at % every === 0) sample.push(row);
      }
      await store.putKeys(rows, { leftMs: PATIENCE_MS });
    }
  }
  const startMs = performance.now();
  await Promise.all(Array.from({ length: FILL_LANES }, lane));
  return { sample, perSecond: (count / (performance.now() - startMs)) * 1000 };
}

function expectKey(store: Store, row: StoredKey, expected: 'found' | 'missing'): void | Promise<void> {
  const check = (found: Awaited<ReturnType<Store['findKey']>>): void => {
    const same = found.kind !== 'found' || (found.value.region === row.region && found.value.kind === row.kind);
    if (found.kind !== expected || !same) throw new Error(`a key is ${found.kind}, or another`);
  };
  const answer = store.findKey(row.hash, { leftMs: PATIENCE_MS });
  return answer instanceof Promise ? answer.then(check) : check(answer);
}

export interface KeyTimes {
  readonly find: (lanes: number) => Promise<Times>;
  readonly miss: (lanes: number) => Promise<Times>;
  readonly put: (lanes: number) => Promise<Times>;
  readonly calls: number;
}

export function keyTimes(store: Store, { sample }: Filled, calls: number): KeyTimes {
  const nobodys = Array.from({ length: calls }, (_, at) => rowOf(randomHash(), at));
  const of = (rows: readonly StoredKey[], at: number): StoredKey => rows[at % rows.length] as StoredKey;
  return {
    calls,
    find: (lanes) => timeCalls(calls, lanes, (at) => expectKey(store, of(sample, at * 7919), 'found')),
    miss: (lanes) => timeCalls(calls, lanes, (at) => expectKey(store, of(nobodys, at), 'missing')),
    put: (lanes) =>
      timeCalls(calls, lanes, (at) =>
        store.putKeys([rowOf(randomHash(), 2 * at), rowOf(randomHash(), 2 * at + 1)], { leftMs: PATIENCE_MS }),
      ),
  };
}

export async function measureKeys(times: KeyTimes): Promise<Figure[]> {
  const both = async (measure: (lanes: number) => Promise<Times>) => {
    // Once for the compiler.
    await measure(LANES);
    return { latency: await rounds(() => measure(1)), rate: await rounds(() => measure(LANES)) };
  };
  return [
    ...figuresOf('findKey, held', await both(times.find), LANES),
    ...figuresOf('findKey, unknown', await both(times.miss), LANES),
    ...figuresOf("putKeys, a create's two", await both(times.put), LANES),
  ];
}
