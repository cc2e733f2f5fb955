// What is known of each region in memory that all threads share: one breaker, one trial, one probe for all of them.
//
// A lock for each region makes a step of one thread one change to the others. What is asked for each call, whether the
// breaker is closed and nothing failed, is read without it: a call that goes just when another thread opens the breaker
// is a call from before. A thread may end in the middle of a step: a breaker's number of openings is written last, so it
// is as before, or it has opened or closed; and the trial and the probe say whose they are, so that they can be released.
import type { RegionName } from '../domain.ts';
import { notBefore } from '../shared-memory/clock.ts';
import { Locks, locksBytes, releaseLocks, type SharedMemory } from '../shared-memory/locks.ts';
import type { Breaker } from './breaker.ts';
import type { Upstream } from './upstream-order.ts';
import type { WatchState } from './watch-state.ts';

type Regions = ReadonlyMap<RegionName, readonly string[]>;

/** Words of a region; then one for each upstream, its failures. Zeroed memory says that all is well. */
const OPENINGS = 0;
const FAILURES = 1;
/** Whose it is; 0: nobody's. */
const TRIAL = 2;
const PROBING = 3;
/** Number of the upstream from 1; 0: none. */
const DOUBTED = 4;
const CALM = 5;
const WORDS = 6;
/** Moments of a region; then one for each upstream, of its last failure. */
const LATEST = 0;
const OPENED = 1;
/** 0: never. */
const PROBED = 2;
const MOMENTS = 3;
/** Failures in a row stay here. After two thousand million of them, one more says nothing new. */
const FAILURES_MAX = 2 ** 31 - 1;

interface Part {
  readonly words: Int32Array;
  readonly moments: Float64Array;
}

/** Locks, one a region; then each region's moments and words. */
function layout(regions: Regions): { readonly parts: ReadonlyMap<RegionName, number>; readonly bytes: number } {
  const parts = new Map<RegionName, number>();
  let bytes = locksBytes(regions.size);
  for (const [region, { length }] of regions) {
    parts.set(region, bytes);
    bytes += 8 * (MOMENTS + length) + 8 * Math.ceil((WORDS + length) / 2);
  }
  return { parts, bytes };
}

function partAt(memory: SharedArrayBuffer, offset: number, upstreams: number): Part {
  const moments = new Float64Array(memory, offset, MOMENTS + upstreams);
  return { moments, words: new Int32Array(memory, offset + moments.byteLength, WORDS + upstreams) };
}

/** Memory for the health of these regions (health.ts, `shared`). */
export function healthBytes(regions: Regions): number {
  return layout(regions).bytes;
}

/**
 * Frees what a thread had when it ended, however it ended: locks, trials and probes. For the thread that saw it end, after
 * its `exit` event and before another one gets its number.
 */
export function releaseHealth(regions: Regions, memory: SharedArrayBuffer, holder: number): void {
  releaseLocks(memory, holder);
  const { parts } = layout(regions);
  for (const [region, { length }] of regions) {
    const { words } = partAt(memory, parts.get(region) ?? 0, length);
    // Without the lock: while they are its, no other thread writes them.
    Atomics.compareExchange(words, TRIAL, holder, 0);
    Atomics.compareExchange(words, PROBING, holder, 0);
  }
}

/** @throws RangeError for memory that is too small, or a holder's number that is none */
export function sharedStates(regions: Regions, shared: SharedMemory): ReadonlyMap<RegionName, WatchState> {
  const { parts, bytes } = layout(regions);
  const { memory, holder } = shared;
  if (memory.byteLength < bytes) throw new RangeError(`${bytes} bytes are needed, not ${memory.byteLength}`);
  const locks = new Locks(shared, regions.size);
  return new Map(
    [...regions].map(([region, origins], lock) => {
      const part = partAt(memory, parts.get(region) ?? 0, origins.length);
      return [region, new SharedState(origins, part, locks, lock, holder)];
    }),
  );
}

class SharedUpstream implements Upstream {
  readonly origin: string;
  readonly #part: Part;
  readonly #at: number;

  constructor(origin: string, part: Part, at: number) {
    this.origin = origin;
    this.#part = part;
    this.#at = at;
  }

  get failures(): number {
    return Atomics.load(this.#part.words, WORDS + this.#at);
  }

  set failures(count: number) {
    Atomics.store(this.#part.words, WORDS + this.#at, Math.min(count, FAILURES_MAX));
  }

  get failedMs(): number {
    return this.#part.moments[MOMENTS + this.#at] ?? 0;
  }

  set failedMs(ms: number) {
    this.#part.moments[MOMENTS + this.#at] = ms;
  }
}

class SharedState implements WatchState {
  readonly upstreams: readonly Upstream[];
  readonly #words: Int32Array;
  readonly #moments: Float64Array;
  readonly #locks: Locks;
  readonly #lock: number;
  readonly #holder: number;

  constructor(origins: readonly string[], part: Part, locks: Locks, lock: number, holder: number) {
    this.upstreams = origins.map((origin, at) => new SharedUpstream(origin, part, at));
    this.#words = part.words;
    this.#moments = part.moments;
    this.#locks = locks;
    this.#lock = lock;
    this.#holder = holder;
  }

  get openings(): number {
    return Atomics.load(this.#words, OPENINGS);
  }

  get failures(): number {
    return Atomics.load(this.#words, FAILURES);
  }

  get breaker(): Breaker {
    const { openings, failures } = this;
    return { openings, failures, openedMs: this.#moments[OPENED] ?? 0, trial: this.#word(TRIAL) !== 0 };
  }

  keep({ openings, failures, openedMs }: Breaker): void {
    this.#moments[OPENED] = openedMs;
    Atomics.store(this.#words, FAILURES, Math.min(failures, FAILURES_MAX));
    Atomics.store(this.#words, OPENINGS, openings);
  }

  takeTrial(taken: boolean): void {
    Atomics.store(this.#words, TRIAL, taken ? this.#holder : 0);
  }

  get doubted(): Upstream | undefined {
    return this.upstreams[this.#word(DOUBTED) - 1];
  }

  set doubted(upstream: Upstream | undefined) {
    Atomics.store(this.#words, DOUBTED, upstream === undefined ? 0 : 1 + this.upstreams.indexOf(upstream));
  }

  get probing(): boolean {
    return this.#word(PROBING) !== 0;
  }

  set probing(probing: boolean) {
    Atomics.store(this.#words, PROBING, probing ? this.#holder : 0);
  }

  get probedMs(): number {
    return this.#moments[PROBED] || Number.NEGATIVE_INFINITY;
  }

  set probedMs(ms: number) {
    this.#moments[PROBED] = ms;
  }

  get calm(): number {
    return this.#word(CALM) || 1;
  }

  set calm(times: number) {
    Atomics.store(this.#words, CALM, times);
  }

  enter(nowMs: number): number {
    this.#locks.acquire(this.#lock);
    return notBefore(this.#moments, LATEST, nowMs);
  }

  leave(): void {
    this.#locks.release(this.#lock);
  }

  #word(at: number): number {
    return Atomics.load(this.#words, at);
  }
}
