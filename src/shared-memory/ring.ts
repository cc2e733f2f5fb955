// A ring of bytes between two threads: one writes texts, the other takes them, and neither waits for the other. For what a
// thread has said when it is ended in the middle: a text is there whole or not at all, and what was there stays.
//
// Two counters that only grow, modulo 2^32, say up to where was written and read; each has one writer. A text is put down
// behind the first, and only then is the counter moved, by Atomics: so whoever reads the counter sees the text whole
// (locks.ts says why). A thread that dies before that leaves nothing but bytes that the next text is written over.

/** Before the data, in its own cache line each: where was written to, where was read to. */
const WRITTEN = 0;
const READ = 16;
const HEADER_BYTES = 128;
const DATA_BYTES = 1024 * 1024;
/** Frames begin on words: their length is read and written whole. */
const WORD_BYTES = 4;

/** Of the memory of one ring: some thousand audit records. */
export const RING_BYTES = HEADER_BYTES + DATA_BYTES;

/** Of UTF-8 for one UTF-16 unit, at most. */
const UNIT_BYTES = 3;

export interface RingWriter {
  /**
   * @returns false where there is no room for it: nothing was written
   * @throws RangeError for a text that no empty ring would hold
   */
  push(text: string): boolean;
  /** Bytes that are free now. */
  free(): number;
}

export interface RingReader {
  /** Everything that was pushed and not taken yet, in order. */
  take(): string[];
}

interface Ring {
  readonly counters: Int32Array;
  readonly lengths: Int32Array;
  readonly data: Buffer;
  /** A power of two, so that counters that wrap go on at the right place. */
  readonly size: number;
}

/** @throws RangeError for a memory that is none of a ring */
function ringOf(memory: SharedArrayBuffer): Ring {
  const size = memory.byteLength - HEADER_BYTES;
  if (size < WORD_BYTES * 4 || (size & (size - 1)) !== 0) {
    throw new RangeError(`not the memory of a ring: ${memory.byteLength} bytes`);
  }
  return {
    counters: new Int32Array(memory, 0, HEADER_BYTES / 4),
    lengths: new Int32Array(memory, HEADER_BYTES),
    data: Buffer.from(memory, HEADER_BYTES),
    size,
  };
}

function frameBytes(length: number): number {
  return WORD_BYTES + ((length + WORD_BYTES - 1) & ~(WORD_BYTES - 1));
}

/**
 * The one who writes. A thread that takes the place of one that ended goes on with the same memory.
 * @param memory RING_BYTES, zeroed by whoever made it
 */
export function createRingWriter(memory: SharedArrayBuffer): RingWriter {
  const { counters, lengths, data, size } = ringOf(memory);

  /** A text that goes over the end is in two pieces. */
  function put(bytes: Buffer, at: number): void {
    const first = Math.min(bytes.length, size - at);
    bytes.copy(data, at, 0, first);
    if (first < bytes.length) bytes.copy(data, 0, first);
  }

  return {
    push(text) {
      const written = Atomics.load(counters, WRITTEN);
      const used = (written - Atomics.load(counters, READ)) >>> 0;
      const at = (written >>> 0) % size;
      const from = (at + WORD_BYTES) % size;
      const most = text.length * UNIT_BYTES;
      let length: number;
      if (frameBytes(most) <= size - used && from + most <= size) {
        // Nearly always: written where it will lie.
        length = data.write(text, from, 'utf8');
      } else {
        length = Buffer.byteLength(text);
        if (frameBytes(length) > size) throw new RangeError(`a text of ${length} bytes for a ring of ${size}`);
        if (frameBytes(length) > size - used) return false;
        put(Buffer.from(text), from);
      }
      lengths[at / WORD_BYTES] = length;
      Atomics.store(counters, WRITTEN, (written + frameBytes(length)) | 0);
      return true;
    },
    free: () => size - ((Atomics.load(counters, WRITTEN) - Atomics.load(counters, READ)) >>> 0),
  };
}

/** The one who takes. */
export function createRingReader(memory: SharedArrayBuffer): RingReader {
  const { counters, lengths, data, size } = ringOf(memory);

  function text(from: number, length: number): string {
    const first = Math.min(length, size - from);
    if (first === length) return data.toString('utf8', from, from + length);
    // A character may lie on both sides of the end.
    return Buffer.concat([data.subarray(from), data.subarray(0, length - first)]).toString('utf8');
  }

  return {
    take() {
      const written = Atomics.load(counters, WRITTEN);
      let read = Atomics.load(counters, READ);
      const texts: string[] = [];
      while (read !== written) {
        const at = (read >>> 0) % size;
        const length = lengths[at / WORD_BYTES] ?? 0;
        texts.push(text((at + WORD_BYTES) % size, length));
        read = (read + frameBytes(length)) | 0;
      }
      Atomics.store(counters, READ, read);
      return texts;
    },
  };
}
