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
// Both arrays are views of one buffer, so that it can lie in a SharedArrayBuffer for several threads.

import { believedTat, compileGcra, type Gcra, gcraCharge, gcraDecide, type LimitResult, type Rate } from './gcra.ts';
import type { LimitKey, Place } from './key.ts';

export type { LimitResult } from './gcra.ts';

const WAYS = 8;
const SLOTS_MAX = 2 ** 26;
const SEED_MIN_BYTES = 16;

/** Counters of one limit. Times in milliseconds of one clock; costs are whole. */
export interface LimitTable {
  /** Spends `cost` if the rate allows it; if refused, nothing is spent. */
  spend(key: LimitKey, cost: number, nowMs: number): LimitResult;
  /** Looks without spending: what a cost of 1 would be told, but `remaining` and `resetMs` as they are before it. */
  peek(key: LimitKey, nowMs: number): LimitResult;
  /** Debits after the fact, allowed or not; gcraCharge says how far debt goes. */
  charge(key: LimitKey, cost: number, nowMs: number): void;
  /** Slots, as asked for or up to the next power of two. */
  readonly capacity: number;
  /** Memory of the counters, allocated once. */
  readonly bytes: number;
  /** Live entries, for metrics: reads every slot. */
  used(nowMs: number): number;
  /** How often a coarse bucket was debited because a set was full. */
  readonly sharedNewcomers: number;
}

/**
 * @param options `slots` (16 bytes each) and `coarseSlots` (8 bytes each) are rounded up to powers of two; `seed` is
 *   secret and random, 16 bytes or more. Tables with the same seed share the work of hashing a key.
 */
export function createLimitTable(
  rate: Rate,
  options: { readonly slots: number; readonly coarseSlots: number; readonly seed: Buffer },
): LimitTable {
  if (options.seed.length < SEED_MIN_BYTES) throw new RangeError('a seed of at least 16 bytes is needed');
  return new SlotTable(
    compileGcra(rate),
    powerOfTwo(options.slots, WAYS),
    powerOfTwo(options.coarseSlots, 1),
    options.seed,
  );
}

function powerOfTwo(count: number, min: number): number {
  if (!(Number.isSafeInteger(count) && count >= 1 && count <= SLOTS_MAX)) throw new RangeError(`not a size: ${count}`);
  return Math.max(min, 2 ** Math.ceil(Math.log2(count)));
}

class SlotTable implements LimitTable {
  readonly capacity: number;
  readonly bytes: number;
  sharedNewcomers = 0;
  readonly #gcra: Gcra;
  readonly #seed: string;
  readonly #setMask: number;
  readonly #coarseMask: number;
  /** The slots' TATs, then the coarse buckets'. */
  readonly #tats: Float64Array;
  /** Two words a slot. */
  readonly #fingerprints: Int32Array;

  constructor(gcra: Gcra, slots: number, coarseSlots: number, seed: Buffer) {
    const tats = slots + coarseSlots;
    const memory = new ArrayBuffer(tats * 8 + slots * 8);
    this.capacity = slots;
    this.bytes = memory.byteLength;
    this.#gcra = gcra;
    this.#seed = seed.toString('latin1');
    this.#setMask = slots / WAYS - 1;
    this.#coarseMask = coarseSlots - 1;
    this.#tats = new Float64Array(memory, 0, tats);
    this.#fingerprints = new Int32Array(memory, tats * 8, slots * 2);
  }

  spend(key: LimitKey, cost: number, nowMs: number): LimitResult {
    const place = key.place(this.#seed);
    const index = this.#locate(place, nowMs);
    const decision = gcraDecide(this.#gcra, this.#debt(place, index, nowMs), nowMs, cost);
    if (decision.allowed) this.#write(place, index, decision.tatMs);
    return decision;
  }

  peek(key: LimitKey, nowMs: number): LimitResult {
    const place = key.place(this.#seed);
    const debt = this.#debt(place, this.#locate(place, nowMs), nowMs);
    const { allowed, retryAfterMs } = gcraDecide(this.#gcra, debt, nowMs, 1);
    const { remaining, resetMs } = gcraDecide(this.#gcra, debt, nowMs, 0);
    return { allowed, retryAfterMs, remaining, resetMs };
  }

  charge(key: LimitKey, cost: number, nowMs: number): void {
    const place = key.place(this.#seed);
    const index = this.#locate(place, nowMs);
    this.#write(place, index, gcraCharge(this.#gcra, this.#debt(place, index, nowMs), nowMs, cost));
  }

  used(nowMs: number): number {
    let live = 0;
    for (let slot = 0; slot < this.capacity; slot++) if (this.#tat(slot) > nowMs) live++;
    return live;
  }

  /** The key's own live slot, else a free one of its set, else its coarse bucket: an index into the TATs. */
  #locate(place: Place, nowMs: number): number {
    const first = (place.set & this.#setMask) * WAYS;
    let free = -1;
    for (let slot = first; slot < first + WAYS; slot++) {
      const tat = this.#tat(slot);
      if (tat <= nowMs) {
        if (free === -1) free = slot;
      } else if (this.#fingerprints[2 * slot] === place.low && this.#fingerprints[2 * slot + 1] === place.high) {
        return slot;
      } else {
        // After a clock that went back no slot is taken for longer than a full bucket.
        const believed = believedTat(this.#gcra, tat, Math.floor(nowMs));
        if (believed !== tat) this.#tats[slot] = believed;
      }
    }
    return free === -1 ? this.#coarseIndex(place) : free;
  }

  /** The TAT that counts: in a free slot, whose old owner owes nothing, that of the newcomer's coarse bucket. */
  #debt(place: Place, index: number, nowMs: number): number {
    const tat = this.#tat(index);
    return tat <= nowMs ? this.#tat(this.#coarseIndex(place)) : tat;
  }

  #write(place: Place, index: number, tatMs: number): void {
    this.#tats[index] = tatMs;
    if (index >= this.capacity) {
      this.sharedNewcomers++;
      return;
    }
    this.#fingerprints[2 * index] = place.low;
    this.#fingerprints[2 * index + 1] = place.high;
  }

  #coarseIndex(place: Place): number {
    return this.capacity + (place.coarse & this.#coarseMask);
  }

  #tat(index: number): number {
    return this.#tats[index] ?? 0;
  }
}
