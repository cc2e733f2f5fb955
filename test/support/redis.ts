// Real engines: Redis or Valkey, alone, as a cluster, behind Sentinel, with TLS. Each on ports of the system's choice,
// in a folder of its own, ended by its own process id.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ValkeyConfig } from '../../src/store/valkey-config.ts';
import { type Folder, openFolder } from './folder.ts';
import { needs } from './needs.ts';
import { isFree, takePort } from './ports.ts';
import { type Running, run, start } from './process.ts';

/** Valkey where it is installed, else Redis. */
const FAMILY = spawnSync('sh', ['-c', 'command -v valkey-server']).status === 0 ? 'valkey' : 'redis';
export const HAS_REDIS = FAMILY === 'valkey' || needs('redis-server', 'apt-get install redis-server');
export const HAS_OPENSSL = needs('openssl', 'apt-get install openssl');

export interface Certificates {
  /** PEM of the authority that signed it. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface RedisOptions {
  /** Keeps what it holds when it is restarted; else nothing is on disk. */
  readonly durable?: boolean;
  readonly tls?: Certificates;
  /** More of what the server takes on its command line. */
  readonly args?: readonly string[];
  /** Undefined: of the system's choice. */
  readonly port?: number;
}

export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** As a gateway's configuration names it. */
  config(over?: Partial<ValkeyConfig>): ValkeyConfig;
  /** Ends it at once (SIGKILL) and starts it on the same port; `empty`: without what it kept. */
  restart(options?: { readonly empty?: boolean }): Promise<void>;
  kill(): Promise<void>;
  /** Neither answers nor hangs up (SIGSTOP). */
  stall(): void;
  resume(): void;
  /** Runs a command on it and returns what redis-cli prints. */
  cli(...command: readonly string[]): Promise<string>;
}

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const folder = openFolder();
  const launched = await launch(folder, options);
  const { port } = launched;
  let { running } = launched;
  const kill = (): Promise<void> => end(running);
  return {
    port,
    url: `${options.tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    config: (over) => ({ ...configOf('single', [port]), ...(options.tls ? secureBy(options.tls) : {}), ...over }),
    async restart({ empty = false } = {}) {
      await kill();
      if (empty) rmSync(join(folder.path, 'kept'), { recursive: true, force: true });
      running = (await launch(folder, { ...options, port })).running;
    },
    kill,
    stall: () => running.kill('SIGSTOP'),
    resume: () => running.kill('SIGCONT'),
    cli: (...command) => askCli(port, command, options.tls),
    async [Symbol.asyncDispose]() {
      await kill();
      folder[Symbol.dispose]();
    },
  };
}

function configOf(mode: ValkeyConfig['mode'], ports: readonly number[]): ValkeyConfig {
  const nodes = ports.map((port) => ({ host: '127.0.0.1', port }));
  return { kind: 'valkey', mode, nodes, db: 0, tls: false, prefix: 'otgw:' };
}

const secureBy = ({ caFile }: Certificates) => ({ tls: true, caFile });

async function launch(folder: Folder, options: RedisOptions): Promise<{ port: number; running: Running }> {
  for (let attempt = 0; ; attempt++) {
    const port = options.port ?? (await freePort());
    const running = await start(`${FAMILY}-server`, argumentsOf(folder, options, port));
    try {
      await running.line(/Ready to accept connections/);
      return { port, running };
    } catch (error) {
      // Somebody took the port in between, or the system has not let go of it.
      await end(running);
      if (attempt === 9) throw error;
    }
  }
}

async function end(running: Running): Promise<void> {
  running.kill('SIGKILL');
  await running.exited;
}

function argumentsOf(folder: Folder, { durable, args = [], tls }: RedisOptions, port: number): string[] {
  const listens = tls
    ? ['--port', '0', '--tls-port', `${port}`, '--tls-cert-file', tls.certFile, '--tls-key-file', tls.keyFile]
    : ['--port', `${port}`];
  return [
    ...listens,
    ...(tls ? ['--tls-ca-cert-file', tls.caFile, '--tls-auth-clients', 'no'] : []),
    ...['--bind', '127.0.0.1', '--save', '', '--dir', folder.path],
    ...(durable ? ['--appendonly', 'yes', '--appendfsync', 'always', '--appenddirname', 'kept'] : []),
    ...args,
  ];
}

async function freePort(): Promise<number> {
  const taken = await takePort();
  await taken[Symbol.asyncDispose]();
  return taken.port;
}

async function askCli(port: number, command: readonly string[], tls?: Certificates): Promise<string> {
  const secure = tls ? ['--tls', '--cacert', tls.caFile] : [];
  const args = ['-h', '127.0.0.1', '-p', `${port}`, ...secure, ...command];
  const { stdout, stderr, code } = await run(`${FAMILY}-cli`, args);
  if (code !== 0) throw new Error(`${FAMILY}-cli ended with ${code}: ${stderr}${stdout}`);
  return stdout.trim();
}

/** Polls until it holds. */
export async function until(holds: () => boolean | Promise<boolean>, withinMs = 40_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${holds}`);
    await new Promise((settle) => setTimeout(settle, 5));
  }
}

export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[];
  config(over?: Partial<ValkeyConfig>): ValkeyConfig;
  /** Runs a command on every node. */
  cli(...command: readonly string[]): Promise<readonly string[]>;
}

/** Three masters without replicas. */
export async function startCluster({ tls }: { readonly tls?: Certificates } = {}): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  for (let node = 0; node < 3; node++) {
    const port = await freePortPair();
    const args = [
      '--cluster-enabled',
      'yes',
      '--cluster-node-timeout',
      '2000',
      ...(tls ? ['--tls-cluster', 'yes'] : []),
    ];
    nodes.push(await startRedis({ port, args, ...(tls ? { tls } : {}) }));
  }
  const ports = nodes.map(({ port }) => port);
  const [first = 0] = ports;
  await askCli(first, ['--cluster', 'create', ...ports.map((port) => `127.0.0.1:${port}`), '--cluster-yes'], tls);
  const cli = (...command: readonly string[]) => Promise.all(nodes.map((node) => node.cli(...command)));
  await until(async () => (await cli('CLUSTER', 'INFO')).every((info) => info.includes('cluster_state:ok')));
  return {
    nodes,
    config: (over) => ({ ...configOf('cluster', ports), ...(tls ? secureBy(tls) : {}), ...over }),
    cli,
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    },
  };
}

/** The nodes of a cluster talk on the port 10,000 above theirs. */
async function freePortPair(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port < 55_000 && (await isFree(port + 10_000))) return port;
  }
}

export interface RedisSentinel extends AsyncDisposable {
  readonly servers: readonly [RedisServer, RedisServer];
  config(over?: Partial<ValkeyConfig>): ValkeyConfig;
  /** The server that Sentinel takes for the master. */
  master(): Promise<RedisServer>;
  /** Has Sentinel make the replica the master; settles when it is. */
  failover(): Promise<void>;
}

const MASTER = 'main';

/**
 * A master, a replica, and one Sentinel that decides alone and soon.
 * @param sentinelPassword of the Sentinel itself
 */
export async function startSentinel(sentinelPassword?: string): Promise<RedisSentinel> {
  const folder = openFolder();
  const first = await startRedis();
  const second = await startRedis({ args: ['--replicaof', '127.0.0.1', `${first.port}`] });
  const servers = [first, second] as const;
  await until(async () => (await second.cli('INFO', 'replication')).includes('master_link_status:up'));
  const port = await freePort();
  const file = folder.write('sentinel.conf', sentinelFile(port, first.port, sentinelPassword));
  const running = await start(`${FAMILY}-server`, [file, '--sentinel']);
  await running.line(/\+monitor master/);
  const ask = (...command: readonly string[]): Promise<string> =>
    askCli(port, sentinelPassword === undefined ? command : ['--no-auth-warning', '-a', sentinelPassword, ...command]);
  const master = async (): Promise<RedisServer> => {
    const said = await ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER);
    return servers.find((server) => said.split('\n')[1] === `${server.port}`) ?? first;
  };
  await until(async () => /num-slaves\n1\n/.test(await ask('SENTINEL', 'MASTER', MASTER)));
  return {
    servers,
    config: (over) => ({
      ...configOf('sentinel', [port]),
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      sentinel: MASTER,
      ...over,
    }),
    master,
    async failover() {
      const before = await master();
      // Refused (NOGOODSLAVE) until the Sentinel has heard from the replica how it is.
      let begun = false;
      await until(async () => {
        if (!begun) begun = (await ask('SENTINEL', 'FAILOVER', MASTER)).startsWith('OK');
        return (await master()) !== before;
      });
    },
    async [Symbol.asyncDispose]() {
      await end(running);
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
      folder[Symbol.dispose]();
    },
  };
}

function sentinelFile(port: number, master: number, password: string | undefined): string {
  return [
    `port ${port}`,
    'bind 127.0.0.1',
    ...(password === undefined ? [] : [`requirepass ${password}`]),
    `sentinel monitor ${MASTER} 127.0.0.1 ${master} 1`,
    `sentinel down-after-milliseconds ${MASTER} 500`,
    `sentinel failover-timeout ${MASTER} 2000`,
    '',
  ].join('\n');
}

/** An authority of its own and a certificate for 127.0.0.1 and localhost, or for another name. */
export async function makeCertificates(folder: Folder, name = 'IP:127.0.0.1,DNS:localhost'): Promise<Certificates> {
  const [caFile, caKey] = [join(folder.path, 'ca.pem'), join(folder.path, 'ca.key')];
  const [certFile, keyFile] = [join(folder.path, 'cert.pem'), join(folder.path, 'cert.key')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await openssl('req', '-x509', ...key, '-subj', '/CN=Test authority', '-keyout', caKey, '-out', caFile);
  const signed = ['-CA', caFile, '-CAkey', caKey, '-addext', `subjectAltName=${name}`];
  await openssl('req', '-x509', ...key, '-subj', '/CN=engine', ...signed, '-keyout', keyFile, '-out', certFile);
  return { caFile, certFile, keyFile };
}

async function openssl(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await run('openssl', args);
  if (code !== 0) throw new Error(`openssl ended with ${code}: ${stderr}`);
}
