// How each region is: a breaker a region, the order of its upstream URLs, and when to ask it. What is known comes from the
// calls themselves; while all is well no probe is sent, since the service counts them (UPSTREAM.md).
import type { Effect, RegionName } from '../domain.ts';
import type { SharedMemory } from '../shared-memory/locks.ts';
import type { BreakerOptions, BreakerState } from './breaker.ts';
import type { Probe, ProbeAnswer, Signal } from './probe.ts';
import { sharedStates } from './shared-watch.ts';
import { GO, Watch } from './watch.ts';
import { OwnState, type WatchState } from './watch-state.ts';

export { healthBytes, releaseHealth } from './shared-watch.ts';

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
  /** What is known of each region. */
  readonly states: ReadonlyMap<RegionName, WatchState>;
}

export interface HealthOptions extends BreakerOptions {
  /** At most one probe a region in this time. */
  readonly probeMs: number;
  readonly now: () => number;
  readonly probe: Probe;
  /** Calls back once after `ms`, unless cancelled. The default does not keep the process alive. */
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
  /** Called once for each event, in the thread where it happens. */
  readonly observe?: (region: RegionName, event: HealthEvent) => void;
  /**
   * One health for all threads: zeroed memory of `healthBytes`, and the same regions in the same order, the same options
   * and the same clock in each of them. Any thread that knows of an opening plans the next probe, and one of them sends it.
   * A thread that only reads calls `close` at once. When a thread has ended, `releaseHealth` frees what it had.
   */
  readonly shared?: SharedMemory | undefined;
  /** A health of the same regions and options, in this thread, that this one takes the place of: what it knows stays known. */
  readonly before?: Pick<Health, 'states'> | undefined;
}

/** @param regions their upstream origins in order of preference */
export function createHealth(regions: ReadonlyMap<RegionName, readonly string[]>, options: HealthOptions): Health {
  const { before, ...own } = options;
  const known = own.shared === undefined ? before?.states : sharedStates(regions, own.shared);
  const states = new Map(
    [...regions].map(([region, origins]) => [region, known?.get(region) ?? new OwnState(origins)]),
  );
  const watches = new Map(
    [...states].map(([region, state]) => [region, new Watch(region, regions.get(region) ?? [], state, own)]),
  );
  return {
    gate: (region, effect) => watches.get(region)?.gate(effect) ?? GO,
    report: (region, upstream, signal) => watches.get(region)?.report(upstream, signal),
    order: (region, effect) => watches.get(region)?.order(effect) ?? [],
    readings: () => [...watches.values()].map((watch) => watch.reading()),
    close() {
      for (const watch of watches.values()) watch.close();
    },
    states,
  };
}
