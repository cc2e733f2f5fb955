// Answers too long to be collected: whole or visibly broken, and nobody who does not read one holds anything up.
import type { Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { type BrokenRegion, openBrokenRegion } from '../support/broken-region.ts';
import { BRUNO, type Lab, openLab } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';

const MIB = 1024 * 1024;
const CHUNK = 'v'.repeat(MIB);
const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, account: OFF, failedAuth: OFF };
const REQUEST =
  'POST /us/api/v1/secret/abcdefghij0123456789abcdefghij0 HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n';

let lab: Lab;
let region: BrokenRegion | undefined;
afterEach(async () => {
  await lab.close();
  await region?.close();
});

/** us announces `announced` MiB and sends `sent`, then breaks off if that is less. */
async function open(announced: number, sent: number, connections = 2): Promise<void> {
  region = await openBrokenRegion((socket: Socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${announced * MIB}\r\n\r\n`);
    for (let i = 0; i < sent; i++) socket.write(CHUNK);
    if (sent < announced) socket.end();
  });
  lab = await openLab({
    upstreams: { us: [region.url], eu: [region.url.replace('127.0.0.1', 'localhost')] },
    config: { limits: LIMITS, upstream: { connections, bodyTimeout: '300ms', connectTimeout: '2s' } },
  });
}

const inUse = () => lab.metric('onetime_gateway_upstream_connections_in_use{region="us"}');

it('a region that breaks off while nobody reads any more ends nothing but that call', async () => {
  await open(12, 10);
  const caller = rawCaller(lab.gateway.url);
  caller.send(REQUEST);
  await expect.poll(() => region?.received.length).toBe(1);
  caller.socket.destroy();
  await caller.closed;
  await expect.poll(inUse).toBe(0);
  expect((await lab.call('GET', '/api/v1/status')).status).toBe(200);
});

it('an endless answer to the question about credentials verifies nobody and frees its connection', async () => {
  await open(40, 40);
  const reply = await lab.call('GET', '/api/v1/private/recent', { as: BRUNO });
  expect([reply.status, reply.json().error]).toEqual([503, 'verification_unavailable']);
  await expect.poll(() => lab.metric('onetime_gateway_upstream_connections_in_use{region="eu"}')).toBe(0);
});

it('callers that left give their connections back, also in the middle of 40 MiB', async () => {
  await open(40, 40);
  for (let i = 0; i < 4; i++) {
    const caller = rawCaller(lab.gateway.url);
    caller.send(REQUEST);
    await expect.poll(() => region?.received.length).toBe(i + 1);
    caller.socket.destroy();
    await expect.poll(inUse).toBe(0);
  }
});

it('a reader that stalls is cut after bodyTimeout', async () => {
  await open(60, 60);
  const caller = rawCaller(lab.gateway.url);
  caller.socket.pause();
  caller.send(REQUEST);
  await expect.poll(() => region?.received.length).toBe(1);
  await expect.poll(inUse, { timeout: 5_000 }).toBe(0);
  caller.socket.destroy();
});

it('a truncated answer does not look whole to a caller of HTTP/1.0 either', async () => {
  await open(20, 12);
  const caller = rawCaller(lab.gateway.url);
  caller.send(REQUEST.replace('HTTP/1.1', 'HTTP/1.0'));
  const text = await caller.closed;
  const announced = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
  expect(announced).toBe(20 * MIB);
  expect(text.length).toBeLessThan(announced);
});
