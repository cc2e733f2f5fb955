// docs/metrics.md: the table is the code's, the queries are valid and ask for metrics that exist.
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { METRICS } from '../../src/record/metric-table.ts';
import { openFolder } from '../support/folder.ts';
import { blocksOf, readDocument } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { run, runCli } from '../support/process.ts';

const document = readDocument('docs/metrics.md');
const queries = blocksOf(document, 'promql');

it('holds the table that metrics-doc prints', async () => {
  const { code, stdout } = await runCli(['metrics-doc']);
  expect(code).toBe(0);
  const table = document.split('\n').filter((line) => line.startsWith('|'));
  expect(`${table.join('\n')}\n`).toBe(stdout);
});

describe('the queries', () => {
  it('ask for metrics and labels that exist', () => {
    expect(queries.length).toBeGreaterThan(4);
    const rows = new Map<string, readonly string[]>(METRICS.map(({ name, labels }) => [name, labels]));
    for (const query of queries) {
      for (const [, name = '', matchers = ''] of query.matchAll(
        /onetime_gateway_(\w+?)(?:_bucket)?\b(?:\{(.*?)\})?/g,
      )) {
        expect(rows.keys().toArray(), query).toContain(name);
        const labels = [...matchers.matchAll(/(\w+)!?=/g)].map(([, label]) => label);
        expect(rows.get(name), query).toEqual(expect.arrayContaining(labels));
      }
    }
  });

  it.runIf(needs('promtool', 'apt-get install prometheus'))('are queries to promtool', async () => {
    using folder = openFolder();
    const rules = queries.map((expr, index) => ({ record: `query:${index}`, expr }));
    const file = folder.write('rules.yml', stringify({ groups: [{ name: 'documented', rules }] }));
    const { code, stdout } = await run('promtool', ['check', 'rules', file]);
    expect(stdout).toContain(`SUCCESS: ${queries.length} rules found`);
    expect(code).toBe(0);
  });
});
