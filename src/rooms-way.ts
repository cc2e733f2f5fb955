// The regions, and the one way to them.
import type { Logger } from 'pino';
import type { Config } from './config/types.ts';
import type { RegionName } from './domain.ts';
import { createLapsed } from './locality/lapsed.ts';
import type { Metrics } from './record/metrics.ts';
import { createForward, type OnViolation } from './region/forward.ts';
import type { HealthEvent } from './region/health.ts';
import { createProbe } from './region/probe.ts';
import { createRegion, type Region } from './region/region.ts';
import type { Clocks, GatewayDependencies } from './rooms.ts';
import { openHealth } from './rooms-health.ts';
import type { State } from './state.ts';

export { readingsOf } from './rooms-health.ts';

/** An answer of a region up to this size leaves only when it is whole; a longer one streams. */
const COLLECT_BYTES = 8 * 1024 * 1024;

/** A region that goes down or comes back is news; what is only counted is not. */
function noteHealth(log: Logger, metrics: Metrics, region: RegionName, event: HealthEvent): void {
  if (event.kind === 'held') metrics.held(region, event.enforced);
  else if (event.kind === 'probed') metrics.probed(region, event.answer);
  else log.warn({ region, ...event }, event.kind === 'opened' ? 'region is down' : 'region is back');
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
  const onViolation: OnViolation = (problem, region, { requestId, account }) => {
    metrics.violated();
    log.fatal({ problem, region, request_id: requestId, account }, 'pin violation stopped');
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
