// How much of the memory that the process may have is in use, where somebody says how much it may have: a container's limit, or
// a unit's. Bodies and answers are buffers, which are outside of every heap and bounded by nothing else.
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

export interface MemorySources {
  /** In bytes; undefined: as much as the machine has. */
  readonly limit: () => number | undefined;
  /** What the process has, in bytes, as the system sees it. */
  readonly resident: () => number;
  /** What this thread has of it: its heap and its buffers, in bytes. */
  readonly own: () => number;
}

/** Where threads of one process put down what they have. */
export interface MemoryBook {
  readonly memory: SharedArrayBuffer;
  /** Of this thread, from 1. */
  readonly holder: number;
}

export interface MemoryUse {
  /** Asked at every measurement: the part of the limit that is in use, from 0 on; undefined where there is none. */
  readonly measure: () => number | undefined;
  /** Bodies that this thread has begun to receive: so many bytes more may come, or (negative) fewer. */
  readonly promise: (bytes: number) => void;
  /** The part of the limit that all bodies which threads have begun to receive come to, and `bytes` more; 0 without a limit. */
  readonly promised: (bytes: number) => number;
}

/** Of all threads together: the most that was resident at a time, and the most that was theirs. */
const MOST_RESIDENT = 0;
const MOST_OWN = 1;
const BEFORE_THREADS = 2;
/** What each of them has, and behind that what each was promised. */
const OF_THREAD = 2;

/** How often it is asked how much the process may have: limits of a running container can be changed. */
const LIMIT_EVERY = 50;

/** @param threads how many put something down */
export function newMemoryBook(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer((BEFORE_THREADS + OF_THREAD * threads) * Float64Array.BYTES_PER_ELEMENT);
}

/** What cgroups say, of either version: all that the process is in, the one that allows least. */
function limitOfProcess(): number | undefined {
  return limitOf(process.constrainedMemory(), totalmem());
}

/** Without a limit the system says 0, or more than there is. @param total of the machine, in bytes */
export function limitOf(constrained: number, total: number): number | undefined {
  return constrained > 0 && constrained < total ? constrained : undefined;
}

const THIS_THREAD: MemorySources = {
  limit: limitOfProcess,
  resident: process.memoryUsage.rss,
  own() {
    const { total_physical_size: heap, external_memory: buffers } = getHeapStatistics();
    return heap + buffers;
  },
};

/**
 * The allocator keeps what was freed, and gives it again to whoever needs some: it stays resident, and is not in use. So what
 * threads have less than when they had most is taken off what was resident then.
 */
export function createMemoryUse(book?: MemoryBook, sources: MemorySources = THIS_THREAD): MemoryUse {
  const words = new Float64Array(book?.memory ?? newMemoryBook(1));
  const threads = (words.length - BEFORE_THREADS) / OF_THREAD;
  const owns = words.subarray(BEFORE_THREADS, BEFORE_THREADS + threads);
  const promises = words.subarray(BEFORE_THREADS + threads);
  const mine = (book?.holder ?? 1) - 1;
  // Of one that ended in this one's place.
  promises[mine] = 0;
  let asked = 0;
  let limit: number | undefined;

  function raised(word: number, value: number): number {
    const most = Math.max(value, words[word] ?? 0);
    words[word] = most;
    return most;
  }

  const sumOf = (all: Float64Array): number => all.reduce((sum, each) => sum + each, 0);

  function measure(): number | undefined {
    if (asked++ % LIMIT_EVERY === 0) limit = sources.limit();
    if (limit === undefined) return undefined;
    owns[mine] = sources.own();
    const own = sumOf(owns);
    const resident = sources.resident();
    const freed = raised(MOST_OWN, own) - own;
    return Math.min(resident, raised(MOST_RESIDENT, resident) - freed) / limit;
  }

  return {
    measure,
    promise(bytes) {
      promises[mine] = (promises[mine] ?? 0) + bytes;
    },
    promised: (bytes) => (limit === undefined ? 0 : (sumOf(promises) + bytes) / limit),
  };
}
