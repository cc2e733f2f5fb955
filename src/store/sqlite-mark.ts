// The directory's mark and its changes in the embedded engine.
import type { DatabaseSync } from 'node:sqlite';
import type { KeyedHash } from '../domain.ts';
import { CHANGES_KEPT, type Change, type ChangeKind, type Mark, MarkMissingError } from './directory-store.ts';
import { newGeneration } from './sqlite-schema.ts';

export interface Marks {
  get(): Mark | undefined;
  /** @throws MarkMissingError */
  required(): Mark;
  /**
   * Raises the epoch by one and notes the change, in the transaction of whoever calls. Returns the epoch after it.
   * @throws MarkMissingError
   */
  raise(what: ChangeKind, hash: KeyedHash | undefined, actor: string, detail: string): number;
  /** How often it was raised by this connection. */
  raised(): number;
  /** A new generation, on top of the epochs that are there. */
  make(what: 'initialised' | 'renewed', actor: string): void;
  /** After `since`, oldest first; undefined when some of them are no longer kept. */
  after(since: number, mark: Mark): readonly Change[] | undefined;
  /** Newest first. */
  before(epoch: number | undefined, limit: number): readonly Change[];
}

interface ChangeRow {
  readonly epoch: number;
  readonly at_ms: number;
  readonly what: ChangeKind;
  readonly hash: Uint8Array | null;
  readonly actor: string;
  readonly detail: string;
}

export function createMarks(db: DatabaseSync, now: () => number): Marks {
  const select = db.prepare('SELECT generation, epoch FROM directory');
  const next = db.prepare('UPDATE directory SET epoch = epoch + 1 RETURNING epoch');
  const note = db.prepare('INSERT INTO changes (epoch, at_ms, what, hash, actor, detail) VALUES (?, ?, ?, ?, ?, ?)');
  const trim = db.prepare('DELETE FROM changes WHERE epoch <= ?');
  const newest = db.prepare(
    'SELECT max((SELECT ifnull(max(epoch), 0) FROM changes), (SELECT ifnull(max(epoch), 0) FROM accounts)) AS epoch',
  );
  const put = db.prepare('INSERT OR REPLACE INTO directory (one, generation, epoch) VALUES (1, ?, ?)');
  const selectAfter = db.prepare('SELECT * FROM changes WHERE epoch > ? ORDER BY epoch');
  const selectBefore = db.prepare('SELECT * FROM changes WHERE epoch < ? ORDER BY epoch DESC LIMIT ?');
  let raised = 0;
  const get = (): Mark | undefined => select.get() as unknown as Mark | undefined;

  function write(epoch: number, what: ChangeKind, hash: KeyedHash | undefined, actor: string, detail: string): void {
    raised++;
    note.run(epoch, now(), what, hash ?? null, actor, detail);
    trim.run(epoch - CHANGES_KEPT);
  }

  return {
    get() {
      const row = get();
      return row === undefined ? undefined : { generation: row.generation, epoch: row.epoch };
    },
    required() {
      const mark = get();
      if (mark === undefined) throw new MarkMissingError();
      return mark;
    },
    raise(what, hash, actor, detail) {
      const row = next.get() as { epoch: number } | undefined;
      if (row === undefined) throw new MarkMissingError();
      write(row.epoch, what, hash, actor, detail);
      return row.epoch;
    },
    raised: () => raised,
    make(what, actor) {
      // Entries and leases are compared with the epoch, so it goes on where the data are.
      const epoch = Math.max(get()?.epoch ?? 0, Number(newest.get()?.epoch)) + 1;
      put.run(newGeneration(), epoch);
      write(epoch, what, undefined, actor, '');
    },
    after(since, mark) {
      const changes = (selectAfter.all(since) as unknown as ChangeRow[]).map(changeOf);
      return changes.length === mark.epoch - since ? changes : undefined;
    },
    before(epoch, limit) {
      const rows = selectBefore.all(epoch ?? Number.MAX_SAFE_INTEGER, limit) as unknown as ChangeRow[];
      return rows.map(changeOf);
    },
  };
}

function changeOf({ epoch, at_ms, what, hash, actor, detail }: ChangeRow): Change {
  return { epoch, atMs: at_ms, what, hash: hash === null ? undefined : keyedHash(hash), actor, detail };
}

/** The bytes of a column as the hash that was stored. */
export function keyedHash(bytes: Uint8Array): KeyedHash {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Buffer as KeyedHash;
}
