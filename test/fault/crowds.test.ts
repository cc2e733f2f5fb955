// Crowds that do nothing, or next to nothing, before a gateway in a process of its own: health, metrics and honest callers do
// not notice them. Times are compared with those of the same gateway without the crowd, and of many the one in the middle.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openFilesLimit } from '../../src/record/open-files.ts';
import { call } from '../support/http.ts';
import { openServed, type Served } from '../workers/served.ts';
import { ticksOf } from './ticks.ts';

const IDLE = 5000;
const SLOW = 200;
const TURNS = 40;
/** Of both ends: this process has one for each connection, and the gateway too. */
const FILES = IDLE + 1500;
const hasFiles = (openFilesLimit() ?? Number.POSITIVE_INFINITY) >= FILES;
if (!hasFiles) process.stderr.write(`skipped: ${IDLE} connections take ${FILES} open files (ulimit -Hn)\n`);

const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN;

async function timesOf(what: () => Promise<unknown>): Promise<number> {
  const tookMs: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const sinceMs = performance.now();
    await what();
    tookMs.push(performance.now() - sinceMs);
  }
  return median(tookMs);
}

/** The second time: by then all code is warm. */
async function usually(what: () => Promise<unknown>): Promise<number> {
  await timesOf(what);
  return timesOf(what);
}

/** Something else may have had the machine meanwhile, but hardly three times: what a crowd costs, it costs each time. */
async function expectAsBefore(aloneMs: number, what: () => Promise<unknown>): Promise<void> {
  const boundMs = 3 * aloneMs + 10;
  let besideMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && besideMs >= boundMs; tries++) besideMs = await timesOf(what);
  expect(besideMs).toBeLessThan(boundMs);
}

async function crowd(from: Served, count: number): Promise<Socket[]> {
  const { hostname, port } = new URL(from.url);
  const sockets: Socket[] = [];
  // Not all at once: the system keeps no more than so many waiting.
  while (sockets.length < count) {
    const some = Array.from({ length: 100 }, () => connect(Number(port), hostname));
    await Promise.all(some.map((socket) => once(socket, 'connect')));
    sockets.push(...some);
  }
  return sockets;
}

function disperse(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

const share = (from: Served) => async (): Promise<void> => {
  expect((await from.call('POST', '/us/api/v1/share', { body: 'secret=x' })).status).toBe(200);
};

it.skipIf(!hasFiles)(
  `${IDLE} idle connections: health, metrics and calls as before, and none of them is cut`,
  async () => {
    await using from = await openServed({ workers: 2 });
    const ask = (path: string) => async (): Promise<void> => {
      expect((await call(from.adminUrl, 'GET', path)).status).toBe(200);
    };
    const calls = [share(from), ...['/livez', '/readyz', '/metrics'].map(ask)];
    const alone: number[] = [];
    for (const each of calls) alone.push(await usually(each));
    const sockets = await crowd(from, IDLE);
    try {
      for (const [at, each] of calls.entries()) await expectAsBefore(alone[at] ?? 0, each);
      expect(sockets.filter(({ destroyed, readableEnded }) => destroyed || readableEnded)).toEqual([]);
      expect(await from.metric('process_open_fds')).toBeGreaterThan(IDLE);
      // They cost no processor either.
      const before = ticksOf(from);
      await pause(1000);
      expect(ticksOf(from) - before).toBeLessThan(50);
    } finally {
      disperse(sockets);
    }
    await expect.poll(() => from.metric('process_open_fds'), { timeout: 10_000 }).toBeLessThan(200);
    expect((await from.stop('SIGTERM')).code).toBe(0);
  },
  60_000,
);

it(`${SLOW} bodies that trickle: an honest call takes as long as before, and nothing of them is sent`, async () => {
  await using from = await openServed({ workers: 1, config: { upstream: { connections: 8 } } });
  const aloneMs = await usually(share(from));
  const sockets = await crowd(from, SLOW);
  const head = 'POST /us/api/v1/share HTTP/1.1\r\nHost: g.example\r\nContent-Length: 100000\r\n\r\nsecret=trickle';
  for (const socket of sockets) socket.write(head);
  await expect.poll(() => from.metric('onetime_gateway_in_flight_requests')).toBe(SLOW);
  const trickle = setInterval(() => {
    for (const socket of sockets) socket.write('x');
  }, 100);
  try {
    from.us.clearLedger();
    // Behind them it would wait for seconds. What 2,000 writes a second cost this process and the machine is in here, too.
    await expectAsBefore(aloneMs, share(from));
    expect(from.us.requests.length % TURNS).toBe(0);
    expect(JSON.stringify(from.us.requests)).not.toContain('trickle');
    expect(await from.metric('onetime_gateway_in_flight_requests')).toBe(SLOW);
    expect(await from.metric('onetime_gateway_shed_total{class="anonymous",mode="enforce"}')).toBe(0);
  } finally {
    clearInterval(trickle);
    disperse(sockets);
  }
}, 60_000);
