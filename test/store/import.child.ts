// Run as another process: stages accounts, says so, and commits them.
import { randomBytes } from 'node:crypto';
import type { KeyedHash } from '../../src/domain.ts';
import type { AccountRow } from '../../src/store/directory-store.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';

const [path = '', count = '0'] = process.argv.slice(2);
const { directory } = openSqliteStore(path, { now: Date.now });
const row = (): AccountRow => ({
  hash: randomBytes(16) as KeyedHash,
  region: 'eu',
  pinned: true,
  also: [],
  identity: 'abcd0123',
  replaces: [],
});
const stage = await directory.stage();
await stage.add(Array.from({ length: Number(count) }, row));
process.stdout.write('staged\n');
await stage.commit('cli:test', false);
// Until it is killed.
setInterval(() => {}, 1000);
