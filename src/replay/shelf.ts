// Where sealed records lie. Whoever reads a shelf can open nothing on it; this one is the memory of one process.

/** What the vault asks of the place. A record is opaque here. Never throws. */
export interface Shelf {
  /** The record that was put under this name and has not expired. */
  get(name: string): Buffer | undefined;
  /** Keeps it, in place of an older one, for the shelf's time or until the room is needed: oldest out first. */
  put(name: string, record: Buffer): void;
  readings(): ShelfReadings;
}

/** `entries` and `bytes` as of now, the others counted since the start. */
export interface ShelfReadings {
  readonly entries: number;
  /** Records and what each takes beside itself. */
  readonly bytes: number;
  /** Gone before their time, for want of room. */
  readonly evicted: number;
  readonly expired: number;
}

export interface MemoryShelf extends Shelf {
  /** Everything it holds, oldest first: for tests that search it. */
  dump(): Iterable<{ readonly name: string; readonly record: Buffer; readonly expiresAtMs: number }>;
}

export interface ShelfOptions {
  /** How long a record is kept after it was put. */
  readonly keepMs: number;
  /** Of records, with ENTRY_OVERHEAD_BYTES for each. */
  readonly maxBytes: number;
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number;
}

/** What an entry takes beside its record: name, place in the map, and Node's own of a Buffer. Measured in memory.test.ts. */
export const ENTRY_OVERHEAD_BYTES = 512;
/** Expired records that one `get` or `put` takes away: more than the one that a `put` may add, so that they run out. */
const SWEEP_ENTRIES = 16;

interface Entry {
  readonly record: Buffer;
  readonly expiresAtMs: number;
}

/** All records are kept equally long, so the order in which they were put is the order in which they expire. */
export function createMemoryShelf(options: ShelfOptions): MemoryShelf {
  const { keepMs, maxBytes, now } = options;
  const entries = new Map<string, Entry>();
  const counts = { evicted: 0, expired: 0 };
  let bytes = 0;

  function drop(name: string, entry: Entry): void {
    entries.delete(name);
    bytes -= entry.record.length + ENTRY_OVERHEAD_BYTES;
  }

  function sweep(most: number): void {
    const time = now();
    let left = most;
    for (const [name, entry] of entries) {
      if (left-- === 0 || entry.expiresAtMs > time) return;
      drop(name, entry);
      counts.expired++;
    }
  }

  function makeRoom(length: number): void {
    for (const [name, entry] of entries) {
      if (bytes + length <= maxBytes) return;
      drop(name, entry);
      counts.evicted++;
    }
  }

  return {
    get(name) {
      sweep(SWEEP_ENTRIES);
      const entry = entries.get(name);
      return entry === undefined || entry.expiresAtMs <= now() ? undefined : entry.record;
    },
    put(name, record) {
      sweep(SWEEP_ENTRIES);
      const older = entries.get(name);
      // Taken out, since a Map leaves a name that is set again in its old place.
      if (older !== undefined) drop(name, older);
      const length = record.length + ENTRY_OVERHEAD_BYTES;
      makeRoom(length);
      entries.set(name, { record, expiresAtMs: now() + keepMs });
      bytes += length;
    },
    readings() {
      sweep(Number.POSITIVE_INFINITY);
      return { entries: entries.size, bytes, ...counts };
    },
    *dump() {
      for (const [name, { record, expiresAtMs }] of entries) yield { name, record, expiresAtMs };
    },
  };
}
