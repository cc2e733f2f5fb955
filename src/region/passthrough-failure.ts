// What can become of a passed-through request but an answer, in the words of its caller.
import type { Effect } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import { failureOf } from './failure.ts';
import type { Turned } from './forward.ts';
import type { Passage } from './passthrough-enter.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Why a passage got no connection. */
export class Busy extends Error {
  readonly code = 'BUSY';
  readonly why: Turned;

  constructor(why: Turned) {
    super('no connection became free');
    this.why = why;
  }
}

/** Once for all: who is turned away costs no stack. */
export const FULL = new Busy('full');
export const LATE = new Busy('late');

export function effectOf(method: string): Effect {
  return SAFE.has(method) ? 'none' : 'advances';
}

/** A call that failed, as the refusal that its caller gets. */
export function passageFailureOf({ sent }: Passage, cause: unknown): Refusal {
  if (!sent && cause instanceof Busy)
    return new Refusal('region_busy', { outcome: 'not_sent', headers: ['Retry-After', '1'] });
  return failureOf(sent, cause);
}
