// How the regions are, as every thread knows it: also one that sends nothing there.
import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config/types.ts';
import type { RegionName } from './domain.ts';
import { createHealth, type Health, type HealthEvent } from './region/health.ts';
import type { Probe } from './region/probe.ts';
import type { Region } from './region/region.ts';
import type { Clocks } from './rooms-base.ts';
import type { SharedMemory } from './shared-memory/locks.ts';
import type { State } from './state.ts';

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

/** Each region's upstream URLs, in the order of preference. */
export function originsOf({ regions }: Config): ReadonlyMap<RegionName, readonly string[]> {
  return new Map(regions.map(({ name, upstreams }) => [name, upstreams]));
}

/** Whether what is known of the regions by one configuration holds by the other. */
export function isSameHealth(one: Config, other: Config): boolean {
  const partsOf = (config: Config) => [[...originsOf(config)], config.health];
  return isDeepStrictEqual(partsOf(one), partsOf(other));
}

/** @param probe how a region is asked how it is */
export function openHealth(
  config: Config,
  { steady }: Pick<Clocks, 'steady'>,
  probe: Probe,
  observe: (region: RegionName, event: HealthEvent) => void,
  shared: SharedMemory | undefined,
  before?: Pick<Health, 'states'>,
): Health {
  return createHealth(originsOf(config), {
    ...config.health.breaker,
    now: steady,
    probeMs: config.health.probeMs,
    probe,
    observe,
    shared,
    before,
  });
}
