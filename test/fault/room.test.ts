// More callers than the process has descriptors for: there is room for so many, so that calls, operators and files have theirs.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { mostCallers, roomForCallers, warnOfFewFiles } from '../../src/rooms-files.ts';
import { openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { openServed } from '../workers/served.ts';
import { limited } from './limited.ts';
import { ticksOf } from './ticks.ts';

const STATUS = '/api/v1/status';
const PRELOAD = fileURLToPath(new URL('../workers/deadly.preload.ts', import.meta.url));

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

it.each([1, 2])(
  'more callers than there are descriptors for, with %i worker(s): some are turned away, and all else goes on',
  async (workers) => {
    await using from = await openServed({ workers, through: limited(1024) });
    const config = parseConfig(readFileSync(from.file, 'utf8'), 'files.yaml', {});
    const most = mostCallers(config, 1024);
    expect(most).toBeLessThan(500);
    const { hostname, port } = new URL(from.url);
    const sockets: Socket[] = [];
    closing.push(() => {
      for (const socket of sockets) socket.destroy();
    });
    const come = (count: number): void => {
      for (let left = count; left > 0; left--) {
        const socket = connect(Number(port), hostname).on('error', () => {});
        // Unused ones would make place for others; and an answer is not read: nobody makes it easy.
        socket.write('POST /us/api/v1/share HTTP/1.1\r\nHost: g.example\r\nContent-Length: 100000\r\n\r\nx');
        sockets.push(socket.pause());
      }
    };
    come(most);
    const inFlight = (): Promise<number> => from.metric('onetime_gateway_in_flight_requests');
    await expect.poll(inFlight, { timeout: 10_000 }).toBe(most);
    come(700);
    const turnedAway = (): Promise<number> => from.metric('onetime_gateway_connections_refused_total{reason="all"}');
    await expect.poll(turnedAway, { timeout: 10_000 }).toBe(700);
    expect(await inFlight()).toBe(most);
    expect(await from.metric('process_open_fds')).toBeLessThan(1024);
    for (const path of ['/livez', '/readyz']) expect((await call(from.adminUrl, 'GET', path)).status).toBe(200);
    const before = ticksOf(from);
    await pause(1500);
    // Nobody turns round and round for what it cannot have.
    expect(ticksOf(from) - before).toBeLessThan(75);
    for (const socket of sockets.splice(0)) socket.destroy();
    await expect.poll(async () => (await from.call('GET', `/eu${STATUS}`)).status, { timeout: 10_000 }).toBe(200);
    expect(from.process.stdout()).not.toContain('no descriptor is left');
    expect((await from.stop('SIGTERM')).code).toBe(0);
  },
  60_000,
);

it('the room stays what it was at the start, also for a worker that begins after a reload that needs more', async () => {
  using orders = openFolder();
  const env = { NODE_OPTIONS: `--import ${PRELOAD}`, DEADLY_FOLDER: orders.path };
  await using from = await openServed({
    workers: 2,
    through: limited(1024),
    env,
    config: { upstream: { connections: 10 } },
  });
  const text = readFileSync(from.file, 'utf8');
  from.folder.write('gateway.yaml', text.replace('"connections":10', '"connections":2000'));
  from.process.kill('SIGHUP');
  await expect.poll(() => from.metric('onetime_gateway_config_reloads_total{result="applied"}')).toBe(1);
  orders.write('end-1', 'throw');
  await expect.poll(() => from.metric('onetime_gateway_worker_restarts_total{reason="crashed"}')).toBe(1);
  await expect.poll(() => from.metric('onetime_gateway_workers')).toBe(2);
  for (const agent of (await from.reach()).values()) {
    expect((await from.call('GET', `/us${STATUS}`, { agent })).status).toBe(200);
  }
  expect(await from.metric('onetime_gateway_worker_restarts_total{reason="crashed"}')).toBe(1);
  const before = mostCallers(parseConfig(text, 'files.yaml', {}), 1024);
  const { hostname, port } = new URL(from.url);
  const sockets = Array.from({ length: before + 100 }, () => connect(Number(port), hostname).on('error', () => {}));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  // Unused ones make place for others.
  await expect.poll(() => from.metric('onetime_gateway_connections'), { timeout: 10_000 }).toBe(before);
  expect((await from.stop('SIGTERM')).code).toBe(0);
}, 60_000);

describe('the room for callers', () => {
  const configOf = (connections: number) =>
    parseConfig(
      JSON.stringify({ regions: { us: { upstreams: ['https://us.example'] } }, upstream: { connections }, workers: 2 }),
      'files.yaml',
      {},
    );

  it('leaves each of them a descriptor for its call, and is never nothing', () => {
    const many = roomForCallers(configOf(100), 10_000);
    expect(many).toBeGreaterThan(9000);
    expect(roomForCallers(configOf(200), 10_000)).toBe(many - 100);
    // No more connections to regions are used than there are callers.
    expect(roomForCallers(configOf(1000), 400)).toBe(roomForCallers(configOf(10_000), 400));
    expect(roomForCallers(configOf(100), 20)).toBe(16);
    expect(roomForCallers(configOf(100), undefined)).toBeGreaterThan(0);
  });

  it('is what callers may have at the most, and is told of where it is less than what is allowed', () => {
    const warn = vi.fn();
    const config = configOf(100);
    const allowed = config.listen.maxConnections;
    const connections = roomForCallers(config, 1024);
    warnOfFewFiles(config, { warn }, 1024);
    expect(warn.mock.calls).toEqual([
      [{ limit: 1024, connections, allowed }, expect.stringMatching(/listen\.maxConnections .*LimitNOFILE=/)],
    ]);
    warnOfFewFiles(config, { warn }, 100_000);
    expect(warn).toHaveBeenCalledTimes(1);
    expect([mostCallers(config, 1024), mostCallers(config, 100_000)]).toEqual([connections, allowed]);
  });
});
