// The schema of the embedded store's file. Steps are only ever added.
import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';

/** Step N brings a file of schema N to N + 1, in the transaction of whoever calls it. */
export const MIGRATIONS: readonly ((db: DatabaseSync, nowMs: number) => void)[] = [
  (db) => db.exec(KEYS),
  (db, nowMs) => {
    db.exec(DIRECTORY);
    // A file is one machine's, and nobody can have lost what it never held: it makes its mark by itself.
    db.prepare('INSERT INTO directory (one, generation, epoch) VALUES (1, ?, 1)').run(newGeneration());
    db.prepare(
      `INSERT INTO changes (epoch, at_ms, what, hash, actor, detail)
       VALUES (1, ?, 'initialised', NULL, 'store:sqlite', 'with the file')`,
    ).run(nowMs);
  },
  (db) => db.exec(SENT_CALLS),
];

/** 32 hex digits. */
export function newGeneration(): string {
  return randomBytes(16).toString('hex');
}

// The hash is the row's place: no rowid, no second index. `kind` 0 and 1 take no byte (SQLite's serial types 8 and 9).
const KEYS = `
  CREATE TABLE held_keys (
    hash BLOB NOT NULL PRIMARY KEY,
    region TEXT NOT NULL,
    kind INTEGER NOT NULL,
    owner BLOB,
    expires_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`;

// `also` is a JSON list. Few accounts move at a time, so moves have a table of their own.
const DIRECTORY = `
  CREATE TABLE directory (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    generation TEXT NOT NULL,
    epoch INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE accounts (
    hash BLOB NOT NULL PRIMARY KEY,
    region TEXT NOT NULL,
    pinned INTEGER NOT NULL,
    also TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    identity TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE moves (
    hash BLOB NOT NULL PRIMARY KEY,
    origin TEXT NOT NULL,
    target TEXT NOT NULL,
    phase TEXT NOT NULL,
    keep_old INTEGER NOT NULL,
    since_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE changes (
    epoch INTEGER NOT NULL PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    what TEXT NOT NULL,
    hash BLOB,
    actor TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;
  CREATE TABLE leases (
    gateway TEXT NOT NULL PRIMARY KEY,
    label TEXT NOT NULL,
    seen INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE drained (region TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID`;

// In the order in which they were sent, so that the oldest are found without an index.
const SENT_CALLS = `
  CREATE TABLE sent_calls (
    id INTEGER NOT NULL PRIMARY KEY,
    name BLOB NOT NULL,
    checked BLOB NOT NULL,
    expires_at_ms INTEGER NOT NULL
  ) STRICT`;
