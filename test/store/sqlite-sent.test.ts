// Which calls were sent: kept for whoever opens the file next, taken away in time, and never in anybody's way.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { openSqliteStore, type SqliteOptions, type SqliteStore } from '../../src/store/sqlite.ts';
import { MIGRATIONS } from '../../src/store/sqlite-schema.ts';
import { createSent } from '../../src/store/sqlite-sent.ts';
import type { SentCall } from '../../src/store/store.ts';
import { lockElsewhere, NOW, temporaryDirectory } from './support.ts';

const KEEP_MS = 300_000;
const sentCall = (): SentCall => ({ name: randomBytes(16), check: randomBytes(16) });

const open: SqliteStore[] = [];
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
});

function openAt(path: string, options: Partial<SqliteOptions> = {}): SqliteStore {
  const store = openSqliteStore(path, { now: () => NOW, sweepEveryMs: 3_600_000, ...options });
  open.push(store);
  return store;
}

/** Without a file, which checkpoints lock for moments. */
function openTables(): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  for (const step of MIGRATIONS) step(db, NOW);
  return db;
}

it('are there after the next opening, in order, and those that were taken back are not', async () => {
  const path = join(temporaryDirectory(), 'gateway.db');
  const store = openAt(path);
  expect(store.sent?.before()).toEqual([]);
  const [first, unsent, last] = [sentCall(), sentCall(), sentCall()];
  store.sent?.put(first, KEEP_MS);
  const takeBack = store.sent?.put(unsent, KEEP_MS);
  store.sent?.put(last, KEEP_MS);
  takeBack?.();
  // As a process that is killed: it is not closed.
  expect(openAt(path).sent?.before()).toEqual([first, last]);
});

it.each([0, 7_200_000, -7_200_000])(
  'are taken away in time, and not before, though the clock is set by %i ms',
  (byMs) => {
    const path = join(temporaryDirectory(), 'gateway.db');
    let nowMs = NOW;
    let steadyMs = 0;
    const store = openAt(path, { now: () => nowMs, steady: () => steadyMs });
    const [older, newer] = [sentCall(), sentCall()];
    store.sent?.put(older, KEEP_MS);
    steadyMs = 1000;
    store.sent?.put(newer, KEEP_MS);
    nowMs += byMs;
    steadyMs = KEEP_MS - 1;
    store.sweep();
    expect(openAt(path).sent?.before()).toEqual([older, newer]);
    steadyMs = KEEP_MS;
    store.sweep();
    expect(openAt(path).sent?.before()).toEqual([newer]);
  },
);

it('are taken away as fast as they come', () => {
  const db = openTables();
  let nowMs = NOW;
  const sent = createSent(db, { now: () => nowMs, wrote() {} });
  for (let second = 0; second < 4; second++) {
    for (let call = 0; call < 3000; call++) sent.put(sentCall(), 1000);
    nowMs += 1000;
    sent.sweep();
  }
  expect(sent.before()).toHaveLength(0);
  db.close();
});

it('wait for a lock of another process, however long, and for one another', async () => {
  const path = join(temporaryDirectory(), 'gateway.db');
  const store = openAt(path);
  const lock = await lockElsewhere(path, 'BEGIN IMMEDIATE');
  const calls = Array.from({ length: 200 }, sentCall);
  for (const each of calls) store.sent?.put(each, KEEP_MS);
  const before = process.threadCpuUsage();
  await pause(1500);
  const { user, system } = process.threadCpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(500);
  await lock.release();
  await expect.poll(() => openAt(path).sent?.before()).toEqual(calls);
});

it('are written when the store is closed', async () => {
  const path = join(temporaryDirectory(), 'gateway.db');
  const store = openAt(path);
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  const kept = sentCall();
  store.sent?.put(kept, KEEP_MS);
  // In the same turn, so that it is not tried again in between.
  other.exec('ROLLBACK');
  other.close();
  await store.close();
  expect(openAt(path).sent?.before()).toEqual([kept]);
});

it('wait for a lock of another process without holding up anybody', async () => {
  const path = join(temporaryDirectory(), 'gateway.db');
  const store = openAt(path);
  const lock = await lockElsewhere(path, 'BEGIN IMMEDIATE');
  const [kept, unsent] = [sentCall(), sentCall()];
  const sinceMs = performance.now();
  store.sent?.put(kept, KEEP_MS);
  store.sent?.put(unsent, KEEP_MS)();
  expect(performance.now() - sinceMs).toBeLessThan(500);
  await lock.release();
  await expect.poll(() => openAt(path).sent?.before()).toEqual([kept]);
});

it('are written when a disk that was full has room again', async () => {
  const db = openTables();
  const { page_count: pages } = db.prepare('PRAGMA page_count').get() ?? {};
  db.exec(`PRAGMA max_page_count = ${Number(pages) + 2}`);
  const sent = createSent(db, { now: () => NOW, wrote() {} });
  const calls = Array.from({ length: 500 }, sentCall);
  for (const each of calls) sent.put(each, KEEP_MS);
  expect(sent.before().length).toBeLessThan(500);
  db.exec('PRAGMA max_page_count = 1000');
  await expect.poll(() => sent.before(), { timeout: 5000 }).toEqual(calls);
  db.close();
});

it('are none of a store in memory', () => {
  expect(openAt(':memory:').sent).toBeUndefined();
});

it('cost nothing but themselves when the store is closed', async () => {
  const store = openSqliteStore(join(temporaryDirectory(), 'gateway.db'), { now: () => NOW });
  const takeBack = store.sent?.put(sentCall(), KEEP_MS);
  await store.close();
  expect(() => {
    takeBack?.();
    store.sent?.put(sentCall(), KEEP_MS);
  }).not.toThrow();
});
