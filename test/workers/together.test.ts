// What is one for all workers: keys, limits, kept answers, verifications, the breaker, the metrics, the log.
import { spawnSync } from 'node:child_process';
import { Agent } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { closedPort } from '../support/broken-region.ts';
import { openHeldRegion } from '../support/held-region.ts';
import type { Reply } from '../support/http.ts';
import { ALICE, BRUNO } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { until } from '../support/redis.ts';
import { NO_LIMITS, openServed, type Served, workersOf } from './served.ts';

let served: Served | undefined;
afterEach(async () => {
  await served?.[Symbol.asyncDispose]();
  served = undefined;
});

/** So many connections are spread over all workers, but for one time in a thousand million. */
const CONNECTIONS = 40;

const each = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

/** Requests at two workers: an agent for each. */
async function two(from: Served): Promise<[Agent, Agent]> {
  const [one, other] = [...(await from.reach()).values()];
  if (one === undefined || other === undefined) throw new Error('not two workers');
  return [one, other];
}

it('a key that one worker learned is found by the others, and consumed once', async () => {
  served = await openServed({ workers: 3 });
  const agents = [...(await served.reach()).values()];
  for (const maker of agents) {
    for (const [as, region] of [
      [ALICE, 'us'],
      [BRUNO, 'eu'],
    ] as const) {
      const made = await served.call('POST', '/api/v1/share', { as, agent: maker, body: 'secret=told+once&ttl=600' });
      const key = made.json().secret_key;
      const tries: Reply[] = [];
      for (const agent of agents) tries.push(await served.call('POST', `/api/v1/secret/${key}`, { agent }));
      expect(tries.map(({ status }) => status)).toEqual([200, 404, 404]);
      expect(tries[0]?.json().value).toBe('told once');
      expect(tries.map(({ headers }) => headers['onetime-gateway-region'])).toEqual([region, region, region]);
    }
  }
});

it('a limit is exact over all workers: of many at once as many pass as its burst', async () => {
  const limit = { per: '24h', requests: 1, burst: 37, missCost: 1, mode: 'enforce' };
  served = await openServed({ workers: 3, config: { limits: { ...NO_LIMITS, anonymousRetrieval: limit } } });
  const from = served;
  const ask = (index: number, agent?: Agent) =>
    from.call('POST', `/us/api/v1/secret/nosuchkey${String(index).padStart(22, '0')}`, agent && { agent });
  // Each worker knows what the others have let pass ...
  const agents = [...(await served.reach()).values()];
  const first = [...agents, ...agents, ...agents].map((agent, index) => [index, agent] as const);
  for (const [index, agent] of first) expect((await ask(index, agent)).status).toBe(404);
  // ... and of many at once at all of them no more pass than are left.
  const replies = await each(3 * CONNECTIONS, (index) => ask(first.length + index));
  await until(() => workersOf(from, replies).size === 3);
  expect(replies.filter(({ status }) => status === 404)).toHaveLength(37 - first.length);
  expect(replies.filter(({ status }) => status === 429)).toHaveLength(3 * CONNECTIONS - 37 + first.length);
  expect(served.us.requests).toHaveLength(37);
});

it('a repeat at another worker gets the first answer, and nothing is sent twice', async () => {
  served = await openServed({ workers: 2 });
  const [one, other] = await two(served);
  const headers = { 'Idempotency-Key': 'repeated-0123456789' };
  const create = (agent: Agent, body = 'secret=x&ttl=600') =>
    (served as Served).call('POST', '/api/v1/share', { as: ALICE, agent, headers, body });
  const first = await create(one);
  const again = await create(other);
  expect([first.status, again.status]).toEqual([200, 200]);
  expect(again.body).toBe(first.body);
  expect(again.headers['idempotency-replayed']).toBe('true');
  expect((await create(other, 'secret=y&ttl=600')).status).toBe(422);
  expect(served.us.requests.filter(({ path }) => path.startsWith('/api/v1/share'))).toHaveLength(1);
});

it('repeats at both workers wait for the one that was sent, and get its answer', async () => {
  await using region = await openHeldRegion();
  served = await openServed({ workers: 2, upstreams: { us: region.url } });
  const from = served;
  const [one, other] = await two(served);
  const create = (agent: Agent) =>
    from.call('POST', '/us/api/v1/share', {
      agent,
      headers: { 'Idempotency-Key': 'waiting-0123456789' },
      body: 'secret=x',
    });
  const first = create(one);
  await region.first;
  let settled = 0;
  // One that waits at its own worker, or at the other: the system chooses.
  const anywhere = new Agent();
  const waiting = [create(other), create(anywhere)];
  for (const reply of waiting) void reply.then(() => settled++);
  await until(async () => (await from.metric('onetime_gateway_in_flight_requests')) === 3);
  expect(settled).toBe(0);
  region.release();
  const replies = await Promise.all([first, ...waiting]);
  expect(replies.map(({ status, body }) => [status, body])).toEqual(replies.map(() => [200, '{"state":"new"}']));
  expect(region.received).toHaveLength(1);
});

it('simultaneous callers at all workers ask once whether their credentials are good', async () => {
  served = await openServed({ workers: 3 });
  const from = served;
  const ask = () => from.call('GET', '/api/v1/private/recent', { as: ALICE });
  const replies = await each(CONNECTIONS, ask);
  expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
  const asked = () => from.us.requests.filter(({ path }) => path.startsWith('/api/v1/authcheck'));
  expect(asked()).toHaveLength(1);
  await until(() => workersOf(from, replies).size === 3);
  // Each remembers it now.
  await each(CONNECTIONS, ask);
  expect(asked()).toHaveLength(1);
  expect(await served.metric('onetime_gateway_verifications_total{region="us",result="good"}')).toBe(1);
});

it('what the region turned down at one worker is no longer good at another', async () => {
  served = await openServed({ workers: 2 });
  const from = served;
  const [one, other] = await two(served);
  const recent = (agent: Agent) => from.call('GET', '/api/v1/private/recent', { as: ALICE, agent });
  expect([(await recent(one)).status, (await recent(other)).status]).toEqual([200, 200]);
  const asked = () => from.us.requests.filter(({ path }) => path.startsWith('/api/v1/authcheck')).length;
  expect(asked()).toBe(1);
  from.us.respondNext({ status: 404, contentType: 'application/json', body: '{"message":"Not authorized"}' });
  expect((await recent(one)).status).toBe(401);
  await until(async () => (await recent(other)).status === 200 && asked() === 2);
});

it('connections to a region are as many as are allowed, over all workers', async () => {
  await using region = await openHeldRegion();
  const upstream = { connections: 3 };
  served = await openServed({ workers: 2, upstreams: { us: region.url }, config: { upstream } });
  const from = served;
  const all = await Promise.all([1, 2, 3].map(() => from.reach()));
  const replies = all.flatMap((agents) =>
    [...agents.values()].map((agent) => from.call('POST', '/us/api/v1/share', { agent, body: 'secret=x' })),
  );
  const waiting = 'onetime_gateway_upstream_waiting{region="us"}';
  await until(async () => region.received.length + (await from.metric(waiting)) === 6);
  expect(region.received).toHaveLength(3);
  const inUse = 'onetime_gateway_upstream_connections_in_use{region="us"}';
  expect(await from.metric(inUse)).toBe(3);
  for (const reply of replies) reply.catch(() => {});
});

it('the breaker opens once for all workers', async () => {
  const nowhere = `http://127.0.0.1:${await closedPort()}`;
  served = await openServed({
    workers: 3,
    upstreams: { us: nowhere },
    config: { health: { probe: '60s', breaker: { failures: 6, open: '60s', mode: 'enforce' } } },
  });
  const from = served;
  const agents = [...(await served.reach()).values()];
  const create = (agent: Agent) => from.call('POST', '/us/api/v1/share', { agent, body: 'secret=x' });
  // Two at each: none of them would open it by what it has seen itself.
  for (const agent of [...agents, ...agents]) expect((await create(agent)).json().error).toBe('region_unreachable');
  for (const agent of agents)
    expect((await create(agent)).json()).toMatchObject({ error: 'region_down', outcome: 'not_sent' });
  await until(() => from.log().some(({ msg }) => msg === 'region is down'));
  expect(served.log().filter(({ msg }) => msg === 'region is down')).toHaveLength(1);
  expect(await served.metric('onetime_gateway_breaker_state{region="us"}')).toBe(2);
  expect(await served.metric('onetime_gateway_breaker_held_total{region="us",mode="enforce"}')).toBe(3);
});

it('metrics are those of all workers, and of the process once', async () => {
  served = await openServed({ workers: 3 });
  const from = served;
  const replies = await each(CONNECTIONS, () => from.call('GET', '/us/api/v1/status'));
  await until(() => workersOf(from, replies).size === 3);
  const counted = 'onetime_gateway_requests_total{route="v1.status",region="us",class="2xx"}';
  expect(await served.metric(counted)).toBe(CONNECTIONS);
  expect(await served.metric('onetime_gateway_request_duration_seconds_count{route="v1.status"}')).toBe(CONNECTIONS);
  expect(await served.metric('onetime_gateway_workers')).toBe(3);
  expect(await served.metric('onetime_gateway_region_up{region="us"}')).toBe(1);
  expect(await served.metric('onetime_gateway_directory_leased')).toBe(1);
  const text = await served.metrics();
  expect(text.match(/^process_cpu_seconds_total /gm)).toHaveLength(1);
  expect(text).toMatch(/^process_start_time_seconds \d/m);
});

it.runIf(needs('promtool', 'apt-get install prometheus'))('metrics of several workers pass promtool', async () => {
  served = await openServed({ workers: 2 });
  for (const agent of (await served.reach()).values()) await served.call('GET', '/us/api/v1/status', { agent });
  const input = await served.metrics();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  expect(`${stdout}${stderr}`.split('\n').filter((line) => line.includes('onetime_gateway_'))).toEqual([]);
  expect(status === 0 || status === 3).toBe(true);
});

it('every line of the log is whole, and none is lost, however many write at once', async () => {
  served = await openServed({ workers: 3 });
  const from = served;
  const agents = Array.from({ length: CONNECTIONS }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const ids = new Set<string | undefined>();
  await Promise.all(
    agents.map(async (agent) => {
      for (let turn = 0; turn < 50; turn++) {
        const { headers } = await from.call('GET', '/api/v1/status', { agent });
        ids.add(headers['x-request-id']);
      }
    }),
  );
  for (const agent of agents) agent.destroy();
  expect(ids.size).toBe(50 * CONNECTIONS);
  // Parsing them is what this is about: a line in two parts would be none.
  const answered = () =>
    new Set(from.log().flatMap(({ request_id }) => (ids.has(String(request_id)) ? [request_id] : [])));
  await until(() => answered().size === ids.size);
  expect((await served.stop('SIGTERM')).code).toBe(0);
  expect(served.log().at(-1)).toMatchObject({ msg: 'draining' });
});
