// What Prometheus is told. The only file that knows prom-client. Labels come from the route table, the configured regions
// and closed lists, never from a request, so the number of series is bounded by the configuration.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Effect, type Outcome, REASONS, type Reason, type RegionName, type Route } from '../domain.ts';
import { REFUSAL_CODES, type RefusalCode } from '../refusal.ts';
import { type MetricName, PREFIX, rowOf } from './metric-table.ts';
import { type Readings, type Scraped, scrapedMetrics } from './scraped.ts';

export type { Readings } from './scraped.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30];

export type AnswerClass = '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'gone';
const CLASSES: readonly AnswerClass[] = ['1xx', '2xx', '3xx', '4xx', '5xx'];

/** The class of an HTTP status. */
export function classOf(status: number): AnswerClass {
  return CLASSES[Math.floor(status / 100) - 1] ?? '5xx';
}

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
  refused(code: RefusalCode): void;
  decided(reason: Reason): void;
  limited(limit: string, mode: 'enforce' | 'shadow'): void;
  verified(region: RegionName, result: 'good' | 'bad' | 'unavailable', cached: boolean): void;
  violated(): void;
  /** A call that found the breaker open: refused, or (shadow) only counted. */
  held(region: RegionName, enforced: boolean): void;
  probed(region: RegionName, answer: 'up' | 'down' | 'nothing'): void;
  replayed(result: 'first' | 'replayed' | 'mismatch'): void;
  /** The directory changed, whoever changed it. */
  directoryChanged(change: string): void;
  /** Prometheus text format and its content type. */
  scrape(): Promise<{ body: string; contentType: string }>;
}

/** @param build version of the gateway and of Node */
export function createMetrics(readings: Readings, build: { version: string; node: string }): Metrics {
  const registry = new Registry();
  const shape = (name: MetricName) => {
    const row = rowOf(name);
    return { name: PREFIX + row.name, help: row.help, labelNames: [...row.labels], registers: [registry] };
  };
  const counter = (name: MetricName): Counter => new Counter(shape(name));
  const histogram = (name: MetricName): Histogram => new Histogram({ ...shape(name), buckets: SECONDS });

  const requests = counter('requests_total');
  const duration = histogram('request_duration_seconds');
  const upstreamDuration = histogram('upstream_duration_seconds');
  const outcomes = counter('outcomes_total');
  const inFlight = new Gauge(shape('in_flight_requests'));
  const refusals = counter('refusals_total');
  const decisions = counter('decisions_total');
  const limited = counter('limited_total');
  const verifications = counter('verifications_total');
  const cacheHits = counter('verification_cache_hits_total');
  const violations = counter('pin_violations_total');
  const replays = counter('replays_total');
  const changes = counter('directory_changes_total');
  const held = counter('breaker_held_total');
  const probes = counter('probes_total');
  new Gauge(shape('build_info')).set(build, 1);
  for (const code of REFUSAL_CODES) refusals.inc({ code }, 0);
  for (const reason of REASONS) decisions.inc({ reason }, 0);
  violations.inc(0);

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
  const single = (name: MetricName, read: () => number): void => {
    new Gauge({
      ...shape(name),
      collect() {
        this.set(read());
      },
    });
  };
  scrapedMetrics(readings, { gauge, counted, single });

  // Node's own come last: the gateway's are what a person looks for first.
  collectDefaultMetrics({ register: registry });

  return {
    began: () => inFlight.inc(),
    ended(route, region, answer, durationMs) {
      inFlight.dec();
      const id = route?.id ?? 'none';
      requests.inc({ route: id, region: region ?? 'none', class: answer });
      duration.observe({ route: id }, durationMs / 1000);
    },
    upstream(region, purpose, effect, outcome, durationMs) {
      upstreamDuration.observe({ region, purpose }, durationMs / 1000);
      outcomes.inc({ region, purpose, effect, outcome });
    },
    refused: (code) => refusals.inc({ code }),
    decided: (reason) => decisions.inc({ reason }),
    limited: (limit, mode) => limited.inc({ limit, mode }),
    verified(region, result, cached) {
      (cached ? cacheHits : verifications).inc({ region, result });
    },
    violated: () => violations.inc(),
    held: (region, enforced) => held.inc({ region, mode: enforced ? 'enforce' : 'shadow' }),
    probed: (region, answer) => probes.inc({ region, answer }),
    replayed: (result) => replays.inc({ result }),
    directoryChanged: (change) => changes.inc({ change }),
    async scrape() {
      return { body: await registry.metrics(), contentType: registry.contentType };
    },
  };
}
