// Opens the embedded store's file: makes it, checks it, brings its schema up to date, or says what an operator can do.
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { FALLBACK_PAGES } from './checkpoint.ts';
import { SQLITE, sqliteCode } from './sqlite-errors.ts';
import { MIGRATIONS } from './sqlite-schema.ts';

/** "OTGW": tells this file from other programs' databases (`PRAGMA application_id`, as `file` shows it). */
const APPLICATION_ID = 0x4f544757;

/** Opening may wait this long for another process that starts or ends at the same moment; requests never do. */
const OPEN_TIMEOUT_MS = 2000;

/**
 * Pages that a connection that requests read from keeps, at most 64 MiB, taken as they are read. With SQLite's own 2 MiB the
 * inner pages of ten million keys do not fit, and each look-up reads from the kernel twice (bench/README.md, Growth).
 */
export const KEEP_PAGES = 'PRAGMA cache_size = -65536';

/** The store cannot be used as it is. The message says what is wrong and what to do; it holds nothing secret. */
export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError';
}

/**
 * @param path of the file, made with mode 0600 (its directory with 0700) if missing, or `:memory:`
 * @param now Unix time in milliseconds
 * @returns a connection in WAL mode that never waits for locks
 * @throws StoreOpenError
 */
export function openDatabase(path: string, now: () => number): DatabaseSync {
  const file = path === ':memory:' ? path : resolve(path);
  let db: DatabaseSync | undefined;
  try {
    if (file !== ':memory:') makeFile(file);
    db = new DatabaseSync(file, { timeout: OPEN_TIMEOUT_MS });
    checkIdentity(db, file);
    configure(db, file);
    migrate(db, now());
    checkPages(db, file);
    db.exec('PRAGMA busy_timeout = 0');
    return db;
  } catch (error) {
    db?.close();
    throw error instanceof StoreOpenError ? error : openError(file, error);
  }
}

function makeFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // SQLite gives its -wal and -shm files the mode of this one.
  closeSync(openSync(file, 'a', 0o600));
}

/** Read before anything is written: another program's database, and a newer gateway's, stay as they are. */
function checkIdentity(db: DatabaseSync, file: string): void {
  const application = pragmaNumber(db, 'application_id');
  const version = pragmaNumber(db, 'user_version');
  const empty = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  if (application !== APPLICATION_ID && !(application === 0 && version === 0 && empty)) {
    throw new StoreOpenError(`${file} is a database of another program. Give the store a path of its own.`);
  }
  if (version > MIGRATIONS.length) {
    throw new StoreOpenError(
      `The store ${file} was written by a newer onetime-gateway (schema ${version}, this one knows up to ` +
        `${MIGRATIONS.length}). Start that version, or: ${wayOut(file)}`,
    );
  }
}

function configure(db: DatabaseSync, file: string): void {
  const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode;
  if (mode !== 'wal' && file !== ':memory:') {
    throw new StoreOpenError(`The store ${file} lies where SQLite's WAL mode does not work: it needs a local disk.`);
  }
  // NORMAL: what is committed has been handed to the kernel, so killing the process loses nothing; a power cut may lose
  // the last moments, never more. FULL would hold up every request for a disk's flush at every create.
  db.exec('PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 16777216');
  db.exec(`PRAGMA wal_autocheckpoint = ${FALLBACK_PAGES}`);
  db.exec(KEEP_PAGES);
}

function migrate(db: DatabaseSync, nowMs: number): void {
  if (pragmaNumber(db, 'user_version') === MIGRATIONS.length) return;
  db.exec('BEGIN IMMEDIATE');
  // Read again: another process may have been first.
  const version = pragmaNumber(db, 'user_version');
  for (const step of MIGRATIONS.slice(version)) step(db, nowMs);
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`);
}

function checkPages(db: DatabaseSync, file: string): void {
  const result = db.prepare('PRAGMA quick_check(1)').get()?.quick_check;
  if (result !== 'ok') throw damaged(file, String(result), undefined);
}

function pragmaNumber(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function wayOut(file: string): string {
  return (
    `do not delete it; restore a backup, or move it (with ${file}-wal and ${file}-shm) away and start with an empty ` +
    'one: keys made before are then found only by callers who name their region, and accounts of the directory are ' +
    'lost with it and have to be imported again.'
  );
}

function damaged(file: string, finding: string, cause: unknown): StoreOpenError {
  return new StoreOpenError(`The store ${file} is damaged (${finding}): ${wayOut(file)}`, { cause });
}

/** What stands in the way of opening the file, as a sentence. */
export function openError(file: string, cause: unknown): StoreOpenError {
  const finding = cause instanceof Error ? cause.message : String(cause);
  switch (sqliteCode(cause)) {
    case SQLITE.corrupt:
    case SQLITE.notADatabase:
      return damaged(file, finding, cause);
    case SQLITE.busy:
    case SQLITE.locked:
      return new StoreOpenError(`The store ${file} is locked by another process: end that one, then start again.`, {
        cause,
      });
    case SQLITE.full:
      return new StoreOpenError(`The store ${file} cannot be opened: the disk is full.`, { cause });
    default:
      return new StoreOpenError(
        `The store ${file} cannot be opened (${finding}): its directory must exist or be makeable, and both must be ` +
          'writable for the user that runs the gateway.',
        { cause },
      );
  }
}
