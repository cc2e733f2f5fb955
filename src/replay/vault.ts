// First answers kept for callers that repeat with Idempotency-Key: sealed under a key that only the repeat brings back.
import { randomBytes as secureRandomBytes } from 'node:crypto';
import { answerOf, type Observe, recordOf } from './opened.ts';
import {
  bears,
  type Derived,
  derive,
  isSameCheck,
  markerOf,
  type Replayable,
  type ReplayRequest,
  SALT_BYTES,
} from './seal.ts';
import { NONE_SENT, type Sent } from './sent.ts';
import { createMemoryShelf, type Shelf, type ShelfReadings } from './shelf.ts';

export type { Replayable, ReplayRequest, UnknownCode } from './seal.ts';

export type Began =
  /**
   * Nobody sent this request, as far as is known: send it, then settle, in a `finally`: every repeat waits for that,
   * without a bound in time.
   * - a 2xx answer, or an unknown outcome: kept, and replayed from now on.
   * - undefined, when the request surely was not sent or its answer may be corrected (refusals, 4xx): nothing is kept,
   *   and one of those who wait sends for itself.
   * - an answer that was streamed, or an exception after the request may have been sent: settle as `unknown`, never as
   *   undefined, or a repeat would send it again.
   * The first call counts; later ones do nothing, so that `finally { settle(...) }` may stand behind it. Does not throw.
   */
  | { readonly kind: 'first'; settle(answer: Replayable | undefined): void }
  | { readonly kind: 'replay'; readonly answer: Replayable }
  /** The first is under way. Begin again when `done` resolves (it never rejects): any of the other three may come of it. */
  | { readonly kind: 'under_way'; readonly done: Promise<void> }
  /** The same key with another request: 422 (the draft, 2.7). */
  | { readonly kind: 'mismatch' };

/** `entries`, `bytes` and `underWay` as of now, the others counted since the start. */
export interface VaultReadings extends ShelfReadings {
  /** Begun, sent or about to be, and not settled. Never evicted; as many as requests in flight, at most. */
  readonly underWay: number;
  /** Settled with something to keep; of these, `marked` without the answer: too long, or sealing failed. */
  readonly kept: number;
  readonly marked: number;
  readonly replayed: number;
  /** Times that a repeat was told to wait. */
  readonly waited: number;
  readonly mismatched: number;
  /** Records that did not open: changed by somebody. Replayed as unknown. */
  readonly unreadable: number;
}

export interface VaultOptions {
  /** How long an answer is kept, from when it was settled. */
  readonly keepMs: number;
  /** Of all that is kept, oldest out first. An answer longer than an eighth of it is not kept, only that it was sent. */
  readonly maxBytes: number;
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number;
  readonly randomBytes?: (bytes: number) => Buffer;
  /** 32 bytes that all gateways of one shared shelf are given. By default random: two processes share no names. */
  readonly salt?: Buffer;
  /** By default this process's memory. */
  readonly shelf?: Shelf;
  /** What outlives it. With one, the salt has to be the same after a restart. */
  readonly sent?: Sent;
  readonly observe?: Observe;
}

export interface Vault {
  /**
   * What to do with a request that carries a key. Of what is given nothing is kept but the name, the check and, until
   * it is settled, the sealing key (seal.ts). Never throws.
   * @param key the header's value (header.ts)
   * @param caller the full credentials' canonical header text; undefined: anonymous. Another caller's same key is
   *   unrelated.
   */
  begin(key: string, caller: string | undefined, request: ReplayRequest): Began;
  readings(): VaultReadings;
}

/** A request under way. The sealing key waits in `settle` alone, and is zeroed there. */
interface Flight {
  readonly check: Buffer;
  /** Made for the first who waits. */
  waiting: PromiseWithResolvers<void> | undefined;
}

const MISMATCH = { kind: 'mismatch' } as const;
/** The part of the whole room that one answer may take. */
export const LARGEST_SHARE = 1 / 8;

/** Makes the room. State: what is under way, and the shelf. */
export function createVault(options: VaultOptions): Vault {
  const { maxBytes, randomBytes = secureRandomBytes, sent = NONE_SENT, observe } = options;
  const salt = options.salt ?? randomBytes(SALT_BYTES);
  const shelf = options.shelf ?? createMemoryShelf({ ...options, shrink: markerOf });
  const underWay = new Map<string, Flight>();
  const counts = { kept: 0, marked: 0, replayed: 0, waited: 0, mismatched: 0, unreadable: 0 };

  function wait(flight: Flight): Began {
    counts.waited++;
    flight.waiting ??= Promise.withResolvers<void>();
    return { kind: 'under_way', done: flight.waiting.promise };
  }

  function mismatch(): Began {
    counts.mismatched++;
    return MISMATCH;
  }

  function first(derived: Derived): Began {
    const { name, sealingKey } = derived;
    const flight: Flight = { check: derived.check, waiting: undefined };
    underWay.set(name, flight);
    const takeBack = sent.put(name, derived.check);
    let settled = false;
    return {
      kind: 'first',
      settle(answer) {
        if (settled) return;
        settled = true;
        try {
          if (answer === undefined) takeBack();
          else keep(derived, answer);
        } finally {
          sealingKey.fill(0);
          underWay.delete(name);
          flight.waiting?.resolve();
        }
      },
    };
  }

  function keep(derived: Derived, answer: Replayable): void {
    counts.kept++;
    const { record, whole } = recordOf(derived, answer, maxBytes * LARGEST_SHARE, randomBytes, observe);
    if (!whole) counts.marked++;
    shelf.put(derived.name, record);
  }

  function replay(derived: Derived, record: Buffer): Began {
    counts.replayed++;
    const { answer, readable } = answerOf(derived, record, observe);
    if (!readable) counts.unreadable++;
    return { kind: 'replay', answer };
  }

  function lookUp(derived: Derived): Began {
    const { name, check } = derived;
    const flight = underWay.get(name);
    if (flight !== undefined) return isSameCheck(flight.check, check) ? wait(flight) : mismatch();
    const record = shelf.get(name) ?? sent.before(name);
    if (record === undefined) return first(derived);
    return bears(record, check) ? replay(derived, record) : mismatch();
  }

  return {
    begin(key, caller, request) {
      const derived = derive(salt, key, caller, request);
      const began = lookUp(derived);
      // A first needs it to seal; nobody else does any more.
      if (began.kind !== 'first') derived.sealingKey.fill(0);
      return began;
    },
    readings: () => ({ ...shelf.readings(), underWay: underWay.size, ...counts }),
  };
}
