import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { kindOf, startNode, temporaryDirectory } from './support.ts';

it('finds every acknowledged key after kill -9 in the middle of learning, ten times over', async () => {
  const path = join(temporaryDirectory(), 'gateway.db');
  const identity = randomBytes(32);
  const hash = createKeyedHash(identity);
  const acknowledged: string[] = [];
  for (let round = 0; round < 10; round++) {
    const child = startNode('learn.child.ts', path, identity.toString('hex'));
    const { stdout } = child;
    if (stdout === null) throw new Error('no output');
    const said = text(stdout);
    const exit = once(child, 'exit');
    await Promise.race([once(stdout, 'readable'), exit]);
    // Not on a boundary of the child's own making.
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 150));
    child.kill('SIGKILL');
    const [, signal] = await exit;
    expect(signal).toBe('SIGKILL');
    const keys = (await said).split('\n').slice(0, -1);
    expect(keys.length).toBeGreaterThan(0);
    acknowledged.push(...keys);

    const store = openSqliteStore(path, { now: Date.now });
    const lost = acknowledged.filter((key) => kindOf(store.findKey(hash('held-key', key))) !== 'found');
    await store.close();
    expect(lost).toEqual([]);
  }
}, 60_000);
