// The account directory in the embedded engine: every change is one transaction, one epoch, one row of changes.
import type { DatabaseSync } from 'node:sqlite';
import type { KeyedHash } from '../domain.ts';
import type { AccountAnswer, AccountRow, DirectoryStore, PutResult } from './directory-store.ts';
import { type Accounts, createAccounts, isSame, tellOf } from './sqlite-accounts.ts';
import { awayError } from './sqlite-errors.ts';
import { createFindAccount } from './sqlite-find.ts';
import { createLeases } from './sqlite-leases.ts';
import { createMarks, type Marks } from './sqlite-mark.ts';
import { createMoves } from './sqlite-moves.ts';
import { openStage } from './sqlite-stage.ts';
import type { Standing } from './sqlite-standing.ts';
import { createTransactions } from './sqlite-transaction.ts';
import type { FileWatch } from './sqlite-watch.ts';

export interface SqliteDirectoryOptions {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly watch: FileWatch;
  readonly standing: Standing;
  /** Called after a change, with the rows that were written. */
  readonly changed: (rows: number) => void;
}

export interface SqliteDirectory extends DirectoryStore {
  findAccount(hash: KeyedHash): AccountAnswer;
}

export function createSqliteDirectory(db: DatabaseSync, options: SqliteDirectoryOptions): SqliteDirectory {
  const { now, watch, standing, changed } = options;
  // In memory: nothing of an import is left on any disk, and none has to be writable for it.
  db.exec('PRAGMA temp_store = MEMORY');
  const transactions = createTransactions(db, watch.check);
  const marks = createMarks(db, now);
  const accounts = createAccounts(db);
  const leases = createLeases(db, now, { marks, accounts, transactions, checkFile: watch.check });
  const moves = createMoves(accounts, marks, leases, now);
  const regions = createDrains(db, marks);

  /** A look, in one snapshot. */
  async function read<T>(work: () => T): Promise<T> {
    try {
      watch.check();
      return transactions.read(work);
    } catch (error) {
      throw awayError(error);
    }
  }

  /** At a directory. @throws MarkMissingError where there is none */
  const look = <T>(work: () => T): Promise<T> =>
    read(() => {
      marks.required();
      return work();
    });

  async function write<T>(work: () => T): Promise<T> {
    const before = marks.raised();
    const result = await transactions.write(work);
    if (marks.raised() > before) changed(1);
    return result;
  }

  return {
    findAccount: createFindAccount(accounts, { watch, standing }),
    follow: leases.follow,
    leave: leases.leave,
    gateways: () => look(() => leases.all()),
    init: (how, actor) =>
      write(() => {
        const known = marks.get() !== undefined;
        if (known && how === 'new') return 'exists';
        marks.make(how === 'new' ? 'initialised' : 'renewed', actor);
        leases.forgetSeen();
        return known ? 'renewed' : 'made';
      }),
    mark: () => read(() => marks.get()),
    put: (row, overwrite, actor) => write(() => put(accounts, marks, row, overwrite, actor)),
    remove: (hashes, actor) => write(() => remove(accounts, marks, hashes, actor)),
    list: (after, limit) =>
      look(() => {
        const page = accounts.page(after, limit);
        return { accounts: page, next: page.length < limit ? undefined : page.at(-1)?.hash.toString('hex') };
      }),
    count: () => look(() => accounts.count()),
    stage: () => look(() => openStage(db, { marks, transactions, wrote: changed })),
    beginMove: (request, actor) => write(() => moves.begin(request, actor)),
    advanceMove: (hash, actor) => write(() => moves.advance(hash, actor)),
    abortMove: (hash, actor) => write(() => moves.abort(hash, actor)),
    setDrained: (region, drained, actor) => write(() => regions.set(region, drained, actor)),
    changes: (before, limit) => look(() => marks.before(before, limit)),
  };
}

function put(accounts: Accounts, marks: Marks, row: AccountRow, overwrite: boolean, actor: string): PutResult {
  marks.required();
  const current = accounts.get(row.hash);
  const older = row.replaces.flatMap((hash) => accounts.get(hash) ?? []);
  const known = current ?? older[0];
  if (current?.move !== undefined || older.some(({ move }) => move !== undefined)) return 'moving';
  if (known !== undefined && known.region !== row.region && !overwrite) return 'region';
  if (known !== undefined && older.length === 0 && isSame(known, row)) return 'same';
  for (const { hash } of older) accounts.remove(hash);
  const what = known === undefined ? 'account_added' : 'account_changed';
  const { hash, region, pinned, also, identity } = row;
  // Gateways may remember it by the hash that it has no longer: then they are to forget all.
  const epoch = marks.raise(what, older.length === 0 ? hash : undefined, actor, tellOf(known, row));
  accounts.write({ hash, region, pinned, also, identity, epoch, move: undefined });
  return known === undefined ? 'added' : 'changed';
}

function remove(accounts: Accounts, marks: Marks, hashes: readonly KeyedHash[], actor: string) {
  marks.required();
  const known = hashes.flatMap((hash) => accounts.get(hash) ?? []);
  const [first] = known;
  if (first === undefined) return 'missing';
  if (known.some(({ move }) => move !== undefined)) return 'moving';
  for (const { hash } of known) accounts.remove(hash);
  marks.raise('account_removed', first.hash, actor, first.region);
  return 'removed';
}

/** Regions taken out of service by an operator. */
function createDrains(db: DatabaseSync, marks: Marks) {
  const add = db.prepare('INSERT OR IGNORE INTO drained (region) VALUES (?)');
  const remove = db.prepare('DELETE FROM drained WHERE region = ?');
  return {
    set(region: string, drained: boolean, actor: string): boolean {
      marks.required();
      if (Number((drained ? add : remove).run(region).changes) === 0) return false;
      marks.raise(drained ? 'region_drained' : 'region_undrained', undefined, actor, region);
      return true;
    },
  };
}
