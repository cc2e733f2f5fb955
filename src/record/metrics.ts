// What Prometheus is told. With aggregate.ts the only file that knows prom-client. Labels come from the route table, the configured regions
// and closed lists, never from a request, so the number of series is bounded by the configuration.
import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import { type Effect, type Outcome, REASONS, type Reason, type RegionName, type Route } from '../domain.ts';
import { REFUSAL_CODES, type RefusalCode } from '../refusal.ts';
import type { Snapshot } from './aggregate.ts';
import {
  type AnswerClass,
  EFFECTS,
  LOADS,
  MODES,
  NO_PLACE,
  OUTCOMES,
  PROBE_ANSWERS,
  PROXY_REASONS,
  PROXY_RESULTS,
  TLS_REASONS,
  TURNED,
} from './metric-labels.ts';
import { type MetricName, PREFIX, rowOf } from './metric-table.ts';
import { openFiles, openFilesLimit } from './open-files.ts';
import { type Asked, type Readings, type Scraped, scrapedMetrics } from './scraped.ts';
import { counterTally, histogramTally, type RegisterTally } from './tallies.ts';

export type { Readings } from './scraped.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30];

export interface Metrics {
  began(): void;
  ended(route: Route | undefined, region: RegionName | undefined, answer: AnswerClass, durationMs: number): void;
  upstream(
    region: RegionName,
    purpose: 'forward' | 'verify',
    effect: Effect,
    outcome: Outcome,
    durationMs: number,
  ): void;
  /** A server of the region was not spoken to, for what it showed of itself. */
  tlsFailed(region: RegionName, reason: (typeof TLS_REASONS)[number]): void;
  /** The egress proxy of the region made no connection. */
  proxyFailed(region: RegionName, reason: (typeof PROXY_REASONS)[number]): void;
  /** A connection to the region was made, by its egress proxy if it has one. */
  proxyConnected(region: RegionName): void;
  /** A call got no connection to the region: the line was full, or whoever it is had its share of it, or time was over. */
  turnedAway(region: RegionName, why: (typeof TURNED)[number]): void;
  /** A call waited in the line for the region, until it had a connection or its time was over. */
  waited(region: RegionName, durationMs: number): void;
  /** A header of the region's answer that led to another region, or to an upstream, was left out. */
  locationRemoved(region: RegionName): void;
  refused(code: RefusalCode): void;
  /** Connections of callers: opened and closed ones, and what became of those for which there was no place. */
  readonly connections: {
    open(by: 1 | -1): void;
    turnedAway(reason: (typeof NO_PLACE)[number]): void;
    reclaimed(): void;
  };
  /** What became of a connection that had to begin with a PROXY header. */
  proxied(result: (typeof PROXY_RESULTS)[number]): void;
  decided(reason: Reason): void;
  limited(limit: string, mode: 'enforce' | 'shadow'): void;
  /** A request that the thread had no time for. */
  shed(load: (typeof LOADS)[number], mode: (typeof MODES)[number]): void;
  verified(region: RegionName, result: 'good' | 'bad' | 'unavailable', cached: boolean): void;
  violated(): void;
  /** A call that found the breaker open: refused, or (shadow) only counted. */
  held(region: RegionName, enforced: boolean): void;
  probed(region: RegionName, answer: 'up' | 'down' | 'nothing'): void;
  replayed(result: 'first' | 'replayed' | 'mismatch'): void;
  /** The directory changed, whoever changed it. */
  directoryChanged(change: string): void;
  /** Of this thread, to be put together with those of others (aggregate.ts). */
  snapshot(): Promise<Snapshot>;
  /** Prometheus text format and its content type. */
  scrape(): Promise<{ body: string; contentType: string }>;
}

/** @param build version of the gateway and of Node */
export function createMetrics(readings: Readings, build: { version: string; node: string }): Metrics {
  const registry = new Registry();
  const shape = (name: MetricName) => {
    const row = rowOf(name);
    const aggregator = row.across ?? 'sum';
    return { name: PREFIX + row.name, help: row.help, labelNames: [...row.labels], registers: [registry], aggregator };
  };
  const tally = (name: MetricName) => ({ ...rowOf(name), name: PREFIX + name });
  const register: RegisterTally = (metric) => registry.registerMetric(metric as unknown as Metric);
  const counter = (name: MetricName) => counterTally(register, tally(name));
  const histogram = (name: MetricName) => histogramTally(register, tally(name), SECONDS);

  const requests = counter('requests_total');
  const duration = histogram('request_duration_seconds');
  const upstreamDuration = histogram('upstream_duration_seconds');
  const outcomes = counter('outcomes_total');
  let inFlight = 0;
  const refusals = counter('refusals_total');
  const proxyHeaders = counter('proxy_headers_total');
  const decisions = counter('decisions_total');
  let open = 0;
  const noPlace = counter('connections_refused_total');
  const reclaimed = counter('connections_reclaimed_total');
  const limited = counter('limited_total');
  const shed = counter('shed_total');
  const verifications = counter('verifications_total');
  const cacheHits = counter('verification_cache_hits_total');
  const violations = counter('pin_violations_total');
  const tlsFailures = counter('upstream_tls_failures_total');
  const proxyFailures = counter('upstream_proxy_failures_total');
  /** Why the last connection was not made. */
  const proxyFaults = new Map<RegionName, (typeof PROXY_REASONS)[number]>();
  const turnedAway = counter('upstream_turned_away_total');
  const waits = histogram('upstream_wait_seconds');
  const locations = counter('upstream_location_removed_total');
  const replays = counter('replays_total');
  const changes = counter('directory_changes_total');
  const held = counter('breaker_held_total');
  const probes = counter('probes_total');
  new Gauge(shape('build_info')).set(build, 1);
  for (const code of REFUSAL_CODES) refusals(0, code);
  for (const result of PROXY_RESULTS) proxyHeaders(0, result);
  for (const reason of REASONS) decisions(0, reason);
  for (const load of LOADS) for (const mode of MODES) shed(0, load, mode);
  for (const reason of NO_PLACE) noPlace(0, reason);
  reclaimed(0);
  violations(0);

  /** Read when it is scraped: one series for each row. */
  const gauge: Scraped = (name, label, rows) => {
    new Gauge({
      ...shape(name),
      collect() {
        this.reset();
        for (const [value, number] of rows()) this.set({ [label]: value }, number);
      },
    });
  };
  const asked: Asked = (name, label, rows) => {
    new Gauge({
      ...shape(name),
      async collect() {
        const known = await rows();
        this.reset();
        for (const [value, number] of known) this.set({ [label]: value }, number);
      },
    });
  };
  /** A count that is kept elsewhere. */
  const counted: Scraped = (name, label, rows) => {
    new Counter({
      ...shape(name),
      collect() {
        this.reset();
        for (const [value, number] of rows()) this.inc({ [label]: value }, number);
      },
    });
  };
  const total = (name: MetricName, read: () => number): void => {
    new Counter({
      ...shape(name),
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  const single = (name: MetricName, read: () => number): void => {
    new Gauge({
      ...shape(name),
      collect() {
        this.set(read());
      },
    });
  };
  single('in_flight_requests', () => inFlight);
  single('connections', () => open);
  new Gauge({
    ...shape('upstream_proxy_failing'),
    collect() {
      this.reset();
      for (const { name: region } of readings.regions()) {
        for (const reason of PROXY_REASONS) this.set({ region, reason }, Number(proxyFaults.get(region) === reason));
      }
    },
  });
  scrapedMetrics(readings, { gauge, asked, counted, total, single });

  /** A count that begins with 1 is no increase to Prometheus: what alerts ask for is there from the first scrape on. */
  function beginAtZero(): void {
    for (const { name } of readings.regions()) {
      for (const outcome of OUTCOMES) {
        for (const effect of EFFECTS) outcomes(0, name, 'forward', effect, outcome);
        outcomes(0, name, 'verify', 'none', outcome);
      }
      for (const mode of MODES) held(0, name, mode);
      for (const answer of PROBE_ANSWERS) probes(0, name, answer);
      for (const reason of TLS_REASONS) tlsFailures(0, name, reason);
      for (const reason of PROXY_REASONS) proxyFailures(0, name, reason);
      for (const why of TURNED) turnedAway(0, name, why);
      waits(undefined, name);
      locations(0, name);
    }
  }

  // Node's own come last: the gateway's are what a person looks for first.
  collectDefaultMetrics({ register: registry });
  countOpenFiles(registry);

  return {
    began() {
      inFlight++;
    },
    ended(route, region, answer, durationMs) {
      inFlight--;
      const id = route?.id ?? 'none';
      requests(1, id, region ?? 'none', answer);
      duration(durationMs / 1000, id);
    },
    upstream(region, purpose, effect, outcome, durationMs) {
      // A breaker that is open answers within microseconds: that is no latency of the region.
      if (outcome !== 'not_sent') upstreamDuration(durationMs / 1000, region, purpose);
      outcomes(1, region, purpose, effect, outcome);
    },
    tlsFailed: (region, reason) => tlsFailures(1, region, reason),
    proxyFailed(region, reason) {
      proxyFailures(1, region, reason);
      proxyFaults.set(region, reason);
    },
    proxyConnected: (region) => void proxyFaults.delete(region),
    turnedAway: (region, why) => turnedAway(1, region, why),
    waited: (region, durationMs) => waits(durationMs / 1000, region),
    locationRemoved: (region) => locations(1, region),
    refused: (code) => refusals(1, code),
    connections: {
      open(by) {
        open += by;
      },
      turnedAway: (reason) => noPlace(1, reason),
      reclaimed: () => reclaimed(1),
    },
    proxied: (result) => proxyHeaders(1, result),
    decided: (reason) => decisions(1, reason),
    limited: (limit, mode) => limited(1, limit, mode),
    shed: (load, mode) => shed(1, load, mode),
    verified: (region, result, cached) => (cached ? cacheHits : verifications)(1, region, result),
    violated: () => violations(1),
    held: (region, enforced) => held(1, region, enforced ? 'enforce' : 'shadow'),
    probed: (region, answer) => probes(1, region, answer),
    replayed: (result) => replays(1, result),
    directoryChanged: (change) => changes(1, change),
    snapshot() {
      beginAtZero();
      return registry.getMetricsAsJSON() as Promise<Snapshot>;
    },
    async scrape() {
      beginAtZero();
      return { body: await registry.metrics(), contentType: registry.contentType };
    },
  };
}

/** prom-client’s own stays at its last number, at first 0, when no descriptor is left to count them with. */
function countOpenFiles(registry: Registry): void {
  const name = 'process_open_fds';
  const limit = openFilesLimit();
  // Elsewhere than on Linux there is none.
  if (limit === undefined || registry.getSingleMetric(name) === undefined) return;
  registry.removeSingleMetric(name);
  new Gauge({
    name,
    help: 'Number of open file descriptors.',
    registers: [registry],
    collect() {
      this.set(openFiles(limit) ?? 0);
    },
  });
}
