// A worker that dies is replaced; what it held is free, what it had sent is unknown, and the others notice nothing.
import { existsSync, rmSync } from 'node:fs';
import type { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openBrokenRegion } from '../support/broken-region.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { openHeldRegion } from '../support/held-region.ts';
import { call, type Reply } from '../support/http.ts';
import { ALICE } from '../support/lab.ts';
import { until } from '../support/redis.ts';
import { openServed, type Served, type ServedOptions } from './served.ts';

const PRELOAD = fileURLToPath(new URL('deadly.preload.ts', import.meta.url));
const STATUS = 'onetime_gateway_requests_total{route="v1.status",region="us",class="2xx"}';
const KEY = { 'Idempotency-Key': 'deadly-0123456789' };

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

async function open(options: Partial<ServedOptions> = {}, nodeOptions = ''): Promise<Served> {
  const env = { NODE_OPTIONS: `--import ${PRELOAD} ${nodeOptions}`, DEADLY_FOLDER: folder.path };
  served = await openServed({ workers: 2, env, ...options });
  return served;
}

const restarts = (from: Served, how: string): Promise<number> =>
  from.metric(`onetime_gateway_worker_restarts_total{reason="${how}"}`);

async function kill(
  from: Served,
  worker: number,
  how: 'throw' | 'exit' | 'memory' | 'hang',
  as: string,
): Promise<void> {
  folder.write(`end-${worker}`, how);
  await until(async () => (await restarts(from, as)) === 1);
  await until(async () => (await from.metric('onetime_gateway_workers')) === 2);
}

async function labels(from: Served): Promise<string[]> {
  const { gateways } = (await call(from.adminUrl, 'GET', '/admin/v1/gateways')).json();
  return (gateways as { label: string }[]).map(({ label }) => label.replace(/^.*(?=[#:])/, '')).toSorted();
}

function agentOf(agents: ReadonlyMap<number, Agent>, worker: number): Agent {
  const agent = agents.get(worker);
  if (agent === undefined) throw new Error(`no connection to worker ${worker}`);
  return agent;
}

function answerOf(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

const socketOf = (agent: Agent): unknown => Object.values(agent.freeSockets).flat()[0];

it('is replaced; the others’ connections stay, counts do not go back, its lease is given back', async () => {
  const from = await open();
  const agents = await from.reach();
  const other = agentOf(agents, 2);
  const ask = (agent: Agent) => from.call('GET', '/us/api/v1/status', { agent });
  for (let turn = 0; turn < 4; turn++) for (const agent of agents.values()) expect((await ask(agent)).status).toBe(200);
  const counted = [await from.metric(STATUS)];
  expect(counted).toEqual([8]);
  expect(await labels(from)).toHaveLength(3);
  const socket = socketOf(other);

  folder.write('end-1', 'throw');
  while ((await restarts(from, 'crashed')) === 0) {
    expect((await ask(other)).status).toBe(200);
    counted.push(await from.metric(STATUS));
  }
  await until(async () => (await from.metric('onetime_gateway_workers')) === 2);
  expect(socketOf(other)).toBe(socket);
  counted.push(await from.metric(STATUS));
  expect(counted).toEqual(counted.toSorted((a, b) => a - b));

  const again = await from.reach();
  expect((await ask(agentOf(again, 1))).status).toBe(200);
  await until(async () => (await labels(from)).length === 3);
  expect(new Set(await labels(from)).size).toBe(3);

  const said = from.log().filter(({ level }) => Number(level) >= 50);
  expect(said.map(({ worker, msg }) => [worker, msg])).toEqual([
    [1, 'crashed'],
    [1, 'a worker has ended: another takes its place'],
  ]);
  expect(from.process.output()).not.toContain('s3cret');
  expect((await from.stop('SIGTERM')).code).toBe(0);
});

it('what it was sending is unknown: a repeat at another worker is told so, and nothing is sent again', async () => {
  await using region = await openHeldRegion();
  const from = await open({ upstreams: { us: region.url } });
  const agents = await from.reach();
  const create = (agent: Agent): Promise<Reply> =>
    from.call('POST', '/us/api/v1/share', { agent, headers: KEY, body: 'secret=x' });
  const cut = create(agentOf(agents, 1));
  cut.catch(() => {});
  await region.first;
  const other = create(agentOf(agents, 2));
  await until(async () => (await from.metric('onetime_gateway_in_flight_requests')) === 2);
  await kill(from, 1, 'exit', 'ended');
  await expect(cut).rejects.toThrow();
  // Waited at the other worker all the while.
  expect((await other).json()).toMatchObject({ error: 'answer_not_kept', outcome: 'unknown' });
  const repeat = await create(agentOf(await from.reach(), 1));
  expect(repeat.json()).toMatchObject({ error: 'answer_not_kept', outcome: 'unknown' });
  expect(region.received).toHaveLength(1);
});

it('two that wait for each other’s calls are both replaced, whatever becomes of other calls', async () => {
  await using region = await openHeldRegion();
  const from = await open({ workers: 3, upstreams: { us: region.url } });
  const [first, again] = [await from.reach(), await from.reach()];
  let under = 0;
  const create = async (agents: ReadonlyMap<number, Agent>, worker: number, key: string): Promise<void> => {
    const headers = { 'Idempotency-Key': `${key}-0123456789abcdef` };
    from
      .call('POST', '/us/api/v1/share', { agent: agentOf(agents, worker), headers, body: 'secret=x' })
      .catch(() => {});
    under++;
    await until(async () => (await from.metric('onetime_gateway_in_flight_requests')) === under);
  };
  for (const worker of [1, 2, 3]) {
    await create(first, worker, `of-${worker}`);
    await until(() => region.received.length === worker);
  }
  // Each waits for a call of another one; the third one's stays under way.
  await create(again, 1, 'of-2');
  await create(again, 2, 'of-1');
  await create(again, 3, 'of-1');
  for (const worker of [1, 2]) folder.write(`end-${worker}`, 'exit');
  await until(async () => (await restarts(from, 'ended')) === 2);
  await until(async () => (await from.metric('onetime_gateway_workers')) === 3);
  // And one that waits for the third one's.
  under = 1;
  await create(await from.reach(), 1, 'of-3');
  folder.write('end-1', 'exit');
  await until(async () => (await restarts(from, 'ended')) === 3);
  await until(async () => (await labels(from)).length === 4);
  expect(region.received).toHaveLength(3);
}, 60_000);

it('whoever waits for its question about credentials asks instead', async () => {
  const asked: string[] = [];
  const region = await openBrokenRegion((socket, request) => {
    asked.push(request.split(' ')[1] ?? '');
    // The first one is never answered.
    if (asked.length > 1) socket.write(answerOf(request.includes('authcheck') ? '{"status":"nominal"}' : '[]'));
  });
  const from = await open({ upstreams: { us: region.url } });
  const agents = await from.reach();
  const recent = (worker: number): Promise<Reply> =>
    from.call('GET', '/api/v1/private/recent', { as: ALICE, agent: agentOf(agents, worker) });
  const cut = recent(1);
  cut.catch(() => {});
  await until(() => asked.length === 1);
  const waiting = recent(2);
  await until(async () => (await from.metric('onetime_gateway_in_flight_requests')) === 2);
  expect(asked).toHaveLength(1);
  await kill(from, 1, 'exit', 'ended');
  await expect(cut).rejects.toThrow();
  expect((await waiting).status).toBe(200);
  expect(asked).toEqual(['/api/v1/authcheck', '/api/v1/authcheck', '/api/v1/private/recent']);
  await region.close();
});

/** Calls until there is an answer, as a caller with an Idempotency-Key may. */
async function createSurely(from: Served, key: string): Promise<Reply> {
  const headers = { 'Idempotency-Key': key };
  for (;;) {
    const reply = await from
      .call('POST', '/us/api/v1/share', { headers, body: `secret=${key}&ttl=600` })
      .catch(() => undefined);
    if (reply !== undefined) return reply;
  }
}

it('again and again under load: with an Idempotency-Key nothing is sent twice, and every caller is told what became of it', async () => {
  const from = await open({ workers: 3 });
  const replies: Reply[] = [];
  let stopped = false;
  const callers = Array.from({ length: 12 }, async (_, caller) => {
    for (let turn = 0; !stopped; turn++) {
      replies.push(await createSurely(from, `caller-${caller}-turn-${turn}-0123456789`));
    }
  });
  for (const [index, worker] of [1, 2, 3, 1, 2].entries()) {
    const before = replies.length;
    await until(() => replies.length > before + 40);
    folder.write(`end-${worker}`, index % 2 === 0 ? 'throw' : 'exit');
    const ended = async (): Promise<number> => (await restarts(from, 'crashed')) + (await restarts(from, 'ended'));
    await until(async () => (await ended()) === index + 1);
    await until(async () => (await from.metric('onetime_gateway_workers')) === 3);
  }
  stopped = true;
  await Promise.all(callers);

  const sent = from.us.requests.filter(({ path }) => path.startsWith('/api/v1/share')).map(({ body }) => body);
  expect(new Set(sent).size).toBe(sent.length);
  const said = replies.map((reply) => (reply.status === 200 ? 'created' : String(reply.json().error)));
  expect([...new Set(said)].filter((what) => what !== 'created' && what !== 'answer_not_kept')).toEqual([]);
  expect(said.filter((what) => what === 'created').length).toBeLessThanOrEqual(sent.length);
  // Whatever died, what was answered is there.
  const last = replies.findLast(({ status }) => status === 200);
  const told = await from.call('POST', `/api/v1/secret/${last?.json().secret_key}`);
  expect(told.status).toBe(200);
  expect((await from.stop('SIGTERM')).code).toBe(0);
}, 120_000);

it('one that is just being started does not hold up a drain, or answer anybody after it', async () => {
  const from = await open();
  const agents = await from.reach();
  folder.write('hold-1', '');
  folder.write('end-1', 'exit');
  await until(() => existsSync(`${folder.path}/held-1`));
  expect((await from.call('GET', '/us/api/v1/status', { agent: agentOf(agents, 2) })).status).toBe(200);
  const exit = from.stop('SIGTERM');
  await until(() => from.log().some(({ msg }) => msg === 'draining'));
  rmSync(`${folder.path}/hold-1`);
  expect(await exit).toEqual({ code: 0, signal: null });
  const errors = from.log().flatMap(({ level, msg }) => (Number(level) >= 40 ? [msg] : []));
  expect(errors).toEqual(['a worker has ended: another takes its place']);
});

it('that hangs is ended and replaced: its share of the callers is not left without an answer', async () => {
  const from = await open();
  await kill(from, 1, 'hang', 'ended');
  await from.reach();
  expect(from.log().filter(({ msg }) => msg === 'a worker hangs: it is ended')).toHaveLength(1);
}, 120_000);

it('is replaced when it has used up its memory', async () => {
  const from = await open({}, '--max-old-space-size=96');
  await kill(from, 2, 'memory', 'out_of_memory');
  await from.reach();
}, 120_000);
