// The embedded engine's key index: read in the request's own tick, written in groups, swept in batches.
import type { DatabaseSync } from 'node:sqlite';
import type { Found, KeyedHash, Patience } from '../domain.ts';
import type { Checkpointer } from './checkpoint.ts';
import { awayError, isBusy } from './sqlite-errors.ts';
import { StoreAwayError, type StoredKey } from './store.ts';

/** Between tries for a lock. SQLite's own waiting would hold up every request, not only the one that waits. */
const RETRY_MS = 2;
/**
 * A put that gave up on a lock goes on being tried for so long: what it would store is true all the same, and an import
 * by another process may keep the lock for longer than a request can wait.
 */
const LATE_MS = 10_000;

interface Waiting {
  readonly rows: readonly StoredKey[];
  readonly deadlineMs: number;
  readonly done: () => void;
  readonly failed: (cause: unknown) => void;
}

export interface KeyWriter {
  put(rows: readonly StoredKey[], patience?: Patience): Promise<void>;
  /** Stores what was put before; rejects what comes after. */
  end(): void;
}

const MISSING = { kind: 'missing' } as const;
const KINDS = ['secret', 'metadata'] as const;
/** As the STRICT table's columns allow them. */
type Row = readonly [region: string, kind: number, owner: Uint8Array | null, expiresAtMs: number];

/** Throws what SQLite throws. */
export function createKeyReader(db: DatabaseSync, now: () => number): (hash: KeyedHash) => Found<StoredKey> {
  const select = db.prepare('SELECT region, kind, owner, expires_at_ms FROM held_keys WHERE hash = ?');
  select.setReturnArrays(true);
  return (hash) => {
    const row = select.get(hash) as unknown as Row | undefined;
    if (row === undefined) return MISSING;
    const [region, kind, owner, expiresAtMs] = row;
    if (expiresAtMs <= now()) return MISSING;
    const value = { hash, region, kind: KINDS[kind] ?? 'secret', owner: hashOf(owner), expiresAtMs };
    return { kind: 'found', value };
  };
}

function hashOf(bytes: Uint8Array | null): KeyedHash | undefined {
  if (bytes === null) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Buffer as KeyedHash;
}

/**
 * Puts of one turn of the event loop share a transaction: a burst of creates costs one commit.
 * @param checkFile throws when the file is no longer the one that is open: what is put there would be lost
 */
export function createKeyWriter(
  db: DatabaseSync,
  now: () => number,
  storeTimeoutMs: number,
  checkFile: () => void,
  checkpointer: Checkpointer | undefined,
): KeyWriter {
  const insert = db.prepare(
    // Where a key is held, and whose it is, does not change: a region that answers with another's key plants nothing, and
    // cuts no life short.
    `INSERT INTO held_keys (hash, region, kind, owner, expires_at_ms) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (hash) DO UPDATE SET region = excluded.region, kind = excluded.kind, owner = excluded.owner,
       expires_at_ms = excluded.expires_at_ms
     WHERE expires_at_ms <= ? OR (region = excluded.region AND owner IS excluded.owner
       AND expires_at_ms < excluded.expires_at_ms)`,
  );
  let waiting: Waiting[] = [];
  let scheduled = false;
  let ended = false;

  function commit(group: readonly Waiting[]): void {
    checkFile();
    db.exec('BEGIN IMMEDIATE');
    const time = now();
    try {
      for (const { rows } of group) {
        for (const { hash, region, kind, owner, expiresAtMs } of rows) {
          insert.run(hash, region, KINDS.indexOf(kind), owner ?? null, expiresAtMs, time);
        }
      }
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  function flush(): void {
    const group = waiting;
    waiting = [];
    scheduled = false;
    if (group.length === 0) return;
    try {
      commit(group);
    } catch (cause) {
      const nowMs = performance.now();
      const trying = isBusy(cause) && !ended;
      const error = awayError(cause);
      for (const { deadlineMs, failed } of group) if (!trying || deadlineMs <= nowMs) failed(error);
      waiting = trying ? group.filter(({ deadlineMs }) => deadlineMs + LATE_MS > nowMs) : [];
      if (waiting.length === 0) return;
      scheduled = true;
      setTimeout(flush, RETRY_MS);
      return;
    }
    for (const { rows, done } of group) {
      checkpointer?.wrote(rows.length);
      done();
    }
  }

  return {
    put(rows, patience) {
      if (ended) return Promise.reject(new StoreAwayError('the store is closed', 'STORE_CLOSED'));
      const startedMs = performance.now();
      const stored = new Promise<void>((done, failed) => {
        waiting.push({ rows, done, failed, deadlineMs: startedMs + (patience?.leftMs ?? storeTimeoutMs) });
        if (scheduled) return;
        scheduled = true;
        setImmediate(flush);
      });
      return patience === undefined ? stored : stored.finally(() => spend(patience, startedMs));
    },
    end() {
      ended = true;
      flush();
    },
  };
}

function spend(patience: Patience, startedMs: number): void {
  patience.leftMs = Math.max(0, patience.leftMs - (performance.now() - startedMs));
}

/**
 * Walks the table by hash, one batch a call, round and round. An index on the expiry would find them at once, and make
 * the file half as large again; nobody waits for this.
 * @param isSettled false while the clock may be wrong: nothing is removed then, and nothing that is expired is found
 */
export function createKeySweep(
  db: DatabaseSync,
  now: () => number,
  isSettled: () => boolean,
  rows: number,
): () => number {
  const START = Buffer.alloc(0);
  const batchEnd = db.prepare('SELECT hash FROM held_keys WHERE hash > ? ORDER BY hash LIMIT 1 OFFSET ?');
  const remove = db.prepare('DELETE FROM held_keys WHERE hash > ? AND hash <= ? AND expires_at_ms <= ?');
  const removeRest = db.prepare('DELETE FROM held_keys WHERE hash > ? AND expires_at_ms <= ?');
  let from: Uint8Array = START;

  return function sweep() {
    if (!isSettled()) return 0;
    try {
      const end = batchEnd.get(from, rows - 1)?.hash;
      if (!(end instanceof Uint8Array)) {
        const { changes } = removeRest.run(from, now());
        from = START;
        return Number(changes);
      }
      const { changes } = remove.run(from, end, now());
      from = end;
      return Number(changes);
    } catch {
      // Locked, or closing: the next call tries the same batch. Lookups do not depend on sweeping.
      return 0;
    }
  };
}
