// docs/faults.md: each row has a test that is there and says what the row says, and what it names exists.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/record/metric-table.ts';
import { REFUSAL_CODES, Refusal } from '../../src/refusal.ts';
import { readDocument, rowsOf } from '../support/markdown.ts';
import { ROOT } from '../support/process.ts';

const document = readDocument('docs/faults.md');
const rows = rowsOf(document);
const sources = readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(`${ROOT}src/${name}`, 'utf8'))
  .join('\n');

/** `file` “words of its title” */
function testsOf(cell: string): { file: string; words: string }[] {
  return [...cell.matchAll(/`(test\/[^`]+)` “([^”]+)”/g)].map(([, file = '', words = '']) => ({ file, words }));
}

describe('each row', () => {
  it.each(rows.map((row) => [row[0] ?? '', row] as const))('%s', (_fault, row) => {
    expect(row.length).toBeGreaterThanOrEqual(4);
    const tests = testsOf(row.at(-1) ?? '');
    expect(tests).not.toEqual([]);
    for (const { file, words } of tests) {
      expect(existsSync(ROOT + file), file).toBe(true);
      const titles = [...readDocument(file).matchAll(/[`'](?:[^`'\n]*)[`']/g)].map(([title]) => title);
      expect(
        titles.some((title) => title.includes(words)),
        `${file}: ${words}`,
      ).toBe(true);
    }
  });
});

it('names every test of a process that fails', () => {
  const named = new Set(rows.flatMap((row) => testsOf(row.at(-1) ?? '')).map(({ file }) => file));
  const ofProcesses = readdirSync(`${ROOT}test/fault`)
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) => readDocument(`test/fault/${name}`).includes("from '../workers/served.ts'"))
    .map((name) => `test/fault/${name}`);
  expect(ofProcesses.length).toBeGreaterThan(5);
  expect(ofProcesses.filter((file) => !named.has(file))).toEqual([]);
});

it('names metrics, alerts and refusals that there are', () => {
  const metrics = [...document.matchAll(/`onetime_gateway_(\w+)`/g)].map(([, name = '']) => name);
  expect(metrics.length).toBeGreaterThan(5);
  const known = new Set<string>(METRICS.map(({ name }) => name));
  expect(metrics.filter((name) => !known.has(name))).toEqual([]);
  const rules = readDocument('config/prometheus/rules.yml');
  const alerts = [...document.matchAll(/OnetimeGateway\w+/g)].map(([alert]) => alert);
  expect(alerts.length).toBeGreaterThan(5);
  expect(alerts.filter((alert) => !rules.includes(`alert: ${alert}\n`))).toEqual([]);
  const refusals = [...document.matchAll(/(\d{3}) `(\w+)`/g)].map(([, status, code]) => `${status} ${code}`);
  expect(refusals.length).toBeGreaterThan(5);
  const codes = new Set(REFUSAL_CODES.map((code) => `${new Refusal(code).status} ${code}`));
  expect(refusals.filter((each) => !codes.has(each))).toEqual([]);
});

it('says what the log says, and the bounds that there are', () => {
  for (const words of [
    'a worker hangs: it is ended',
    'requests were still under way when the time for draining was over',
    'the audit log cannot be written',
    'the clock of this machine was set',
    'no descriptor is left',
  ]) {
    expect(document).toContain(`\`${words}\``);
    expect(sources).toContain(words);
  }
  expect(sources).toContain('LAST_ANSWERS_MS = 10_000');
  expect(sources).toContain('DRAIN_BOUND_MS = 25_000');
  expect(sources).toContain('MOST_OPERATORS = 128');
  for (const bound of ['for up to 10 s', 'At most 25 s', 'takes 128 of them']) expect(document).toContain(bound);
});
