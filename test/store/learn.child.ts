// Run as another process: learns keys without end, and prints each one when it was acknowledged.
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import type { RegionName } from '../../src/domain.ts';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import { createKeyIndex } from '../../src/locality/key-index.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';

const [path = '', identity = ''] = process.argv.slice(2);
const index = createKeyIndex(openSqliteStore(path, { now: Date.now, storeTimeoutMs: 5000 }), {
  keys: { current: createKeyedHash(Buffer.from(identity, 'hex')), older: [] },
  regions: new Set(['eu']),
  now: Date.now,
  frontEntries: 100,
  storeTimeoutMs: 5000,
});

/** Synchronous: a line that was written is with the parent, whatever happens to this process next. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      // The parent is slow just now, and its pipe is full. A line this short is written whole or not at all.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

async function learnForEver(): Promise<void> {
  for (;;) {
    const key = randomBytes(15).toString('hex');
    const result = await index.learn([
      { key, kind: 'secret', region: 'eu' as RegionName, owner: undefined, ttlSeconds: 3600 },
    ]);
    if (result === 'stored') say(`${key}\n`);
  }
}

for (let caller = 0; caller < 8; caller++) void learnForEver();
