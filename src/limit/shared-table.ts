// A limit table in memory that all threads share: each decision is made by one of them at a time.
//
// A lock for each set: a key's slot, whichever of the eight it is, is looked for, decided on and written under it, so no
// decision is lost. Where all eight are taken, also a lock for some of the coarse buckets, which keys of other sets debit
// as well. Without a lock a slot would have to be changed in one instruction, and it has 16 bytes: Atomics do 8, so
// either the fingerprint or the time would lose its exactness. Uncontended, a lock costs two such instructions.

import { notBefore } from '../shared-memory/clock.ts';
import { Locks, locksBytes, type SharedMemory } from '../shared-memory/locks.ts';
import type { Gcra, LimitResult } from './gcra.ts';
import type { LimitKey, Place } from './key.ts';
import { type SlotCounts, Slots, slotCounts, slotsBytes, WAYS } from './slots.ts';
import type { LimitTable } from './table.ts';

/** Locks for the coarse buckets: these are seldom needed, and a thousand of them seldom meet. */
const COARSE_LOCKS = 1024;
/** Later than any clock of the gateway says: then somebody always owes. */
const MOST_SECONDS = 2 ** 31 - 1;

/** Locks; the count of shared newcomers; until when anybody owes; the latest moment of each set; the slots. */
function layout(counts: SlotCounts) {
  const sets = counts.slots / WAYS;
  const locks = sets + Math.min(counts.coarseSlots, COARSE_LOCKS);
  const newcomersAt = locksBytes(locks);
  const owedAt = newcomersAt + 8;
  const clocksAt = owedAt + 8;
  const slotsAt = clocksAt + 8 * sets;
  return { sets, locks, newcomersAt, owedAt, clocksAt, slotsAt, bytes: slotsAt + slotsBytes(counts) };
}

/** Memory for a shared table of these sizes (table.ts, `shared`). @throws RangeError where createLimitTable would */
export function limitTableBytes(sizes: SlotCounts): number {
  return layout(slotCounts(sizes)).bytes;
}

type Operation = 'spend' | 'peek' | 'charge';

export class SharedTable extends Slots implements LimitTable {
  readonly bytes: number;
  readonly #seed: string;
  readonly #locks: Locks;
  readonly #sets: number;
  readonly #coarseLockMask: number;
  /** 64 bits: a flood would overrun fewer in an hour. */
  readonly #newcomers: BigUint64Array;
  readonly #clocks: Float64Array;
  /** In whole seconds, rounded up: the latest moment needs no lock then, and changes once a second. */
  readonly #owedUntil: Int32Array;

  constructor(gcra: Gcra, counts: SlotCounts, seed: string, shared: SharedMemory) {
    const { memory } = shared;
    const { sets, locks, newcomersAt, owedAt, clocksAt, slotsAt, bytes } = layout(counts);
    if (memory.byteLength < bytes) throw new RangeError(`${bytes} bytes are needed, not ${memory.byteLength}`);
    super(gcra, counts, memory, slotsAt);
    this.bytes = bytes;
    this.#seed = seed;
    this.#locks = new Locks(shared, locks);
    this.#sets = sets;
    this.#coarseLockMask = locks - sets - 1;
    this.#newcomers = new BigUint64Array(memory, newcomersAt, 1);
    this.#clocks = new Float64Array(memory, clocksAt, sets);
    this.#owedUntil = new Int32Array(memory, owedAt, 1);
  }

  get sharedNewcomers(): number {
    return Number(Atomics.load(this.#newcomers, 0));
  }

  spend(key: LimitKey, cost: number, nowMs: number): LimitResult {
    return this.#alone('spend', key.place(this.#seed), cost, nowMs);
  }

  peek(key: LimitKey, nowMs: number): LimitResult {
    return this.#alone('peek', key.place(this.#seed), 1, nowMs);
  }

  charge(key: LimitKey, cost: number, nowMs: number): void {
    this.#alone('charge', key.place(this.#seed), cost, nowMs);
  }

  isIdle(nowMs: number): boolean {
    return Atomics.load(this.#owedUntil, 0) * 1000 <= nowMs;
  }

  protected override owed(untilMs: number): void {
    const until = Math.min(Math.ceil(untilMs / 1000), MOST_SECONDS);
    for (;;) {
      const known = Atomics.load(this.#owedUntil, 0);
      if (until <= known || Atomics.compareExchange(this.#owedUntil, 0, known, until) === known) return;
    }
  }

  protected override overflowed(): void {
    Atomics.add(this.#newcomers, 0, 1n);
  }

  /**
   * Time does not go back within a set: a thread that comes late, with a moment before another's, would find a slot given
   * away that was still live at that moment, and its owner a fresh allowance.
   */
  #alone(operation: Operation, place: Place, cost: number, nowMs: number): LimitResult {
    const locks = this.#locks;
    const set = this.setOf(place);
    locks.acquire(set);
    try {
      const now = notBefore(this.#clocks, set, nowMs);
      const index = this.locate(place, now);
      if (index >= this.capacity) return this.#withCoarse(operation, place, index, cost, now);
      return this.#operate(operation, place, index, cost, now);
    } finally {
      locks.release(set);
    }
  }

  #withCoarse(operation: Operation, place: Place, index: number, cost: number, nowMs: number): LimitResult {
    const lock = this.#sets + (this.coarseOf(place) & this.#coarseLockMask);
    this.#locks.acquire(lock);
    try {
      return this.#operate(operation, place, index, cost, nowMs);
    } finally {
      this.#locks.release(lock);
    }
  }

  #operate(operation: Operation, place: Place, index: number, cost: number, nowMs: number): LimitResult {
    if (operation === 'spend') return this.spendAt(place, index, cost, nowMs);
    if (operation === 'charge') this.chargeAt(place, index, cost, nowMs);
    return this.peekAt(place, index, nowMs);
  }
}
