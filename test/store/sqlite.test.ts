import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { KeyedHash } from '../../src/domain.ts';
import { openSqliteStore, type SqliteOptions, type SqliteStore } from '../../src/store/sqlite.ts';
import type { StoredKey } from '../../src/store/store.ts';
import { kindOf, lockElsewhere, NOW, randomHash, row, temporaryDirectory } from './support.ts';

function open(path = ':memory:', options: Partial<SqliteOptions> = {}): SqliteStore {
  const store = openSqliteStore(path, { now: () => NOW, sweepEveryMs: 3_600_000, ...options });
  onTestFinished(() => store.close());
  return store;
}

async function elapsedMs(action: () => unknown): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

describe('a row', () => {
  it('comes back as it was put, of either kind, with an owner or without, at once', async () => {
    const store = open();
    const rows = [row(), row({ kind: 'metadata', region: 'a-region-with-a-long-name' }), row({ owner: undefined })];
    await store.putKeys(rows);
    for (const put of rows) expect(store.findKey(put.hash)).toEqual({ kind: 'found', value: put });
    expect(store.findKey(randomHash())).toEqual({ kind: 'missing' });
  });

  it('is not replaced while it lives by one of another region or owner, nor cut short', async () => {
    const store = open();
    const first = row();
    const later = [
      { ...first, region: 'us' },
      { ...first, owner: undefined },
      { ...first, expiresAtMs: NOW + 1 },
    ];
    for (const other of later) await store.putKeys([first, other]);
    expect(store.findKey(first.hash)).toEqual({ kind: 'found', value: first });
  });

  it('is prolonged by its like, and replaced by any other once it has expired', async () => {
    let now = NOW;
    const store = open(':memory:', { now: () => now });
    const first = row({ expiresAtMs: NOW + 1000 });
    const longer = { ...first, expiresAtMs: NOW + 2000 };
    await store.putKeys([first, longer]);
    expect(store.findKey(first.hash)).toEqual({ kind: 'found', value: longer });
    now = NOW + 2000;
    const other = { ...first, region: 'us', expiresAtMs: NOW + 9000 };
    await store.putKeys([other]);
    expect(store.findKey(first.hash)).toEqual({ kind: 'found', value: other });
  });

  it('is missing from the very millisecond at which it expires, swept or not', async () => {
    let now = NOW;
    const store = open(':memory:', { now: () => now });
    const put = row({ expiresAtMs: NOW + 1000 });
    await store.putKeys([put]);
    now = NOW + 999;
    expect(kindOf(store.findKey(put.hash))).toBe('found');
    now = NOW + 1000;
    expect(store.findKey(put.hash)).toEqual({ kind: 'missing' });
  });

  it('is not removed while the clock that says that it has expired may be wrong', async () => {
    let now = NOW;
    let settled = true;
    const store = open(':memory:', { now: () => now, isSettled: () => settled });
    const put = row({ expiresAtMs: NOW + 1000 });
    await store.putKeys([put]);
    now = NOW + 7_200_000;
    settled = false;
    expect(store.findKey(put.hash)).toEqual({ kind: 'missing' });
    expect(store.sweep()).toBe(0);
    now = NOW;
    expect(kindOf(store.findKey(put.hash))).toBe('found');
    now = NOW + 7_200_000;
    settled = true;
    expect(store.sweep()).toBe(1);
  });

  it('is there after closing and opening again, and no WAL is left behind', async () => {
    const path = join(temporaryDirectory(), 'gateway.db');
    const store = open(path);
    const rows = Array.from({ length: 3000 }, () => row());
    await store.putKeys(rows);
    await store.putKeys([]);
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    const again = open(path);
    for (const put of rows) expect(again.findKey(put.hash)).toEqual({ kind: 'found', value: put });
  });

  it('that is put in the same turn as closing is stored, and one put after it is refused', async () => {
    const path = join(temporaryDirectory(), 'gateway.db');
    const store = open(path);
    const put = row();
    const stored = store.putKeys([put]);
    await store.close();
    await stored;
    await expect(store.putKeys([row()])).rejects.toThrow('closed');
    expect(kindOf(open(path).findKey(put.hash))).toBe('found');
  });
});

describe('a group of puts', () => {
  it('is stored with all of its calls, and a call that cannot be stored leaves nothing half stored', async () => {
    const store = open();
    const puts = Array.from({ length: 50 }, () => [row(), row()]);
    await Promise.all(puts.map((rows) => store.putKeys(rows)));
    for (const put of puts.flat()) expect(kindOf(store.findKey(put.hash))).toBe('found');

    const good = row();
    await expect(store.putKeys([good, row({ expiresAtMs: Number.NaN })])).rejects.toThrow();
    expect(store.findKey(good.hash)).toEqual({ kind: 'missing' });
    await store.putKeys([good]);
    expect(kindOf(store.findKey(good.hash))).toBe('found');
  });
});

describe('sweeping', () => {
  it('removes what has expired, batch by batch, and nothing else', async () => {
    let now = NOW;
    const store = open(':memory:', { now: () => now, sweepRows: 10 });
    const short = Array.from({ length: 57 }, () => row({ expiresAtMs: NOW + 1000 }));
    const long = Array.from({ length: 44 }, () => row({ expiresAtMs: NOW + 9000 }));
    await store.putKeys([...short, ...long]);
    expect(store.sweep()).toBe(0);

    now = NOW + 1000;
    const removed = Array.from({ length: 12 }, () => store.sweep());
    expect(Math.max(...removed)).toBeLessThanOrEqual(10);
    expect(removed.reduce((sum, count) => sum + count, 0)).toBe(57);
    now = NOW;
    for (const { hash } of short) expect(store.findKey(hash)).toEqual({ kind: 'missing' });
    for (const { hash } of long) expect(kindOf(store.findKey(hash))).toBe('found');
  });

  it('happens by itself', async () => {
    let now = NOW;
    const store = open(':memory:', { now: () => now, sweepEveryMs: 5 });
    const put = row();
    await store.putKeys([put]);
    now = put.expiresAtMs;
    await expect
      .poll(() => {
        now = NOW;
        const kind = kindOf(store.findKey(put.hash));
        now = put.expiresAtMs;
        return kind;
      })
      .toBe('missing');
  });
});

describe('trouble', () => {
  it('answers unavailable on a closed store', async () => {
    const store = open();
    const put = row();
    await store.putKeys([put]);
    await store.close();
    expect(store.findKey(put.hash)).toMatchObject({ kind: 'unavailable', cause: expect.any(Error) });
    expect(store.sweep()).toBe(0);
  });

  it('goes on finding while another process writes, and refuses puts in bounded time without stopping the clock', async () => {
    const path = join(temporaryDirectory(), 'gateway.db');
    const store = open(path, { storeTimeoutMs: 60 });
    const before = row();
    await store.putKeys([before]);
    const lock = await lockElsewhere(path, 'BEGIN EXCLUSIVE');

    let ticks = 0;
    const ticking = setInterval(() => ticks++, 5);
    const waited = await elapsedMs(() => expect(store.putKeys([row()])).rejects.toThrow('locked'));
    clearInterval(ticking);
    expect(waited).toBeGreaterThan(50);
    expect(waited).toBeLessThan(400);
    expect(ticks).toBeGreaterThan(3);
    expect(kindOf(store.findKey(before.hash))).toBe('found');
    expect(store.sweep()).toBe(0);

    await lock.release();
    const after = row();
    await store.putKeys([after]);
    expect(kindOf(store.findKey(after.hash))).toBe('found');
  });

  it('stores a put that gave up on another process’s lock once that one is done', async () => {
    const path = join(temporaryDirectory(), 'gateway.db');
    const store = open(path, { storeTimeoutMs: 5 });
    const lock = await lockElsewhere(path, 'BEGIN IMMEDIATE');
    const put = row();
    await expect(store.putKeys([put])).rejects.toThrow('locked');
    expect(store.findKey(put.hash)).toEqual({ kind: 'missing' });
    await lock.release();
    await expect.poll(() => kindOf(store.findKey(put.hash)), { timeout: 5000 }).toBe('found');
  });

  it('waits for a lock no longer than the request’s patience, and takes off what it waited', async () => {
    const path = join(temporaryDirectory(), 'gateway.db');
    const store = open(path, { storeTimeoutMs: 60_000 });
    const lock = await lockElsewhere(path, 'BEGIN IMMEDIATE');
    const patience = { leftMs: 60 };
    const waited = await elapsedMs(() => expect(store.putKeys([row()], patience)).rejects.toThrow('locked'));
    expect(waited).toBeGreaterThan(50);
    expect(waited).toBeLessThan(2000);
    expect(patience.leftMs).toBeLessThan(10);
    await lock.release();
  });

  it('stores a put after all when the other process is done within the timeout', async () => {
    const path = join(temporaryDirectory(), 'gateway.db');
    const store = open(path, { storeTimeoutMs: 10_000 });
    const lock = await lockElsewhere(path, 'BEGIN IMMEDIATE');
    const [first, second] = [row(), row()];
    const puts = [store.putKeys([first]), store.putKeys([second])];
    await new Promise((resolve) => setTimeout(resolve, 30));
    await Promise.all([lock.release(), ...puts]);
    for (const { hash } of [first, second]) expect(kindOf(store.findKey(hash))).toBe('found');
  });

  it('loses nothing to checkpoints that go on while it is written to', async () => {
    const path = join(temporaryDirectory(), 'gateway.db');
    const store = open(path, { storeTimeoutMs: 5000 });
    const rows: StoredKey[] = [];
    for (let batch = 0; batch < 100; batch++) {
      const some = Array.from({ length: 200 }, () => row());
      rows.push(...some);
      await store.putKeys(some);
    }
    await store.close();
    const again = open(path);
    expect(rows.filter(({ hash }) => kindOf(again.findKey(hash)) !== 'found')).toEqual([]);
  });
});

type Step =
  | { readonly kind: 'put'; readonly rows: readonly { at: number; region: string; lifeMs: number }[] }
  | { readonly kind: 'move'; readonly byMs: number }
  | { readonly kind: 'find'; readonly at: number }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'reopen' };

describe('against a map', () => {
  const HASHES = Array.from({ length: 12 }, () => randomBytes(16) as KeyedHash);
  const at = fc.nat(HASHES.length - 1);
  const put = fc.record({ at, region: fc.constantFrom('eu', 'us'), lifeMs: fc.integer({ min: -10, max: 100 }) });
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('put' as const), rows: fc.array(put, { maxLength: 4 }) }),
    fc.record({ kind: fc.constant('move' as const), byMs: fc.integer({ min: -20, max: 60 }) }),
    fc.record({ kind: fc.constant('find' as const), at }),
    fc.record({ kind: fc.constant('sweep' as const) }),
    fc.record({ kind: fc.constant('reopen' as const) }),
  );

  /** The first row stays while it lives; its like may prolong it. */
  function keeps(known: StoredKey | undefined, next: StoredKey, now: number): boolean {
    if (known === undefined || known.expiresAtMs <= now) return true;
    const same =
      known.region === next.region &&
      (known.owner === next.owner || known.owner?.equals(next.owner ?? Buffer.alloc(0)));
    return Boolean(same) && known.expiresAtMs < next.expiresAtMs;
  }

  it('finds what a map with expiry would, whatever is put, swept, reopened, and wherever the clock goes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const path = join(temporaryDirectory(), 'gateway.db');
        let now = NOW;
        const options = { now: () => now, sweepRows: 3, sweepEveryMs: 3_600_000 };
        let store = openSqliteStore(path, options);
        const oracle = new Map<number, StoredKey>();
        const unsure = new Set<number>();
        // A sweep may forget what a clock that goes back would bring to life again: either answer is right then.
        let sweptAt = Number.NEGATIVE_INFINITY;
        const hashAt = (which: number): KeyedHash => HASHES[which] ?? randomHash();
        try {
          for (const next of steps) {
            if (next.kind === 'put') {
              const rows = next.rows.map((one) => ({ ...one, expiresAtMs: now + one.lifeMs }));
              const stored = rows.map(({ at, region, expiresAtMs }) => row({ hash: hashAt(at), region, expiresAtMs }));
              await store.putKeys(stored);
              rows.forEach((one, which) => {
                const known = oracle.get(one.at);
                // Where a sweep may have forgotten what the clock has brought back, either row is right.
                if (known !== undefined && known.expiresAtMs <= sweptAt && known.expiresAtMs > now) unsure.add(one.at);
                if (stored[which] && keeps(known, stored[which], now)) oracle.set(one.at, stored[which]);
              });
            } else if (next.kind === 'move') {
              now += next.byMs;
            } else if (next.kind === 'sweep') {
              store.sweep();
              sweptAt = Math.max(sweptAt, now);
            } else if (next.kind === 'reopen') {
              await store.close();
              store = openSqliteStore(path, options);
            } else {
              const expected = oracle.get(next.at);
              const found = store.findKey(hashAt(next.at));
              if (unsure.has(next.at)) continue;
              if (expected === undefined || expected.expiresAtMs <= now) expect(found).toEqual({ kind: 'missing' });
              else if (expected.expiresAtMs > sweptAt) expect(found).toEqual({ kind: 'found', value: expected });
            }
          }
        } finally {
          await store.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});
