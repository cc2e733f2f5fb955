// That calls with Idempotency-Key were sent, as the embedded engine keeps it for whoever starts on the same file: a process
// that is killed leaves it behind, and what the answers were ends with it.
import type { DatabaseSync } from 'node:sqlite';
import { isBusy } from './sqlite-errors.ts';
import type { SentCall, SentCalls } from './store.ts';

/** As for keys: SQLite's own waiting would hold up every request. */
const RETRY_MS = 2;
const RETRIES = 500;
/** Of the oldest, so many are looked at in one sweep. */
const SWEEP_ROWS = 2000;

export interface SqliteSent extends SentCalls {
  /** Takes away those whose time is over. Never throws. */
  sweep(): void;
}

/**
 * Rows stand in the order in which they were put, which nearly always is the one in which their time is over: none is
 * looked for by its name.
 * @param now Unix time in milliseconds; only for when a row is taken away
 * @param wrote told of rows that were committed
 */
export function createSent(db: DatabaseSync, now: () => number, wrote: (rows: number) => void): SqliteSent {
  const insert = db.prepare('INSERT INTO sent_calls (name, checked, expires_at_ms) VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM sent_calls WHERE id = ?');
  const removeExpired = db.prepare(
    'DELETE FROM sent_calls WHERE id IN (SELECT id FROM sent_calls ORDER BY id LIMIT ?) AND expires_at_ms <= ?',
  );
  const before = db
    .prepare('SELECT name, checked FROM sent_calls ORDER BY id')
    .all()
    .flatMap(({ name, checked }): SentCall[] =>
      name instanceof Uint8Array && checked instanceof Uint8Array
        ? [{ name: Buffer.from(name), check: Buffer.from(checked) }]
        : [],
    );

  /** @returns false: another process has the lock just now. Whatever else is wrong with the disk, the store says */
  function write(what: () => void): boolean {
    try {
      what();
      return true;
    } catch (error) {
      return !isBusy(error) || !db.isOpen;
    }
  }

  function surely(what: () => void): void {
    let tries = 0;
    const again = (): void => {
      if (write(what) || ++tries > RETRIES) return;
      setTimeout(again, RETRY_MS).unref();
    };
    again();
  }

  return {
    before,
    put({ name, check }, keepMs) {
      let id: number | bigint | undefined;
      let taken = false;
      surely(() => {
        if (!taken) id = insert.run(name, check, Math.ceil(now() + keepMs)).lastInsertRowid;
      });
      wrote(1);
      return () => {
        taken = true;
        if (id !== undefined) surely(() => remove.run(id ?? 0));
      };
    },
    sweep: () => void write(() => removeExpired.run(SWEEP_ROWS, now())),
  };
}
