// The embedded store: one SQLite file in WAL mode, read in the request's own tick, written in groups.
import { resolve } from 'node:path';
import type { Found, KeyedHash } from '../domain.ts';
import { createCheckpointer } from './checkpoint.ts';
import { createSqliteDirectory, type SqliteDirectory } from './sqlite-directory.ts';
import { openDatabase } from './sqlite-file.ts';
import { createFindKey } from './sqlite-find.ts';
import { createKeySweep, createKeyWriter } from './sqlite-keys.ts';
import { createSent } from './sqlite-sent.ts';
import { createStanding } from './sqlite-standing.ts';
import { watchFile } from './sqlite-watch.ts';
import type { SentCalls, Store, StoredKey, StoreNews } from './store.ts';

export interface SqliteOptions {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steady?: () => number;
  /** False while the day's clock may be wrong: expired keys are not removed then. Left out: it never is. */
  readonly isSettled?: () => boolean;
  /** How long a put waits for another process's lock before it gives up. */
  readonly storeTimeoutMs?: number;
  /** How often a batch is swept. */
  readonly sweepEveryMs?: number;
  /** Entries that one sweep looks at. */
  readonly sweepRows?: number;
}

export interface SqliteStore extends Store {
  readonly directory: SqliteDirectory;
  findKey(hash: KeyedHash): Found<StoredKey>;
  /** Undefined where nothing outlives the process. */
  readonly sent: SentCalls | undefined;
  /** Tells the open file from any other that may come to lie under its path. */
  readonly identity: string;
  /** Removes the expired ones of the next `sweepRows` keys, and calls whose time is over. Returns how many; 0 too when the file is locked. */
  sweep(): number;
}

/**
 * @param path a file, made if missing, or `:memory:`
 * @throws StoreOpenError: damaged, of a newer schema, not writable, locked; its message says what to do
 */
export function openSqliteStore(path: string, options: SqliteOptions): SqliteStore {
  const { now, steady = () => performance.now(), isSettled = () => true } = options;
  const { storeTimeoutMs = 50, sweepEveryMs = 1000, sweepRows = 1000 } = options;
  const file = path === ':memory:' ? undefined : resolve(path);
  const db = openDatabase(path, now);
  const watch = watchFile(file);
  const checkpointer = file === undefined ? undefined : createCheckpointer(file);
  const standing = createStanding(() => watch.replaced() === undefined && db.isOpen);
  const writer = createKeyWriter(db, now, storeTimeoutMs, watch.checkKnown, checkpointer);
  const sweepKeys = createKeySweep(db, now, isSettled, sweepRows);
  const setOutMs = now() - steady();
  const sent =
    file === undefined
      ? undefined
      : createSent(db, { now: () => setOutMs + steady(), wrote: (rows) => checkpointer?.wrote(rows) });
  const sweep = (): number => {
    sent?.sweep();
    return sweepKeys();
  };
  const timer = setInterval(sweep, sweepEveryMs).unref();
  let tell: (news: StoreNews) => void = () => {};
  const directory = createSqliteDirectory(db, {
    now,
    watch,
    standing,
    changed(rows) {
      checkpointer?.wrote(rows);
      // Of this process alone. Others' changes are seen by following.
      tell({ kind: 'directory' });
    },
  });

  return {
    engine: 'sqlite',
    directory,
    shared: undefined,
    sent,
    identity: watch.identity,
    findKey: createFindKey(db, { now, watch, standing }),
    putKeys: writer.put,
    sweep,
    readings: standing.readings,
    onNews(listener) {
      tell = listener;
    },
    async close() {
      clearInterval(timer);
      writer.end();
      sent?.end();
      await checkpointer?.end();
      if (db.isOpen) db.close();
    },
  };
}
