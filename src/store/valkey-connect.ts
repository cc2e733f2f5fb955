// Connections of ioredis, set up so that nothing is sent twice, nothing waits in a queue, and they come back for ever.
import { readFileSync } from 'node:fs';
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { ioredis } from './ioredis.ts';
import { StoreOpenError } from './sqlite-file.ts';
import type { ValkeyConfig } from './valkey-config.ts';
import { guardSockets } from './valkey-sockets.ts';

const CONNECT_TIMEOUT_MS = 2000;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1000;

export interface ValkeyConnections {
  readonly redis: Redis | Cluster;
  /** Hears what is published. In a cluster ioredis keeps one of its own: it is the same as `redis`. */
  readonly subscriber: Redis | Cluster;
}

/**
 * Begins to connect; nothing is thrown for a server that is not there. The caller listens for `error`.
 * @throws StoreOpenError: `caFile` cannot be read
 */
export function connectValkey(config: ValkeyConfig): ValkeyConnections {
  guardSockets();
  const common = commonOptions(config);
  if (config.mode === 'cluster') {
    const redis = connectCluster(config, common);
    return { redis, subscriber: redis };
  }
  const place = placeOf(config, common.tls);
  const options = { ...common, ...place, retryStrategy, enableOfflineQueue: false };
  const { Redis } = ioredis();
  return {
    redis: new Redis({ ...options, connectionName: 'onetime-gateway' }),
    subscriber: new Redis({ ...options, connectionName: 'onetime-gateway-news' }),
  };
}

/** `replyMapping` is about RESP3, which is not used. */
type Options = Omit<RedisOptions, 'replyMapping'>;

/** What holds for every connection of every mode. */
function commonOptions(config: ValkeyConfig): Options {
  return {
    db: config.mode === 'cluster' ? 0 : config.db,
    ...(config.username === undefined ? {} : { username: config.username }),
    ...(config.password === undefined ? {} : { password: config.password }),
    // Also verifies: Node checks the certificate against the host that is connected to, or given by Sentinel or cluster.
    ...(config.tls ? { tls: tlsOptions(config) } : {}),
    protocol: 2,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: 100,
    keepAlive: 10_000,
    // What was sent when a connection broke may have been done: it is never sent again.
    autoResendUnfulfilledCommands: false,
    // Who listens subscribes whenever the connection is ready; ioredis would do it too, and where the connection is lost in that
    // moment nobody could catch what it throws: the process would end.
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    maxLoadingRetryTime: 500,
    disableClientInfo: true,
    // The server has become a replica: ask again who is the master.
    reconnectOnError: (error) => error.message.includes('READONLY'),
  };
}

/** For connections to the Sentinels themselves. */
export function sentinelOptions(config: ValkeyConfig): Options {
  const { username: _, password: __, ...common } = commonOptions(config);
  const password = config.sentinelPassword;
  return { ...common, db: 0, ...(password === undefined ? {} : { password }) };
}

function tlsOptions({ caFile }: ValkeyConfig): { ca?: Buffer; rejectUnauthorized: true } {
  if (caFile === undefined) return { rejectUnauthorized: true };
  try {
    return { ca: readFileSync(caFile), rejectUnauthorized: true };
  } catch (cause) {
    throw new StoreOpenError(`The store's authorities ${caFile} cannot be read.`, { cause });
  }
}

function placeOf(config: ValkeyConfig, tls: Options['tls']): Options {
  const [first = { host: '127.0.0.1', port: 6379 }] = config.nodes;
  if (config.mode === 'single') return { host: first.host, port: first.port };
  return {
    sentinels: config.nodes.map(({ host, port }) => ({ host, port })),
    name: config.sentinel ?? 'mymaster',
    role: 'master',
    sentinelRetryStrategy: retryStrategy,
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS / 2,
    ...(config.sentinelPassword === undefined ? {} : { sentinelPassword: config.sentinelPassword }),
    ...(tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tls }),
  };
}

function connectCluster(config: ValkeyConfig, redisOptions: Options): Cluster {
  const { Cluster } = ioredis();
  return new Cluster(
    config.nodes.map(({ host, port }) => ({ host, port })),
    {
      redisOptions: { ...redisOptions, connectionName: 'onetime-gateway' },
      enableOfflineQueue: false,
      scaleReads: 'master',
      clusterRetryStrategy: retryStrategy,
      // 0: what was sent when a connection broke is not sent again.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      slotsRefreshTimeout: 1000,
      slotsRefreshInterval: 2000,
      // Names stay names: certificates are issued for them.
      dnsLookup: (name, found) => found(null, name),
    },
  );
}

/**
 * Has a connection made anew.
 *
 * Only one that there is: ioredis ends for good when it is told so while it asks Sentinel for the master. That answer may
 * be an old one, so what comes of it is renewed.
 */
export function renewConnection(connection: Redis | Cluster): void {
  if (connection.status === 'ready' || connection.status === 'connect') connection.disconnect(true);
  else connection.once('ready', () => connection.disconnect(true));
}

/** Doubles up to a second, for ever; spread, so that gateways do not come back in step. */
export function retryStrategy(times: number): number {
  const delayMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(times - 1, 10), LAST_RETRY_MS);
  return Math.round(delayMs * (0.75 + Math.random() / 4));
}
