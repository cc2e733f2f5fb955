// Another configuration in several threads: all of them go by it, and what they share goes on or begins anew in all of them.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTwin } from '../../src/twin/twin.ts';
import { openBrokenRegion } from '../support/broken-region.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { ALICE } from '../support/lab.ts';
import { until } from '../support/redis.ts';
import { type LogLine, NO_LIMITS, openServed, type Served, type ServedOptions } from './served.ts';

const PRELOAD = fileURLToPath(new URL('deadly.preload.ts', import.meta.url));
const TO_EU = { rules: [{ domain: 'us.example', region: 'eu' }] };

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

async function open(options: Partial<ServedOptions> = {}): Promise<Served> {
  const env = { NODE_OPTIONS: `--import ${PRELOAD}`, DEADLY_FOLDER: folder.path };
  served = await openServed({ workers: 2, env, ...options, config: { reload: { watch: false }, ...options.config } });
  return served;
}

const reloads = (from: Served): LogLine[] => from.log().filter(({ msg }) => /reload/.test(String(msg)));

/** Asks for these sections. */
function ask(from: Served, sections: Readonly<Record<string, unknown>>): void {
  const now = JSON.parse(readFileSync(from.file, 'utf8')) as object;
  writeFileSync(from.file, JSON.stringify({ ...now, ...sections }));
  from.process.kill('SIGHUP');
}

/** @returns what the log says of it */
async function reload(from: Served, sections: Readonly<Record<string, unknown>>): Promise<LogLine | undefined> {
  const before = reloads(from).length;
  ask(from, sections);
  await until(() => reloads(from).length > before);
  return reloads(from).at(-1);
}

const create = (from: Served, agent: Agent) =>
  from.call('POST', '/api/v1/share', { as: ALICE, agent, body: 'secret=x&ttl=600' });

it('every thread goes by it, on connections that stay', async () => {
  const from = await open();
  const agents = [...(await from.reach()).values()];
  for (const agent of agents) expect((await create(from, agent)).headers['onetime-gateway-region']).toBe('us');
  from.us.clearLedger();
  expect(await reload(from, { accounts: TO_EU })).toMatchObject({ msg: 'reloaded', actor: 'signal' });
  for (const agent of agents) await create(from, agent);
  expect(from.us.requests).toEqual([]);
  expect(from.eu.requests.map(({ path }) => path)).toEqual(['/api/v1/share', '/api/v1/share']);
  expect(agents.map((agent) => Object.values(agent.freeSockets).flat().length)).toEqual([1, 1]);
  expect((await from.stop('SIGTERM')).code).toBe(0);
});

it('what one thread was told of credentials counts nowhere once the upstream is another', async () => {
  const from = await open();
  await using other = Object.assign(await startTwin({ region: 'us' }), {
    [Symbol.asyncDispose]: async () => other.close(),
  });
  const [one, second] = [...(await from.reach()).values()] as [Agent, Agent];
  const made = (await create(from, one)).json();
  const read = (agent: Agent) => from.call('POST', `/api/v1/private/${made.metadata_key}`, { as: ALICE, agent });
  expect((await read(one)).status).toBe(200);
  // The other thread is told by the first one.
  expect((await read(second)).status).toBe(200);
  expect(from.us.requests.filter(({ path }) => path === '/api/v1/authcheck')).toHaveLength(1);
  await reload(from, { regions: { us: { upstreams: [other.url] }, eu: { upstreams: [from.eu.url] } } });
  from.us.clearLedger();
  for (const agent of [second, one]) expect((await read(agent)).status).toBe(401);
  expect(from.us.requests).toEqual([]);
  expect(new Set(other.requests.map(({ path }) => path))).toEqual(new Set(['/api/v1/authcheck']));
});

it('limits go on in all threads where the rate is the same, and begin anew in all where it is not', async () => {
  const perKey = (requests: number) => ({ limits: { ...NO_LIMITS, perKey: { per: '1h', requests, burst: requests } } });
  const from = await open({ config: perKey(2) });
  const agents = [...(await from.reach()).values()] as [Agent, Agent];
  const statuses = async (turns: number[]): Promise<number[]> => {
    const found: number[] = [];
    for (const turn of turns) {
      const { status } = await from.call('POST', '/us/api/v1/secret/abcdefghij0123456789abc', {
        agent: agents[turn] as Agent,
      });
      found.push(status);
    }
    return found;
  };
  expect(await statuses([0, 1])).toEqual([404, 404]);
  await reload(from, { ...perKey(2), errors: 'verbatim' });
  expect(await statuses([0, 1])).toEqual([429, 429]);
  await reload(from, perKey(3));
  expect(await statuses([0, 1, 0, 1])).toEqual([404, 404, 404, 429]);
});

it('threads know of each other’s failures, also where one of them alone has more connections than before', async () => {
  const gone = await openBrokenRegion((socket) => socket.resetAndDestroy());
  const health = { breaker: { failures: 3, open: '1h' } };
  const from = await open({ upstreams: { us: gone.url }, config: { health, upstream: { connections: 2 } } });
  const agents = await from.reach();
  await reload(from, { upstream: { connections: 3 } });
  const status = async (worker: number) =>
    (await from.call('GET', '/us/api/v1/status', { agent: agents.get(worker) as Agent })).json().error;
  while ((await status(1)) !== 'region_down');
  const asked = gone.received.length;
  expect(await status(2)).toBe('region_down');
  expect(gone.received).toHaveLength(asked);
  expect(await from.metric('onetime_gateway_region_up{region="us"}')).toBe(0);
  await gone.close();
});

it('one that was just starting has it before it is said to be applied', async () => {
  const from = await open();
  const kept = [...(await from.reach()).entries()];
  folder.write('hold-1', '');
  folder.write('end-1', 'throw');
  await until(() => existsSync(`${folder.path}/held-1`));
  ask(from, { accounts: TO_EU });
  const second = kept.find(([worker]) => worker === 2)?.[1] as Agent;
  await until(async () => (await create(from, second)).headers['onetime-gateway-region'] !== 'us');
  expect(reloads(from)).toEqual([]);
  from.us.clearLedger();
  rmSync(`${folder.path}/hold-1`);
  await until(() => reloads(from).length === 1);
  for (const agent of (await from.reach()).values()) await create(from, agent);
  expect(from.us.requests.filter(({ path }) => path === '/api/v1/share')).toEqual([]);
});

it('one that dies begins again with the configuration in force', async () => {
  const from = await open();
  await reload(from, { accounts: TO_EU });
  folder.write('end-2', 'throw');
  await until(async () => (await from.metric('onetime_gateway_worker_restarts_total{reason="crashed"}')) === 1);
  await until(async () => (await from.metric('onetime_gateway_workers')) === 2);
  for (const agent of (await from.reach()).values()) await create(from, agent);
  expect(from.us.requests.filter(({ path }) => path === '/api/v1/share')).toEqual([]);
});
