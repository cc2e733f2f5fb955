// A collector that is away, slow, or refuses: callers notice nothing, the operator is told once, and the end does not wait.
import { Agent } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { ALICE, type Lab, openLab } from '../support/lab.ts';
import { type Collector, nowhere, startCollector } from './otlp.ts';

const LOST = 'the collector did not take spans';

let lab: Lab;
let collector: Collector | undefined;
afterEach(async () => {
  await lab.close();
  await collector?.[Symbol.asyncDispose]();
  collector = undefined;
});

const open = async (otlp: string, more: Record<string, unknown> = {}): Promise<void> => {
  lab = await openLab({ config: { tracing: { otlp, sample: 1, timeout: '200ms', ...more } } });
};
const linesOf = (message: string): Record<string, unknown>[] =>
  lab.log.map((line) => JSON.parse(line)).filter(({ msg }) => msg === message);
const spans = (result: string) => lab.metric(`onetime_gateway_trace_spans_total{result="${result}"}`);

/** Asks until spans were lost: they are told to the collector after a second. */
async function untilLost(): Promise<void> {
  while ((await spans('dropped')) === 0) expect((await lab.call('GET', '/us/api/v1/status')).status).toBe(200);
}

it('that takes spans is sent them, and they are counted', async () => {
  collector = await startCollector();
  await open(collector.url);
  await lab.create({ as: ALICE });
  await collector.until((received) => received.length === 7);
  while ((await spans('exported')) === 0);
  expect(await spans('exported')).toBe(7);
  expect(await spans('dropped')).toBe(0);
  expect(linesOf(LOST)).toEqual([]);
});

it('that is away costs spans: counted, told once, and callers are answered', async () => {
  const url = await nowhere();
  await open(url);
  await untilLost();
  const [line, ...others] = linesOf(LOST);
  expect(others).toEqual([]);
  expect(line).toMatchObject({ level: 40, cause: { code: 'ECONNREFUSED' }, spans: expect.any(Number) });
});

it.each([
  [500, 'internal error of vendor-s3cret'],
  [503, 'come back'],
  [401, 'who are you'],
  [302, ''],
])('that answers %d costs spans, and its words are in no log', async (status, words) => {
  collector = await startCollector();
  collector.answer = (res) => void res.writeHead(status, { location: 'http://127.0.0.1:1/' }).end(words);
  await open(collector.url);
  await untilLost();
  expect(linesOf(LOST)).toHaveLength(1);
  if (words !== '') expect(lab.log.join('')).not.toContain(words);
});

it('that does not answer costs spans when its time is over', async () => {
  collector = await startCollector();
  collector.answer = () => {};
  await open(collector.url);
  await untilLost();
  expect(linesOf(LOST)).toHaveLength(1);
});

it('that tells by its answer that it left out spans is believed, and its words are in no log', async () => {
  collector = await startCollector();
  // ExportTraceServiceResponse { partial_success { rejected_spans: 1, error_message: "s3cret" } }
  collector.answer = (res) => void res.end(Buffer.from([0x0a, 0x0a, 0x08, 0x01, 0x12, 0x06, ...Buffer.from('s3cret')]));
  await open(collector.url);
  await lab.call('GET', '/us/api/v1/status');
  await collector.until((received) => received.length > 0);
  expect(lab.log.join('')).not.toContain('s3cret');
});

it('is told of what is over when the gateway is drained, before it ends', async () => {
  collector = await startCollector();
  await open(collector.url);
  await lab.call('GET', '/us/api/v1/status');
  expect(await lab.gateway.drain(1000)).toBe(true);
  expect(collector.spans.map(({ name }) => name)).toContain('GET v1.status');
});

it('that does not answer holds up the end for its timeout at most', async () => {
  collector = await startCollector();
  collector.answer = () => {};
  await open(collector.url, { timeout: '10s' });
  await lab.call('GET', '/us/api/v1/status');
  const startedMs = performance.now();
  await lab.gateway.drain(1000);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

it('that does not answer holds up no caller, however many spans wait', async () => {
  collector = await startCollector();
  collector.answer = () => {};
  await open(collector.url, { timeout: '10s' });
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const calls = Array.from({ length: 600 }, () => lab.call('GET', '/us/api/v1/nothing', { agent }));
  expect(new Set((await Promise.all(calls)).map(({ status }) => status))).toEqual(new Set([404]));
  agent.destroy();
});
