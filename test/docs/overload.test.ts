// docs/overload.md: its configuration is the defaults, and what it names there is.
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { METRICS } from '../../src/record/metric-table.ts';
import { REFUSAL_CODES, Refusal } from '../../src/refusal.ts';
import { FIXED } from '../../src/reload.ts';
import { blocksOf, readDocument } from '../support/markdown.ts';

const document = readDocument('docs/overload.md');
const REGIONS = 'regions: { us: { upstreams: ["https://us.example"] } }';

it('shows the defaults, which a reload takes up', () => {
  const [block = '', ...others] = blocksOf(document, 'yaml');
  expect(others).toEqual([]);
  const shown = parseConfig(block, 'overload.yaml', {});
  const { upstream, overload } = parseConfig(REGIONS, 'g.yaml', {});
  expect([shown.upstream, shown.overload]).toEqual([upstream, overload]);
  expect(Object.keys(FIXED).filter((key) => /^(upstream|overload)/.test(key))).toEqual([]);
});

it('says where everybody is turned away: what the bounds come to', () => {
  const { overload } = parseConfig(REGIONS, 'g.yaml', {});
  expect(document).toContain(
    `(${overload.eventLoopDelayMs} ms) | twice as much (${(2 * overload.eventLoopDelayMs) / 1000} s)`,
  );
  expect(document).toContain(`(${overload.heap}) | half of what is left, too (${(1 + overload.heap) / 2})`);
});

it('names metrics that there are', () => {
  const named = [...document.matchAll(/`onetime_gateway_(\w+)`/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(3);
  const known = new Set<string>(METRICS.map(({ name }) => name));
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

it('names codes that there are, with their status', () => {
  const named = [...document.matchAll(/(\d{3}) `(\w+)`/g)].map(([, status, code]) => `${status} ${code}`);
  expect(named.length).toBeGreaterThan(1);
  const known = new Set(REFUSAL_CODES.map((code) => `${new Refusal(code).status} ${code}`));
  expect(named.filter((each) => !known.has(each))).toEqual([]);
});
