// What callers make up leaves no trace that grows: neither in the metrics, nor in memory.
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom, type Random } from '../fuzz/random.ts';
import { basic } from '../support/http.ts';
import { type Lab, openLab } from '../support/lab.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };
const REQUESTS = 100_000;
/** After so many every series is there that these requests can have. */
const WARM = 5_000;
/** As many as one connection may have waiting. */
const BATCH = 30;
const CONNECTIONS = 4;
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'PROPFIND', 'MKCOL', 'PURGE', 'TRACE'];

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

let lab: Lab;
beforeAll(async () => {
  lab = await openLab({ config: { limits: LIMITS, log: { level: 'fatal' } }, twins: { ledgerRows: 0 } });
});
afterAll(() => lab.close());

const word = (random: Random): string => random.below(2 ** 31).toString(36) + random.below(2 ** 31).toString(36);

/** One that is refused here, each time in other words, with other methods, hosts, regions, accounts and headers. */
function madeUp(random: Random): string {
  const path = random.pick([
    `/${word(random)}`,
    `/${word(random)}/api/v1/status`,
    `/api/v1/${word(random)}/${word(random)}`,
    `/api/${word(random)}?${word(random)}=${word(random)}`,
    `/api/v1/secret/${word(random)}`,
    `/us/api/v2/private/${word(random)}${word(random)}`,
  ]);
  const headers = random.pick([
    `X-${word(random)}: ${word(random)}`,
    `Onetime-Region: ${word(random)}`,
    `Authorization: ${basic(`${word(random)}@${word(random)}.example:${word(random)}`)}`,
    `X-Forwarded-For: ${random.below(256)}.${random.below(256)}.1.1`,
    `traceparent: 00-${word(random).padEnd(32, 'a').slice(0, 32)}-00f067aa0ba902b7-01`,
  ]);
  return `${random.pick(METHODS)} ${path} HTTP/1.1\r\nHost: ${word(random)}.example\r\n${headers}\r\nContent-Length: 0\r\n\r\n`;
}

/** Sends requests on one connection, a batch behind the other, and waits for each answer. */
async function sendAll(count: number, random: Random): Promise<void> {
  const { hostname, port } = new URL(lab.gateway.url);
  const socket = connect({ host: hostname, port: Number(port) });
  let [seen, tail] = [0, ''];
  let answered = (): void => {};
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    const text = tail + chunk;
    seen += text.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0;
    // Shorter than what is looked for, so that nothing is counted twice.
    tail = text.slice(-12).replace(/HTTP\/1\.1 \d{3} /, '');
    answered();
  });
  const closed = new Promise<never>((_, reject) =>
    socket.on('close', () => reject(new Error('the connection has closed'))),
  );
  closed.catch(() => {});
  for (let sent = 0; sent < count; ) {
    const size = Math.min(BATCH, count - sent);
    sent += size;
    const all = new Promise<void>((resolve) => {
      answered = () => {
        if (seen >= sent) resolve();
      };
    });
    socket.write(Array.from({ length: size }, () => madeUp(random)).join(''));
    await Promise.race([all, closed]);
  }
  socket.destroy();
}

async function send(count: number, seed: number): Promise<void> {
  const each = Math.ceil(count / CONNECTIONS);
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, at) => sendAll(each, createRandom(seed, at))));
}

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
  await send(WARM, 1);
  const before = await look();
  const refused = await lab.metric('onetime_gateway_refusals_total{code="not_found"}');
  await send(REQUESTS - WARM, 2);
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
