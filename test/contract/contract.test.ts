// Replays every recorded exchange with Onetime Secret 0.20.5 against fresh twins: the twin's proof of faithfulness.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_ACCOUNTS, startTwin, type Twin } from '../../src/twin/twin.ts';
import { compareAnswer } from './compare.ts';
import { createNames } from './names.ts';
import { type Exchange, makeWhole, readTranscripts, requestBody } from './transcripts.ts';
import { send, type WireAnswer } from './wire.ts';

/** `run/case` and why the twin answers otherwise. An entry that no longer differs fails the test. */
const UNCOVERED = new Map([
  [
    '1/240-weird-method',
    "answered alike, but Node's parser gives up on a method that it does not know, so the connection closes",
  ],
]);

/** What was done to the database by hand before a case of run 3 (the notes say so). */
const REMOVED_BEFORE = new Map<string, 'orphan' | 'expire'>([
  ['3/004-private-orphaned', 'orphan'],
  ['3/007-private-expired', 'expire'],
]);

// A 20-minute block of the service's limits holds each run.
const NOW_SECONDS = 1_795_388_881;
const exchanges = readTranscripts();
const nameOf = (exchange: Exchange) => `${exchange.run}/${exchange.case}`;
let covered = 0;

function chunk(body: Buffer): Buffer {
  return Buffer.from(`${body.length.toString(16)}\r\n${body.toString('latin1')}\r\n0\r\n\r\n`, 'latin1');
}

function replay(exchange: Exchange, twin: Twin, substitute: (text: string) => string): Promise<WireAnswer> {
  const { method, path, headers, curl_arguments } = exchange.request;
  const body = requestBody(exchange.request, substitute);
  const chunked = headers.includes('Transfer-Encoding: chunked');
  return send(twin.port, {
    method,
    path: substitute(makeWhole(path)),
    version: curl_arguments?.includes('--http1.0') === true ? '1.0' : '1.1',
    headers,
    body: chunked ? chunk(body) : body,
  });
}

describe.each([1, 2, 3] as const)('run %i', (run) => {
  const names = createNames();
  const twins = new Map<string, Twin>();

  beforeAll(async () => {
    for (const region of ['us', 'eu'] as const) {
      const twin = await startTwin({
        region,
        accounts: DEMO_ACCOUNTS[region],
        limits: run === 2 ? 'shipped' : 'raised',
        chunked: 'misread',
        now: () => NOW_SECONDS * 1000,
      });
      twins.set(region, twin);
    }
  });
  afterAll(async () => {
    for (const twin of twins.values()) await twin.close();
  });

  it.each(exchanges.filter((one) => one.run === run))('answers $case ($region) as recorded', async (exchange) => {
    const name = nameOf(exchange);
    const twin = twins.get(exchange.region);
    if (twin === undefined) throw new Error(`no twin for ${exchange.region}`);
    const removal = REMOVED_BEFORE.get(name);
    if (removal !== undefined)
      twin.removeSecret(names.substitute(exchange.request.path.split('/').at(-1) ?? ''), removal);
    const answer = await replay(exchange, twin, names.substitute);
    const compare = () => compareAnswer(exchange, answer, { names, nowSeconds: NOW_SECONDS });
    const reason = UNCOVERED.get(name);
    if (reason !== undefined) {
      expect(compare, `${name} is covered now: take it off the list`).toThrow();
      return;
    }
    compare();
    covered += 1;
  });
});

it('covers every recorded exchange but those with a reason', () => {
  const missing = [...UNCOVERED].map(([name, reason]) => `${name} (${reason})`).join(', ') || 'none';
  console.log(`contract: ${covered} of ${exchanges.length} recorded exchanges covered; not covered: ${missing}`);
  expect(new Set(exchanges.map(nameOf)).size).toBe(exchanges.length);
  for (const name of UNCOVERED.keys()) expect(exchanges.map(nameOf)).toContain(name);
  expect(covered + UNCOVERED.size).toBe(exchanges.length);
});
