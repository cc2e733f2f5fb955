// What the live state makes of two snapshots of the metrics: of one thread's own, and of several put together.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Buckets, between, meterOf, quantile } from '../../src/listener/admin-live-meter.ts';
import { type Facts, type Reading, stateOf } from '../../src/listener/admin-live-state.ts';
import { countsOf } from '../../src/record/aggregate.ts';
import type { Metrics } from '../../src/record/metrics.ts';
import { ROUTES } from '../../src/route/table.ts';
import { metricsOf } from './admin-tools.ts';

const REGIONS = ['us', 'eu'] as const;
const FACTS: Facts = {
  time: '2026-05-04T09:30:00.000Z',
  version: '1.2.3',
  uptimeSeconds: 1,
  moves: [],
  store: { engine: 'sqlite', up: true },
  audit: null,
  reload: null,
  regions: REGIONS.map((name) => ({ name, up: true, breaker: 'closed', failures: 0, drained: false })),
};

const readingOf = async (metrics: Metrics, atMs: number): Promise<Reading> => ({
  atMs,
  meter: meterOf(await metrics.snapshot()),
});

function serve(metrics: Metrics, region: string, durationsMs: readonly number[], route = ROUTES[0]): void {
  for (const durationMs of durationsMs) {
    metrics.began();
    metrics.upstream(region as never, 'forward', 'none', 'delivered', durationMs);
    metrics.ended(route, region as never, '2xx', durationMs);
  }
}

const bucketsOf = (...counts: readonly (readonly [number, number])[]): Buckets => new Map(counts);

describe('rates', () => {
  it('are over the time between, by class, region, route, limit and refusal', async () => {
    const metrics = metricsOf(REGIONS);
    serve(metrics, 'us', Array(7).fill(3));
    metrics.refused('unknown_account');
    const before = await readingOf(metrics, 1000);
    serve(metrics, 'us', Array(30).fill(3), ROUTES[0]);
    serve(metrics, 'eu', Array(10).fill(3), ROUTES[1]);
    metrics.upstream('eu' as never, 'verify', 'none', 'unknown', 3);
    metrics.refused('rate_limited');
    metrics.refused('rate_limited');
    metrics.limited('perKey', 'enforce');
    metrics.limited('regionBudget', 'shadow');
    const state = stateOf(before, await readingOf(metrics, 3000), FACTS);
    expect(state).toMatchObject({
      intervalMs: 2000,
      requests: { total: 47, perSecond: 20, inFlight: 0, byClass: { '2xx': 20 } },
      refusals: { rate_limited: 1 },
      limits: [
        { name: 'perKey', entries: 7, refusedPerSecond: 0.5, shadowPerSecond: 0 },
        { name: 'regionBudget', entries: 0, refusedPerSecond: 0, shadowPerSecond: 0.5 },
      ],
      routes: [
        { route: ROUTES[0]?.id, perSecond: 15 },
        { route: ROUTES[1]?.id, perSecond: 5 },
      ],
    });
    expect(
      state.regions.map(({ name, requestsPerSecond, share, outcomes }) => [name, requestsPerSecond, share, outcomes]),
    ).toEqual([
      ['us', 15, 0.75, { delivered: 15, unknown: 0, not_sent: 0 }],
      ['eu', 5, 0.25, { delivered: 5, unknown: 0.5, not_sent: 0 }],
    ]);
  });

  it('are 0 in a first sample, and where no time has gone by', async () => {
    const metrics = metricsOf(REGIONS);
    serve(metrics, 'us', [1, 2, 3]);
    const now = await readingOf(metrics, 1000);
    for (const state of [stateOf(undefined, now, FACTS), stateOf(now, now, FACTS)]) {
      expect(state.requests).toEqual({ total: 3, perSecond: 0, inFlight: 0, byClass: {} });
      expect(state.regions.map(({ share, latencyMs }) => [share, latencyMs])).toEqual([
        [0, null],
        [0, null],
      ]);
      expect([state.intervalMs, state.routes, state.refusals]).toEqual([0, [], {}]);
    }
  });

  it('are never below 0, should a count go back', async () => {
    const [many, few] = [metricsOf(REGIONS), metricsOf(REGIONS)];
    serve(many, 'us', Array(9).fill(3));
    serve(few, 'us', [3]);
    const state = stateOf(await readingOf(many, 0), await readingOf(few, 1000), FACTS);
    expect([state.requests.perSecond, state.regions[0]?.requestsPerSecond]).toEqual([0, 0]);
    expect(state.regions[0]?.latencyMs).toBeNull();
  });

  it('count refusals before any region as requests, and as no region’s share', async () => {
    const metrics = metricsOf(REGIONS);
    const before = await readingOf(metrics, 0);
    metrics.began();
    metrics.ended(undefined, undefined, '4xx', 1);
    const state = stateOf(before, await readingOf(metrics, 1000), FACTS);
    expect(state.requests).toMatchObject({ perSecond: 1, byClass: { '4xx': 1 } });
    expect(state.regions.map(({ share }) => share)).toEqual([0, 0]);
    expect(state.routes).toEqual([{ route: 'none', perSecond: 1, p95Ms: expect.any(Number) }]);
  });

  it('are those of all threads together', async () => {
    const threads = [metricsOf(REGIONS), metricsOf(REGIONS)];
    const together = async (atMs: number): Promise<Reading> => ({
      atMs,
      meter: meterOf(await countsOf(await Promise.all(threads.map((metrics) => metrics.snapshot())))),
    });
    const before = await together(0);
    for (const metrics of threads) serve(metrics, 'eu', Array(50).fill(20));
    const state = stateOf(before, await together(1000), FACTS);
    expect(state.requests.perSecond).toBe(100);
    const latency = state.regions[1]?.latencyMs;
    expect(latency?.p50).toBeGreaterThan(10);
    expect(latency?.p99).toBeLessThanOrEqual(25);
  });
});

describe('overload', () => {
  it('is told by bound, by who was turned away, and by region and reason of its line', async () => {
    const metrics = metricsOf(REGIONS, {}, [
      ['event_loop', 1.25],
      ['heap', 0.2],
    ]);
    const before = await readingOf(metrics, 0);
    for (const load of ['anonymous', 'anonymous', 'authenticated'] as const) metrics.shed(load, 'enforce');
    metrics.shed('anonymous', 'shadow');
    for (const by of [1, 1, 1, -1] as const) metrics.connections.open(by);
    for (let i = 0; i < 3; i++) metrics.connections.reclaimed();
    metrics.connections.turnedAway('all');
    metrics.turnedAway('eu' as never, 'late');
    metrics.turnedAway('eu' as never, 'full');
    metrics.turnedAway('eu' as never, 'full');
    const { overload, regions } = stateOf(before, await readingOf(metrics, 500), FACTS);
    expect(overload).toEqual({
      pressure: { event_loop: 1.25, heap: 0.2 },
      refused: { anonymous: 4, authenticated: 2 },
      shadow: { anonymous: 2, authenticated: 0 },
      connections: { open: 2, refused: { all: 2, address: 0 }, reclaimed: 6 },
    });
    expect(regions.map(({ turnedAway }) => turnedAway)).toEqual([
      { full: 0, share: 0, late: 0 },
      { full: 4, share: 0, late: 2 },
    ]);
  });

  it('of a proxy is why it did not make the last connection, until it makes one', async () => {
    const metrics = metricsOf(REGIONS);
    const faults = async () =>
      stateOf(undefined, await readingOf(metrics, 0), FACTS).regions.map(({ proxyFault }) => proxyFault);
    expect(await faults()).toEqual([null, null]);
    metrics.proxyFailed('eu' as never, 'timeout');
    metrics.proxyFailed('eu' as never, 'authentication');
    expect(await faults()).toEqual([null, 'authentication']);
    metrics.proxyConnected('eu' as never);
    expect(await faults()).toEqual([null, null]);
  });
});

describe('quantiles', () => {
  it.each([
    // What Prometheus says of the same: histogram_quantile(q, ...)
    [0.5, bucketsOf([1, 10], [2, 20], [Number.POSITIVE_INFINITY, 20]), 1],
    [0.75, bucketsOf([1, 10], [2, 20], [Number.POSITIVE_INFINITY, 20]), 1.5],
    [0.5, bucketsOf([1, 0], [2, 8], [Number.POSITIVE_INFINITY, 8]), 1.5],
    [0.99, bucketsOf([1, 0], [2, 0], [Number.POSITIVE_INFINITY, 8]), 2],
    [0.25, bucketsOf([1, 4], [2, 4], [Number.POSITIVE_INFINITY, 8]), 0.5],
    [0.5, bucketsOf([1, 0], [Number.POSITIVE_INFINITY, 0]), null],
    [0.5, bucketsOf(), null],
  ])('%d of %o is %o', (q, buckets, expected) => {
    expect(quantile(buckets, q)).toBe(expected);
  });

  it('lie within the bucket in which the value is, whatever was observed', () => {
    const bounds = [0.01, 0.1, 1, 10];
    const values = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(values, fc.constantFrom(0.5, 0.95, 0.99), (observed, q) => {
        const upTo = (bound: number): number => observed.filter((value) => value <= bound).length;
        const buckets = new Map([...bounds, Number.POSITIVE_INFINITY].map((bound) => [bound, upTo(bound)]));
        const exact = observed.toSorted((a, b) => a - b)[Math.ceil(q * observed.length) - 1] ?? 0;
        const upper = bounds.find((bound) => exact <= bound);
        const found = quantile(buckets, q) ?? Number.NaN;
        const lower = bounds.findLast((bound) => bound < exact) ?? 0;
        expect(found).toBeGreaterThanOrEqual(lower);
        expect(found).toBeLessThanOrEqual(upper ?? 10);
      }),
    );
  });

  it('of what came between two readings are of that alone', () => {
    const before = bucketsOf([1, 100], [2, 100], [Number.POSITIVE_INFINITY, 100]);
    const now = bucketsOf([1, 100], [2, 104], [Number.POSITIVE_INFINITY, 104]);
    expect(quantile(between(before, now), 0.5)).toBe(1.5);
    expect(quantile(between(undefined, now), 0.5)).toBe(0.52);
  });

  it('are told in milliseconds', async () => {
    const metrics = metricsOf(REGIONS);
    const before = await readingOf(metrics, 0);
    serve(metrics, 'us', [...Array(95).fill(3), ...Array(5).fill(400)]);
    const { regions, routes } = stateOf(before, await readingOf(metrics, 1000), FACTS);
    const { p50 = 0, p95 = 0, p99 = 0 } = regions[0]?.latencyMs ?? {};
    expect(p50).toBeGreaterThan(2.5);
    expect(p95).toBeLessThanOrEqual(5);
    expect(p99).toBeGreaterThan(250);
    expect(p99).toBeLessThanOrEqual(500);
    expect(routes[0]?.p95Ms).toBeLessThanOrEqual(5);
  });
});
