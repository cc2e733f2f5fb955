// docs/logging.md: its fields are the code's, its configuration is the default, its lines are what is written, its commands run.
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { createPretty } from '../../src/record/pretty.ts';
import { beginTrip, createRecord, type Trip } from '../../src/record/record.ts';
import { REFUSAL_CODES } from '../../src/refusal.ts';
import { ROUTES } from '../../src/route/table.ts';
import { openFolder } from '../support/folder.ts';
import { blocksOf, inCode, readDocument, rowsOf } from '../support/markdown.ts';
import { needs } from '../support/needs.ts';
import { run } from '../support/process.ts';

const document = readDocument('docs/logging.md');
const [json = ''] = blocksOf(document, 'json');
const [pretty = ''] = blocksOf(document, 'text');
const sectionOf = (heading: string): string => document.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';

/** The documented fields in order, with the value of each example. */
const FIELDS = rowsOf(sectionOf('The line of a request')).map(([name, example, meaning]) => ({
  name: inCode(name),
  value: JSON.parse(inCode(example)) as unknown,
  meaning,
}));
const EXAMPLES: Readonly<Record<string, unknown>> = Object.fromEntries(FIELDS.map(({ name, value }) => [name, value]));

/** The line of a trip, with the process and the time of the examples. */
function lineOf(trip: Trip, durationMs: number, sample = 1): Record<string, unknown> {
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }).child({ worker: 2 });
  const nothing = (): void => {};
  const metrics = { ended: nothing, refused: nothing, limited: nothing, decided: nothing };
  const client = (): string => String(EXAMPLES.client);
  createRecord(metrics, log, { sample, slowMs: 1000, client })(trip, true, trip.startedMs + durationMs);
  const [line = {}] = lines;
  const { level, time, pid, hostname } = EXAMPLES;
  return { ...line, level: line.level === 30 ? level : line.level, time, pid, hostname };
}

function tripOf(examples: Readonly<Record<string, unknown>>): Trip {
  const trip = beginTrip(String(examples.request_id), String(examples.method), 0, 50);
  return Object.assign(trip, {
    trace: examples.trace_id === undefined ? undefined : { id: examples.trace_id, headers: [] },
    client: '192.0.2.7',
    route: ROUTES.find(({ id }) => id === examples.route),
    account: `${examples.account}${'0'.repeat(16)}`,
    region: examples.region,
    reason: examples.reason,
    upstream: examples.upstream,
    upstreamMs: examples.upstream_ms,
    outcome: examples.outcome,
    replayed: examples.replayed ?? false,
    refusal: examples.refusal,
    limit: examples.limit,
    status: examples.status,
    receivedBytes: examples.request_bytes,
    sentBytes: examples.response_bytes,
    cause: examples.cause,
  });
}

describe('the table of fields', () => {
  it('has every field that can be in a line, in its order, and no other', () => {
    const failed = lineOf(tripOf(EXAMPLES), 12.6);
    const good = lineOf(tripOf({ ...EXAMPLES, cause: undefined, refusal: undefined, status: 200 }), 12.6, 0.9);
    // Both together are all there is: a line that failed is never one of a share.
    const names = [...Object.keys(failed), ...Object.keys(good)];
    expect(new Set(FIELDS.map(({ name }) => name))).toEqual(new Set(names));
    const order = FIELDS.map(({ name }) => name);
    for (const line of [failed, good]) {
      expect(Object.keys(line)).toEqual(order.filter((name) => name in line));
    }
    for (const { meaning, name } of FIELDS) expect(meaning, name).toMatch(/\w/);
  });

  it('has examples that are what is written', () => {
    const { sample, ...failed } = EXAMPLES;
    expect(sample).toBeLessThan(1);
    expect(lineOf(tripOf(EXAMPLES), 12.6)).toEqual({ ...failed, level: 40 });
    expect(REFUSAL_CODES).toContain(EXAMPLES.refusal);
  });
});

describe('the lines', () => {
  it('the JSON is what is written', () => {
    const shown: Record<string, unknown> = JSON.parse(json);
    const { client: _, ...line } = lineOf(tripOf(shown), Number(shown.duration_ms));
    expect(line).toEqual(shown);
    expect(Object.keys(line)).toEqual(Object.keys(shown));
  });

  it('the one for people is the same line', () => {
    const withoutTime = (line: string): string => line.replace(/^\[[\d:.]+\] /, '');
    expect(withoutTime(createPretty(false)(json))).toBe(withoutTime(pretty));
  });
});

it('its configuration loads, and says what the defaults are', () => {
  const [text = ''] = blocksOf(document, 'yaml');
  const { log } = parseConfig(text, 'logging.md', {});
  expect(text).toContain('log:');
  expect(parseConfig(text.replace(/^log:\n( .*\n)+/m, ''), 'logging.md', {}).log).toEqual(log);
});

it('names every level', () => {
  const named = rowsOf(sectionOf('Levels')).flatMap(([names = '']) => names.split(', ').map(inCode));
  expect(named.toSorted()).toEqual([...Object.keys(pino().levels.values), 'silent'].toSorted());
});

it.runIf(needs('jq', 'apt-get install jq'))('its commands print what they are for', async () => {
  using folder = openFolder();
  const refused = JSON.stringify({ ...JSON.parse(json), refusal: 'region_timeout', outcome: 'unknown', account: 'x' });
  const sampled = JSON.stringify({ ...JSON.parse(json), sample: 0.1, account: 'x' });
  folder.write('gateway.log', `${json}${refused}\n${sampled}\n`);
  const printed = [
    '["v1.secret","eu","region_timeout","unknown"]\n',
    '[1795674252185,"v1.secret","eu",200]\n',
    '{\n  "eu": 12\n}\n',
  ];
  const commands = blocksOf(document, 'sh').map((block) => block.trim());
  expect(commands).toHaveLength(printed.length);
  for (const [index, command] of commands.entries()) {
    const { code, stdout, stderr } = await run('sh', ['-c', command], { cwd: folder.path });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: printed[index], stderr: '' });
  }
});
