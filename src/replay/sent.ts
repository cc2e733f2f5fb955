// Which calls were sent by a process before this one, on the same store. What they were answered has ended with it, so a
// repeat is told that nobody knows, and is not sent again.
import type { SentCalls } from '../store/store.ts';
import { marker } from './seal.ts';

export interface Sent {
  /** The record that a call was sent under this name before this process began; undefined: not as far as is known. */
  before(name: string): Buffer | undefined;
  /** A call is about to be sent under this name. @returns takes that back: it surely was not */
  put(name: string, check: Buffer): () => void;
}

const NOTHING = (): void => {};
/** Where nothing outlives the process. */
export const NONE_SENT: Sent = { before: () => undefined, put: () => NOTHING };

/**
 * @param keepMs for how long a repeat is known. As long after the start by a clock that nobody sets, whatever the day's
 *   clock says of when it was sent
 */
export function openSent(calls: SentCalls | undefined, keepMs: number, now: () => number): Sent {
  if (calls === undefined) return NONE_SENT;
  const untilMs = now() + keepMs;
  const left = new Map(calls.before().map(({ name, check }) => [name.toString('latin1'), check]));
  return {
    before(name) {
      if (left.size === 0) return undefined;
      if (now() >= untilMs) left.clear();
      const check = left.get(name);
      return check && marker(check);
    },
    put: (name, check) => calls.put({ name: Buffer.from(name, 'latin1'), check }, keepMs),
  };
}
