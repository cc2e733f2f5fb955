// docs/workers.md: its configuration loads, and it is true of the defaults.
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { METRICS } from '../../src/record/metric-table.ts';
import { blocksOf, readDocument } from '../support/markdown.ts';

const document = readDocument('docs/workers.md');

it('its configuration loads, and says what the default is', () => {
  const [text = ''] = blocksOf(document, 'yaml');
  const { workers, regions } = parseConfig(text, 'workers.md', {});
  expect(regions).toHaveLength(2);
  expect(workers).toBe(parseConfig(text.replace('workers: auto', ''), 'workers.md', {}).workers);
});

it('names metrics that exist', () => {
  const named = [...document.matchAll(/onetime_gateway_(\w+)/g)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(1);
  const known = new Set<string>(METRICS.map(({ name }) => name));
  expect(named.filter((name) => !known.has(String(name)))).toEqual([]);
});
