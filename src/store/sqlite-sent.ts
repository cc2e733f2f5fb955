// That calls with Idempotency-Key were sent, as the embedded engine keeps it for whoever starts on the same file: a process
// that is killed leaves it behind, and what the answers were ends with it.
import type { DatabaseSync } from 'node:sqlite';
import { isBusy } from './sqlite-errors.ts';
import type { SentCall, SentCalls } from './store.ts';

/** As for keys: SQLite's own waiting would hold up every request. */
const BUSY_MS = 2;
/** A disk that is full, and the like. */
const FAILED_MS = 200;
/** What waits for the file, some 200 bytes each; the oldest make room. */
const MOST_WAITING = 100_000;
/** Of the oldest, so many are looked at in one sweep; and twice as many as have been put since the one before. */
const SWEEP_ROWS = 2000;

export interface SqliteSent extends SentCalls {
  /** Takes away those whose time is over. Never throws. */
  sweep(): void;
  /** Writes what still waits, if the file takes it now. Never throws. */
  end(): void;
}

export interface SentOptions {
  /** Unix time in milliseconds as it was, and from then on by a clock that nobody sets: a step takes none away. */
  readonly now: () => number;
  /** Told of rows that were committed. */
  readonly wrote: (rows: number) => void;
}

/** Writes in order, one at a time: what the file does not take now is tried again, by one timer for all. */
function createQueue(db: DatabaseSync) {
  const waiting = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    timer = undefined;
    try {
      for (const write of waiting) {
        write();
        waiting.delete(write);
      }
    } catch (error) {
      // Whatever is wrong with the disk, the store says.
      if (db.isOpen) timer = setTimeout(flush, isBusy(error) ? BUSY_MS : FAILED_MS).unref();
      else waiting.clear();
    }
  }

  return {
    put(write: () => void): void {
      const [oldest] = waiting;
      if (oldest !== undefined && waiting.size >= MOST_WAITING) waiting.delete(oldest);
      waiting.add(write);
      if (timer === undefined) flush();
    },
    /** @returns whether it was still waiting, and is not any more */
    drop: (write: () => void): boolean => waiting.delete(write),
    end(): void {
      clearTimeout(timer);
      flush();
      clearTimeout(timer);
    },
  };
}

/**
 * Rows stand in the order in which they were put, which nearly always is the one in which their time is over: none is
 * looked for by its name.
 */
export function createSent(db: DatabaseSync, { now, wrote }: SentOptions): SqliteSent {
  const insert = db.prepare('INSERT INTO sent_calls (name, checked, expires_at_ms) VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM sent_calls WHERE id = ?');
  const removeExpired = db.prepare(
    'DELETE FROM sent_calls WHERE id IN (SELECT id FROM sent_calls ORDER BY id LIMIT ?) AND expires_at_ms <= ?',
  );
  const all = db.prepare('SELECT name, checked FROM sent_calls ORDER BY id');
  const queue = createQueue(db);
  let putSince = 0;

  return {
    before: () =>
      all
        .all()
        .flatMap(({ name, checked }): SentCall[] =>
          name instanceof Uint8Array && checked instanceof Uint8Array
            ? [{ name: Buffer.from(name), check: Buffer.from(checked) }]
            : [],
        ),
    put({ name, check }, keepMs) {
      const untilMs = Math.ceil(now() + keepMs);
      let id: number | bigint | undefined;
      const write = (): void => {
        if (now() >= untilMs) return;
        id = insert.run(name, check, untilMs).lastInsertRowid;
        wrote(1);
      };
      putSince++;
      queue.put(write);
      return () => {
        if (!queue.drop(write) && id !== undefined) queue.put(() => void remove.run(id ?? 0));
      };
    },
    sweep() {
      try {
        removeExpired.run(Math.max(SWEEP_ROWS, 2 * putSince), now());
        putSince = 0;
      } catch {
        // Locked, or closing: the next call tries again.
      }
    },
    end: queue.end,
  };
}
