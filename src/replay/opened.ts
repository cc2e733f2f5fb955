// What a record on a shelf says to the repeat that opens it, and what is put on a shelf: the same for every vault.
import { type Derived, isMarker, marker, NONCE_BYTES, open, type Replayable, seal } from './seal.ts';

/** Sent once, and nobody can show what came of it. */
export const NOT_KEPT = { kind: 'unknown', code: 'answer_not_kept' } as const;

/** Called when an answer could not be sealed, or a record not opened. The cause holds nothing secret. */
export type Observe = (what: 'seal' | 'open', cause: unknown) => void;

/** `whole` false: it could not be kept whole, only that it was sent. Never throws. */
export function recordOf(
  derived: Derived,
  answer: Replayable,
  mostBytes: number,
  randomBytes: (bytes: number) => Buffer,
  observe: Observe | undefined,
): { readonly record: Buffer; readonly whole: boolean } {
  try {
    const record = seal(derived, randomBytes(NONCE_BYTES), answer, mostBytes);
    if (record !== undefined) return { record, whole: true };
  } catch (cause) {
    observe?.('seal', cause);
  }
  return { record: marker(derived.check), whole: false };
}

/** A record that does not open was changed. It was sent once, so it is unknown, and never sent again. Never throws. */
export function answerOf(
  derived: Derived,
  record: Buffer,
  observe: Observe | undefined,
): { readonly answer: Replayable; readonly readable: boolean } {
  if (isMarker(record)) return { answer: NOT_KEPT, readable: true };
  try {
    return { answer: open(derived, record), readable: true };
  } catch (cause) {
    observe?.('open', cause);
    return { answer: NOT_KEPT, readable: false };
  }
}
