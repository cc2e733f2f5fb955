// What one gateway process asks of the engine for each kind of request, and what CPU time both spend on it: real gateways
// as processes of their own, before two twin regions, on one engine.
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { accountHash, createKeyedHash, identityName } from '../src/keyed-hash.ts';
import type { Store } from '../src/store/store.ts';
import { startTwin, type Twin } from '../src/twin/twin.ts';
import { openFolder } from '../test/support/folder.ts';
import { type Call, call } from '../test/support/http.ts';
import { startCli } from '../test/support/process.ts';
import { type RedisServer, until } from '../test/support/redis.ts';
import { engineCpuUs, type Figure, median } from './scale-measure.ts';

const IDENTITY_KEY = '5a'.repeat(32);
const LANES = 32;
const ROUNDS = 3;
/** Requests that are looked at command by command. */
const COUNTED = 200;
const TOKEN = 'a1'.repeat(20);
const RAISED = { per: '1s', requests: 1_000_000, burst: 1_000_000, mode: 'enforce' };
const LIMITS = {
  anonymousRetrieval: RAISED,
  perKey: RAISED,
  failedAuth: RAISED,
  account: RAISED,
  regionBudget: RAISED,
};

const WARM = `warm@example.com:${TOKEN}`;
const cold = (at: number): string => `cold.${at}@example.com:${TOKEN}`;
const nameOf = (account: string): string => account.slice(0, account.indexOf(':'));

interface Served extends AsyncDisposable {
  call(method: string, path: string, options?: Call): Promise<Record<string, unknown>>;
  metric(series: string): Promise<number>;
}

interface World {
  readonly server: RedisServer;
  /** The one that is measured, and another one on the same engine. */
  readonly gateway: Served;
  readonly other: Served;
}

async function serve(config: string): Promise<Served> {
  const running = await startCli(['serve', '--config', config], { env: { GATEWAY_IDENTITY_KEY: IDENTITY_KEY } });
  const [, url = '', adminUrl = ''] = await running.line(/"url":"([^"]+)","admin":"([^"]+)"/);
  const agent = new Agent({ keepAlive: true, maxSockets: LANES });
  const served: Served = {
    async call(method, path, options) {
      const reply = await call(url, method, path, { agent, ...options });
      if (reply.status !== 200) throw new Error(`${method} ${path.slice(0, 14)}: ${reply.status} ${reply.body}`);
      return reply.json();
    },
    async metric(series) {
      const { body } = await call(adminUrl, 'GET', '/metrics');
      const line = body.split('\n').find((candidate) => candidate.startsWith(`${series} `));
      return Number(line?.slice(series.length + 1));
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await running[Symbol.asyncDispose]();
    },
  };
  await until(async () => (await served.metric('onetime_gateway_directory_leased')) === 1);
  return served;
}

async function addAccounts(store: Store, accounts: readonly string[]): Promise<void> {
  const hash = createKeyedHash(Buffer.from(IDENTITY_KEY, 'hex'));
  const facts = { region: 'us', pinned: true, also: [], identity: identityName(hash), replaces: [] };
  const stage = await store.directory.stage();
  await stage.add(accounts.map((account) => ({ hash: accountHash(hash, nameOf(account)), ...facts })));
  await stage.commit('cli:bench', false);
}

interface Made {
  readonly secret: string;
  readonly metadata: string;
}

async function create(gateway: Served, as: string | undefined, headers?: Record<string, string>): Promise<Made> {
  const path = `${as === undefined ? '/us' : ''}/api/v1/share`;
  const answer = await gateway.call('POST', path, { as, headers, body: 'secret=s3cret-value&ttl=3600' });
  return { secret: String(answer.secret_key), metadata: String(answer.metadata_key) };
}

/** A kind of request: what has to be there before, and the request itself. */
interface Kind {
  readonly what: string;
  prepare(count: number): Promise<(at: number) => Promise<unknown>>;
}

async function each<T>(count: number, work: (at: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  async function lane(): Promise<void> {
    while (next < count) {
      const at = next++;
      results[at] = await work(at);
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane));
  return results;
}

function kinds({ gateway, other }: World): Kind[] {
  let coldNext = 0;
  let idempotent = 0;
  const made = (by: Served, as: string | undefined, count: number) => each(count, () => create(by, as));
  const retrieve = (from: readonly Made[], as: string | undefined) => (at: number) =>
    gateway.call('POST', `/api/v1/secret/${from[at]?.secret}`, { as });
  return [
    { what: 'create, account', prepare: async () => () => create(gateway, WARM) },
    { what: 'create, anonymous', prepare: async () => () => create(gateway, undefined) },
    {
      what: 'create, account, Idempotency-Key',
      prepare: async () => () =>
        create(gateway, WARM, { 'idempotency-key': `bench-key-${idempotent++}-${IDENTITY_KEY}` }),
    },
    {
      what: 'create, account that this gateway does not remember',
      prepare: async () => () => create(gateway, cold(coldNext++)),
    },
    {
      what: 'retrieve, account, key made here',
      prepare: async (count) => retrieve(await made(gateway, WARM, count), WARM),
    },
    {
      what: 'retrieve, account, key made at another gateway',
      prepare: async (count) => retrieve(await made(other, WARM, count), WARM),
    },
    {
      what: 'retrieve, anonymous, key made at another gateway',
      prepare: async (count) => retrieve(await made(other, undefined, count), undefined),
    },
    {
      what: 'private metadata, account, key remembered',
      async prepare() {
        const [one] = await made(gateway, WARM, 1);
        return () => gateway.call('POST', `/api/v1/private/${one?.metadata}`, { as: WARM });
      },
    },
  ];
}

/** Commands as the engine hears them, by name; without those of following the directory, which no request makes. */
async function heardDuring(server: RedisServer, work: () => Promise<unknown>): Promise<Map<string, number>> {
  const socket = connect(server.port, '127.0.0.1').setEncoding('utf8');
  const names = new Map<string, number>();
  let rest = '';
  let begun = false;
  let ended = false;
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      begun ||= line === '+OK';
      ended ||= line.includes('"bench-ends"');
      // `+TIME [DB CLIENT] "NAME" ...`; what a script calls has `lua` for a client.
      const match = /^\+[\d.]+ \[\d+ (\S+)\] "(\w+)"/.exec(line);
      if (match === null || match[1] === 'lua' || /"(ECHO|INFO)"/i.test(line) || line.includes('{dir}leases')) continue;
      const name = (match[2] ?? '').toUpperCase();
      names.set(name, (names.get(name) ?? 0) + 1);
    }
  });
  socket.write('MONITOR\r\n');
  await until(() => begun);
  await work();
  await server.cli('ECHO', 'bench-ends');
  await until(() => ended);
  socket.destroy();
  return names;
}

const GATEWAY_CPU = 'process_cpu_seconds_total';

async function measureKind({ server, gateway }: World, kind: Kind, requests: number): Promise<Figure[]> {
  // Scripts are known to the engine from here on, and the code is compiled.
  await each(LANES, await kind.prepare(LANES));
  const counted = await kind.prepare(COUNTED);
  const names = await heardDuring(server, () => each(COUNTED, counted));
  const [engine, process]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const request = await kind.prepare(requests);
    const [engineUs, gatewayS] = [await engineCpuUs(server), await gateway.metric(GATEWAY_CPU)];
    await each(requests, request);
    process.push((((await gateway.metric(GATEWAY_CPU)) - gatewayS) * 1e6) / requests);
    engine.push(((await engineCpuUs(server)) - engineUs) / requests);
  }
  const commands = [...names].map(([name, times]) => `${name} ${(times / COUNTED).toFixed(2)}`).sort();
  const total = [...names.values()].reduce((sum, times) => sum + times, 0) / COUNTED;
  return [
    { what: `${kind.what}: commands (${commands.join(', ')})`, value: total, unit: 'commands' },
    { what: `${kind.what}: CPU of the engine`, value: median(engine), unit: 'us' },
    { what: `${kind.what}: CPU of the gateway`, value: median(process), unit: 'us' },
  ];
}

/** @param store on that engine, with a directory that has a mark */
export async function measureRequests(server: RedisServer, store: Store, requests: number): Promise<Figure[]> {
  using folder = openFolder();
  await using closing = new AsyncDisposableStack();
  const colds = LANES + COUNTED + ROUNDS * requests;
  const accounts = [WARM, ...Array.from({ length: colds }, (_, at) => cold(at))];
  await addAccounts(store, accounts);
  const twins: Twin[] = [];
  for (const region of ['us', 'eu']) {
    const known = accounts.map((account) => ({ name: nameOf(account), token: TOKEN }));
    const twin = await startTwin({ region, accounts: known, ledgerRows: 0 });
    closing.defer(() => twin.close());
    twins.push(twin);
  }
  const [us, eu] = twins.map(({ url }) => ({ upstreams: [url] }));
  const config = folder.write(
    'gateway.yaml',
    JSON.stringify({
      listen: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      regions: { us, eu },
      limits: LIMITS,
      store: server.url,
      storeTimeout: '5s',
    }),
  );
  const gateway = closing.use(await serve(config));
  const other = closing.use(await serve(config));
  const world = { server, gateway, other };
  // Compiled, connected, credentials known.
  await each(requests, () => create(gateway, WARM));
  await each(100, () => create(other, WARM));
  const figures: Figure[] = [];
  for (const kind of kinds(world)) figures.push(...(await measureKind(world, kind, requests)));
  const rss = await gateway.metric('process_resident_memory_bytes');
  figures.push({ what: 'resident memory of the gateway afterwards', value: rss / 2 ** 20, unit: 'MiB' });
  const beforeUs = await engineCpuUs(server);
  const startMs = performance.now();
  await new Promise((settle) => setTimeout(settle, 5000));
  const seconds = (performance.now() - startMs) / 1000;
  const idleUs = ((await engineCpuUs(server)) - beforeUs) / seconds;
  figures.push({ what: 'CPU of the engine a second, two idle gateways', value: idleUs, unit: 'us' });
  return figures;
}
