// The regions, and the one way to them.
import type { Logger } from 'pino';
import type { Config } from './config/types.ts';
import type { RegionName } from './domain.ts';
import { createLapsed } from './locality/lapsed.ts';
import type { Metrics } from './record/metrics.ts';
import { createForward } from './region/forward.ts';
import { createHealth, type Health, type HealthEvent } from './region/health.ts';
import { createProbe, type Probe } from './region/probe.ts';
import { createRegion, type Region } from './region/region.ts';
import type { Clocks, GatewayDependencies } from './rooms.ts';
import type { SharedMemory } from './shared-memory/locks.ts';
import type { State } from './state.ts';

/** An answer of a region up to this size leaves only when it is whole; a longer one streams. */
const COLLECT_BYTES = 8 * 1024 * 1024;

/** How each configured region is. */
export function readingsOf(
  regions: ReadonlyMap<RegionName, Pick<Region, 'upstreams'>>,
  health: Pick<Health, 'readings'>,
  directory: Pick<State['directory'], 'isDrained'>,
) {
  const states = new Map(health.readings().map((reading) => [reading.region, reading]));
  return [...regions].map(([name, { upstreams }]) => ({
    name,
    up: states.get(name)?.up ?? true,
    breaker: states.get(name)?.state ?? 'closed',
    failures: states.get(name)?.failures ?? 0,
    drained: directory.isDrained(name),
    inUse: upstreams.reduce((sum, upstream) => sum + upstream.inUse, 0),
    waiting: upstreams.reduce((sum, upstream) => sum + upstream.waiting, 0),
  }));
}

/** A region that goes down or comes back is news; what is only counted is not. */
function noteHealth(log: Logger, metrics: Metrics, region: RegionName, event: HealthEvent): void {
  if (event.kind === 'held') metrics.held(region, event.enforced);
  else if (event.kind === 'probed') metrics.probed(region, event.answer);
  else log.warn({ region, ...event }, event.kind === 'opened' ? 'region is down' : 'region is back');
}

/** Each region's upstream URLs, in the order of preference. */
export function originsOf({ regions }: Config): ReadonlyMap<RegionName, readonly string[]> {
  return new Map(regions.map(({ name, upstreams }) => [name, upstreams]));
}

/** @param probe how a region is asked how it is */
export function openHealth(
  config: Config,
  { steady }: Pick<Clocks, 'steady'>,
  probe: Probe,
  observe: (region: RegionName, event: HealthEvent) => void,
  shared: SharedMemory | undefined,
): Health {
  return createHealth(originsOf(config), {
    ...config.health.breaker,
    now: steady,
    probeMs: config.health.probeMs,
    probe,
    observe,
    shared,
  });
}

export function openRegions(
  config: Config,
  state: State,
  metrics: Metrics,
  clocks: Clocks,
  { log, together }: GatewayDependencies,
) {
  const regions = new Map<RegionName, Region>(
    config.regions.map(({ name, upstreams }) => [name, createRegion(name, upstreams, config.upstream)]),
  );
  const bounds = { bodyTimeoutMs: config.upstream.bodyTimeoutMs, patienceMs: config.upstream.connectTimeoutMs };
  const note = (region: RegionName, event: HealthEvent): void => noteHealth(log, metrics, region, event);
  const health = openHealth(config, clocks, createProbe(regions, bounds), note, together?.health);
  const onViolation = (problem: string): void => {
    metrics.violated();
    log.fatal({ problem }, 'pin violation stopped');
  };
  const lapsed = createLapsed(state.directory);
  const forward = createForward(regions, {
    ...bounds,
    health,
    collectBytes: COLLECT_BYTES,
    observe: metrics.upstream,
    onViolation,
    lapsed,
  });
  return { regions, health, onViolation, lapsed, forward };
}
