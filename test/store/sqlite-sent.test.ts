// Which calls were sent: kept for whoever opens the file next, taken away in time, and never in anybody's way.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite.ts';
import type { SentCall } from '../../src/store/store.ts';
import { lockElsewhere, NOW, temporaryDirectory } from './support.ts';

const KEEP_MS = 300_000;
const sentCall = (): SentCall => ({ name: randomBytes(16), check: randomBytes(16) });

const open: SqliteStore[] = [];
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
});

function openAt(path: string, now = () => NOW): SqliteStore {
  const store = openSqliteStore(path, { now, sweepEveryMs: 3_600_000 });
  open.push(store);
  return store;
}

it('are there after the next opening, in order, and those that were taken back are not', async () => {
  const path = join(temporaryDirectory(), 'gateway.db');
  const store = openAt(path);
  expect(store.sent?.before).toEqual([]);
  const [first, unsent, last] = [sentCall(), sentCall(), sentCall()];
  store.sent?.put(first, KEEP_MS);
  const takeBack = store.sent?.put(unsent, KEEP_MS);
  store.sent?.put(last, KEEP_MS);
  takeBack?.();
  // As a process that is killed: it is not closed.
  expect(openAt(path).sent?.before).toEqual([first, last]);
});

it('are taken away when their time is over, and not before', async () => {
  const path = join(temporaryDirectory(), 'gateway.db');
  let nowMs = NOW;
  const store = openAt(path, () => nowMs);
  const [older, newer] = [sentCall(), sentCall()];
  store.sent?.put(older, KEEP_MS);
  nowMs += 1000;
  store.sent?.put(newer, KEEP_MS);
  nowMs = NOW + KEEP_MS - 1;
  store.sweep();
  expect(openAt(path).sent?.before).toEqual([older, newer]);
  nowMs = NOW + KEEP_MS;
  store.sweep();
  expect(openAt(path).sent?.before).toEqual([newer]);
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
  await expect.poll(() => openAt(path).sent?.before).toEqual([kept]);
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
