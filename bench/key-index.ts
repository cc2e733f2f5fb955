// The key index at size: `node bench/key-index.ts [ENTRIES]` fills a store on disk and prints a Markdown table: file size,
// memory, fill rate, look-up times. 1,000,000 entries (half a million secrets with their metadata) unless told.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { RegionName } from '../src/domain.ts';
import { createKeyedHash } from '../src/keyed-hash.ts';
import { createKeyIndex, type KeyIndex } from '../src/locality/key-index.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';

const ENTRIES = Number(process.argv[2] ?? 1_000_000);
/** Creates that are under way at the same time, as with a busy gateway: they share a commit. */
const CONCURRENT = 64;
const SAMPLES = Math.min(50_000, ENTRIES / 2);
const REGIONS = ['us', 'eu', 'ca'] as RegionName[];
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Like the service's keys: 31 characters of base 36. */
function randomKey(): string {
  let key = '';
  for (const byte of randomBytes(31)) key += ALPHABET[byte % 36];
  return key;
}

interface Times {
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

function quantiles(timesMs: Float64Array): Times {
  timesMs.sort();
  const at = (share: number): number => (timesMs[Math.floor(share * (timesMs.length - 1))] ?? 0) * 1000;
  return { median: at(0.5), p99: at(0.99), max: at(1) };
}

/** Time of each call, in microseconds; yields to timers now and then, outside the measured calls. */
async function measure<T>(inputs: readonly T[], call: (input: T) => unknown): Promise<Times> {
  const times = new Float64Array(inputs.length);
  for (const [at, input] of inputs.entries()) {
    const start = performance.now();
    call(input);
    times[at] = performance.now() - start;
    if (at % 1000 === 0) await turn();
  }
  return quantiles(times);
}

const rssMiB = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().rss / 2 ** 20;
};

const directory = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'key-index-bench-'));
const path = join(directory, 'gateway.db');
const secret = randomBytes(32);
const hash = createKeyedHash(secret);

function openIndex(store: Parameters<typeof createKeyIndex>[0], frontEntries: number): KeyIndex {
  const keys = { current: hash, older: [] };
  return createKeyIndex(store, { keys, regions: new Set(REGIONS), now: Date.now, frontEntries, storeTimeoutMs: 5000 });
}

/** One create's two keys. 20,000 accounts make nine tenths of the secrets. */
function learnSecret(index: KeyIndex, at: number, key = randomKey()): Promise<unknown> {
  const region = (REGIONS[at % REGIONS.length] ?? 'us') as RegionName;
  const owner = at % 10 === 0 ? undefined : `account-${at % 20_000}@example.com`;
  return index.learn([
    { key, kind: 'secret', region, owner, ttlSeconds: 14 * 86_400 },
    { key: randomKey(), kind: 'metadata', region, owner, ttlSeconds: 28 * 86_400 },
  ]);
}

async function fill(index: KeyIndex, sample: string[]): Promise<void> {
  let next = 0;
  async function create(): Promise<void> {
    while (next < ENTRIES / 2) {
      const at = next++;
      const key = randomKey();
      if (at % Math.floor(ENTRIES / 2 / SAMPLES) === 0) sample.push(key);
      await learnSecret(index, at, key);
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT }, create));
}

/** Some hundred creates a second into the full store, from call to acknowledgement. */
async function measureLearn(index: KeyIndex): Promise<Times> {
  const times = new Float64Array(5000);
  for (let at = 0; at < times.length; at++) {
    const start = performance.now();
    await learnSecret(index, at);
    times[at] = performance.now() - start;
    await delay(1);
  }
  return quantiles(times);
}

const store = openSqliteStore(path, { now: Date.now, storeTimeoutMs: 5000 });
const sample: string[] = [];
const rssBefore = rssMiB();
const filling = openIndex(store, 100_000);
const fillStart = performance.now();
await fill(filling, sample);
const fillMs = performance.now() - fillStart;
const rssAfter = rssMiB();
const { learned, failed } = filling.readings();
await store.close();
const fileMiB = statSync(path).size / 2 ** 20;

const openStart = performance.now();
const again = openSqliteStore(path, { now: Date.now });
const openMs = performance.now() - openStart;
const misses = Array.from({ length: SAMPLES }, randomKey);
const index = openIndex(again, 100_000);
const rows: [string, Times][] = [];
const hashes = (keys: readonly string[]) => keys.map((key) => hash('held-key', key));
rows.push(['hashing alone', await measure(sample, (key) => hash('held-key', key))]);
rows.push(['store alone, hit', await measure(hashes(sample), (hashed) => again.findKey(hashed))]);
rows.push(['store alone, miss', await measure(hashes(misses), (hashed) => again.findKey(hashed))]);
rows.push(['index, cold front, hit', await measure(sample, (key) => index.find(key))]);
rows.push(['index, warm front, hit', await measure(sample, (key) => index.find(key))]);
rows.push(['index, miss', await measure(misses, (key) => index.find(key))]);
const { found, fromFront, missing } = index.readings();
const sweep = await measure(Array.from({ length: 500 }), () => again.sweep());
rows.push(['a sweep of 1,000, none expired', sweep]);
const learnTimes = await measureLearn(index);
await again.close();
rmSync(directory, { recursive: true });

if (failed > 0 || learned !== ENTRIES) throw new Error(`learned ${learned}, failed ${failed}`);
if (found !== 2 * sample.length || fromFront !== sample.length || missing !== misses.length) {
  throw new Error(`found ${found}, of these from the front ${fromFront}, missing ${missing}`);
}

const n = (value: number, digits = 1): string => value.toFixed(digits);
console.log(`| ${ENTRIES.toLocaleString('en')} entries, node ${process.versions.node} | |\n|---|---:|
| file | ${n(fileMiB)} MiB, ${n((fileMiB * 2 ** 20) / ENTRIES)} bytes an entry |
| memory (rss) before / after, front of 100,000 | ${n(rssBefore, 0)} / ${n(rssAfter, 0)} MiB |
| fill, ${CONCURRENT} creates at a time, 2 entries each | ${n(ENTRIES / fillMs)}k entries/s |
| open and check the file | ${n(openMs, 0)} ms |

| Microseconds | median | p99 | max |\n|---|---:|---:|---:|`);
rows.push(['learn a secret, to its acknowledgement', learnTimes]);
for (const [name, { median, p99, max }] of rows) console.log(`| ${name} | ${n(median)} | ${n(p99)} | ${n(max, 0)} |`);
