// A further connection to the embedded store's file, for another thread of the same gateway: it reads in the request's own
// tick, waits for nobody (WAL), and writes nothing. Who writes has the file open, checked and migrated already.
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Found, KeyedHash } from '../domain.ts';
import type { AccountAnswer } from './directory-store.ts';
import { createAccounts } from './sqlite-accounts.ts';
import { KEEP_PAGES, openError } from './sqlite-file.ts';
import { createFindAccount, createFindKey } from './sqlite-find.ts';
import { createStanding } from './sqlite-standing.ts';
import { watchFile } from './sqlite-watch.ts';
import type { StoredKey, StoreReadings } from './store.ts';

export interface SqliteReader {
  findKey(hash: KeyedHash): Found<StoredKey>;
  findAccount(hash: KeyedHash): AccountAnswer;
  /** Looks whether the file is still the one that is open. @throws StoreAwayError STORE_FILE_REPLACED, from then on */
  checkFile(): void;
  readings(): StoreReadings;
  close(): void;
}

/**
 * @param path of a file, never `:memory:`
 * @param identity of the file, as the thread that writes it knows it (SqliteStore.identity)
 * @throws StoreOpenError
 */
export function openSqliteReader(path: string, identity: string, now: () => number): SqliteReader {
  const file = resolve(path);
  const db = open(file);
  const watch = watchFile(file, identity);
  try {
    watch.check();
  } catch {
    // Remembered: lookups say so.
  }
  const standing = createStanding(() => watch.replaced() === undefined && db.isOpen);
  return {
    findKey: createFindKey(db, { now, watch, standing }),
    findAccount: createFindAccount(createAccounts(db), { watch, standing }),
    checkFile: watch.check,
    readings: standing.readings,
    close() {
      if (db.isOpen) db.close();
    },
  };
}

function open(file: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true, timeout: 0 });
    db.exec('PRAGMA trusted_schema = OFF');
    db.exec(KEEP_PAGES);
    // Also reads the file: what is wrong with it is said now.
    db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get();
    return db;
  } catch (error) {
    db?.close();
    throw openError(file, error);
  }
}
