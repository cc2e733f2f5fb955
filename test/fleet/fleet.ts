// Several gateways before two twin regions, sharing one Redis or Valkey.
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { accountKey } from '../../src/caller/credentials.ts';
import { parseConfig } from '../../src/config/load.ts';
import { type Gateway, openGateway } from '../../src/gateway.ts';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import { createDesk, type Desk } from '../../src/locality/desk.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { startTwin, type Twin, type TwinAccount } from '../../src/twin/twin.ts';
import { type Call, call, type Reply } from '../support/http.ts';
import { type RedisServer, startRedis, until } from '../support/redis.ts';

export const IDENTITY_KEY = '5a'.repeat(32);

/** `name:token` of an account that has a token in both regions: it can be moved. */
export const MOVER = {
  us: 'mia@corp.example:0ddd0000000000000000000000000000000000us',
  eu: 'mia@corp.example:0ddd0000000000000000000000000000000000eu',
};
export const STAYER = 'sam@corp.example:0eee0000000000000000000000000000000000us';
/** Of the directory and of no rule. */
export const nameOf = (account: string): string => account.slice(0, account.indexOf(':'));

function accountOf(nameAndToken: string): TwinAccount {
  return { name: nameOf(nameAndToken), token: nameAndToken.slice(nameAndToken.indexOf(':') + 1) };
}

export interface FleetGateway extends Gateway {
  readonly log: readonly string[];
  call(method: string, path: string, options?: Call): Promise<Reply>;
  metric(series: string): Promise<number>;
}

export interface Fleet extends AsyncDisposable {
  /** Not for a fleet that shares a file. */
  readonly redis: RedisServer;
  readonly us: Twin;
  readonly eu: Twin;
  readonly gateways: readonly FleetGateway[];
  readonly desk: Desk;
  readonly store: Store;
  /** As text, for gateways that run as processes. */
  readonly config: string;
  /** One more gateway on the same store. */
  open(): Promise<FleetGateway>;
  create(gateway: FleetGateway, options: Call & { region?: string }): Promise<{ secret: string; metadata: string }>;
  /** Resolves when all gateways have the directory. */
  ready(): Promise<void>;
}

export interface FleetOptions {
  readonly gateways?: number;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly durable?: boolean;
  /** MOVER has its token of us in eu, too: its callers do not notice the move. */
  readonly sameToken?: boolean;
  /** In place of a Redis: gateways of one machine share a file. */
  readonly file?: string;
}

const OFF = { mode: 'off' };
export const NO_LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };

export async function openFleetGateway(text: string, identityKey = IDENTITY_KEY): Promise<FleetGateway> {
  const log: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log.push(chunk.toString());
      done();
    },
  });
  const config = parseConfig(text, 'fleet.yaml', {});
  const gateway = await openGateway(config, {
    log: pino({ level: 'info' }, sink),
    version: 'test',
    env: { GATEWAY_IDENTITY_KEY: identityKey },
  });
  return {
    ...gateway,
    log,
    call: (method, path, options) => call(gateway.url, method, path, options),
    async metric(series) {
      const { body } = await call(gateway.adminUrl, 'GET', '/metrics');
      const line = body.split('\n').find((candidate) => candidate.startsWith(`${series} `));
      return line === undefined ? Number.NaN : Number(line.slice(series.length + 1));
    },
  };
}

function openDesk(store: Store): Desk {
  const hashes = { current: createKeyedHash(Buffer.from(IDENTITY_KEY, 'hex')), older: [] };
  const regions = parseConfig(
    'regions: { us: { upstreams: ["http://a"] }, eu: { upstreams: ["http://b"] } }',
    'f',
    {},
  ).regions;
  return createDesk({
    store: store.directory,
    actor: 'cli:test',
    hashes,
    normalise: accountKey,
    regions: regions.map(({ name }) => name),
    order: ['directory', 'rules'],
    locateByRules: () => ({ kind: 'missing' }),
  });
}

/** The directory knows MOVER and STAYER, both in us and pinned. */
export async function openFleet(options: FleetOptions = {}): Promise<Fleet> {
  const redis = options.file === undefined ? await startRedis({ durable: options.durable ?? true }) : undefined;
  const us = await startTwin({ region: 'us', accounts: [MOVER.us, STAYER].map(accountOf) });
  const eu = await startTwin({ region: 'eu', accounts: [options.sameToken ? MOVER.us : MOVER.eu].map(accountOf) });
  const config = JSON.stringify({
    listen: { host: '127.0.0.1', port: 0 },
    admin: { host: '127.0.0.1', port: 0 },
    regions: { us: { upstreams: [us.url] }, eu: { upstreams: [eu.url] } },
    accounts: { lease: '3s' },
    limits: NO_LIMITS,
    // One lease a gateway; several threads are test/workers/'s subject.
    workers: 1,
    store: redis?.url ?? `sqlite:${options.file}`,
    // Two cores serve all of this: a pause of the machine is not what these tests are about.
    storeTimeout: '1s',
    audit: { file: null },
    ...options.config,
  });
  const store = openStore(parseConfig(config, 'fleet.yaml', {}).store, { now: Date.now, storeTimeoutMs: 5000 });
  await until(() => store.readings().up);
  await store.directory.init('new', 'cli:test');
  const desk = openDesk(store);
  for (const account of [MOVER.us, STAYER]) {
    await desk.add(nameOf(account), { region: 'us', pinned: true, also: [] }, false);
  }
  const gateways: FleetGateway[] = [];
  const fleet: Fleet = {
    get redis() {
      if (redis === undefined) throw new Error('this fleet shares a file');
      return redis;
    },
    us,
    eu,
    gateways,
    desk,
    store,
    config,
    async open() {
      const gateway = await openFleetGateway(config);
      gateways.push(gateway);
      return gateway;
    },
    async create(gateway, { region, ...more }) {
      const path = `${region === undefined ? '' : `/${region}`}/api/v1/share`;
      const reply = await gateway.call('POST', path, { ...more, body: 'secret=s3cret-value&ttl=3600' });
      const { secret_key: secret, metadata_key: metadata } = reply.json();
      if (typeof secret !== 'string' || typeof metadata !== 'string')
        throw new Error(`not created: ${reply.status} ${reply.body}`);
      return { secret, metadata };
    },
    ready: () =>
      until(async () => {
        const leased = await Promise.all(gateways.map((one) => one.metric('onetime_gateway_directory_leased')));
        return leased.every((value) => value === 1);
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all(gateways.map((gateway) => gateway.close()));
      await store.close();
      await Promise.all([us.close(), eu.close()]);
      await redis?.[Symbol.asyncDispose]();
    },
  };
  for (let count = 0; count < (options.gateways ?? 3); count++) await fleet.open();
  await fleet.ready();
  return fleet;
}
