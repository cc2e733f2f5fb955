// The gateway between two twin regions, over real sockets, with a log that can be read and a clock that can be moved.
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { inForce } from '../../src/config/in-force.ts';
import { parseConfig } from '../../src/config/load.ts';
import { type Gateway, openGateway } from '../../src/gateway.ts';
import type { ReloadReport } from '../../src/listener/admin-live-types.ts';
import type { Resolve } from '../../src/region/lookup.ts';
import type { Read } from '../../src/reload.ts';
import { DEMO_ACCOUNTS } from '../../src/twin/accounts.ts';
import { startTwin, type Twin, type TwinAccount, type TwinOptions } from '../../src/twin/twin.ts';
import { type Call, call, type Reply } from './http.ts';

/** Accounts of the twins as `name:token`: alice and carol live in us, bruno and dora in eu. */
function credentials(account: TwinAccount | undefined): string {
  if (account === undefined) throw new Error('the twin has too few accounts');
  return `${account.name}:${account.token}`;
}
export const ALICE = credentials(DEMO_ACCOUNTS.us[0]);
export const CAROL = credentials(DEMO_ACCOUNTS.us[1]);
export const BRUNO = credentials(DEMO_ACCOUNTS.eu[0]);
export const DORA = credentials(DEMO_ACCOUNTS.eu[1]);
/** Lives in eu and is not pinned. */
export const WANDERER = 'wanda@roaming.example:0badc0de000000000000000000000000000000eu';
/** Lives in eu, may also name us, with another token there. */
export const BOTH_EU = 'ops@corp.example:0ccc0000000000000000000000000000000000eu';
export const BOTH_US = 'ops@corp.example:0ccc0000000000000000000000000000000000us';

function account(nameAndToken: string): TwinAccount {
  const [name = '', token = ''] = nameAndToken.split(':');
  return { name, token };
}

const RULES = [
  { domain: 'us.example', region: 'us' },
  { domain: 'eu.example', region: 'eu' },
  { domain: 'roaming.example', region: 'eu', pinned: false },
  { account: 'ops@corp.example', region: 'eu', also: ['us'] },
];

export interface Lab {
  readonly us: Twin;
  readonly eu: Twin;
  readonly gateway: Gateway;
  /** Everything that was logged, line by line. */
  readonly log: string[];
  /** Moves the gateway's and the twins' clock. */
  advance(ms: number): void;
  call(method: string, path: string, options?: Call): Promise<Reply>;
  /** Creates a secret as an account (or anonymously in a named region) and clears nothing. */
  create(options: Call & { region?: string; params?: string }): Promise<{ secret: string; metadata: string }>;
  metrics(): Promise<string>;
  /** The value of one series of the metrics, 0 when it is not there. */
  metric(series: string): Promise<number>;
  clearLedgers(): void;
  /** Has the gateway read another configuration: the lab's, with these sections; or a text in its place. */
  reload(sections: Readonly<Record<string, unknown>> | string): Promise<ReloadReport>;
  close(): Promise<void>;
}

const FILE = 'lab.yaml';

/** A configuration as it is read from its file. */
function readText(text: string): Read {
  return { config: parseConfig(text, FILE, {}), values: () => inForce(text, FILE, {}), digest: '' };
}

export interface LabOptions {
  /** Top-level sections of the configuration, in place of the lab's own. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly twins?: Partial<TwinOptions>;
  /** In place of the twins as the regions' upstream URLs. */
  readonly upstreams?: Readonly<Record<string, string[]>>;
  /** In place of the system's resolver. */
  readonly resolve?: Resolve;
}

export async function openLab(options: LabOptions = {}): Promise<Lab> {
  let offsetMs = 0;
  const now = (): number => Date.now() + offsetMs;
  const twin = (region: 'us' | 'eu', more: TwinAccount[]): Promise<Twin> =>
    startTwin({ ...options.twins, region, accounts: [...DEMO_ACCOUNTS[region], ...more], now });
  const us = await twin('us', [account(BOTH_US)]);
  const eu = await twin('eu', [account(BOTH_EU), account(WANDERER)]);

  const config = {
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    regions: {
      us: { upstreams: options.upstreams?.us ?? [us.url], hosts: ['us.gateway.example'] },
      eu: { upstreams: options.upstreams?.eu ?? [eu.url], hosts: ['eu.gateway.example'] },
    },
    accounts: { rules: RULES },
    store: 'sqlite::memory:',
    audit: { file: null },
    log: { level: 'trace' },
    ...options.config,
  };
  const log: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log.push(chunk.toString());
      done();
    },
  });
  let text = JSON.stringify(config);
  const first = readText(text);
  const env = { GATEWAY_IDENTITY_KEY: '5a'.repeat(32) };
  const gateway = await openGateway(first.config, {
    log: pino({ level: first.config.log.level }, sink),
    version: 'test',
    now,
    env,
    file: { first, read: () => readText(text) },
    ...(options.resolve && { resolve: options.resolve }),
  });

  const lab: Lab = {
    us,
    eu,
    gateway,
    log,
    advance: (ms) => {
      offsetMs += ms;
    },
    call: (method, path, more) => call(gateway.url, method, path, more),
    async create({ region, params = 'secret=s3cret-value&ttl=3600', ...more }) {
      const prefix = region === undefined ? '' : `/${region}`;
      const reply = await lab.call('POST', `${prefix}/api/v1/share`, { ...more, body: params });
      const { secret_key: secret, metadata_key: metadata } = reply.json();
      if (typeof secret !== 'string' || typeof metadata !== 'string') throw new Error(`not created: ${reply.status}`);
      return { secret, metadata };
    },
    metrics: async () => (await call(gateway.adminUrl, 'GET', '/metrics')).body,
    async metric(series) {
      const line = (await lab.metrics()).split('\n').find((candidate) => candidate.startsWith(`${series} `));
      return line === undefined ? 0 : Number(line.slice(series.length + 1));
    },
    clearLedgers() {
      us.clearLedger();
      eu.clearLedger();
    },
    async reload(sections) {
      text = typeof sections === 'string' ? sections : JSON.stringify({ ...config, ...sections });
      const report = await gateway.reload?.('test');
      if (report === undefined) throw new Error('the gateway has no file');
      return report;
    },
    async close() {
      await gateway.close();
      await Promise.all([us.close(), eu.close()]);
    },
  };
  return lab;
}
