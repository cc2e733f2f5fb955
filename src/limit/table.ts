// Who has spent how much: a table of fixed size that no attacker can grow, aim at, or use to get a fresh allowance.
//
// Eight-way set-associative: a key's keyed hash names a set of eight slots; a slot holds 64 more bits of the hash (the
// plain key is nowhere) and a TAT (gcra.ts). A slot whose TAT has passed says the same as no slot, so it is free by
// itself: no timers, no eviction. Where all eight are live, a newcomer evicts nobody; it is counted in a second array of
// TATs, which it shares with its network (the coarse key).
//
// A newcomer's own slot starts with the debt of the coarse bucket that it would otherwise share: who has spent there gets
// no second burst when a slot comes free, so burst + floor(span / T) holds for every key whatever happens around it. And
// a network that fills the table stops being given slots, which are then left to others. The price: its honest newcomers
// wait with it. Without overflow these buckets are empty, and nobody notices them.
//
// One thread has it for itself (here), or all threads have one table in one memory (shared-table.ts).

import type { SharedMemory } from '../shared-memory/locks.ts';
import { compileGcra, type Gcra, type LimitResult, type Rate } from './gcra.ts';
import type { LimitKey } from './key.ts';
import { SharedTable } from './shared-table.ts';
import { type SlotCounts, Slots, slotCounts, slotsBytes } from './slots.ts';

export type { LimitResult } from './gcra.ts';
export { limitTableBytes } from './shared-table.ts';

const SEED_MIN_BYTES = 16;

/** Counters of one limit. Times in milliseconds of one clock; costs are whole. */
export interface LimitTable {
  /** Spends `cost` if the rate allows it; if refused, nothing is spent. */
  spend(key: LimitKey, cost: number, nowMs: number): LimitResult;
  /** Looks without spending: what a cost of 1 would be told, but `remaining` and `resetMs` as they are before it. */
  peek(key: LimitKey, nowMs: number): LimitResult;
  /** Debits after the fact, allowed or not; gcraCharge says how far debt goes. */
  charge(key: LimitKey, cost: number, nowMs: number): void;
  /** Whether surely nobody owes anything: then every key would be told so, and need not be hashed to be looked up. */
  isIdle(nowMs: number): boolean;
  /** Slots, as asked for or up to the next power of two. */
  readonly capacity: number;
  /** Memory of the counters, allocated once. */
  readonly bytes: number;
  /** Live entries, for metrics: reads every slot. Of a shared table all threads', as `sharedNewcomers` is. */
  used(nowMs: number): number;
  /** How often a coarse bucket was debited because a set was full. */
  readonly sharedNewcomers: number;
}

export interface LimitTableOptions extends SlotCounts {
  /** Secret and random, 16 bytes or more. Tables with the same seed share the work of hashing a key. */
  readonly seed: Buffer;
  /**
   * One table for all threads: zeroed memory of `limitTableBytes`, and the same rate, sizes and seed in each of them. What
   * a thread held when it ended is freed by `releaseLocks`.
   */
  readonly shared?: SharedMemory | undefined;
}

/** @param options `slots` (16 bytes each) and `coarseSlots` (8 bytes each) are rounded up to powers of two */
export function createLimitTable(rate: Rate, { seed, shared, ...sizes }: LimitTableOptions): LimitTable {
  if (seed.length < SEED_MIN_BYTES) throw new RangeError('a seed of at least 16 bytes is needed');
  const gcra = compileGcra(rate);
  const counts = slotCounts(sizes);
  const characters = seed.toString('latin1');
  return shared === undefined
    ? new SlotTable(gcra, counts, characters)
    : new SharedTable(gcra, counts, characters, shared);
}

class SlotTable extends Slots implements LimitTable {
  readonly bytes: number;
  sharedNewcomers = 0;
  readonly #seed: string;
  #owedUntilMs = 0;

  constructor(gcra: Gcra, counts: SlotCounts, seed: string) {
    const bytes = slotsBytes(counts);
    super(gcra, counts, new ArrayBuffer(bytes), 0);
    this.bytes = bytes;
    this.#seed = seed;
  }

  spend(key: LimitKey, cost: number, nowMs: number): LimitResult {
    const place = key.place(this.#seed);
    return this.spendAt(place, this.locate(place, nowMs), cost, nowMs);
  }

  peek(key: LimitKey, nowMs: number): LimitResult {
    const place = key.place(this.#seed);
    return this.peekAt(place, this.locate(place, nowMs), nowMs);
  }

  charge(key: LimitKey, cost: number, nowMs: number): void {
    const place = key.place(this.#seed);
    this.chargeAt(place, this.locate(place, nowMs), cost, nowMs);
  }

  isIdle(nowMs: number): boolean {
    return this.#owedUntilMs <= nowMs;
  }

  protected override overflowed(): void {
    this.sharedNewcomers++;
  }

  protected override owed(untilMs: number): void {
    if (untilMs > this.#owedUntilMs) this.#owedUntilMs = untilMs;
  }
}
