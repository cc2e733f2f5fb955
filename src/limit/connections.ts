// How many connections of callers are open, in all and from each address, counted by all threads together in one memory.
//
// In all: a word for each thread, so that the count of one that dies is known and taken back. By address: a hash table with
// chains, of entries that count what one thread has open from one address; the entries of an address are added up under the
// lock, so no bound is ever passed by two threads at once. Each entry stands for a connection at least, so there are as many
// as connections may be and never one too few. A thread can die in the middle (shared-memory/locks.ts): writes are in such an
// order that chains are whole after each of them, at worst an entry is out of use until the dead thread's are swept.
import { Locks, locksBytes, type SharedMemory } from '../shared-memory/locks.ts';
import type { Place } from './key.ts';

export interface ConnectionSizes {
  /** Open connections in all, at most. */
  readonly connections: number;
  /** Threads: their holders' numbers are from 1 to this. */
  readonly threads: number;
}

/** What one word more than the bound is allowed for: see `force`. */
const SPARE_ENTRIES = 1024;
/** Words of an entry: the next one, three of the address's hash, its thread, its count. Entries are numbered from 1. */
const NEXT = 0;
const HASH = 1;
const HOLDER = 4;
const COUNT = 5;
const ENTRY_WORDS = 6;

/** Words: first of those that were never used, first of those that are free again, counts of threads, chains, entries. */
function layout({ connections, threads }: ConnectionSizes) {
  const entries = connections + SPARE_ENTRIES;
  const chains = 2 ** Math.ceil(Math.log2(entries));
  const chainsAt = 2 + threads;
  const entriesAt = chainsAt + chains;
  const offset = locksBytes(1);
  return { offset, entries, chains, chainsAt, entriesAt, words: entriesAt + entries * ENTRY_WORDS };
}

/** Memory for counts of these sizes, zeroed. */
export function connectionsBytes(sizes: ConnectionSizes): number {
  const { offset, words } = layout(sizes);
  return offset + 4 * words;
}

const FRESH = 0;
const FREE = 1;
const COUNTS = 2;

export class Connections {
  readonly #words: Int32Array;
  readonly #locks: Locks;
  readonly #holder: number;
  readonly #most: number;
  readonly #layout: ReturnType<typeof layout>;

  /** @throws RangeError for a memory without room, and a holder's number that is none */
  constructor(sizes: ConnectionSizes, shared: SharedMemory) {
    const { offset, words } = layout(sizes);
    this.#locks = new Locks(shared, 1);
    this.#words = new Int32Array(shared.memory, offset, words);
    this.#holder = shared.holder;
    this.#most = sizes.connections;
    this.#layout = layout(sizes);
  }

  /** Of all threads. */
  get open(): number {
    let sum = 0;
    for (let at = COUNTS; at < this.#layout.chainsAt; at++) sum += Atomics.load(this.#words, at);
    return sum;
  }

  /** Counts one more, unless there are as many as may be. */
  enter(): boolean {
    return this.#alone(() => {
      if (this.open >= this.#most) return false;
      this.force();
      return true;
    });
  }

  /** Counts one more in any case: another one has been ended for it, and is about to leave. */
  force(): void {
    Atomics.add(this.#words, COUNTS + this.#holder - 1, 1);
  }

  leave(): void {
    Atomics.sub(this.#words, COUNTS + this.#holder - 1, 1);
  }

  /**
   * Counts one more of an address, unless it has as many as may be.
   * @returns what to leave with; 0 where there is no room for it, since more connections are forced than there is memory for
   */
  enterAddress(address: Place, most: number): number | 'full' {
    return this.#alone(() => {
      const chain = this.#chainOf(address.set);
      let own = 0;
      let open = 0;
      for (let at = this.#read(chain); at !== 0; at = this.#entry(at, NEXT)) {
        if (!this.#isOf(at, address)) continue;
        open += this.#entry(at, COUNT);
        if (this.#entry(at, HOLDER) === this.#holder) own = at;
      }
      if (open >= most) return 'full';
      if (own === 0) return this.#insert(chain, address);
      this.#set(own, COUNT, this.#entry(own, COUNT) + 1);
      return own;
    });
  }

  /** @param ticket of enterAddress */
  leaveAddress(ticket: number): void {
    if (ticket === 0) return;
    this.#alone(() => {
      const left = this.#entry(ticket, COUNT) - 1;
      this.#set(ticket, COUNT, left);
      if (left === 0) this.#remove(ticket);
    });
  }

  /**
   * Takes back what a thread counted that has ended. For the thread that saw it end, before another one gets its number.
   * @param holder of the ended one; its locks have been released
   */
  sweep(holder: number): void {
    this.#alone(() => {
      Atomics.store(this.#words, COUNTS + holder - 1, 0);
      const used = new Set<number>();
      const { chains, chainsAt } = this.#layout;
      for (let chain = chainsAt; chain < chainsAt + chains; chain++) this.#sweepChain(chain, holder, used);
      // Whatever stands in no chain is free, also what a thread was just putting there when it died.
      let free = 0;
      for (let at = this.#read(FRESH); at > 0; at--) {
        if (used.has(at)) continue;
        this.#set(at, NEXT, free);
        free = at;
      }
      this.#write(FREE, free);
    });
  }

  #sweepChain(chain: number, holder: number, used: Set<number>): void {
    let before = 0;
    for (let at = this.#read(chain); at !== 0; at = this.#entry(at, NEXT)) {
      if (this.#entry(at, HOLDER) === holder) this.#unlink(chain, before, at);
      else {
        used.add(at);
        before = at;
      }
    }
  }

  /** A count of 0 would be a thread's that died in `leaveAddress`: swept with its other ones. */
  #insert(chain: number, { set, low, high }: Place): number {
    const at = this.#take();
    if (at === 0) return 0;
    this.#set(at, HASH, set);
    this.#set(at, HASH + 1, low);
    this.#set(at, HASH + 2, high);
    this.#set(at, HOLDER, this.#holder);
    this.#set(at, COUNT, 1);
    this.#set(at, NEXT, this.#read(chain));
    this.#write(chain, at);
    return at;
  }

  /** An entry that is in no chain; 0: there is none. */
  #take(): number {
    const free = this.#read(FREE);
    if (free !== 0) {
      this.#write(FREE, this.#entry(free, NEXT));
      return free;
    }
    const fresh = this.#read(FRESH);
    if (fresh === this.#layout.entries) return 0;
    this.#write(FRESH, fresh + 1);
    return fresh + 1;
  }

  #remove(ticket: number): void {
    const chain = this.#chainOf(this.#entry(ticket, HASH));
    let before = 0;
    for (let at = this.#read(chain); at !== ticket; at = this.#entry(at, NEXT)) {
      if (at === 0) return;
      before = at;
    }
    this.#unlink(chain, before, ticket);
    this.#set(ticket, NEXT, this.#read(FREE));
    this.#write(FREE, ticket);
  }

  #unlink(chain: number, before: number, at: number): void {
    const next = this.#entry(at, NEXT);
    if (before === 0) this.#write(chain, next);
    else this.#set(before, NEXT, next);
  }

  #isOf(at: number, { set, low, high }: Place): boolean {
    return this.#entry(at, HASH) === set && this.#entry(at, HASH + 1) === low && this.#entry(at, HASH + 2) === high;
  }

  #chainOf(hash: number): number {
    return this.#layout.chainsAt + (hash & (this.#layout.chains - 1));
  }

  #alone<T>(work: () => T): T {
    this.#locks.acquire(0);
    try {
      return work();
    } finally {
      this.#locks.release(0);
    }
  }

  #read(at: number): number {
    return this.#words[at] ?? 0;
  }

  #write(at: number, value: number): void {
    this.#words[at] = value;
  }

  #entry(entry: number, word: number): number {
    return this.#read(this.#layout.entriesAt + (entry - 1) * ENTRY_WORDS + word);
  }

  #set(entry: number, word: number, value: number): void {
    this.#write(this.#layout.entriesAt + (entry - 1) * ENTRY_WORDS + word, value);
  }
}
