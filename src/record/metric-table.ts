// Every metric of the gateway's own, as data: metrics.ts registers them, docs/metrics.md is printed from them. The rows are
// in metric-rows-*.ts, by subject.
import type { MetricRow } from './metric-row.ts';
import { CONNECTION_METRICS } from './metric-rows-connections.ts';
import { OPERATIONS_METRICS } from './metric-rows-operations.ts';
import { PROCESS_METRICS } from './metric-rows-process.ts';
import { REGION_METRICS } from './metric-rows-regions.ts';
import { REQUEST_METRICS } from './metric-rows-requests.ts';
import { STATE_METRICS } from './metric-rows-state.ts';

export const PREFIX = 'onetime_gateway_';

/** In the order in which docs/metrics.md shows them (`onetime-gateway metrics-doc`). */
export const METRICS = [
  ...REQUEST_METRICS,
  ...CONNECTION_METRICS,
  ...REGION_METRICS,
  ...STATE_METRICS,
  ...OPERATIONS_METRICS,
  ...PROCESS_METRICS,
] as const;

export type MetricName = (typeof METRICS)[number]['name'];

export function rowOf(name: MetricName): MetricRow {
  const row = METRICS.find((candidate) => candidate.name === name);
  if (row === undefined) throw new Error(`no metric ${name}`);
  return row;
}

/** The table of docs/metrics.md, as Markdown. */
export function metricsTable(): string {
  const rows = METRICS.map(
    ({ name, type, labels, help }) =>
      `| \`${PREFIX}${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ') || '-'} | ${help} |`,
  );
  return ['| Metric | Type | Labels | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
