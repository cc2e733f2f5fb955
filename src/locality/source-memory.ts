// What the source answered, and for how long it holds. Plain state over a clock that is given; asks nobody.
import { createBounded } from '../bounded.ts';
import type { Found, Locality } from '../domain.ts';

/** A good answer as it is remembered and kept on disk. */
export interface KeptAnswer {
  readonly locality: Locality;
  /** Unix time in milliseconds at which it was asked for. */
  readonly atMs: number;
}

export interface MemoryOptions {
  /** Up to this age an answer is used as it is. */
  readonly refreshMs: number;
  /** Beyond this age it is not used. */
  readonly expireMs: number;
  /** How long "nobody of that name" holds. */
  readonly negativeMs: number;
  /** Good answers that are remembered, and as many negative ones: about 400 and 100 bytes each. */
  readonly entries: number;
}

export interface SourceMemory {
  /** What may be used at this moment; undefined: ask. */
  find(name: string, nowMs: number): Found<Locality> | undefined;
  /** Whether a good answer should be asked for again: old, and not just tried in vain. */
  isDue(name: string, nowMs: number): boolean;
  /** How much longer a good answer may be used; 0 where there is none. */
  leftMs(name: string, nowMs: number): number;
  found(name: string, answer: KeptAnswer): void;
  missing(name: string, atMs: number): void;
  /** A refresh failed: the next one comes after a pause that grows. */
  failed(name: string, nowMs: number): void;
  /** The good answers that hold at this moment, least recently used first; the others are dropped. */
  live(nowMs: number): [name: string, answer: KeptAnswer][];
  /** Ages of the answers that hold. Looks at all of them. */
  ages(nowMs: number): { readonly oldestMs: number | undefined; readonly newestMs: number | undefined };
  readonly size: { readonly good: number; readonly negative: number };
}

interface Good extends KeptAnswer {
  readonly found: Found<Locality>;
  failures: number;
  failedAtMs: number;
}

const MISSING = { kind: 'missing' } as const;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** After how long a refresh is tried again. */
function pauseMs(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
}

/** A clock that was set back makes answers from the future: of those nobody can say how old they are. */
export function isWithin(atMs: number, limitMs: number, nowMs: number): boolean {
  const age = nowMs - atMs;
  return age >= 0 && age <= limitMs;
}

/** State: two bounded caches by keyed hash. Made-up names have one of their own and push nobody out. */
export function createSourceMemory(options: MemoryOptions): SourceMemory {
  const { refreshMs, expireMs, negativeMs, entries } = options;
  const good = createBounded<Good>(entries);
  const negative = createBounded<number>(entries);

  return {
    find(name, nowMs) {
      const known = good.get(name);
      if (known !== undefined) return isWithin(known.atMs, expireMs, nowMs) ? known.found : undefined;
      const missingAtMs = negative.get(name);
      return missingAtMs !== undefined && isWithin(missingAtMs, negativeMs, nowMs) ? MISSING : undefined;
    },
    isDue(name, nowMs) {
      const known = good.peek(name);
      if (known === undefined || isWithin(known.atMs, refreshMs, nowMs)) return false;
      return known.failures === 0 || !isWithin(known.failedAtMs, pauseMs(known.failures), nowMs);
    },
    leftMs(name, nowMs) {
      const known = good.peek(name);
      return known !== undefined && isWithin(known.atMs, expireMs, nowMs) ? known.atMs + expireMs - nowMs : 0;
    },
    found(name, { locality, atMs }) {
      negative.delete(name);
      const found = { kind: 'found', value: locality } as const;
      good.set(name, { locality, atMs, found, failures: 0, failedAtMs: 0 });
    },
    missing(name, atMs) {
      good.delete(name);
      negative.set(name, atMs);
    },
    failed(name, nowMs) {
      const known = good.peek(name);
      if (known === undefined) return;
      known.failures++;
      known.failedAtMs = nowMs;
    },
    live(nowMs) {
      const all = [...good.rentries()] as [string, Good][];
      return all.filter(([name, { atMs }]) => {
        const holds = isWithin(atMs, expireMs, nowMs);
        if (!holds) good.delete(name);
        return holds;
      });
    },
    ages(nowMs) {
      let oldestMs: number | undefined;
      let newestMs: number | undefined;
      for (const { atMs } of good.values()) {
        if (!isWithin(atMs, expireMs, nowMs)) continue;
        const age = nowMs - atMs;
        if (oldestMs === undefined || age > oldestMs) oldestMs = age;
        if (newestMs === undefined || age < newestMs) newestMs = age;
      }
      return { oldestMs, newestMs };
    },
    get size() {
      return { good: good.size, negative: negative.size };
    },
  };
}
