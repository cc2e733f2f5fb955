// What can become of a passed-through request but an answer, in the words of its caller.
import type { Dispatcher } from 'undici';
import type { Effect } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import type { Passage } from './passthrough-enter.ts';

const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);
const OWN = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

export const BUSY = Object.assign(new Error('no connection became free'), { code: 'BUSY' });
const UNDELIMITED = new Error(
  'the answer has neither Content-Length nor chunked encoding: whether it is whole cannot be told',
);
const NO_STATUS = new Error('the answer has a status that is none');

export function effectOf(method: string): Effect {
  return SAFE.has(method) ? 'none' : 'advances';
}

function codeOf(cause: unknown): string {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
}

/** A call that failed, as the refusal that its caller gets. */
export function failureOf({ sent }: Passage, cause: unknown): Refusal {
  const code = codeOf(cause);
  if (sent) return new Refusal(TIMEOUTS.has(code) ? 'region_timeout' : 'region_failed', { outcome: 'unknown', cause });
  if (cause === BUSY) return new Refusal('region_busy', { outcome: 'not_sent', headers: ['Retry-After', '1'] });
  return new Refusal(OWN.has(code) ? 'request_malformed' : 'region_unreachable', { outcome: 'not_sent', cause });
}

/** What is wrong with an answer's head, if anything. */
export function flawOf(method: string, { statusCode, headers }: Dispatcher.ResponseData<unknown>): Error | undefined {
  if (statusCode < 200 || statusCode > 599) return NO_STATUS;
  if (method === 'HEAD' || statusCode === 204 || statusCode === 304) return undefined;
  if (headers['content-length'] !== undefined) return undefined;
  return /(^|,)\s*chunked\s*$/i.test(String(headers['transfer-encoding'] ?? '')) ? undefined : UNDELIMITED;
}
