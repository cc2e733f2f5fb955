// Locks between the threads of this process: words at the start of a shared memory, which guard what lies behind them.
//
// Held for well under a microsecond, and nothing that may wait is done meanwhile, so who comes second spins for a moment;
// then it sleeps, since a holder that the system has put aside needs the processor more than it does. A thread can be
// ended in the middle (worker.terminate(), out of memory), and no `finally` runs then: the thread that sees it end calls
// `releaseLocks`. So whatever is guarded is written such that each prefix of the writes leaves something usable.
//
// Taking and giving back are Atomics, and these are ordered in one way for all threads: what was written under a lock by
// plain stores, of doubles too, for which there are no Atomics, is seen whole by whoever takes the lock next.

/** One memory for all threads, and the number by which this thread is known in it: from 1, no two the same at a time. */
export interface SharedMemory {
  /** Zeroed by whoever made it; all threads use it with the same sizes. */
  readonly memory: SharedArrayBuffer;
  readonly holder: number;
}

export const HOLDERS_MAX = 0xffff;
/** Beside the holder's number: somebody sleeps, or has slept, until this lock is free. */
const AWAITED = 1 << 16;
/** Some hundred nanoseconds: several times as long as a lock is held by a thread that runs. */
const SPINS = 200;
/** Also after a wake-up that went to a thread which died of something else, nobody sleeps longer than this at once. */
const SLEEP_MS = 5;
/**
 * After so many sleeps, 2 s and more, a lock counts as a dead thread's that nobody has swept: the last resort, without
 * which a mistake elsewhere would stop every thread for good. Counted in sleeps, so that a machine which was suspended
 * does not look like it. A holder that lives after all has one write lost or doubled, and releases nobody else's lock.
 */
const SLEEPS_MAX = 400;

/** Bytes for so many locks, in whole doubles: what is guarded may begin there. */
export function locksBytes(count: number): number {
  return 8 * Math.ceil((4 * (1 + count)) / 8);
}

/** The locks of one memory. Not re-entrant; who takes two takes them in the order of their numbers. */
export class Locks {
  /** How many there are, then the locks: 0 is free, else it is the holder's number. */
  readonly #words: Int32Array;
  readonly #holder: number;

  /** @throws RangeError for a holder's number that is none, and a memory without room */
  constructor({ memory, holder }: SharedMemory, count: number) {
    if (!(Number.isInteger(holder) && holder >= 1 && holder <= HOLDERS_MAX)) {
      throw new RangeError(`not the number of a thread: ${holder}`);
    }
    this.#words = new Int32Array(memory, 0, 1 + count);
    this.#holder = holder;
    Atomics.store(this.#words, 0, count);
  }

  /** Blocks this thread until it has lock `at`. `release` belongs in a `finally`. */
  acquire(at: number): void {
    if (Atomics.compareExchange(this.#words, 1 + at, 0, this.#holder) !== 0) this.#await(1 + at);
  }

  release(at: number): void {
    const holder = this.#holder;
    if (Atomics.compareExchange(this.#words, 1 + at, holder, 0) === holder) return;
    // Awaited, or (SLEEPS_MAX) another's by now.
    const awaited = holder | AWAITED;
    if (Atomics.compareExchange(this.#words, 1 + at, awaited, 0) === awaited) Atomics.notify(this.#words, 1 + at, 1);
  }

  #await(word: number): void {
    const words = this.#words;
    for (let spins = 0; spins < SPINS; spins++) {
      if (Atomics.load(words, word) === 0 && Atomics.compareExchange(words, word, 0, this.#holder) === 0) return;
    }
    // Whoever has slept does not know who sleeps beside it, so it takes the lock as awaited: at worst one needless call.
    const mine = this.#holder | AWAITED;
    let sleeps = 0;
    for (;;) {
      const seen = Atomics.load(words, word);
      const free = seen === 0 || sleeps >= SLEEPS_MAX;
      if (Atomics.compareExchange(words, word, seen, free ? mine : seen | AWAITED) !== seen) continue;
      if (free) return;
      Atomics.wait(words, word, seen | AWAITED, SLEEP_MS);
      sleeps++;
    }
  }
}

/**
 * Frees what a thread held when it ended. For the thread that saw it end, after its `exit` event and before another one
 * gets its number.
 * @returns how many locks it held
 */
export function releaseLocks(memory: SharedArrayBuffer, holder: number): number {
  const words = new Int32Array(memory);
  const count = Atomics.load(words, 0);
  let released = 0;
  for (let word = 1; word <= count; word++) {
    const seen = Atomics.load(words, word);
    if ((seen & ~AWAITED) !== holder) continue;
    // Its waiters may add the mark meanwhile, nobody else may touch it.
    Atomics.store(words, word, 0);
    Atomics.notify(words, word);
    released++;
  }
  return released;
}
