// What callers make up leaves no trace that grows: neither in the metrics, nor in memory.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { sendMadeUp } from './made-up.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };
const REQUESTS = 100_000;
/** After so many every series is there that these requests can have. */
const WARM = 5_000;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

let lab: Lab;
beforeAll(async () => {
  // Over few connections.
  const listen = { host: '127.0.0.1', port: 0, maxRequestsPerConnection: 'off' };
  lab = await openLab({ config: { limits: LIMITS, listen, log: { level: 'fatal' } }, twins: { ledgerRows: 0 } });
});
afterAll(() => lab.close());

async function look(): Promise<{ series: string[]; bytes: number }> {
  const text = await lab.metrics();
  const series = text
    .split('\n')
    .flatMap((line) => (line.startsWith('onetime_gateway_') ? [line.slice(0, line.lastIndexOf(' '))] : []));
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { series, bytes: process.memoryUsage().heapUsed };
}

it('100,000 requests with paths, methods, hosts, regions and accounts that nobody has leave the series as they were, and memory bounded', async () => {
  await sendMadeUp(lab.gateway.url, WARM, 1);
  const before = await look();
  const refused = await lab.metric('onetime_gateway_refusals_total{code="not_found"}');
  await sendMadeUp(lab.gateway.url, REQUESTS - WARM, 2);
  const after = await look();
  expect(await lab.metric('onetime_gateway_refusals_total{code="not_found"}')).toBeGreaterThan(refused + REQUESTS / 10);
  expect(after.series).toEqual(before.series);
  expect(after.series.length).toBeGreaterThan(100);
  const grown = Math.round((after.bytes - before.bytes) / 1024);
  process.stdout.write(
    `series: ${after.series.length}, memory grown by ${grown} KiB over ${REQUESTS - WARM} requests\n`,
  );
  expect(grown).toBeLessThan(32 * 1024);
  expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
}, 120_000);
