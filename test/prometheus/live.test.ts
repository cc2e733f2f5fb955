// A real Prometheus scrapes a gateway under load: alerts fire and resolve, and the dashboards show what they ask for.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '../support/needs.ts';
import { until } from '../support/redis.ts';
import { filled, panelsOf, readDashboards } from './dashboards.ts';
import { type Prometheus, startPrometheus } from './server.ts';
import { openWorld, type World } from './world.ts';

/** An alert with its region, where it has one. */
const names = async (prometheus: Prometheus): Promise<string[]> =>
  (await prometheus.firing()).map(({ labels }) => [labels.alertname, labels.region].filter(Boolean).join(' '));

const LEAD = 'OnetimeGateway';

describe.runIf(needs('prometheus', 'apt-get install prometheus'))('a Prometheus beside a gateway under load', () => {
  let world: World;
  let prometheus: Prometheus;
  beforeAll(async () => {
    world = await openWorld();
    prometheus = await startPrometheus(world.admin);
  });
  afterAll(async () => {
    await prometheus?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  const fires = (alert: string) => until(async () => (await names(prometheus)).includes(`${LEAD}${alert}`));
  const isOver = (alert: string) => until(async () => !(await names(prometheus)).includes(`${LEAD}${alert}`));

  it('sees no trouble while there is none', async () => {
    const requests = 'sum(rate(onetime_gateway_requests_total{class="2xx"}[10s])) > 0';
    await until(async () => (await prometheus.instant(requests)).length > 0);
    expect(await names(prometheus)).toEqual([]);
  });

  it('fires when answers of a region are lost on their way back', async () => {
    world.eu = 'lost';
    await fires('OutcomesUnknown eu');
    world.eu = 'there';
    await isOver('RegionDown eu');
    expect((await names(prometheus)).filter((name) => name.endsWith(' us'))).toEqual([]);
  });

  it('fires when a region is taken away, for that region, and resolves when it is back', async () => {
    world.eu = 'away';
    await fires('RegionDown eu');
    await fires('BreakerOpen eu');
    const [alert] = (await prometheus.firing()).filter(({ labels }) => labels.alertname === `${LEAD}RegionDown`);
    expect(alert?.labels).toMatchObject({ severity: 'page', job: 'onetime-gateway', region: 'eu' });
    expect(alert?.annotations.description).toMatch(/^1 gateway\(s\) of onetime-gateway could not reach .* of eu /);
    world.eu = 'there';
    await isOver('RegionDown eu');
  });

  it('fires when the egress proxy is away, for all regions at once, and says that it is the proxy', async () => {
    world.egress('away');
    await fires('ProxyFailing');
    const seen = async () =>
      (await prometheus.firing()).filter(({ labels }) => labels.alertname === `${LEAD}ProxyFailing`);
    // It fires for the first of them alone, if that has failed often enough before the second one is asked.
    const ofBoth = /Regions behind it: eu; us; they may be well\.$/;
    await until(async () => (await seen()).some(({ annotations }) => ofBoth.test(annotations.description ?? '')));
    expect((await seen()).map(({ labels }) => labels)).toEqual([
      expect.objectContaining({ severity: 'page', job: 'onetime-gateway', reason: 'closed' }),
    ]);
    await fires('RegionDown us');
    world.egress('there');
    await isOver('RegionDown us');
    await isOver('RegionDown eu');
  });

  it('fires while callers without an account are turned away, and says by which bound', async () => {
    await world.overload('always');
    await fires('Shedding');
    const found = (await prometheus.firing()).filter(({ labels }) => labels.alertname === `${LEAD}Shedding`);
    expect(found.map(({ labels }) => labels)).toEqual([
      expect.objectContaining({ severity: 'warning', instance: world.admin }),
    ]);
    expect(found[0]?.annotations.description).toMatch(/ without credentials 503 .* heap \d[\d.]*%;/);
    await world.overload('usual');
  });

  it('fires when many requests fail, and says by which codes', async () => {
    await fires('ErrorRatioHigh');
    const [alert] = (await prometheus.firing()).filter(({ labels }) => labels.alertname === `${LEAD}ErrorRatioHigh`);
    expect(alert?.annotations.description).toMatch(/ region_(down|failed|unreachable) \d+;/);
  });

  it('answers every query of the dashboards with data', async () => {
    const without: string[] = [];
    let asked = 0;
    for (const [, dashboard] of readDashboards()) {
      for (const { title, targets = [] } of panelsOf(dashboard)) {
        for (const { expr, instant = false } of targets) {
          const series = await prometheus[instant ? 'instant' : 'range'](filled(expr));
          asked++;
          if (series.length === 0) without.push(`${title}: ${expr}`);
        }
      }
    }
    expect(without).toEqual([]);
    expect(asked).toBeGreaterThan(60);
  });

  it('answers every variable of the dashboards with values', async () => {
    const found = new Map<string, readonly string[]>();
    for (const { name, definition } of readDashboards().flatMap(([, { templating }]) => templating.list)) {
      if (definition === undefined) continue;
      const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
      found.set(name, await prometheus.labelValues(label, filled(selector)));
    }
    expect(Object.fromEntries(found)).toEqual({
      job: ['onetime-gateway'],
      instance: [world.admin],
      region: ['eu', 'us'],
    });
  });
});
