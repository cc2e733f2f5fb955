// Debian's Prometheus as a child process, with the configuration and the rules of config/prometheus/: sooner, not otherwise.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { openFolder } from '../support/folder.ts';
import { readDocument } from '../support/markdown.ts';
import { start } from '../support/process.ts';
import { readRules } from './files.ts';

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
}

export interface Alerting {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

export interface Prometheus extends AsyncDisposable {
  /** Over the last minute, as a panel asks. @throws Error with what Prometheus says of a query that it does not take */
  range(expr: string): Promise<readonly Series[]>;
  /** At this moment. */
  instant(expr: string): Promise<readonly Series[]>;
  /** The values of a label in the series of a selector. */
  labelValues(label: string, selector: string): Promise<readonly string[]>;
  /** Alerts that fire. */
  firing(): Promise<readonly Alerting[]>;
}

const RANGE_SECONDS = 60;
const STEP_SECONDS = 2;

/** @param target host and port of an admin listener */
export async function startPrometheus(target: string): Promise<Prometheus> {
  const folder = openFolder();
  writeFileSync(join(folder.path, 'rules.yml'), stringify({ groups: soonerRules() }));
  const file = folder.write('prometheus.yml', stringify(soonerConfig(target)));
  const data = join(folder.path, 'data');
  const running = await start('prometheus', [
    `--config.file=${file}`,
    `--storage.tsdb.path=${data}`,
    '--web.listen-address=127.0.0.1:0',
  ]);
  const [, port] = await running.line(/msg="Listening on" address=127\.0\.0\.1:(\d+)/);
  await running.line(/Server is ready to receive web requests/);
  const base = `http://127.0.0.1:${port}/api/v1`;

  async function ask<T>(path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
    const reply = await fetch(`${base}/${path}?${new URLSearchParams(parameters)}`);
    const { data: answer, error }: { data?: T; error?: string } = JSON.parse(await reply.text());
    if (answer === undefined) throw new Error(`${error}: ${parameters.query ?? path}`);
    return answer;
  }

  return {
    async range(query) {
      const end = Date.now() / 1000;
      const times = { start: `${end - RANGE_SECONDS}`, end: `${end}`, step: `${STEP_SECONDS}` };
      return (await ask<{ result: Series[] }>('query_range', { query, ...times })).result;
    },
    instant: async (query) => (await ask<{ result: Series[] }>('query', { query })).result,
    labelValues: (label, selector) => ask(`label/${label}/values`, { 'match[]': selector }),
    async firing() {
      const { alerts } = await ask<{ alerts: Alerting[] }>('alerts', {});
      return alerts.filter(({ state }) => state === 'firing');
    },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** What holds for minutes holds for a second here. Windows stay as they are. */
function soonerRules() {
  return readRules().map(({ name, rules }) => ({
    name,
    rules: rules.map((rule) => (rule.for === undefined ? rule : { ...rule, for: '1s' })),
  }));
}

function soonerConfig(target: string) {
  const config: { scrape_configs: readonly object[] } = parse(readDocument('config/prometheus/prometheus.yml'));
  return {
    ...config,
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    scrape_configs: config.scrape_configs.map((job) => ({ ...job, static_configs: [{ targets: [target] }] })),
  };
}
