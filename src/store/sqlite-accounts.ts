// Accounts and their moves as rows of the embedded engine. Nothing here begins a transaction.
import type { DatabaseSync } from 'node:sqlite';
import type { KeyedHash } from '../domain.ts';
import type { AccountAnswer, AccountFacts, AccountRow, Move, StoredAccount } from './directory-store.ts';
import { CursorError, MarkMissingError } from './directory-store.ts';
import { keyedHash } from './sqlite-mark.ts';

export interface Accounts {
  /** With the mark of the same moment, in one statement. Throws what SQLite throws. */
  find(hash: KeyedHash): AccountAnswer;
  get(hash: KeyedHash): StoredAccount | undefined;
  /** The entry under the first of these hashes that has one. */
  first(hashes: readonly KeyedHash[]): StoredAccount | undefined;
  /** Writes the entry, and its move beside it. */
  write(account: StoredAccount): void;
  /** Returns whether it was there. */
  remove(hash: KeyedHash): boolean;
  page(after: string | undefined, limit: number): StoredAccount[];
  count(): number;
  moving(): StoredAccount[];
}

const HASH = /^[0-9a-f]{32}$/;

/** As the STRICT tables' columns allow them, those of `moves` all null without one. */
type Columns = readonly [
  hash: Uint8Array,
  region: string,
  pinned: number,
  also: string,
  epoch: number,
  identity: string,
  origin: string | null,
  target: string,
  phase: Move['phase'],
  keepOld: number,
  sinceMs: number,
];
type Marked = readonly [generation: string, epoch: number, ...(Columns | readonly [null])];

const ACCOUNT =
  'a.hash, a.region, a.pinned, a.also, a.epoch, a.identity, m.origin, m.target, m.phase, m.keep_old, m.since_ms';
const JOINED = `SELECT ${ACCOUNT} FROM accounts a LEFT JOIN moves m ON m.hash = a.hash`;
const NOWHERE: readonly string[] = [];

export function createAccounts(db: DatabaseSync): Accounts {
  const find = prepare(
    db,
    `SELECT d.generation, d.epoch, ${ACCOUNT} FROM directory d
     LEFT JOIN accounts a ON a.hash = ? LEFT JOIN moves m ON m.hash = a.hash`,
  );
  const get = prepare(db, `${JOINED} WHERE a.hash = ?`);
  const page = prepare(db, `${JOINED} WHERE a.hash > ? ORDER BY a.hash LIMIT ?`);
  const moving = prepare(db, `SELECT ${ACCOUNT} FROM moves m JOIN accounts a ON a.hash = m.hash`);
  const count = db.prepare('SELECT count(*) AS accounts FROM accounts');
  const write = db.prepare(
    'INSERT OR REPLACE INTO accounts (hash, region, pinned, also, epoch, identity) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const writeMove = db.prepare(
    'INSERT OR REPLACE INTO moves (hash, origin, target, phase, keep_old, since_ms) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const remove = db.prepare('DELETE FROM accounts WHERE hash = ?');
  const removeMove = db.prepare('DELETE FROM moves WHERE hash = ?');

  function one(hash: KeyedHash): StoredAccount | undefined {
    const row = get.get(hash) as unknown as Columns | undefined;
    return row && accountOf(row);
  }

  return {
    find(hash) {
      const row = find.get(hash) as unknown as Marked | undefined;
      if (row === undefined) return { kind: 'unavailable', cause: new MarkMissingError() };
      const [generation, epoch, ...columns] = row;
      const mark = { generation, epoch };
      return isAccount(columns) ? { kind: 'found', value: accountOf(columns), mark } : { kind: 'missing', mark };
    },
    get: one,
    first(hashes) {
      for (const hash of hashes) {
        const known = one(hash);
        if (known !== undefined) return known;
      }
      return undefined;
    },
    write({ hash, region, pinned, also, epoch, identity, move }) {
      write.run(hash, region, Number(pinned), JSON.stringify(also), epoch, identity);
      if (move === undefined) removeMove.run(hash);
      else writeMove.run(hash, move.from, move.to, move.phase, Number(move.keepOld), move.sinceMs);
    },
    remove: (hash) => Number(remove.run(hash).changes) > 0,
    page(after, limit) {
      // Anything else would be read as the beginning, and a list that is walked would never end.
      if (after !== undefined && !HASH.test(after)) throw new CursorError();
      return (page.all(Buffer.from(after ?? '', 'hex'), limit) as unknown as Columns[]).map(accountOf);
    },
    count: () => Number(count.get()?.accounts),
    moving: () => (moving.all() as unknown as Columns[]).map(accountOf),
  };
}

function prepare(db: DatabaseSync, sql: string) {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return statement;
}

function isAccount(columns: Columns | readonly [null]): columns is Columns {
  return columns[0] !== null;
}

function accountOf(row: Columns): StoredAccount {
  const [hash, region, pinned, also, epoch, identity, from, to, phase, keepOld, sinceMs] = row;
  return {
    hash: keyedHash(hash),
    region,
    pinned: pinned === 1,
    // Nearly all have none.
    also: also === '[]' ? NOWHERE : (JSON.parse(also) as string[]),
    epoch,
    identity,
    move: from === null ? undefined : { from, to, phase, keepOld: keepOld === 1, sinceMs },
  };
}

/** Whether nothing would change, were this written over that. */
export function isSame(known: StoredAccount, row: AccountRow): boolean {
  return (
    known.hash.equals(row.hash) &&
    known.region === row.region &&
    known.pinned === row.pinned &&
    known.identity === row.identity &&
    JSON.stringify(known.also) === JSON.stringify(row.also)
  );
}

/** For people, without a name: what became of the facts. */
export function tellOf(known: AccountFacts | undefined, row: AccountFacts): string {
  if (known !== undefined && known.region !== row.region) return `${known.region} -> ${row.region}`;
  return row.region;
}
