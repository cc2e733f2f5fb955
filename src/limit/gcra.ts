// The generic cell rate algorithm, pure: one number a client, its theoretical arrival time (TAT).
//
// A client's TAT is the moment at which its bucket is full again. TAT <= now: nothing owed. Each unit of cost moves it on
// by the emission interval T = perMs / requests; a request passes if it stays within T * burst of now. So `burst` at
// once pass, the next one T later, and in any span never more than burst + floor(span / T).

/**
 * All times are whole ticks of 1/2048 ms, and a double holds these exactly until the year 2109: adding T to a TAT a million
 * times drifts by nothing. T is rounded up to a tick, so the rate is kept or missed by less than half a microsecond a
 * request, never exceeded.
 */
const TICKS_PER_MS = 2048;

/** As configured: `requests` in `perMs` milliseconds, up to `burst` at once. */
export interface Rate {
  readonly perMs: number;
  readonly requests: number;
  readonly burst: number;
}

/** A rate, compiled once. */
export interface Gcra {
  readonly emissionMs: number;
  readonly toleranceMs: number;
}

/** What a client is told. */
export interface LimitResult {
  readonly allowed: boolean;
  /** 0 if allowed. Else the same request passes after this time, not before, if nothing else is spent meanwhile. */
  readonly retryAfterMs: number;
  /** How many requests of cost 1 would pass now. */
  readonly remaining: number;
  /** Until the whole burst is there again. */
  readonly resetMs: number;
}

export interface GcraDecision extends LimitResult {
  /** To be kept if allowed. If refused, what was given: refused requests spend nothing. */
  readonly tatMs: number;
}

/** Throws a RangeError unless all are positive and finite, and burst is at least 1. */
export function compileGcra(rate: Rate): Gcra {
  const { perMs, requests, burst } = rate;
  const sound = perMs > 0 && requests > 0 && burst >= 1 && Number.isFinite(perMs * requests * burst);
  if (!sound) throw new RangeError(`not a rate: ${requests} requests in ${perMs} ms, burst ${burst}`);
  const emissionMs = Math.ceil((perMs / requests) * TICKS_PER_MS) / TICKS_PER_MS;
  return { emissionMs, toleranceMs: emissionMs * Math.floor(burst) };
}

/**
 * Decides on a request of `cost` (whole, 0 or more) at `nowMs` (any clock that does not jump; milliseconds). `tatMs` is
 * what an earlier decision or charge gave, or 0.
 *
 * A cost greater than the burst can never pass. It is refused, spends nothing, and its retryAfterMs is the time until
 * the bucket is full plus the time in which the cost is earned: who repeats it at that pace stays within the rate.
 *
 * @returns a fresh object, which the caller may keep.
 */
export function gcraDecide(gcra: Gcra, tatMs: number, nowMs: number, cost: number): GcraDecision {
  const { emissionMs, toleranceMs } = gcra;
  const now = tick(nowMs);
  const tat = believedTat(gcra, tatMs, now);
  const price = cost * emissionMs;
  const next = tat + price;
  const allowed = next - now <= toleranceMs;
  const owed = (allowed ? next : tat) - now;
  const wait = allowed ? 0 : price > toleranceMs ? next - now : next - now - toleranceMs;
  return {
    allowed,
    tatMs: allowed ? next : tatMs,
    retryAfterMs: wait,
    remaining: owed >= toleranceMs ? 0 : Math.floor((toleranceMs - owed) / emissionMs),
    resetMs: owed,
  };
}

/**
 * Debits `cost` after the fact, whether there is allowance for it or not.
 *
 * Debt ends: the new TAT is at most a whole burst plus this charge ahead, and a charge counts for at most a burst. So
 * however often and much is charged, a client gets in again after that charge and one emission interval.
 */
export function gcraCharge(gcra: Gcra, tatMs: number, nowMs: number, cost: number): number {
  const now = tick(nowMs);
  const tat = believedTat(gcra, tatMs, now);
  const price = Math.min(cost * gcra.emissionMs, gcra.toleranceMs);
  return Math.max(tat, Math.min(tat, now + gcra.toleranceMs) + price);
}

/**
 * What a stored TAT is worth at `nowMs`: at least now. None that was written with this clock is more than two bursts
 * ahead (gcraCharge); if it is, the clock went back, and what was owed cannot be known. Then the bucket is taken as
 * empty: nobody gains, and nobody waits longer than one emission interval for one request.
 */
export function believedTat(gcra: Gcra, tatMs: number, nowMs: number): number {
  if (tatMs <= nowMs) return nowMs;
  return tatMs - nowMs > 2 * gcra.toleranceMs ? nowMs + gcra.toleranceMs : tatMs;
}

/** Cut to a tick: up to 1/2048 ms early, which never lets anything pass too soon. */
function tick(ms: number): number {
  return Math.floor(ms * TICKS_PER_MS) / TICKS_PER_MS;
}
