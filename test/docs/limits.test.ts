// docs/limits.md: its configuration is the defaults, and what it names there is.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { METRICS } from '../../src/record/metric-table.ts';
import { REFUSAL_CODES, Refusal } from '../../src/refusal.ts';
import { FIXED } from '../../src/reload.ts';
import { blocksOf, deadLinksOf, readDocument, rowsOf } from '../support/markdown.ts';

const document = readDocument('docs/limits.md');
const REGIONS = 'regions: { us: { upstreams: ["https://us.example"] } }';

it('shows the defaults', () => {
  const [block = '', ...others] = blocksOf(document, 'yaml');
  expect(others).toEqual([]);
  const shown = parseConfig(block, 'limits.yaml', {});
  const { listen, request } = parseConfig(REGIONS, 'g.yaml', {});
  expect([shown.listen, shown.request]).toEqual([listen, request]);
});

it('says which of these keys need a restart', () => {
  const named = [...document.matchAll(/`((?:listen|request)\.\w+)`/g)].map(([, key = '']) => key);
  const fixed = Object.keys(FIXED).filter((key) => named.includes(key) && key !== 'listen.trustProxy');
  expect(fixed).toEqual(['listen.maxConnections']);
  expect(document).toContain('All of them but `listen.maxConnections`, which needs a restart.');
});

it('has no dead link', () => {
  expect(deadLinksOf('docs/limits.md')).toEqual([]);
});

describe('names', () => {
  it('metrics that there are', () => {
    const named = [...document.matchAll(/`onetime_gateway_(\w+)`/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(3);
    const known = new Set<string>(METRICS.map(({ name }) => name));
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('codes that there are, with their status', () => {
    const named = [...document.matchAll(/(\d{3}) `(\w+)`/g)].map(([, status, code]) => `${status} ${code}`);
    expect(named.length).toBeGreaterThan(5);
    const known = new Set(REFUSAL_CODES.map((code) => `${new Refusal(code).status} ${code}`));
    expect(named.filter((each) => !known.has(each))).toEqual([]);
  });

  it('every key of the section `request`, and the four of connections', () => {
    const rows = rowsOf(document).map(([first = '']) => first);
    const { request } = parseConfig(REGIONS, 'g.yaml', {});
    for (const key of [
      'targetLength',
      'headerBytes',
      'headerCount',
      'bodyLimit',
      'headersTimeout',
      'timeout',
      'minRate',
    ]) {
      expect(rows).toContain(`\`request.${key}\``);
    }
    expect(Object.keys(request)).toHaveLength(7);
    for (const key of ['maxConnections', 'maxConnectionsPerAddress', 'maxRequestsPerConnection', 'idleTimeout']) {
      expect(rows).toContain(`\`listen.${key}\``);
    }
  });
});
