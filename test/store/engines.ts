// The engines that are held to the same promises.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { openValkeyStore } from '../../src/store/valkey.ts';
import type { ValkeyConfig } from '../../src/store/valkey-config.ts';
import { openFolder } from '../support/folder.ts';
import { HAS_REDIS, type RedisServer, startCluster, startRedis } from '../support/redis.ts';
import { NOW } from './support.ts';
import { contentsOf } from './valkey-contents.ts';
import type { Engine, World } from './world.ts';

const TABLES = ['held_keys', 'directory', 'accounts', 'moves', 'changes', 'leases', 'drained'];

async function openSqliteWorld(): Promise<World> {
  const folder = openFolder();
  const path = join(folder.path, 'gateway.db');
  let now = NOW;
  const options = { now: () => now, storeTimeoutMs: 5000, sweepEveryMs: 3_600_000 };
  const [one, other] = [openSqliteStore(path, options), openSqliteStore(path, options)];
  return {
    one,
    other,
    now: () => now,
    pass(ms) {
      now += ms;
    },
    contents: async () =>
      readdirSync(folder.path)
        .map((name) => readFileSync(join(folder.path, name), 'latin1'))
        .join('\n'),
    async wipe() {
      const db = new DatabaseSync(path, { timeout: 5000 });
      for (const table of TABLES) db.exec(`DELETE FROM ${table}`);
      db.close();
    },
    async close() {
      await Promise.all([one.close(), other.close()]);
      folder[Symbol.dispose]();
    },
  };
}

interface Servers extends AsyncDisposable {
  readonly nodes: readonly RedisServer[];
  config(): ValkeyConfig;
}

/** Once the connection is there. */
async function connected(config: ValkeyConfig): Promise<Store> {
  const store = openValkeyStore(config, { now: Date.now, storeTimeoutMs: 5000 });
  for (const deadlineMs = performance.now() + 10_000; ; ) {
    try {
      await store.directory.mark();
      return store;
    } catch (error) {
      if (performance.now() > deadlineMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function openValkeyWorld({ nodes, config }: Servers): Promise<World> {
  const wipe = async (): Promise<void> => {
    for (const node of nodes) await node.cli('FLUSHALL');
  };
  await wipe();
  const [one, other] = await Promise.all([connected(config()), connected(config())]);
  await one.directory.init('new', 'cli:test');
  return {
    one,
    other,
    now: Date.now,
    pass() {},
    contents: async () => (await Promise.all(nodes.map(({ port }) => contentsOf(port)))).join('\n'),
    wipe,
    async close() {
      await Promise.all([one.close(), other.close()]);
    },
  };
}

/** Servers that are started for the first world, and serve one after the other. */
function valkeyEngine(name: string, start: () => Promise<Servers>): Engine {
  let servers: Promise<Servers> | undefined;
  return {
    name,
    available: HAS_REDIS,
    movesClock: false,
    async open() {
      servers ??= start();
      return openValkeyWorld(await servers);
    },
    async end() {
      await (await servers)?.[Symbol.asyncDispose]();
    },
  };
}

async function startSingle(): Promise<Servers> {
  const server = await startRedis();
  return { nodes: [server], config: server.config, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

export const ENGINES: readonly Engine[] = [
  { name: 'sqlite', available: true, movesClock: true, open: openSqliteWorld, end: async () => {} },
  valkeyEngine('valkey', startSingle),
  valkeyEngine('valkey cluster', startCluster),
];
