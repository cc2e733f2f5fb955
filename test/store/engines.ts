// The engines that are held to the same promises.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { openFolder } from '../support/folder.ts';
import { NOW } from './support.ts';
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
      rmSync(folder.path, { recursive: true, force: true });
    },
  };
}

export const ENGINES: readonly Engine[] = [
  { name: 'sqlite', available: true, movesClock: true, open: openSqliteWorld, end: async () => {} },
];
