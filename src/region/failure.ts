// A call that brought no answer, as the refusal that its caller gets.
import { Refusal } from '../refusal.ts';

/** The codes under which undici reports that time ran out after the request was sent. */
const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);
/** What undici does not take: the caller's own doing, noticed before anything was sent. */
const MALFORMED = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);

/** What this machine has no more of: descriptors, memory. No connection was tried, and the region knows nothing of it. */
const SPENT = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** How a connection that was kept open reports that it no longer is. */
const STALE = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** Whether the region may just have closed a connection that was kept: before a byte was written, a new one will do. */
export function isStale(cause: unknown): boolean {
  return STALE.has(codeOf(cause));
}

/** The code of a failure's cause, as undici and Node give it; empty where there is none. */
export function codeOf(cause: unknown): string {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
}

/** Whether it was the gateway's own machine that had nothing left, also for a connection to a proxy (tunnel-fault.ts). */
export function isSpent(cause: unknown): boolean {
  if (SPENT.has(codeOf(cause))) return true;
  return cause instanceof Error && 'errcode' in cause && SPENT.has(String(cause.errcode));
}

/**
 * @param sent false only when surely no byte was sent
 * @param hint what the caller should make of an unknown outcome
 */
export function failureOf(sent: boolean, cause: unknown, hint?: string): Refusal {
  const code = codeOf(cause);
  if (!sent && isSpent(cause)) {
    return new Refusal('overloaded', { outcome: 'not_sent', cause, headers: ['Retry-After', '1'] });
  }
  if (!sent) {
    return new Refusal(MALFORMED.has(code) ? 'request_malformed' : 'region_unreachable', {
      outcome: 'not_sent',
      cause,
    });
  }
  const lost = { outcome: 'unknown', cause, ...(hint === undefined ? {} : { hint }) } as const;
  return new Refusal(TIMEOUTS.has(code) ? 'region_timeout' : 'region_failed', lost);
}
