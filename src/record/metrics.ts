// What Prometheus is told. The only file that knows prom-client. Labels come from the route table, the configured regions
// and closed lists, never from a request, so the number of series is bounded by the configuration.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Effect, type Outcome, REASONS, type Reason, type RegionName, type Route } from '../domain.ts';
import { REFUSAL_CODES, type RefusalCode } from '../refusal.ts';

const PREFIX = 'onetime_gateway_';
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30];

interface MetricRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every metric of the gateway's own; docs/metrics.md is printed from this table (`onetime-gateway metrics-doc`). */
export const METRICS = [
  {
    name: 'requests_total',
    type: 'counter',
    labels: ['route', 'region', 'class'],
    help: 'Requests by route, region that was asked (none: refused or answered here) and class of the answer (1xx to 5xx; gone: the caller left before it).',
  },
  {
    name: 'request_duration_seconds',
    type: 'histogram',
    labels: ['route'],
    help: 'From the request’s head to the end of its answer.',
  },
  {
    name: 'upstream_duration_seconds',
    type: 'histogram',
    labels: ['region', 'purpose'],
    help: 'From handing a call to the region’s connections to its whole answer; purpose forward or verify.',
  },
  {
    name: 'outcomes_total',
    type: 'counter',
    labels: ['region', 'purpose', 'effect', 'outcome'],
    help: 'What became of calls to a region: delivered, unknown (sent, but no whole answer) or not_sent.',
  },
  { name: 'in_flight_requests', type: 'gauge', labels: [], help: 'Requests that were received and not yet answered.' },
  {
    name: 'upstream_connections_in_use',
    type: 'gauge',
    labels: ['region'],
    help: 'Connections to the region with a call under way.',
  },
  {
    name: 'upstream_waiting',
    type: 'gauge',
    labels: ['region'],
    help: 'Requests waiting for a free connection to the region.',
  },
  {
    name: 'refusals_total',
    type: 'counter',
    labels: ['code'],
    help: 'The gateway’s own negative answers, by their error code.',
  },
  {
    name: 'decisions_total',
    type: 'counter',
    labels: ['reason'],
    help: 'Requests that were given a region (or answered here), by the reason of the decision.',
  },
  {
    name: 'limited_total',
    type: 'counter',
    labels: ['limit', 'mode'],
    help: 'Requests over a limit: refused (enforce) or only counted (shadow).',
  },
  {
    name: 'limit_entries',
    type: 'gauge',
    labels: ['limit'],
    help: 'Clients, keys or accounts whose allowance is not full at the moment; bounded.',
  },
  {
    name: 'limit_shared_total',
    type: 'counter',
    labels: ['limit'],
    help: 'Newcomers that were counted in a shared, coarser bucket because the table was full.',
  },
  {
    name: 'verifications_total',
    type: 'counter',
    labels: ['region', 'result'],
    help: 'Questions to a region whether credentials are good, by result (good, bad, unavailable).',
  },
  {
    name: 'verification_cache_hits_total',
    type: 'counter',
    labels: ['region', 'result'],
    help: 'Verifications answered from memory, by result (good, bad).',
  },
  {
    name: 'region_up',
    type: 'gauge',
    labels: ['region'],
    help: '0 after the last call to the region could not connect or brought no whole answer, else 1.',
  },
  {
    name: 'pin_violations_total',
    type: 'counter',
    labels: [],
    help: 'Requests stopped by the connections’ own check because their account may not go there. Anything but 0 is a defect: alert on it.',
  },
  { name: 'build_info', type: 'gauge', labels: ['version', 'node'], help: 'Always 1; the labels tell what runs.' },
] as const satisfies readonly MetricRow[];

type MetricName = (typeof METRICS)[number]['name'];

/** What is read at scrape time. */
export interface Readings {
  regions(): readonly { name: RegionName; up: boolean; inUse: number; waiting: number }[];
  limits(): readonly { name: string; entries: number; shared: number }[];
}

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
  /** Prometheus text format and its content type. */
  scrape(): Promise<{ body: string; contentType: string }>;
}

function rowOf(name: MetricName): MetricRow {
  const row = METRICS.find((candidate) => candidate.name === name);
  if (row === undefined) throw new Error(`no metric ${name}`);
  return row;
}

/** @param build version of the gateway and of Node */
export function createMetrics(readings: Readings, build: { version: string; node: string }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
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
  new Gauge(shape('build_info')).set(build, 1);
  for (const code of REFUSAL_CODES) refusals.inc({ code }, 0);
  for (const reason of REASONS) decisions.inc({ reason }, 0);
  violations.inc(0);

  /** A gauge that is read when it is scraped: one series for each row that `read` gives. */
  const scraped = <Row extends { name: string }>(
    name: MetricName,
    label: string,
    rows: () => readonly Row[],
    read: (row: Row) => number,
  ): void => {
    new Gauge({
      ...shape(name),
      collect() {
        for (const row of rows()) this.set({ [label]: row.name }, read(row));
      },
    });
  };
  scraped('region_up', 'region', readings.regions, ({ up }) => (up ? 1 : 0));
  scraped('upstream_connections_in_use', 'region', readings.regions, ({ inUse }) => inUse);
  scraped('upstream_waiting', 'region', readings.regions, ({ waiting }) => waiting);
  scraped('limit_entries', 'limit', readings.limits, ({ entries }) => entries);
  new Counter({
    ...shape('limit_shared_total'),
    collect() {
      this.reset();
      for (const limit of readings.limits()) this.inc({ limit: limit.name }, limit.shared);
    },
  });

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
    async scrape() {
      return { body: await registry.metrics(), contentType: registry.contentType };
    },
  };
}

/** The table of docs/metrics.md, as Markdown. */
export function metricsTable(): string {
  const rows = METRICS.map(
    ({ name, type, labels, help }) =>
      `| \`${PREFIX}${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ') || '-'} | ${help} |`,
  );
  return ['| Metric | Type | Labels | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
