// Imports in the embedded engine: rows wait in temporary tables of the connection, and go over in one transaction.
import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AccountRow, ImportSummary, Mark, Stage } from './directory-store.ts';
import { awayError } from './sqlite-errors.ts';
import type { Marks } from './sqlite-mark.ts';
import type { Transactions } from './sqlite-transaction.ts';

export interface StageRooms {
  readonly marks: Marks;
  readonly transactions: Transactions;
  /** Called with how many rows were committed. */
  readonly wrote: (rows: number) => void;
}

interface Compared {
  readonly mark: Mark;
  /** Rows, so far. */
  readonly staged: number;
  readonly summary: ImportSummary;
}

/** Rows that are staged in one turn of the event loop: some milliseconds. */
const ROWS_EACH = 500;
const CONFLICTS_SHOWN = 100;

/** Opens a stage. Its tables are in memory, hold hashes alone, and go away with the connection. */
export function openStage(db: DatabaseSync, { marks, transactions, wrote }: StageRooms): Stage {
  const name = `temp.stage_${randomBytes(8).toString('hex')}`;
  const sql = statementsOf(name);
  db.exec(sql.create);
  const put = db.prepare(sql.put);
  const forgetOlder = db.prepare(sql.forgetOlder);
  const putOlder = db.prepare(sql.putOlder);
  let staged = 0;
  let anyOlder = false;
  let open = true;

  function add(rows: readonly AccountRow[]): void {
    staged += rows.length;
    for (const { hash, region, pinned, also, identity, line, replaces } of rows) {
      put.run(hash, region, Number(pinned), JSON.stringify(also), identity, line ?? 0);
      if (anyOlder) forgetOlder.run(hash);
      for (const older of replaces) putOlder.run(hash, older);
      anyOlder ||= replaces.length > 0;
    }
  }

  function compare(): ImportSummary {
    marks.required();
    const { count, conflicts: against } = anyOlder ? sql.withOlder : sql.plain;
    const counts = db.prepare(count).get() ?? {};
    const [added, changed, same] = [Number(counts.added), Number(counts.changed), Number(counts.same)];
    const [regionChanged, moving] = [Number(counts.region_changed), Number(counts.moving)];
    const conflicts = regionChanged + moving === 0 ? [] : db.prepare(against).all(CONFLICTS_SHOWN);
    return {
      added,
      changed,
      same,
      regionChanged,
      moving,
      conflicts: conflicts.map(({ line, moving }) => ({ line: Number(line), why: moving === 1 ? 'moving' : 'region' })),
    };
  }

  /** @param compared before the lock was taken: right as long as nothing has changed since */
  function commit(actor: string, overwrite: boolean, compared: Compared): { written: boolean; summary: ImportSummary } {
    const { generation, epoch: now } = marks.required();
    const isOf = compared.mark.generation === generation && compared.mark.epoch === now;
    const isRight = isOf && compared.staged === staged;
    const summary = isRight ? compared.summary : compare();
    const { added, changed, regionChanged, moving } = summary;
    if (moving > 0 || (regionChanged > 0 && !overwrite)) return { written: false, summary };
    if (added + changed > 0) {
      const epoch = marks.raise('accounts_imported', undefined, actor, `${added} added, ${changed} changed`);
      if (anyOlder) db.exec(sql.removeOlder);
      db.prepare(sql.commit).run(epoch);
    }
    return { written: true, summary };
  }

  return {
    async add(rows) {
      for (let from = 0; from < rows.length; from += ROWS_EACH) {
        await attempt(() => transactions.read(() => add(rows.slice(from, from + ROWS_EACH))));
        await nextTurn();
      }
    },
    compare: () => attempt(() => transactions.read(compare)),
    async commit(actor, overwrite) {
      // Half of the work, without the lock that gateways may be waiting for.
      const compared = await attempt(() =>
        transactions.read(() => ({ mark: marks.required(), staged, summary: compare() })),
      );
      const result = await transactions.write(() => commit(actor, overwrite, compared));
      if (result.written) wrote(result.summary.added + result.summary.changed);
      return result;
    },
    async discard() {
      if (!open) return;
      open = false;
      await attempt(() => db.exec(sql.drop)).catch(() => undefined);
    },
  };
}

async function attempt<T>(work: () => T): Promise<T> {
  try {
    return work();
  } catch (error) {
    throw awayError(error);
  }
}

/**
 * A name known under an older identity key is known: what is staged takes that entry's place. Nearly always there is no
 * older key, and then the comparison, which holds the lock of a commit, takes half the time without it.
 */
function statementsOf(stage: string) {
  const older = `${stage}_older`;
  const sums = (judged: string): string => `
    SELECT ifnull(sum(NOT known), 0) AS added, ifnull(sum(moving), 0) AS moving,
      ifnull(sum(NOT moving AND same), 0) AS same,
      ifnull(sum(known AND NOT moving AND NOT same), 0) AS changed,
      ifnull(sum(NOT moving AND elsewhere), 0) AS region_changed
    FROM (${judged})`;
  const against = (judged: string): string =>
    `SELECT line, moving FROM (${judged}) WHERE moving OR elsewhere ORDER BY line LIMIT ?`;
  const [plain, withOlder] = [judgedPlainly(stage), judgedWithOlder(stage, older)];
  return {
    create: `
      CREATE TABLE ${stage} (hash BLOB NOT NULL PRIMARY KEY, region TEXT NOT NULL, pinned INTEGER NOT NULL,
        also TEXT NOT NULL, identity TEXT NOT NULL, line INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE ${older} (hash BLOB NOT NULL, older BLOB NOT NULL, PRIMARY KEY (hash, older)) STRICT, WITHOUT ROWID`,
    put: `INSERT OR REPLACE INTO ${stage} (hash, region, pinned, also, identity, line) VALUES (?, ?, ?, ?, ?, ?)`,
    forgetOlder: `DELETE FROM ${older} WHERE hash = ?`,
    putOlder: `INSERT OR IGNORE INTO ${older} (hash, older) VALUES (?, ?)`,
    plain: { count: sums(plain), conflicts: against(plain) },
    withOlder: { count: sums(withOlder), conflicts: against(withOlder) },
    removeOlder: `DELETE FROM accounts WHERE hash IN (SELECT older FROM ${older})`,
    // `WHERE true`: else the parser takes ON for the join's. What is the same keeps its epoch.
    commit: `
      INSERT INTO accounts (hash, region, pinned, also, epoch, identity)
        SELECT hash, region, pinned, also, ?, identity FROM ${stage} WHERE true ORDER BY hash
      ON CONFLICT (hash) DO UPDATE SET region = excluded.region, pinned = excluded.pinned, also = excluded.also,
        epoch = excluded.epoch, identity = excluded.identity
      WHERE (accounts.region, accounts.pinned, accounts.also, accounts.identity)
        IS NOT (excluded.region, excluded.pinned, excluded.also, excluded.identity)`,
    drop: `DROP TABLE IF EXISTS ${stage}; DROP TABLE IF EXISTS ${older}`,
  };
}

const SAME = 'a.region = s.region AND a.pinned = s.pinned AND a.also = s.also AND a.identity = s.identity';

function judgedPlainly(stage: string): string {
  return `
    SELECT s.line, a.hash IS NOT NULL AS known, m.hash IS NOT NULL AS moving,
      ifnull(a.region <> s.region, 0) AS elsewhere, ifnull(${SAME}, 0) AS same
    FROM ${stage} s LEFT JOIN accounts a ON a.hash = s.hash LEFT JOIN moves m ON m.hash = a.hash`;
}

function judgedWithOlder(stage: string, older: string): string {
  return `
    SELECT s.line,
      max(a.hash IS NOT NULL OR b.hash IS NOT NULL) AS known,
      max(m.hash IS NOT NULL OR n.hash IS NOT NULL) AS moving,
      max(ifnull(coalesce(a.region, b.region) <> s.region, 0)) AS elsewhere,
      min(b.hash IS NULL AND ifnull(${SAME}, 0)) AS same
    FROM ${stage} s
    LEFT JOIN accounts a ON a.hash = s.hash
    LEFT JOIN moves m ON m.hash = a.hash
    LEFT JOIN ${older} o ON o.hash = s.hash
    LEFT JOIN accounts b ON b.hash = o.older
    LEFT JOIN moves n ON n.hash = b.hash
    GROUP BY s.hash`;
}
