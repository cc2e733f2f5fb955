// The regions, and the one way to them.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Config } from './config/types.ts';
import type { RegionName } from './domain.ts';
import { addressKey } from './limit/key.ts';
import { createLapsed, type Lapsed } from './locality/lapsed.ts';
import type { Metrics } from './record/metrics.ts';
import { Refusal } from './refusal.ts';
import type { Dialled, DialOptions } from './region/dial.ts';
import { createForward, type Forward, type Observe, type OnViolation } from './region/forward.ts';
import type { Health, HealthEvent } from './region/health.ts';
import { forbiddenHosts, leadsAstray } from './region/location.ts';
import { createProbe } from './region/probe.ts';
import { createRegion, type Region } from './region/region.ts';
import type { Base } from './rooms-base.ts';
import { isSameHealth, openHealth, originsOf } from './rooms-health.ts';
import type { Together } from './together.ts';

export { readingsOf } from './rooms-health.ts';

/** An answer of a region up to this size leaves only when it is whole; a longer one streams. */
const COLLECT_BYTES = 8 * 1024 * 1024;

/** Of an IPv6 address, what a client has for itself: waiting clients are told apart by it. */
const CLIENT_BITS = 64;

/** Of a digest: 96 bits. */
const PLACE_LETTERS = 16;

/** A region that goes down or comes back is news; what is only counted is not. */
function noteHealth(log: Logger, metrics: Metrics, region: RegionName, event: HealthEvent): void {
  if (event.kind === 'held') metrics.held(region, event.enforced);
  else if (event.kind === 'probed') metrics.probed(region, event.answer);
  else log.warn({ region, ...event }, event.kind === 'opened' ? 'region is down' : 'region is back');
}

/** The regions, their connections and how they are. */
export interface Way {
  readonly regions: ReadonlyMap<RegionName, Region>;
  readonly health: Health;
  readonly forward: Forward;
  /** What a region is by this way (caller/verify.ts). */
  readonly placeOf: (at: RegionName) => string;
  readonly onViolation: OnViolation;
  readonly lapsed: Lapsed;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/** Whether connections and breakers of one configuration do for the other. */
export function isSameWay(one: Config, other: Config): boolean {
  const partsOf = ({ upstream, regions }: Config) => [upstream, regions.map(({ tls, proxy }) => [tls, proxy])];
  return isSameHealth(one, other) && isDeepStrictEqual(partsOf(one), partsOf(other));
}

/**
 * What each region is: its name with a digest of its upstream URLs, the same at every gateway that reaches it by these.
 * What one upstream said of credentials must not stand for another that takes its place under the same name.
 */
function placesIn(config: Config): (at: RegionName) => string {
  const places = new Map(
    [...originsOf(config)].map(([name, upstreams]) => {
      const digest = createHash('sha256').update(upstreams.join('\n')).digest('base64url');
      return [name, `${name}\0${digest.slice(0, PLACE_LETTERS)}`];
    }),
  );
  return (at) => places.get(at) ?? at;
}

/** How each region is reached: by a proxy of its own, or by everybody's. */
export function dialsOf(
  config: Config,
  { lookup, metrics }: Pick<Base, 'lookup' | 'metrics'>,
): (region: RegionName) => DialOptions {
  const { connectTimeoutMs, proxy: usual } = config.upstream;
  const own = new Map(config.regions.map(({ name, tls, proxy }) => [name, { tls, proxy }]));
  return (region) => {
    const { tls, proxy = usual } = own.get(region) ?? {};
    const dialled = (result: Dialled): void => {
      if (result.kind === 'proxy') metrics.proxyFailed(region, result.reason);
      else if (result.kind === 'tls') metrics.tlsFailed(region, result.reason);
      // To see the region's certificate takes a proxy that connects.
      if (result.kind === 'opened' || result.kind === 'tls') metrics.proxyConnected(region);
    };
    return { connectTimeoutMs, tls, proxy: proxy ?? undefined, lookup, dialled };
  };
}

/** Counts headers that lead to a region behind the gateway's back. They stay here with all others that lead elsewhere. */
function watchLeading({ regions }: Config, metrics: Metrics) {
  const forbidden = new Map(regions.map(({ name }) => [name, forbiddenHosts(regions, name)]));
  return (region: RegionName, leading: readonly string[]): void => {
    const isForbidden = (host: string): boolean => forbidden.get(region)?.has(host) ?? false;
    for (let i = 0; i + 1 < leading.length; i += 2) {
      if (leadsAstray(leading[i] ?? '', leading[i + 1] ?? '', isForbidden)) metrics.locationRemoved(region);
    }
  };
}

/** What leaves leaves a trace, or it does not leave. */
function untraceable(): Refusal {
  return new Refusal('audit_unavailable', { outcome: 'not_sent', headers: ['Retry-After', '5'] });
}

/** @param before the configuration that this one takes the place of: what is known of the regions by it stays known where it holds */
export function openWay(
  config: Config,
  base: Base,
  shared: Pick<Together, 'health'> | undefined,
  before: { readonly config: Config; readonly way: Pick<Way, 'health'> } | undefined,
): Way {
  const { log, metrics, clocks, state, audit } = base;
  const dialOf = dialsOf(config, base);
  const regions = new Map<RegionName, Region>(
    config.regions.map(({ name, upstreams }) => [
      name,
      createRegion(name, upstreams, { ...config.upstream, ...dialOf(name) }),
    ]),
  );
  const bounds = { bodyTimeoutMs: config.upstream.bodyTimeoutMs, patienceMs: config.upstream.queue.waitMs };
  const note = (region: RegionName, event: HealthEvent): void => noteHealth(log, metrics, region, event);
  const known = before !== undefined && isSameHealth(before.config, config) ? before.way.health : undefined;
  const health = openHealth(config, clocks, createProbe(regions, bounds), note, shared?.health, known);
  const onViolation: OnViolation = (problem, region, egress) => {
    const { requestId, account } = egress;
    metrics.violated();
    audit.violation(problem, region, egress);
    log.fatal({ problem, region, request_id: requestId, account }, 'pin violation stopped');
  };
  const observe: Observe = (region, purpose, effect, outcome, durationMs, egress) => {
    metrics.upstream(region, purpose, effect, outcome, durationMs);
    if (purpose === 'verify') audit.verify(region, outcome, egress);
  };
  const holds = createLapsed(state.directory);
  const lapsed: Lapsed = (permit, to) => (base.auditSink.refuses() ? untraceable() : holds(permit, to));
  const forward = createForward(regions, {
    ...bounds,
    clientOf: (address) => String(addressKey(address, CLIENT_BITS).fine),
    health,
    collectBytes: COLLECT_BYTES,
    observe,
    line: metrics,
    led: watchLeading(config, metrics),
    onViolation,
    lapsed,
  });
  return {
    regions,
    health,
    forward,
    placeOf: placesIn(config),
    onViolation,
    lapsed,
    async close() {
      health.close();
      await Promise.all([...regions.values()].map((region) => region.close()));
    },
  };
}
