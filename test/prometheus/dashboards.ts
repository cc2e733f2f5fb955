// The dashboards of config/grafana/ as tests read them.
import { readdirSync } from 'node:fs';
import { readDocument } from '../support/markdown.ts';
import { ROOT } from '../support/process.ts';

export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly instant?: boolean;
  readonly datasource?: { readonly uid: string };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly Target[];
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
  readonly current: { readonly value: string | readonly string[] };
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly { readonly expr?: string; readonly datasource?: { uid: string } }[] };
}

export const DASHBOARDS_FOLDER = 'config/grafana/dashboards';

/** Each with the name of its file. */
export function readDashboards(): readonly (readonly [file: string, dashboard: Dashboard])[] {
  return readdirSync(ROOT + DASHBOARDS_FOLDER).map((file) => {
    const dashboard: Dashboard = JSON.parse(readDocument(`${DASHBOARDS_FOLDER}/${file}`));
    return [file, dashboard];
  });
}

/** Panels that show something. */
export function panelsOf({ panels }: Dashboard): readonly Panel[] {
  return panels.filter(({ type }) => type !== 'row');
}

/** A query as Grafana sends it, with every variable at All. */
export function filled(expr: string): string {
  const values: Readonly<Record<string, string>> = {
    __rate_interval: '10s',
    __interval: '2s',
    __range: '1m',
    job: '.*',
    instance: '.*',
    region: '.*',
  };
  return expr.replaceAll(/\$\{?(\w+)\}?/g, (variable, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the test knows nothing of ${variable}: ${expr}`);
    return value;
  });
}
