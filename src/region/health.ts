// How each region is: a breaker a region, the order of its upstream URLs, and when to ask it. What is known comes from the
// calls themselves; while all is well no probe is sent, since the service counts them (UPSTREAM.md).
import type { Effect, RegionName } from '../domain.ts';
import {
  ask,
  type Breaker,
  type BreakerOptions,
  type BreakerState,
  CLOSED,
  failed,
  openLengthMs,
  released,
  stateOf,
  succeeded,
  within,
} from './breaker.ts';
import type { Probe, ProbeAnswer, Signal } from './probe.ts';
import { type Upstream, UpstreamOrder } from './upstream-order.ts';

export type Gate =
  /** `over` must be called when the call is over, whatever became of it: in a `finally`. Harmless to call twice. */
  | { readonly kind: 'go'; readonly over: () => void }
  /** The region is taken to be down: 503, outcome not_sent. */
  | { readonly kind: 'wait'; readonly retryAfterMs: number };

export interface HealthReading {
  readonly region: RegionName;
  readonly state: BreakerState;
  /** Whether the last that was heard of one of its upstreams is not a failure. */
  readonly up: boolean;
  /** In a row, as the breaker counts them. */
  readonly failures: number;
}

export type HealthEvent =
  | { readonly kind: 'opened'; readonly forMs: number }
  | { readonly kind: 'closed' }
  /** A call was refused, or would have been (`shadow`). */
  | { readonly kind: 'held'; readonly enforced: boolean }
  | { readonly kind: 'probed'; readonly origin: string; readonly answer: ProbeAnswer };

export interface Health {
  /** Before a call. In half-open only calls with effect `none` may be the trial; any other has the region probed. */
  gate(region: RegionName, effect: Effect): Gate;
  /** @param upstream the origin that was tried, as configured */
  report(region: RegionName, upstream: string, signal: Signal): void;
  /**
   * The region's upstream origins in the order to be tried, never another region's: as configured, but those that failed
   * last. After `openMs` such a one gets a chance in its old place: one call with effect `none`, or a probe.
   */
  order(region: RegionName, effect: Effect): readonly string[];
  readings(): readonly HealthReading[];
  /** No more probes. */
  close(): void;
}

export interface HealthOptions extends BreakerOptions {
  /** At most one probe a region in this time. */
  readonly probeMs: number;
  readonly now: () => number;
  readonly probe: Probe;
  /** Calls back once after `ms`, unless cancelled. The default does not keep the process alive. */
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
  readonly observe?: (region: RegionName, event: HealthEvent) => void;
}

const NOTHING = (): void => {};
const GO: Gate = { kind: 'go', over: NOTHING };
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

/** One region. */
class Watch {
  readonly region: RegionName;
  readonly #upstreams: UpstreamOrder;
  readonly #options: HealthOptions;
  #breaker: Breaker = CLOSED;
  /** Answered with what may be a fault, since the last trial ended. */
  #doubted: Upstream | undefined;
  #probing = false;
  #probedMs = Number.NEGATIVE_INFINITY;
  #calm = 1;
  #cancelTimer = NOTHING;
  #closed = false;

  constructor(region: RegionName, origins: readonly string[], options: HealthOptions) {
    this.region = region;
    this.#upstreams = new UpstreamOrder(origins, options.openMs);
    this.#options = options;
  }

  gate(effect: Effect): Gate {
    if (this.#breaker.openings === 0) return GO;
    const now = this.#options.now();
    const verdict = ask(this.#breaker, effect === 'none', now, this.#options);
    if (verdict.kind === 'trial') return { kind: 'go', over: this.#takeTrial(verdict.breaker) };
    if (verdict.kind === 'pass') return GO;
    if (effect !== 'none') this.#probe(this.#upstreams.longestUntried(), now);
    this.#options.observe?.(this.region, { kind: 'held', enforced: verdict.enforced });
    if (!verdict.enforced) return GO;
    // In half-open whoever comes next may close it: never longer than openMs, though the next probe may be later.
    const soonMs = this.#probing || effect === 'none' ? 0 : Math.min(this.#untilProbeMs(now), this.#options.openMs);
    return { kind: 'wait', retryAfterMs: Math.max(SHORTEST_WAIT_MS, verdict.waitMs || soonMs) };
  }

  report(origin: string, signal: Signal): void {
    const upstream = this.#upstreams.find(origin);
    if (upstream === undefined) return;
    if (signal === 'success') {
      if (upstream.failures === 0 && this.#breaker.failures === 0) return;
      upstream.failures = 0;
      this.#become(succeeded(this.#breaker, this.#options.now(), this.#options));
      return;
    }
    const now = this.#options.now();
    if (signal === 'suspicious') {
      this.#doubted = upstream;
      this.#probe(upstream, now);
      return;
    }
    this.#calm = 1;
    if (this.#upstreams.failed(upstream, now)) this.#become(failed(this.#breaker, now, this.#options));
  }

  order(effect: Effect): readonly string[] {
    const now = this.#options.now();
    return this.#upstreams.order(effect === 'none', now, (due) => this.#probe(due, now));
  }

  reading(): HealthReading {
    return {
      region: this.region,
      state: stateOf(this.#breaker, this.#options.now(), this.#options),
      up: !this.#upstreams.allFailing,
      failures: this.#breaker.failures,
    };
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
  }

  #become(next: Breaker): void {
    const before = this.#breaker;
    this.#breaker = next;
    if (next.openings > before.openings) {
      this.#options.observe?.(this.region, { kind: 'opened', forMs: openLengthMs(next, this.#options) });
      this.#plan();
    } else if (next.openings < before.openings) {
      this.#cancelTimer();
      this.#options.observe?.(this.region, { kind: 'closed' });
    }
  }

  /** @returns what ends the trial, once */
  #takeTrial(breaker: Breaker): () => void {
    this.#breaker = breaker;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#breaker = released(this.#breaker);
      // A trial that ended in what callers can provoke has told nothing: the region is asked, before another caller's
      // call takes the next trial.
      const doubted = this.#doubted;
      this.#doubted = undefined;
      if (doubted !== undefined && this.#breaker.openings > 0) this.#probe(doubted, this.#options.now());
    };
  }

  #untilProbeMs(now: number): number {
    const gapMs = this.#options.probeMs * (this.#breaker.openings === 0 ? this.#calm : 1);
    return within(now, this.#probedMs, gapMs) ? this.#probedMs + gapMs - now : 0;
  }

  /** Starts a probe, unless one is under way or was a short time ago, or the breaker is open or has its trial. */
  #probe(upstream: Upstream | undefined, now: number): void {
    if (upstream === undefined || this.#closed || this.#probing || this.#untilProbeMs(now) > 0) return;
    const verdict = ask(this.#breaker, true, now, this.#options);
    if (verdict.kind === 'held') return;
    const over = verdict.kind === 'trial' ? this.#takeTrial(verdict.breaker) : NOTHING;
    this.#probing = true;
    this.#probedMs = now;
    void this.#runProbe(upstream, over);
  }

  async #runProbe({ origin }: Upstream, over: () => void): Promise<void> {
    const answer = await this.#options.probe(this.region, origin).catch((): ProbeAnswer => 'nothing');
    this.#probing = false;
    over();
    if (this.#closed) return;
    this.#options.observe?.(this.region, { kind: 'probed', origin, answer });
    this.#calm = Math.min(this.#calm * 2, MOST_CALM);
    if (answer !== 'nothing') this.report(origin, answer === 'up' ? 'success' : 'failure');
    if (this.#breaker.openings > 0) this.#plan();
  }

  /** While open or half-open: the next probe, without anybody calling. */
  #plan(): void {
    this.#cancelTimer();
    if (this.#closed) return;
    const { now, openMs, setTimer = startTimer } = this.#options;
    const verdict = ask(this.#breaker, true, now(), this.#options);
    const trialMs = this.#breaker.trial ? openMs : 0;
    const heldMs = verdict.kind === 'held' ? verdict.waitMs : 0;
    const delayMs = Math.max(1, this.#untilProbeMs(now()), heldMs, trialMs);
    this.#cancelTimer = setTimer(() => {
      if (this.#breaker.openings === 0) return;
      this.#probe(this.#upstreams.longestUntried(), now());
      if (!this.#probing) this.#plan();
    }, delayMs);
  }
}

/** @param regions their upstream origins in order of preference */
export function createHealth(regions: ReadonlyMap<RegionName, readonly string[]>, options: HealthOptions): Health {
  const watches = new Map([...regions].map(([region, origins]) => [region, new Watch(region, origins, options)]));
  return {
    gate: (region, effect) => watches.get(region)?.gate(effect) ?? GO,
    report: (region, upstream, signal) => watches.get(region)?.report(upstream, signal),
    order: (region, effect) => watches.get(region)?.order(effect) ?? [],
    readings: () => [...watches.values()].map((watch) => watch.reading()),
    close() {
      for (const watch of watches.values()) watch.close();
    },
  };
}
