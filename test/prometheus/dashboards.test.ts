// config/grafana/: what Grafana is given can be read, shown and understood, and asks for what there is.
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { openFolder } from '../support/folder.ts';
import { readDocument } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { run } from '../support/process.ts';
import { type Dashboard, filled, type Panel, panelsOf, readDashboards } from './dashboards.ts';
import { LABELS_OF, metricsIn } from './files.ts';

const dashboards = readDashboards();

function overlap({ gridPos: one }: Panel, { gridPos: other }: Panel): boolean {
  const apart = one.x + one.w <= other.x || other.x + other.w <= one.x;
  return !apart && one.y < other.y + other.h && other.y < one.y + one.h;
}

const queriesOf = (dashboard: Dashboard): string[] => [
  ...panelsOf(dashboard).flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard.annotations.list.flatMap(({ expr }) => expr ?? []),
];

it('there is one, under the uid that is its file’s name', () => {
  expect(dashboards.map(([file, { uid }]) => [file, uid])).toEqual([['onetime-gateway.json', 'onetime-gateway']]);
});

describe.each(dashboards)('%s', (_file, dashboard) => {
  const shown = panelsOf(dashboard);

  it('has panels with ids and titles of their own', () => {
    expect(shown.length).toBeGreaterThan(40);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const titles = dashboard.panels.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('has panels beside and below each other, within 24 columns', () => {
    for (const [index, panel] of dashboard.panels.entries()) {
      const { x, w, h } = panel.gridPos;
      expect(x >= 0 && w > 0 && h > 0 && x + w <= 24, panel.title).toBe(true);
      for (const other of dashboard.panels.slice(index + 1)) {
        expect(overlap(panel, other), `${panel.title} over ${other.title}`).toBe(false);
      }
    }
  });

  it('says of each panel what it shows, and in which unit', () => {
    for (const { title, description, fieldConfig, targets } of shown) {
      expect(description, title).toMatch(/\.$/);
      expect(fieldConfig?.defaults.unit, title).toMatch(/^\w+$/);
      expect(targets?.length, title).toBeGreaterThan(0);
    }
  });

  it('asks the data source that is chosen, which is the provisioned one at first', () => {
    const { datasources }: { datasources: { uid: string }[] } = parse(
      readDocument('config/grafana/provisioning/datasources/prometheus.yaml'),
    );
    const variable = dashboard.templating.list.find(({ type }) => type === 'datasource');
    expect(variable?.name).toBe('datasource');
    expect(datasources.map(({ uid }) => uid)).toEqual([variable?.current.value]);
    const uids = [...JSON.stringify(dashboard).matchAll(/"datasource":\{[^}]*"uid":"([^"]+)"/g)].map(([, uid]) => uid);
    expect(uids.length).toBeGreaterThan(shown.length);
    expect(new Set(uids)).toEqual(new Set([`\${datasource}`]));
  });

  it('has variables for the gateway and the region, and uses them', () => {
    const variables = dashboard.templating.list.filter(({ type }) => type === 'query').map(({ name }) => name);
    expect(variables).toEqual(['job', 'instance', 'region']);
    for (const { title, targets = [] } of shown) {
      for (const { expr } of targets) {
        if (expr.includes('ALERTS')) continue;
        expect(expr, title).toContain('instance=~"$instance"');
      }
    }
  });

  it('asks for metrics and labels that the gateway has', () => {
    for (const query of queriesOf(dashboard)) {
      for (const { name, labels } of metricsIn(query)) {
        expect([...LABELS_OF.keys()]).toContain(name);
        expect(LABELS_OF.get(name), query).toEqual(expect.arrayContaining([...labels]));
      }
    }
  });

  it('leaves no metric out', () => {
    const asked = new Set(queriesOf(dashboard).flatMap((query) => metricsIn(query).map(({ name }) => name)));
    expect([...LABELS_OF.keys()].filter((name) => !asked.has(name))).toEqual([]);
  });

  it.runIf(needs('promtool', 'apt-get install prometheus'))('asks in queries to promtool', async () => {
    using folder = openFolder();
    const rules = queriesOf(dashboard).map((expr, index) => ({ record: `query:${index}`, expr: filled(expr) }));
    const file = folder.write('rules.yml', stringify({ groups: [{ name: 'panels', rules }] }));
    const { code, stdout } = await run('promtool', ['check', 'rules', file]);
    expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`);
    expect(code).toBe(0);
  });
});

it('the provider reads the folder where compose.yaml has the dashboards', () => {
  const { providers }: { providers: { options: { path: string } }[] } = parse(
    readDocument('config/grafana/provisioning/dashboards/onetime-gateway.yaml'),
  );
  const [provider] = providers;
  expect(readDocument('compose.yaml')).toContain(`./config/grafana/dashboards:${provider?.options.path}:ro`);
});
