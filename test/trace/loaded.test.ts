// What of OpenTelemetry a running gateway has loaded: nothing without a collector.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openServed, type Served } from '../workers/served.ts';
import { startCollector } from './otlp.ts';

const PRELOAD = fileURLToPath(new URL('loaded.preload.ts', import.meta.url));

async function serve(workers: number, tracing: Record<string, unknown>): Promise<Served> {
  return openServed({ workers, config: { tracing }, env: { NODE_OPTIONS: `--import=${PRELOAD}` } });
}
const loadedBy = ({ process }: Served): string[] => process.stderr().match(/^loaded .*$/gm) ?? [];

it.each([1, 2])(
  'without a collector nothing of it is loaded by %d thread(s), also when callers bring traces',
  async (workers) => {
    await using served = await serve(workers, { otlp: null, sample: 1 });
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    expect((await served.call('GET', '/us/api/v1/status', { headers: { traceparent } })).status).toBe(200);
    await served.stop('SIGTERM');
    expect(served.us.requests).toHaveLength(1);
    expect(loadedBy(served)).toEqual([]);
  },
);

it('with one it is loaded: the test can tell', async () => {
  await using collector = await startCollector();
  await using served = await serve(1, { otlp: collector.url });
  expect(loadedBy(served)).toContain('loaded @opentelemetry/sdk-trace');
});

it('with workers each thread sends its own spans, all of them before the end, and metrics count them together', async () => {
  await using collector = await startCollector();
  await using served = await serve(2, { otlp: collector.url, sample: 1 });
  for (const agent of (await served.reach()).values()) {
    await served.call('GET', '/us/api/v1/status', { agent });
  }
  const instances = () => new Set(collector.spans.map(({ resource }) => resource['service.instance.id']));
  await collector.until(() => instances().size === 2);
  const series = 'onetime_gateway_trace_spans_total{result="exported"}';
  while ((await served.metric(series)) < collector.spans.length);
  await served.call('GET', '/eu/api/v1/authcheck');
  expect(await served.stop('SIGTERM')).toMatchObject({ code: 0 });
  expect(collector.spans.map(({ name }) => name)).toContain('GET v1.authcheck');
});

it('a process whose collector does not answer ends all the same', async () => {
  await using collector = await startCollector();
  collector.answer = () => {};
  await using served = await serve(1, { otlp: collector.url, sample: 1, timeout: '3s' });
  await served.call('GET', '/us/api/v1/status');
  const startedMs = performance.now();
  expect(await served.stop('SIGTERM')).toMatchObject({ code: 0 });
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});
