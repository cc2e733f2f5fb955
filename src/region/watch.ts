// One region's health: each change is a step of breaker.ts and upstream-order.ts on what is known of it (watch-state.ts),
// which several threads may share. What follows from a step, telling and asking and planning, is done when it is over.
import type { Effect, RegionName } from '../domain.ts';
import { ask, type Breaker, failed, openLengthMs, released, stateOf, succeeded, within } from './breaker.ts';
import type { Gate, HealthEvent, HealthOptions, HealthReading } from './health.ts';
import type { ProbeAnswer, Signal } from './probe.ts';
import { type Upstream, UpstreamOrder } from './upstream-order.ts';
import type { WatchState } from './watch-state.ts';

const NOTHING = (): void => {};
export const GO: Gate = { kind: 'go', over: NOTHING };
/** Retry-After has whole seconds. */
const SHORTEST_WAIT_MS = 1000;
/**
 * Suspicion that a probe did not confirm doubles the time to the next probe while closed, up to this many times `probeMs`.
 * Otherwise a caller who provokes faults has the gateway spend 20 of the 25 that credentials are verified from.
 */
const MOST_CALM = 4;

function startTimer(callback: () => void, ms: number): () => void {
  const timer = setTimeout(callback, ms).unref();
  return () => clearTimeout(timer);
}

export class Watch {
  readonly region: RegionName;
  readonly #state: WatchState;
  readonly #upstreams: UpstreamOrder;
  readonly #options: HealthOptions;
  readonly #afterwards: (() => void)[] = [];
  /** Undefined while no probe is planned by this thread. */
  #cancelTimer: (() => void) | undefined;
  /** Whether the probe that is under way is this thread's. */
  #asking = false;
  #closed = false;

  constructor(region: RegionName, origins: readonly string[], state: WatchState, options: HealthOptions) {
    this.region = region;
    this.#state = state;
    this.#upstreams = new UpstreamOrder(origins, options.openMs, state.upstreams);
    this.#options = options;
    // Opened before this thread began: its predecessor may have been the only one to know.
    if (state.openings > 0) this.#plan();
  }

  gate(effect: Effect): Gate {
    if (this.#state.openings === 0) return GO;
    return this.#step((now) => this.#pass(effect, now));
  }

  report(origin: string, signal: Signal): void {
    const upstream = this.#upstreams.find(origin);
    if (upstream === undefined) return;
    if (signal === 'success' && upstream.failures === 0 && this.#state.failures === 0) return;
    this.#step((now) => this.#heard(upstream, signal, now));
  }

  order(effect: Effect): readonly string[] {
    const { usual } = this.#upstreams;
    if (usual !== undefined) return usual;
    return this.#step((now) => this.#upstreams.order(effect === 'none', now, (due) => this.#probe(due, now)));
  }

  reading(): HealthReading {
    const { openings, failures } = this.#state;
    return {
      region: this.region,
      state: openings === 0 ? 'closed' : this.#step((now) => stateOf(this.#state.breaker, now, this.#options)),
      up: !this.#upstreams.allFailing,
      failures,
    };
  }

  close(): void {
    this.#closed = true;
    this.#unplan();
  }

  #step<T>(change: (nowMs: number) => T): T {
    const nowMs = this.#state.enter(this.#options.now());
    let result: T;
    try {
      result = change(nowMs);
    } finally {
      this.#state.leave();
    }
    for (const follow of this.#afterwards.splice(0)) follow();
    return result;
  }

  #tell(event: HealthEvent): void {
    const { observe } = this.#options;
    if (observe !== undefined) this.#afterwards.push(() => observe(this.region, event));
  }

  #pass(effect: Effect, now: number): Gate {
    const options = this.#options;
    const verdict = ask(this.#state.breaker, effect === 'none', now, options);
    // Another thread opened it, and may be gone when the next probe is due.
    if (this.#cancelTimer === undefined && !this.#asking) this.#afterwards.push(() => this.#plan());
    if (verdict.kind === 'trial') return { kind: 'go', over: this.#takeTrial() };
    if (verdict.kind === 'pass') return GO;
    if (effect !== 'none') this.#probe(this.#upstreams.longestUntried(), now);
    this.#tell({ kind: 'held', enforced: verdict.enforced });
    if (!verdict.enforced) return GO;
    // In half-open whoever comes next may close it: never longer than openMs, though the next probe may be later.
    const soonMs = this.#state.probing || effect === 'none' ? 0 : Math.min(this.#untilProbeMs(now), options.openMs);
    return { kind: 'wait', retryAfterMs: Math.max(SHORTEST_WAIT_MS, verdict.waitMs || soonMs) };
  }

  #heard(upstream: Upstream, signal: Signal, now: number): void {
    const state = this.#state;
    if (signal === 'success') {
      upstream.failures = 0;
      this.#become(succeeded(state.breaker, now, this.#options));
    } else if (signal === 'suspicious') {
      state.doubted = upstream;
      this.#probe(upstream, now);
    } else {
      state.calm = 1;
      if (this.#upstreams.failed(upstream, now)) this.#become(failed(state.breaker, now, this.#options));
    }
  }

  #become(next: Breaker): void {
    const { openings } = this.#state;
    this.#state.keep(next);
    if (next.openings > openings) {
      this.#tell({ kind: 'opened', forMs: openLengthMs(next, this.#options) });
      this.#afterwards.push(() => this.#plan());
    } else if (next.openings < openings) {
      this.#afterwards.push(() => this.#unplan());
      this.#tell({ kind: 'closed' });
    }
  }

  /** @returns what ends the trial, once */
  #takeTrial(): () => void {
    this.#state.takeTrial(true);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#step((now) => this.#endTrial(now));
    };
  }

  #endTrial(now: number): void {
    const state = this.#state;
    state.takeTrial(released(state.breaker).trial);
    // A trial that ended in what callers can provoke has told nothing: the region is asked, before another caller's call
    // takes the next trial.
    const { doubted } = state;
    state.doubted = undefined;
    if (doubted !== undefined && state.openings > 0) this.#probe(doubted, now);
  }

  #untilProbeMs(now: number): number {
    const { openings, calm, probedMs } = this.#state;
    const gapMs = this.#options.probeMs * (openings === 0 ? calm : 1);
    return within(now, probedMs, gapMs) ? probedMs + gapMs - now : 0;
  }

  /** Starts a probe, unless one is under way or was a short time ago, or the breaker is open or has its trial. */
  #probe(upstream: Upstream | undefined, now: number): void {
    const state = this.#state;
    if (upstream === undefined || this.#closed || state.probing || this.#untilProbeMs(now) > 0) return;
    const verdict = ask(state.breaker, true, now, this.#options);
    if (verdict.kind === 'held') return;
    const over = verdict.kind === 'trial' ? this.#takeTrial() : NOTHING;
    state.probing = true;
    state.probedMs = now;
    this.#asking = true;
    this.#afterwards.push(() => void this.#runProbe(upstream, over));
  }

  async #runProbe({ origin }: Upstream, over: () => void): Promise<void> {
    const answer = await this.#options.probe(this.region, origin).catch((): ProbeAnswer => 'nothing');
    this.#asking = false;
    this.#step(() => {
      this.#state.probing = false;
      if (!this.#closed) this.#state.calm = Math.min(this.#state.calm * 2, MOST_CALM);
    });
    over();
    if (this.#closed) return;
    this.#options.observe?.(this.region, { kind: 'probed', origin, answer });
    if (answer !== 'nothing') this.report(origin, answer === 'up' ? 'success' : 'failure');
    if (this.#state.openings > 0) this.#plan();
  }

  #unplan(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** While open or half-open: the next probe, without anybody calling. */
  #plan(): void {
    this.#unplan();
    if (this.#closed) return;
    const { setTimer = startTimer } = this.#options;
    const delayMs = this.#step((now) => this.#untilTurnMs(now));
    this.#cancelTimer = setTimer(() => {
      this.#cancelTimer = undefined;
      if (this.#state.openings === 0) return;
      this.#step((now) => this.#probe(this.#upstreams.longestUntried(), now));
      if (!this.#asking) this.#plan();
    }, delayMs);
  }

  #untilTurnMs(now: number): number {
    const { breaker, probing } = this.#state;
    const verdict = ask(breaker, true, now, this.#options);
    const busyMs = breaker.trial || probing ? this.#options.openMs : 0;
    const heldMs = verdict.kind === 'held' ? verdict.waitMs : 0;
    return Math.max(1, this.#untilProbeMs(now), heldMs, busyMs);
  }
}
