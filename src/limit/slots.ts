// The memory of a limit table (table.ts says how it is used): slots in sets of eight, and the coarse buckets behind them.
// Several threads may have views of the same memory; who calls sees to it that one at a time is here with a set, and that
// one at a time has a coarse bucket for its index.

import { believedTat, type Gcra, gcraCharge, gcraDecide, type LimitResult } from './gcra.ts';
import type { Place } from './key.ts';

export const WAYS = 8;
const SLOTS_MAX = 2 ** 26;

/** Both powers of two. */
export interface SlotCounts {
  readonly slots: number;
  readonly coarseSlots: number;
}

/** @throws RangeError for a number that is not whole and positive, or too great */
export function slotCounts({ slots, coarseSlots }: SlotCounts): SlotCounts {
  return { slots: powerOfTwo(slots, WAYS), coarseSlots: powerOfTwo(coarseSlots, 1) };
}

function powerOfTwo(count: number, min: number): number {
  if (!(Number.isSafeInteger(count) && count >= 1 && count <= SLOTS_MAX)) throw new RangeError(`not a size: ${count}`);
  return Math.max(min, 2 ** Math.ceil(Math.log2(count)));
}

export function slotsBytes({ slots, coarseSlots }: SlotCounts): number {
  return (slots + coarseSlots) * 8 + slots * 8;
}

export abstract class Slots {
  readonly capacity: number;
  readonly #gcra: Gcra;
  readonly #setMask: number;
  readonly #coarseMask: number;
  /** The slots' TATs, then the coarse buckets'. */
  readonly #tats: Float64Array;
  /** Two words a slot. */
  readonly #fingerprints: Int32Array;

  /** @param memory `slotsBytes` from `offset` on, zeroed at first; offset in whole doubles */
  constructor(gcra: Gcra, counts: SlotCounts, memory: ArrayBufferLike, offset: number) {
    const { slots, coarseSlots } = counts;
    const tats = slots + coarseSlots;
    this.capacity = slots;
    this.#gcra = gcra;
    this.#setMask = slots / WAYS - 1;
    this.#coarseMask = coarseSlots - 1;
    this.#tats = new Float64Array(memory, offset, tats);
    this.#fingerprints = new Int32Array(memory, offset + tats * 8, slots * 2);
  }

  /** A coarse bucket is being debited. */
  protected abstract overflowed(): void;

  /** Somebody owes until then. */
  protected abstract owed(untilMs: number): void;

  protected setOf(place: Place): number {
    return place.set & this.#setMask;
  }

  protected coarseOf(place: Place): number {
    return place.coarse & this.#coarseMask;
  }

  /** The key's own live slot, else a free one of its set, else its coarse bucket: an index for the calls below. */
  protected locate(place: Place, nowMs: number): number {
    const first = this.setOf(place) * WAYS;
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

  protected spendAt(place: Place, index: number, cost: number, nowMs: number): LimitResult {
    const decision = gcraDecide(this.#gcra, this.#debt(place, index, nowMs), nowMs, cost);
    if (decision.allowed) this.#write(place, index, decision.tatMs);
    return decision;
  }

  protected peekAt(place: Place, index: number, nowMs: number): LimitResult {
    const debt = this.#debt(place, index, nowMs);
    const { allowed, retryAfterMs } = gcraDecide(this.#gcra, debt, nowMs, 1);
    const { remaining, resetMs } = gcraDecide(this.#gcra, debt, nowMs, 0);
    return { allowed, retryAfterMs, remaining, resetMs };
  }

  protected chargeAt(place: Place, index: number, cost: number, nowMs: number): void {
    this.#write(place, index, gcraCharge(this.#gcra, this.#debt(place, index, nowMs), nowMs, cost));
  }

  /** Reads every slot, and takes what another thread is just writing as it comes. */
  used(nowMs: number): number {
    let live = 0;
    for (let slot = 0; slot < this.capacity; slot++) if (this.#tat(slot) > nowMs) live++;
    return live;
  }

  /**
   * The TAT that counts: in a free slot, whose old owner owes nothing, that of the newcomer's coarse bucket. Another set's
   * thread may be writing that one: then it is the old or the new, since eight aligned bytes are read in one piece. What
   * the newcomer itself owes there was written by threads that had this set before.
   */
  #debt(place: Place, index: number, nowMs: number): number {
    const tat = this.#tat(index);
    return tat <= nowMs ? this.#tat(this.#coarseIndex(place)) : tat;
  }

  /**
   * The TAT last: while it has passed, the slot is free whatever its fingerprint says. So a thread that ends in here has
   * spent, or has not, and nobody else's allowance is touched.
   */
  #write(place: Place, index: number, tatMs: number): void {
    if (index < this.capacity) {
      this.#fingerprints[2 * index] = place.low;
      this.#fingerprints[2 * index + 1] = place.high;
    } else {
      this.overflowed();
    }
    this.owed(tatMs);
    this.#tats[index] = tatMs;
  }

  #coarseIndex(place: Place): number {
    return this.capacity + this.coarseOf(place);
  }

  #tat(index: number): number {
    return this.#tats[index] ?? 0;
  }
}
