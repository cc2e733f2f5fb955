// The main thread is busy with something else for seconds: what workers go on with, and what they must not.
import { existsSync, rmSync } from 'node:fs';
import type { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { ALICE } from '../support/lab.ts';
import { until } from '../support/redis.ts';
import { openServed, type Served } from './served.ts';

const PRELOAD = fileURLToPath(new URL('blocked.preload.ts', import.meta.url));

let folder: Folder;
let served: Served | undefined;
beforeEach(() => {
  folder = openFolder();
});
afterEach(async () => {
  rmSync(`${folder.path}/block`, { force: true });
  await served?.[Symbol.asyncDispose]();
  served = undefined;
  folder[Symbol.dispose]();
});

async function open(config: Readonly<Record<string, unknown>>): Promise<Served> {
  const env = { NODE_OPTIONS: `--import ${PRELOAD}`, BLOCKED_FOLDER: folder.path };
  served = await openServed({ workers: 2, env, config });
  return served;
}

async function block(): Promise<void> {
  rmSync(`${folder.path}/blocked`, { force: true });
  folder.write('block', '');
  await until(() => existsSync(`${folder.path}/blocked`));
}

const unblock = (): void => rmSync(`${folder.path}/block`);

it('a key that one worker learned meanwhile is known to the other', async () => {
  const from = await open({ storeTimeout: '600ms' });
  const [one, other] = [...(await from.reach()).values()] as [Agent, Agent];
  await block();
  for (let turn = 0; turn < 3; turn++) {
    const made = await from.call('POST', '/eu/api/v1/share', { agent: one, body: 'secret=told&ttl=600' });
    const told = await from.call('POST', `/api/v1/secret/${made.json().secret_key}`, { agent: other });
    expect([told.status, told.json().value]).toEqual([200, 'told']);
  }
  unblock();
  expect((await from.stop('SIGTERM')).code).toBe(0);
});

it('workers serve what they know until their lease is over, then refuse it, and serve on when it is renewed', async () => {
  const from = await open({
    accounts: { rules: [{ domain: 'us.example', region: 'us' }], lease: '5s' },
    storeTimeout: '200ms',
  });
  const agents = [...(await from.reach()).values()];
  const create = (agent: Agent) =>
    from.call('POST', '/api/v1/share', { as: ALICE, agent, body: 'secret=told&ttl=600' });
  for (const agent of agents) expect((await create(agent)).status).toBe(200);
  const sent = () => from.us.requests.filter(({ path }) => path.startsWith('/api/v1/share')).length;

  await block();
  for (const agent of agents) expect((await create(agent)).status).toBe(200);
  // However long it takes: neither worker goes on without a lease.
  for (const agent of agents) await until(async () => (await create(agent)).json().error === 'directory_unavailable');
  const before = sent();
  for (const agent of agents)
    expect((await create(agent)).json()).toMatchObject({ error: 'directory_unavailable', outcome: 'not_sent' });
  expect(sent()).toBe(before);

  unblock();
  for (const agent of agents) await until(async () => (await create(agent)).status === 200);
  expect(from.log().filter(({ level }) => Number(level) >= 50)).toEqual([]);
  expect((await from.stop('SIGTERM')).code).toBe(0);
}, 60_000);
