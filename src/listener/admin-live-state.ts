// Two readings of the gateway -> what the console shows. Pure.
import { type Buckets, between, type Meter, quantile } from './admin-live-meter.ts';
import type {
  LiveConnections,
  LiveLimit,
  LiveLoad,
  LiveOutcome,
  LiveOverload,
  LivePressure,
  LiveProxyFault,
  LiveRegion,
  LiveRoute,
  LiveState,
  LiveTurnedAway,
  RegionReading,
} from './admin-live-types.ts';

/** The metrics at one moment. */
export interface Reading {
  /** Of a clock that nobody sets. */
  readonly atMs: number;
  readonly meter: Meter;
}

/** What is not in the metrics. */
export interface Facts
  extends Pick<LiveState, 'time' | 'version' | 'uptimeSeconds' | 'moves' | 'store' | 'audit' | 'reload'> {
  readonly regions: readonly RegionReading[];
}

const OUTCOMES: readonly LiveOutcome[] = ['delivered', 'unknown', 'not_sent'];
const TURNED_AWAY: readonly LiveTurnedAway[] = ['full', 'share', 'late'];
const LOADS: readonly LiveLoad[] = ['anonymous', 'authenticated'];
const NO_PLACE: readonly (keyof LiveConnections['refused'])[] = ['all', 'address'];
const PRESSURES: readonly LivePressure[] = ['event_loop', 'heap', 'memory'];
const PROXY_FAULTS: readonly LiveProxyFault[] = [
  'unreachable',
  'timeout',
  'closed',
  'garbled',
  'authentication',
  'refused',
  'no_route',
  'stalled',
];
/** Of limits and routes, whose number the configuration does not bound by itself. */
const MOST_ROUTES = 50;
const NO_COUNTS: ReadonlyMap<string, number> = new Map();
const NO_BUCKETS: ReadonlyMap<string, Buckets> = new Map();

/** Three places behind the point: a page shows no more. */
const rounded = (value: number): number => Math.round(value * 1000) / 1000;
const inMs = (seconds: number): number => rounded(seconds * 1000);

/** What came between the two readings. */
interface Change {
  /** Per second, of all series together. */
  rate(...series: Parameters<Meter['total']>): number;
  /** Per second, by the values of a label. */
  rates(...series: Parameters<Meter['by']>): ReadonlyMap<string, number>;
  /** What a histogram got, by the values of a label. */
  durations(...series: Parameters<Meter['buckets']>): ReadonlyMap<string, Buckets>;
}

function changeOf(before: Reading | undefined, { atMs, meter }: Reading): Change {
  const seconds = before === undefined ? 0 : (atMs - before.atMs) / 1000;
  if (before === undefined || seconds <= 0) {
    return { rate: () => 0, rates: () => NO_COUNTS, durations: () => NO_BUCKETS };
  }
  const perSecond = (now: number, then: number): number => rounded(Math.max(0, now - then) / seconds);
  return {
    rate: (...series) => perSecond(meter.total(...series), before.meter.total(...series)),
    rates(...series) {
      const earlier = before.meter.by(...series);
      return new Map([...meter.by(...series)].map(([key, count]) => [key, perSecond(count, earlier.get(key) ?? 0)]));
    },
    durations(...series) {
      const earlier = before.meter.buckets(...series);
      return new Map([...meter.buckets(...series)].map(([key, now]) => [key, between(earlier.get(key), now)]));
    },
  };
}

/** A number for each of these words, 0 for those that are not known. */
function each<Word extends string>(words: readonly Word[], numbers: ReadonlyMap<string, number>): Record<Word, number> {
  return Object.fromEntries(words.map((word) => [word, numbers.get(word) ?? 0])) as Record<Word, number>;
}

const nonZero = (rates: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...rates].filter(([, rate]) => rate > 0));

function latencyOf(buckets: Buckets | undefined): LiveRegion['latencyMs'] {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantile(buckets ?? new Map(), q));
  if (p50 == null || p95 == null || p99 == null) return null;
  return { p50: inMs(p50), p95: inMs(p95), p99: inMs(p99) };
}

function regionsOf({ rates, durations }: Change, { meter }: Reading, readings: Facts['regions']): LiveRegion[] {
  const requests = rates('requests_total', 'region');
  const all = readings.reduce((sum, { name }) => sum + (requests.get(name) ?? 0), 0);
  const latencies = durations('upstream_duration_seconds', 'region', { purpose: 'forward' });
  const inUse = meter.by('upstream_connections_in_use', 'region');
  const waiting = meter.by('upstream_waiting', 'region');
  const budgets = meter.by('region_budget_used_ratio', 'region');
  return readings.map(({ name, up, breaker, failures, drained }) => {
    const requestsPerSecond = requests.get(name) ?? 0;
    const outcomes = rates('outcomes_total', 'outcome', { region: name });
    const failing = meter.by('upstream_proxy_failing', 'reason', { region: name });
    return {
      ...{ name, up, breaker, failures, drained, requestsPerSecond },
      inUse: inUse.get(name) ?? 0,
      waiting: waiting.get(name) ?? 0,
      share: all === 0 ? 0 : rounded(requestsPerSecond / all),
      latencyMs: latencyOf(latencies.get(name)),
      outcomes: each(OUTCOMES, outcomes),
      budgetUsed: budgets.has(name) ? rounded(budgets.get(name) ?? 0) : null,
      turnedAway: each(TURNED_AWAY, rates('upstream_turned_away_total', 'reason', { region: name })),
      proxyFault: PROXY_FAULTS.find((reason) => failing.get(reason) === 1) ?? null,
    };
  });
}

function overloadOf({ rate, rates }: Change, { meter }: Reading): LiveOverload {
  const pressure = meter.by('pressure', 'kind');
  const measured = PRESSURES.flatMap((kind) => {
    const ofBound = pressure.get(kind);
    return ofBound === undefined ? [] : [[kind, rounded(ofBound)] as const];
  });
  return {
    pressure: Object.fromEntries(measured),
    refused: each(LOADS, rates('shed_total', 'class', { mode: 'enforce' })),
    shadow: each(LOADS, rates('shed_total', 'class', { mode: 'shadow' })),
    connections: {
      open: meter.total('connections'),
      refused: each(NO_PLACE, rates('connections_refused_total', 'reason')),
      reclaimed: rate('connections_reclaimed_total'),
    },
  };
}

function limitsOf({ rates }: Change, { meter }: Reading): LiveLimit[] {
  const refused = rates('limited_total', 'limit', { mode: 'enforce' });
  const shadow = rates('limited_total', 'limit', { mode: 'shadow' });
  const entries = meter.by('limit_entries', 'limit');
  return [...new Set([...entries.keys(), ...refused.keys(), ...shadow.keys()])].map((name) => ({
    name,
    entries: entries.get(name) ?? 0,
    refusedPerSecond: refused.get(name) ?? 0,
    shadowPerSecond: shadow.get(name) ?? 0,
  }));
}

function routesOf({ rates, durations }: Change): LiveRoute[] {
  const took = durations('request_duration_seconds', 'route');
  return Object.entries(nonZero(rates('requests_total', 'route')))
    .map(([route, perSecond]) => {
      const p95 = quantile(took.get(route) ?? new Map(), 0.95);
      return { route, perSecond, p95Ms: p95 === null ? null : inMs(p95) };
    })
    .toSorted((a, b) => b.perSecond - a.perSecond)
    .slice(0, MOST_ROUTES);
}

/** @param before undefined: this is the first, and all rates are 0 */
export function stateOf(before: Reading | undefined, now: Reading, { regions, ...facts }: Facts): LiveState {
  const { meter } = now;
  const change = changeOf(before, now);
  const byClass = nonZero(change.rates('requests_total', 'class'));
  return {
    ...facts,
    intervalMs: before === undefined ? 0 : Math.round(now.atMs - before.atMs),
    workers: { listening: meter.total('workers'), restarts: meter.total('worker_restarts_total') },
    requests: {
      total: meter.total('requests_total'),
      perSecond: rounded(Object.values(byClass).reduce((sum, rate) => sum + rate, 0)),
      inFlight: meter.total('in_flight_requests'),
      byClass,
    },
    regions: regionsOf(change, now, regions),
    overload: overloadOf(change, now),
    limits: limitsOf(change, now),
    refusals: nonZero(change.rates('refusals_total', 'code')),
    violations: meter.total('pin_violations_total'),
    routes: routesOf(change),
  };
}
