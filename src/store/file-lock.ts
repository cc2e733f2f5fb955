// A lock on a file that one process holds and that goes away with it, however it ends.
//
// SQLite's own lock on an empty database: the system's record lock, which a killed process cannot leave behind, which does
// not take a process that got the same id (1, in each container) for the owner, and which SQLite also keeps between the
// threads of one process. Node has no other way to such a lock. Nothing is ever written to the file.
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SQLITE, sqliteCode } from './sqlite-errors.ts';

export interface FileLock {
  /** The file stays: to remove it would let a second process lock another one of the same name. */
  release(): void;
}

/**
 * @param path made with mode 0600, its folder with 0700, if missing
 * @param waitMs how long a process that is just ending may take; this thread waits
 * @returns undefined while another one has it
 * @throws the error of the system or of SQLite where the file cannot be locked at all
 */
export function lockFile(path: string, waitMs: number): FileLock | undefined {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
  const db = new DatabaseSync(path, { timeout: waitMs });
  try {
    // In memory: no journal file beside the lock.
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return { release: () => db.close() };
  } catch (error) {
    db.close();
    if (sqliteCode(error) === SQLITE.busy) return undefined;
    throw error;
  }
}
