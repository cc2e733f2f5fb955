// Several workers under load: nothing is lost by a drain, and nothing goes astray by a move.
import { Agent } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import type { Twin } from '../../src/twin/twin.ts';
import { type Fleet, IDENTITY_KEY, MOVER, nameOf, openFleet } from '../fleet/fleet.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { basic, call, type Reply } from '../support/http.ts';
import { ALICE } from '../support/lab.ts';
import { type Running, startCli } from '../support/process.ts';
import { until } from '../support/redis.ts';
import { linesOf, openServed, readMetric } from './served.ts';

const CALLERS = 16;
/** What the caller does not know: the account has this token in both regions. */
const MIA = MOVER.us;

interface Done {
  readonly what: 'create' | 'retrieve' | 'recent';
  /** Undefined: the connection failed. */
  readonly reply: Reply | undefined;
}

/** Callers on kept connections of their own, until they are told to stop or the gateway is gone. */
function callersOf(url: string, as: string, kinds: readonly Done['what'][]) {
  const done: Done[] = [];
  let stopped = false;
  const asks = {
    create: (agent: Agent) => call(url, 'POST', '/api/v1/share', { as, agent, body: 'secret=moving&ttl=3600' }),
    // A key that nobody made: it goes to the account's home, wherever that is.
    retrieve: (agent: Agent) => call(url, 'POST', `/api/v1/secret/${'nosuchkey'.padEnd(31, '0')}`, { as, agent }),
    recent: (agent: Agent) => call(url, 'GET', '/api/v1/private/recent', { as, agent }),
  };
  const running = Array.from({ length: CALLERS }, async (_, caller) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let turn = caller; !stopped; turn++) {
      const what = kinds[turn % kinds.length] ?? 'create';
      const reply = await asks[what](agent).catch(() => undefined);
      done.push({ what, reply });
      if (reply === undefined) break;
    }
    agent.destroy();
  });
  return {
    done,
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}

it('a drain answers what was taken: what a region did is what a caller was told', async () => {
  await using served = await openServed({ workers: 3 });
  const load = callersOf(served.url, ALICE, ['create']);
  await until(() => load.done.length > 200);
  const { code } = await served.stop('SIGTERM');
  expect(code).toBe(0);
  await load.stop();
  const answered = load.done.flatMap(({ reply }) => reply ?? []);
  expect([...new Set(answered.map(({ status }) => status))]).toEqual([200]);
  expect(answered.length).toBeGreaterThan(200);
  expect(served.us.requests.filter(({ path }) => path.startsWith('/api/v1/share'))).toHaveLength(answered.length);
  const lines = served.log().filter(({ msg }) => msg === 'answered' || msg === 'caller gone');
  expect(lines.filter(({ outcome }) => outcome === 'delivered')).toHaveLength(answered.length);
  expect(new Set(lines.map(({ worker }) => worker)).size).toBeGreaterThan(1);
});

function withCredentials(twin: Twin): Twin['requests'] {
  return twin.requests.filter(({ headers }) =>
    headers.some(([name, value]) => name.toLowerCase() === 'authorization' && value === basic(MIA)),
  );
}

let folder: Folder | undefined;
let fleet: Fleet | undefined;
let running: Running | undefined;
afterEach(async () => {
  await running?.[Symbol.asyncDispose]();
  await fleet?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

it('a move: nothing of the account reaches the old region after it, nothing is lost, creates wait in between', async () => {
  folder = openFolder();
  fleet = await openFleet({ gateways: 0, sameToken: true, file: `${folder.path}/gateway.db` });
  const { desk, us, eu } = fleet;
  const file = folder.write('gateway.yaml', JSON.stringify({ ...JSON.parse(fleet.config), workers: 3 }));
  running = await startCli(['serve', '--config', file], { env: { GATEWAY_IDENTITY_KEY: IDENTITY_KEY } });
  const [, url = '', adminUrl = ''] = await running.line(/"url":"([^"]+)","admin":"([^"]+)".*"listening"/);
  await until(async () => (await readMetric(adminUrl, 'onetime_gateway_directory_leased')) === 1);
  // The main thread's and each worker's.
  expect(await desk.gateways()).toHaveLength(4);

  const load = callersOf(url, MIA, ['create', 'retrieve', 'recent', 'create']);
  await until(() => load.done.length > 100);
  const { account } = await desk.move(nameOf(MIA), 'eu', true);
  expect(account.move?.phase).toBe('frozen');
  await until(async () => (await desk.moves()).length === 0);
  const reached = withCredentials(us).length;
  const doneAtEnd = load.done.length;
  await until(() => load.done.length > doneAtEnd + 200);
  await load.stop();

  expect(withCredentials(us).length).toBe(reached);
  expect(withCredentials(eu).length).toBeGreaterThan(50);
  const said = load.done.map(({ what, reply }) => `${what} ${reply?.status} ${reply?.json().error ?? ''}`);
  const allowed = ['create 200 ', 'create 503 account_moving', 'retrieve 404 ', 'recent 200 '];
  expect([...new Set(said)].toSorted()).toEqual(allowed.toSorted());
  const secrets = load.done.flatMap(({ what, reply }) =>
    what === 'create' && reply?.status === 200 ? [String(reply.json().secret_key)] : [],
  );
  for (const secret of secrets) {
    expect((await call(url, 'POST', `/api/v1/secret/${secret}`, { as: MIA })).status).toBe(200);
  }
  expect(withCredentials(us).length).toBe(reached);
  // Told once, though all threads have seen it.
  const events = linesOf(running).filter(({ event }) => event === 'move_finished');
  expect(events).toHaveLength(1);
  expect(new Set(linesOf(running).flatMap(({ worker }) => worker ?? [])).size).toBe(3);
}, 120_000);
