// A circuit breaker as plain data and pure functions: closed, open, half-open. Nothing here knows a clock, a region or a
// request; health.ts does.
//
//   closed     every call passes; `failures` failures in a row open it
//   open       nothing passes, whatever is reported, until its time is over: openMs, then 2 and 4 times that, for each
//              opening without a success in between (never longer than 4 times)
//   half_open  one harmless call at a time passes as a trial; a success closes, a failure opens again

/** `shadow` keeps the same state and lets every call pass; `off` counts failures and never opens. */
export type BreakerMode = 'enforce' | 'shadow' | 'off';
export type BreakerState = 'closed' | 'open' | 'half_open';

export interface BreakerOptions {
  readonly mode: BreakerMode;
  /** Failures in a row that open it; at least 1. */
  readonly failures: number;
  /** The first opening's length. */
  readonly openMs: number;
}

export interface Breaker {
  /** In a row. */
  readonly failures: number;
  /** In a row, without a success in half-open between them; 0: closed. */
  readonly openings: number;
  /** When it opened last. */
  readonly openedMs: number;
  /** A trial is under way. Only `released` ends it, so that there are never two, however late a call comes back. */
  readonly trial: boolean;
}

/** What becomes of a call that asks. */
export type Verdict =
  | { readonly kind: 'pass' }
  /** Passes as the one trial: `breaker` is the state to keep, and `released` must be called when the call is over. */
  | { readonly kind: 'trial'; readonly breaker: Breaker }
  /** To be refused if `enforced`. `waitMs`: until half-open; 0 if it is that already and waits for a trial. */
  | { readonly kind: 'held'; readonly enforced: boolean; readonly waitMs: number };

/** Openings in a row last longer, up to this many times `openMs`: a region that is away for an hour is not asked 360 times. */
const LONGEST = 4;
const PASS: Verdict = { kind: 'pass' };

export const CLOSED: Breaker = { failures: 0, openings: 0, openedMs: 0, trial: false };

/** Whether less than `lengthMs` has passed since a moment. A clock that was set back ends every wait, never extends it. */
export function within(nowMs: number, sinceMs: number, lengthMs: number): boolean {
  return nowMs >= sinceMs && nowMs - sinceMs < lengthMs;
}

/** How long the current opening lasts, in ms; 0 when closed. */
export function openLengthMs(breaker: Breaker, options: BreakerOptions): number {
  return breaker.openings === 0 ? 0 : options.openMs * Math.min(2 ** (breaker.openings - 1), LONGEST);
}

export function stateOf(breaker: Breaker, nowMs: number, options: BreakerOptions): BreakerState {
  if (breaker.openings === 0) return 'closed';
  return within(nowMs, breaker.openedMs, openLengthMs(breaker, options)) ? 'open' : 'half_open';
}

/** @param harmless whether the call changes nothing at the region: no other may be a trial */
export function ask(breaker: Breaker, harmless: boolean, nowMs: number, options: BreakerOptions): Verdict {
  const state = stateOf(breaker, nowMs, options);
  if (state === 'closed') return PASS;
  if (state === 'half_open' && harmless && !breaker.trial)
    return { kind: 'trial', breaker: { ...breaker, trial: true } };
  const waitMs = state === 'open' ? breaker.openedMs + openLengthMs(breaker, options) - nowMs : 0;
  return { kind: 'held', enforced: options.mode === 'enforce', waitMs };
}

/** After a failure. One that is reported while open belongs to a call from before: it does not prolong anything. */
export function failed(breaker: Breaker, nowMs: number, options: BreakerOptions): Breaker {
  const counted = { ...breaker, failures: breaker.failures + 1 };
  const state = stateOf(breaker, nowMs, options);
  if (options.mode === 'off' || state === 'open') return counted;
  if (state === 'closed' && counted.failures < options.failures) return counted;
  return { ...counted, openings: breaker.openings + 1, openedMs: nowMs };
}

/** After a success. One that is reported while open belongs to a call from before, and does not close it early. */
export function succeeded(breaker: Breaker, nowMs: number, options: BreakerOptions): Breaker {
  return stateOf(breaker, nowMs, options) === 'open' ? breaker : { ...CLOSED, trial: breaker.trial };
}

/** After the trial is over, whatever became of it: the next one may go. */
export function released(breaker: Breaker): Breaker {
  return { ...breaker, trial: false };
}
