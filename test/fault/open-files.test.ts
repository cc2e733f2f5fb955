// A process that has used up its file descriptors: who is connected goes on, nothing is sent that cannot be, no region is
// taken for the one that fails, and all is well when there are some again.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { publicKeysBeside } from '../../src/audit/key.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { openFiles, openFilesLimit } from '../../src/record/open-files.ts';
import { readRecords } from '../support/audited.ts';
import { openFolder } from '../support/folder.ts';
import { call, type Reply } from '../support/http.ts';
import { openServed, openWorld, type Served } from '../workers/served.ts';
import { limited } from './limited.ts';

const STATUS = '/api/v1/status';
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
    await using before = await openWorld();
    // One region by its address, and one by its name, which nobody has asked for before.
    const upstreams = { us: before.us.url, eu: before.eu.url.replace('127.0.0.1', 'localhost') };
    await using from = await openServed({ workers, through: limited(64), before, upstreams });
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

it.runIf(process.platform === 'linux')('counts what is open, as the system does', () => {
  const before = openFiles(openFilesLimit()) ?? 0;
  expect(Math.abs(before - (readdirSync('/proc/self/fd').length - 1))).toBeLessThan(20);
  expect(openFilesLimit()).toBeGreaterThan(before);
});
