// Transactions of the embedded engine's directory. Waiting for another process's lock holds up nobody: it is tried again.
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { awayError, isBusy } from './sqlite-errors.ts';

export interface Transactions {
  /** One snapshot. Throws what SQLite throws; never for a lock. */
  read<T>(work: () => T): T;
  /**
   * One transaction, all or nothing, flushed to the disk.
   * @throws StoreAwayError: locked for too long, full, read-only, damaged, closed; what `work` throws
   */
  write<T>(work: () => T): Promise<T>;
  /** As `write`, but a power cut may undo it: for leases, which mean nothing after one. */
  renew<T>(work: () => T, timeoutMs: number): Promise<T>;
}

/** An operator's command waits this long for another process's lock. */
const WRITE_TIMEOUT_MS = 5000;
/** Pauses between tries grow to this. */
const LONGEST_PAUSE_MS = 40;

/** @param checkFile throws when the file is no longer the one that is open */
export function createTransactions(db: DatabaseSync, checkFile: () => void): Transactions {
  function once<T>(begin: string, work: () => T): T {
    db.exec(begin);
    try {
      const result = work();
      db.exec('COMMIT');
      return result;
    } catch (error) {
      if (db.isOpen && db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Elsewhere a power cut may lose the last moments (sqlite-file.ts). A move that was cut over must not go back. */
  function onceFlushed<T>(work: () => T): T {
    db.exec('PRAGMA synchronous = FULL');
    try {
      return once('BEGIN IMMEDIATE', work);
    } finally {
      if (db.isOpen) db.exec('PRAGMA synchronous = NORMAL');
    }
  }

  async function patiently<T>(attempt: () => T, timeoutMs: number): Promise<T> {
    const deadlineMs = performance.now() + timeoutMs;
    for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        checkFile();
        return attempt();
      } catch (error) {
        if (!isBusy(error) || performance.now() >= deadlineMs) throw awayError(error);
      }
      await sleep(pauseMs);
    }
  }

  return {
    read: (work) => once('BEGIN', work),
    write: (work) => patiently(() => onceFlushed(work), WRITE_TIMEOUT_MS),
    renew: (work, timeoutMs) => patiently(() => once('BEGIN IMMEDIATE', work), timeoutMs),
  };
}
