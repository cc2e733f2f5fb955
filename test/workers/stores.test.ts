// Workers over what outlives them: a file that goes away, a server, a directory of the organisation's own.
import { renameSync } from 'node:fs';
import type { Agent } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { openDirectory } from '../locality/source-support.ts';
import { lockElsewhere } from '../store/support.ts';
import type { Reply } from '../support/http.ts';
import { ALICE, BRUNO } from '../support/lab.ts';
import { HAS_REDIS, startRedis, until } from '../support/redis.ts';
import { openServed, type Served } from './served.ts';

let served: Served | undefined;
afterEach(async () => {
  await served?.[Symbol.asyncDispose]();
  served = undefined;
});

const share = (from: Served, agent: Agent, as: string): Promise<Reply> =>
  from.call('POST', '/api/v1/share', { as, agent, body: 'secret=x&ttl=600' });

it('the file taken away: every worker says so of what it does not remember', async () => {
  served = await openServed({ workers: 2 });
  const from = served;
  const agents = [...(await served.reach()).values()];
  for (const agent of agents) expect((await share(from, agent, ALICE)).status).toBe(200);
  renameSync(`${served.folder.path}/gateway.db`, `${served.folder.path}/elsewhere.db`);
  let stranger = 0;
  for (const agent of agents) {
    const isSaid = async (): Promise<boolean> => {
      const reply = await share(from, agent, `una${stranger++}@us.example:t`);
      return reply.json().error === 'directory_unavailable';
    };
    await until(isSaid);
  }
  expect(await served.metric('onetime_gateway_directory_leased')).toBe(1);
});

it('a key that the store does not take in time is known to every worker', async () => {
  served = await openServed({ workers: 2, config: { storeTimeout: '600ms' } });
  const agents = [...(await served.reach()).values()];
  const lock = await lockElsewhere(`${served.folder.path}/gateway.db`, 'BEGIN IMMEDIATE');
  const [one, other] = agents as [Agent, Agent];
  for (let turn = 0; turn < 5; turn++) {
    const made = await served.call('POST', '/eu/api/v1/share', { agent: one, body: 'secret=told&ttl=600' });
    expect(made.status).toBe(200);
    const told = await served.call('POST', `/api/v1/secret/${made.json().secret_key}`, { agent: other });
    expect([told.status, told.json().value]).toEqual([200, 'told']);
  }
  expect(await served.metric('onetime_gateway_key_learned_total{result="failed"}')).toBe(10);
  await lock.release();
});

it('a key that the store cannot take is known to every worker, also to those that can no longer ask it', async () => {
  served = await openServed({ workers: 2 });
  const from = served;
  const [one, other] = [...(await served.reach()).values()] as [Agent, Agent];
  renameSync(`${served.folder.path}/gateway.db`, `${served.folder.path}/elsewhere.db`);
  const isNoticed = async (agent: Agent): Promise<boolean> => {
    const reply = await from.call('POST', '/api/v1/secret/nosuchkey0000000000000000000000', { agent });
    return reply.json().error === 'index_unavailable';
  };
  await until(() => isNoticed(one));
  await until(() => isNoticed(other));
  const made = await served.call('POST', '/eu/api/v1/share', { agent: one, body: 'secret=told&ttl=600' });
  expect(made.status).toBe(200);
  const told = await served.call('POST', `/api/v1/secret/${made.json().secret_key}`, { agent: other });
  expect([told.status, told.json().value]).toEqual([200, 'told']);
});

it('accounts.source is asked once for all workers', async () => {
  const directory = await openDirectory();
  const accounts = {
    order: ['source'],
    source: { url: directory.url, file: 'accounts-source', refresh: '1h', expire: '2h' },
  };
  served = await openServed({ workers: 2, config: { accounts } });
  const agents = [...(await served.reach()).values()];
  for (const agent of agents) {
    const { status, headers } = await share(served, agent, BRUNO);
    expect([status, headers['onetime-gateway-region']]).toEqual([200, 'eu']);
  }
  expect(directory.asked).toHaveLength(1);
  expect(await served.metric('onetime_gateway_source_questions_total{result="found"}')).toBe(1);
  await directory.stop();
});

describe.skipIf(!HAS_REDIS)('with a server as store', () => {
  it.each([true, false])('a repeat at another worker gets the first answer (replay.shared: %s)', async (shared) => {
    await using redis = await startRedis();
    const store = openStore(redis.config(), { now: Date.now, storeTimeoutMs: 5000 });
    await until(() => store.readings().up);
    await store.directory.init('new', 'cli:test');
    await store.close();
    served = await openServed({ workers: 2, config: { store: redis.url, replay: { shared } } });
    const agents = [...(await served.reach()).values()];
    const headers = { 'Idempotency-Key': 'repeated-0123456789' };
    const replies: Reply[] = [];
    for (const agent of agents) {
      replies.push(await served.call('POST', '/us/api/v1/share', { agent, headers, body: 'secret=x&ttl=600' }));
    }
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(replies[1]?.body).toBe(replies[0]?.body);
    expect(served.us.requests.filter(({ path }) => path.startsWith('/api/v1/share'))).toHaveLength(1);
  });
});
