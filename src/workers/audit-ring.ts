// Audit records on their way from the threads that answer callers to the one that writes the log. They lie in memory that
// all threads share: what a thread has said of its requests is not lost when the thread is.
import { AUDIT_KINDS, type AuditKind } from '../audit/record.ts';
import { type AuditSink, unrecorded } from '../record/audit.ts';
import { createRingReader, createRingWriter, RING_BYTES } from '../shared-memory/ring.ts';

/** What a worker is given of it. */
export interface AuditMemory {
  readonly ring: SharedArrayBuffer;
  /** See below; of all workers. */
  readonly state: SharedArrayBuffer;
  /** How many requests of this worker have begun and not come to their records. */
  readonly underWay: SharedArrayBuffer;
  /** `audit.onFailure`. */
  readonly mustRefuse: boolean;
}

/** In `state`: whether the journal fails, and how many records found no room in their ring. */
const FAILING = 0;
const LOST = 1;
const STATE_BYTES = 8;
const COUNT_BYTES = 4;

/** So much stays free for the records of requests under way: nothing leaves while there is less. */
const RESERVE_BYTES = RING_BYTES / 4;

const KINDS: readonly string[] = AUDIT_KINDS;
const isKind = (text: string): text is AuditKind => KINDS.includes(text);
const SPACE = ' ';

/** The end in a worker. @param now Unix time in milliseconds: a record's time is that of what it tells */
export function ringSink({ ring, state, underWay, mustRefuse }: AuditMemory, now: () => number): AuditSink {
  const writer = createRingWriter(ring);
  const flags = new Int32Array(state);
  const count = new Int32Array(underWay);
  let saidMs = -1;
  let said = '';

  function timeOf(ms: number): string {
    if (ms === saidMs) return said;
    saidMs = ms;
    said = `"time":"${new Date(ms).toISOString()}",`;
    return said;
  }

  return {
    append(kind, inside) {
      if (!writer.push(`${kind}${SPACE}${timeOf(now())}${inside}`)) Atomics.add(flags, LOST, 1);
    },
    begins: () => void Atomics.add(count, 0, 1),
    ends: () => void Atomics.sub(count, 0, 1),
    refuses: () => mustRefuse && (Atomics.load(flags, FAILING) === 1 || writer.free() < RESERVE_BYTES),
  };
}

export interface AuditRings {
  /** A worker's, by its number; one that takes a dead one's place goes on with the same. */
  memoryOf(holder: number): AuditMemory;
  /** Takes what is there, of all workers. */
  collect(): void;
  /** A worker has ended: what it had begun and not recorded will never be. */
  exited(holder: number): void;
  /** Takes what is left, and no more. */
  close(): void;
}

export interface AuditRingsOptions {
  readonly mustRefuse: boolean;
  /** How long a record may lie before it is taken. */
  readonly everyMs: number;
  /** The journal. */
  readonly append: (kind: AuditKind, inside: string) => void;
  readonly isFailing: () => boolean;
}

interface Ring {
  readonly memory: AuditMemory;
  readonly take: () => string[];
}

/** The end of the thread that writes. */
export function openAuditRings({ mustRefuse, everyMs, append, isFailing }: AuditRingsOptions): AuditRings {
  const state = new SharedArrayBuffer(STATE_BYTES);
  const flags = new Int32Array(state);
  const rings = new Map<number, Ring>();

  /** @returns whether it is taken. What the journal refuses must neither end this thread nor take others' records with it */
  function hand(said: string): boolean {
    const end = said.indexOf(SPACE);
    const kind = said.slice(0, end);
    if (!isKind(kind)) return false;
    try {
      append(kind, said.slice(end + 1));
      return true;
    } catch {
      return false;
    }
  }

  function collect(): void {
    let lost = 0;
    for (const { take } of rings.values()) {
      for (const said of take()) if (!hand(said)) lost++;
    }
    lost += Atomics.exchange(flags, LOST, 0);
    if (lost > 0) append('gap', `"lost":${lost}`);
    Atomics.store(flags, FAILING, Number(isFailing()));
  }

  const timer = setInterval(collect, everyMs).unref();
  return {
    memoryOf(holder) {
      let known = rings.get(holder);
      if (known === undefined) {
        const ring = new SharedArrayBuffer(RING_BYTES);
        const underWay = new SharedArrayBuffer(COUNT_BYTES);
        known = { memory: { ring, state, underWay, mustRefuse }, take: createRingReader(ring).take };
        rings.set(holder, known);
      }
      return known.memory;
    },
    collect,
    exited(holder) {
      collect();
      const known = rings.get(holder);
      if (known === undefined) return;
      const left = Atomics.exchange(new Int32Array(known.memory.underWay), 0, 0);
      if (left > 0) append('gap', unrecorded(left));
    },
    close() {
      clearInterval(timer);
      collect();
    },
  };
}
