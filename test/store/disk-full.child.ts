// Run as another process on a small disk of its own: fills it, tries to write, makes room, tries again, and tells.
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyedHash } from '../../src/domain.ts';
import type { AccountRow } from '../../src/store/directory-store.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';

const [directory = ''] = process.argv.slice(2);
const { directory: accounts, ...store } = openSqliteStore(join(directory, 'gateway.db'), { now: Date.now });
const row = (): AccountRow => ({
  hash: randomBytes(16) as KeyedHash,
  region: 'eu',
  pinned: true,
  also: [],
  identity: 'abcd0123',
  replaces: [],
});

function fill(): void {
  const fd = openSync(join(directory, 'filler'), 'w');
  try {
    for (;;) writeSync(fd, Buffer.alloc(4096));
  } catch {
    closeSync(fd);
  }
}

async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
  return work.catch((error) => ({ name: error.name, code: error.code, message: error.message }));
}

const known = row();
await accounts.put(known, false, 'cli:test');
const stage = await accounts.stage();
await stage.add(Array.from({ length: 5000 }, row));
fill();
const full = await outcomeOf(stage.commit('cli:test', false));
const found = accounts.findAccount(known.hash).kind;
const count = await accounts.count();
rmSync(join(directory, 'filler'));
const after = await outcomeOf(stage.commit('cli:test', false));
await store.close();
console.log(JSON.stringify({ full, found, count, after }));
