// The level of the log is changed in all threads at once, by an operator, while callers are served.
import { createHash } from 'node:crypto';
import type { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { call, type Reply } from '../support/http.ts';
import { until } from '../support/redis.ts';
import { type LogLine, openServed, type Served } from './served.ts';

const PRELOAD = fileURLToPath(new URL('deadly.preload.ts', import.meta.url));
const TOKEN = `otga_${'w'.repeat(43)}`;
const HASH = `sha256:${createHash('sha256').update(TOKEN).digest('hex')}`;

let folder: Folder;
let served: Served | undefined;
beforeEach(() => {
  folder = openFolder();
});
afterEach(async () => {
  await served?.[Symbol.asyncDispose]();
  served = undefined;
  folder[Symbol.dispose]();
});

async function open(): Promise<Served> {
  served = await openServed({
    workers: 2,
    config: { admin: { host: '127.0.0.1', port: 0, tokens: [{ name: 'ops', role: 'write', hash: HASH }] } },
    env: { NODE_OPTIONS: `--import ${PRELOAD}`, DEADLY_FOLDER: folder.path },
  });
  return served;
}

function setLevel({ adminUrl }: Served, level: string): Promise<Reply> {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  return call(adminUrl, 'PUT', '/admin/v1/log-level', { headers, body: JSON.stringify({ level }) });
}

/** One request at each of these connections. @returns their ids */
async function askAll(from: Served, agents: Iterable<Agent>): Promise<string[]> {
  const replies = await Promise.all([...agents].map((agent) => from.call('GET', '/api/v1/status', { agent })));
  return replies.map(({ headers }) => String(headers['x-request-id']));
}

function linesOf(from: Served, ids: readonly string[]): LogLine[] {
  return from.log().filter(({ request_id: id }) => ids.includes(String(id)));
}

/** Asks until all workers write lines: what they wrote before is there by then. */
async function heardAll(from: Served, agents: readonly Agent[]): Promise<LogLine[]> {
  for (;;) {
    const ids = await askAll(from, agents);
    const all = (): boolean => linesOf(from, ids).length === ids.length;
    // Lines come up to 50 ms late.
    if (
      await until(all, 500).then(
        () => true,
        () => false,
      )
    )
      return linesOf(from, ids);
  }
}

it('requests leave no lines at warn, in any worker, and leave them again at info', async () => {
  const from = await open();
  const agents = [...(await from.reach()).values()];
  // Workers are told and not waited for: the first requests may come before they have heard.
  await until(async () => {
    expect((await setLevel(from, 'warn')).status).toBe(200);
    const quiet = await askAll(from, agents);
    expect((await setLevel(from, 'info')).status).toBe(200);
    const loud = await heardAll(from, agents);
    expect(new Set(loud.map(({ worker }) => worker))).toEqual(new Set([1, 2]));
    return linesOf(from, quiet).length === 0;
  });
});

it('a worker that is started later has the level of the moment', async () => {
  const from = await open();
  expect((await setLevel(from, 'warn')).status).toBe(200);
  folder.write('end-1', 'exit');
  await until(async () => (await from.metric('onetime_gateway_worker_restarts_total{reason="ended"}')) === 1);
  await until(async () => (await from.metric('onetime_gateway_workers')) === 2);
  const lines = from.log().length;
  for (let turn = 0; turn < 40; turn++) expect((await from.call('GET', '/api/v1/status')).status).toBe(200);
  // Written no later than this one, which stands behind them.
  await setLevel(from, 'info');
  await until(() => from.log().some(({ to }) => to === 'info'));
  expect(
    from
      .log()
      .slice(lines)
      .filter(({ route }) => route === 'v1.status'),
  ).toEqual([]);
});

it('what is no level is refused, and changes nothing', async () => {
  const from = await open();
  const refused = await setLevel(from, 'loud');
  expect(refused.status).toBe(400);
  expect(refused.body).toMatch(/level/);
  const { level } = (
    await call(from.adminUrl, 'GET', '/admin/v1/log-level', { headers: { authorization: `Bearer ${TOKEN}` } })
  ).json();
  expect(level).toBe('info');
});
