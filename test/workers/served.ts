// `serve` with several workers as a child process, before two twin regions, and ways to reach each of its workers.
import { Agent } from 'node:http';
import { DEMO_ACCOUNTS } from '../../src/twin/accounts.ts';
import { startTwin, type Twin, type TwinAccount } from '../../src/twin/twin.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { type Call, call, type Reply } from '../support/http.ts';
import { type Exit, type Running, startCli } from '../support/process.ts';
import { until } from '../support/redis.ts';

export const IDENTITY_KEY = '5a'.repeat(32);
const OFF = { mode: 'off' };
export const NO_LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };

export type LogLine = Readonly<Record<string, unknown>>;

export interface Served extends AsyncDisposable {
  readonly us: Twin;
  readonly eu: Twin;
  readonly folder: Folder;
  /** Path of its configuration. */
  readonly file: string;
  readonly process: Running;
  readonly url: string;
  readonly adminUrl: string;
  /** Every line of standard output so far. @throws SyntaxError when one is no JSON */
  log(): LogLine[];
  /** On a connection of its own unless `agent` is given. */
  call(method: string, path: string, options?: Call): Promise<Reply>;
  metrics(): Promise<string>;
  /** 0 when the series is not there. */
  metric(series: string): Promise<number>;
  /** A kept connection to each worker, by its number. */
  reach(): Promise<ReadonlyMap<number, Agent>>;
  stop(signal: NodeJS.Signals): Promise<Exit>;
}

export interface ServedOptions {
  readonly workers: number;
  readonly config?: Readonly<Record<string, unknown>>;
  /** In place of the twins as the regions' upstream URLs. */
  readonly upstreams?: Readonly<Record<string, string>>;
  readonly accounts?: Readonly<Record<'us' | 'eu', readonly TwinAccount[]>>;
  readonly env?: Readonly<Record<string, string>>;
  /** As StartOptions has it. */
  readonly through?: readonly string[];
  /** It stays whoever's it is. Left out: one of its own. */
  readonly before?: World;
}

export function linesOf(running: Running): LogLine[] {
  // What stands behind the last line's end is still being written.
  const lines = running.stdout().split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LogLine);
}

export async function readMetric(adminUrl: string, series: string): Promise<number> {
  const { body } = await call(adminUrl, 'GET', '/metrics');
  const line = body.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

/** What a gateway is put into, and what outlives it. */
export interface World extends Pick<Served, 'us' | 'eu' | 'folder'>, AsyncDisposable {}

export async function openWorld(accounts?: ServedOptions['accounts']): Promise<World> {
  const twin = (region: 'us' | 'eu') =>
    startTwin({ region, accounts: [...DEMO_ACCOUNTS[region], ...(accounts?.[region] ?? [])] });
  const [us, eu, folder] = [await twin('us'), await twin('eu'), openFolder()];
  return {
    us,
    eu,
    folder,
    async [Symbol.asyncDispose]() {
      await Promise.all([us.close(), eu.close()]);
      folder[Symbol.dispose]();
    },
  };
}

export async function openServed(options: ServedOptions): Promise<Served> {
  const { workers, config, upstreams, accounts, env, through, before } = options;
  const world = before ?? (await openWorld(accounts));
  const { us, eu, folder } = world;
  const text = JSON.stringify({
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    regions: { us: { upstreams: [upstreams?.us ?? us.url] }, eu: { upstreams: [upstreams?.eu ?? eu.url] } },
    accounts: {
      rules: [
        { domain: 'us.example', region: 'us' },
        { domain: 'eu.example', region: 'eu' },
      ],
    },
    limits: NO_LIMITS,
    workers,
    store: `sqlite:${folder.path}/gateway.db`,
    // Two cores serve all of this: a pause of the machine is not what these tests are about.
    storeTimeout: '2s',
    ...config,
  });
  const file = folder.write('gateway.yaml', text);
  const running = await startCli(['serve', '--config', file], {
    env: { GATEWAY_IDENTITY_KEY: IDENTITY_KEY, ...env },
    ...(through && { through }),
  });
  const [, url = '', adminUrl = ''] = await running.line(/"url":"([^"]+)","admin":"([^"]+)".*"listening"/);
  const agents: Agent[] = [];

  async function workerOf(agent: Agent): Promise<number> {
    const { headers } = await call(url, 'GET', '/api/v1/status', { agent });
    const ofIt = (): LogLine | undefined =>
      linesOf(running).find(({ request_id }) => request_id === headers['x-request-id']);
    await until(() => ofIt() !== undefined);
    return Number(ofIt()?.worker);
  }

  return {
    us,
    eu,
    folder,
    file,
    process: running,
    url,
    adminUrl,
    log: () => linesOf(running),
    call: (method, path, options) => call(url, method, path, options),
    metrics: async () => (await call(adminUrl, 'GET', '/metrics')).body,
    metric: (series) => readMetric(adminUrl, series),
    async reach() {
      const reached = new Map<number, Agent>();
      while (reached.size < workers) {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        agents.push(agent);
        const worker = await workerOf(agent);
        if (reached.has(worker)) agent.destroy();
        else reached.set(worker, agent);
      }
      return reached;
    },
    async stop(signal) {
      running.kill(signal);
      return running.exited;
    },
    async [Symbol.asyncDispose]() {
      for (const agent of agents) agent.destroy();
      await running[Symbol.asyncDispose]();
      if (before === undefined) await world[Symbol.asyncDispose]();
    },
  };
}

/** The worker that took each of these replies. */
export function workersOf(served: Served, replies: readonly Reply[]): Set<number> {
  const ids = new Set(replies.map(({ headers }) => headers['x-request-id']));
  return new Set(
    served.log().flatMap(({ request_id, worker }) => (ids.has(String(request_id)) ? [Number(worker)] : [])),
  );
}
