// A process that has used up its file descriptors: who is connected goes on, nothing is sent that cannot be, no region is
// taken for the one that fails, and all is well when there are some again.
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { publicKeysBeside } from '../../src/audit/key.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openFiles, openFilesLimit } from '../../src/record/open-files.ts';
import { mostCallers, roomForCallers, warnOfFewFiles } from '../../src/rooms-files.ts';
import { readRecords } from '../support/audited.ts';
import { openFolder } from '../support/folder.ts';
import { call, type Reply } from '../support/http.ts';
import { openServed, type Served } from '../workers/served.ts';
import { ticksOf } from './ticks.ts';

const limited = (most: number): readonly string[] => ['sh', '-c', `ulimit -n ${most}; exec "$@"`, 'sh'];
const STATUS = '/api/v1/status';
const PRELOAD = fileURLToPath(new URL('../workers/deadly.preload.ts', import.meta.url));
const NONE_LEFT = /no descriptor is left/;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function standing(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  closing.push(() => agent.destroy());
  return agent;
}

/**
 * Takes what descriptors there are, by connections on which nothing is asked.
 * @param use called again and again meanwhile: what it uses stays open
 * @returns gives them back
 */
async function exhaust(from: Served, use: () => Promise<unknown>): Promise<() => void> {
  const { hostname, port } = new URL(from.adminUrl);
  const sockets: Socket[] = [];
  const end = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  closing.push(end);
  while (!NONE_LEFT.test(from.process.stdout())) {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    sockets.push(socket);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
    await use();
  }
  return end;
}

const said = (from: Served, what: RegExp): number => from.log().filter(({ msg }) => what.test(String(msg))).length;

describe.each([1, 2])('without a descriptor left, with %i worker(s)', (workers) => {
  it('serves who is connected, sends nothing that it cannot send, blames no region, and goes on when there are some', async () => {
    await using from = await openServed({ workers, through: limited(64) });
    const [caller, operator] = [standing(), standing()];
    const ask = (region: string): Promise<Reply> => from.call('GET', `/${region}${STATUS}`, { agent: caller });
    const metric = async (series: string): Promise<number> => {
      const { body } = await call(from.adminUrl, 'GET', '/metrics', { agent: operator });
      return Number(
        body
          .split('\n')
          .find((line) => line.startsWith(`${series} `))
          ?.slice(series.length),
      );
    };
    expect((await ask('us')).status).toBe(200);
    expect(await metric('process_max_fds')).toBe(64);
    expect(said(from, /room for fewer callers than listen\.maxConnections/)).toBe(1);
    const free = await exhaust(from, () => ask('us'));

    // On a connection to the region that is there.
    expect((await ask('us')).status).toBe(200);
    // One more than there is a connection for, and more often than opens a breaker.
    from.eu.clearLedger();
    for (let turn = 0; turn < 8; turn++) {
      const refused = await ask('eu');
      expect([refused.status, refused.json().error]).toEqual([503, 'overloaded']);
      expect([refused.headers['onetime-gateway-outcome'], refused.headers['retry-after']]).toEqual(['not_sent', '1']);
    }
    expect(from.eu.requests).toEqual([]);
    expect(await metric('onetime_gateway_region_up{region="eu"}')).toBe(1);
    expect(await metric('onetime_gateway_breaker_state{region="eu"}')).toBe(0);
    expect((await call(from.adminUrl, 'GET', '/readyz', { agent: operator })).status).toBe(200);
    // As many as there may be, not as many as there were when they could be counted last.
    expect(await metric('process_open_fds')).toBeGreaterThanOrEqual(60);

    free();
    await expect.poll(async () => (await ask('eu')).status, { timeout: 5000 }).toBe(200);
    expect((await from.call('GET', `/us${STATUS}`)).status).toBe(200);
    expect(await metric('process_open_fds')).toBeLessThan(60);
    await expect.poll(() => said(from, /there are descriptors again/), { timeout: 15_000 }).toBe(1);
    expect(said(from, NONE_LEFT)).toBe(1);
    expect((await from.stop('SIGTERM')).code).toBe(0);
  }, 60_000);
});

it('with an audit log that cannot sign what it has: nothing is sent until it can, and all of it is recorded', async () => {
  using folder = openFolder();
  const file = join(folder.path, 'audit.jsonl');
  const audit = { file, key: join(folder.path, 'audit.key'), flush: '5ms', heads: '200ms' };
  await using from = await openServed({ workers: 1, through: limited(64), config: { audit } });
  const caller = standing();
  const ask = (): Promise<Reply> => from.call('GET', `/us${STATUS}`, { agent: caller });
  expect((await ask()).status).toBe(200);
  const free = await exhaust(from, ask);
  await expect.poll(async () => (await ask()).json().error, { timeout: 10_000 }).toBe('audit_unavailable');
  from.us.clearLedger();
  const refused = await ask();
  expect([refused.status, refused.headers['onetime-gateway-outcome'], from.us.requests]).toEqual([503, 'not_sent', []]);
  free();
  await expect.poll(async () => (await ask()).status, { timeout: 10_000 }).toBe(200);
  expect((await from.stop('SIGTERM')).code).toBe(0);
  const publicKeys = publicKeysBeside(audit.key).map(({ key }) => key);
  expect(await verifyAudit({ file, publicKeys })).toMatchObject({ good: true, faults: [] });
  expect(readRecords(file).filter(({ kind }) => kind === 'gap')).toEqual([]);
}, 30_000);

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
    expect(said(from, NONE_LEFT)).toBe(0);
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

it.runIf(process.platform === 'linux')('counts what is open, as the system does', () => {
  const before = openFiles(openFilesLimit()) ?? 0;
  expect(Math.abs(before - (readdirSync('/proc/self/fd').length - 1))).toBeLessThan(20);
  expect(openFilesLimit()).toBeGreaterThan(before);
});
