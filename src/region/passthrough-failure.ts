// What can become of a passed-through request but an answer, in the words of its caller.
import type { Dispatcher } from 'undici';
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
const UNDELIMITED = new Error(
  'the answer has neither Content-Length nor chunked encoding: whether it is whole cannot be told',
);
const NO_STATUS = new Error('the answer has a status that is none');

export function effectOf(method: string): Effect {
  return SAFE.has(method) ? 'none' : 'advances';
}

/** A call that failed, as the refusal that its caller gets. */
export function passageFailureOf({ sent }: Passage, cause: unknown): Refusal {
  if (!sent && cause instanceof Busy)
    return new Refusal('region_busy', { outcome: 'not_sent', headers: ['Retry-After', '1'] });
  return failureOf(sent, cause);
}

/** What is wrong with an answer's head, if anything. */
export function flawOf(method: string, { statusCode, headers }: Dispatcher.ResponseData<unknown>): Error | undefined {
  if (statusCode < 200 || statusCode > 599) return NO_STATUS;
  if (method === 'HEAD' || statusCode === 204 || statusCode === 304) return undefined;
  if (headers['content-length'] !== undefined) return undefined;
  return /(^|,)\s*chunked\s*$/i.test(String(headers['transfer-encoding'] ?? '')) ? undefined : UNDELIMITED;
}
