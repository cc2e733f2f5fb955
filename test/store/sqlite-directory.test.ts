// The embedded directory's own troubles: locks, a full disk, a file that goes away, older files, many rows.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CHANGES_KEPT } from '../../src/store/directory-store.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite.ts';
import { awayError } from '../../src/store/sqlite-errors.ts';
import { needs } from '../support/needs.ts';
import { lockElsewhere, NOW, randomHash, row, startNode, temporaryDirectory } from './support.ts';
import { account, lease, markOf, newsOf } from './world.ts';

const place = (): string => join(temporaryDirectory(), 'gateway.db');

function open(path: string, now: () => number = () => NOW): SqliteStore {
  const store = openSqliteStore(path, { now, sweepEveryMs: 3_600_000 });
  onTestFinished(() => store.close());
  return store;
}

function edit(path: string, ...statements: string[]): void {
  const db = new DatabaseSync(path, { timeout: 5000 });
  for (const sql of statements) db.exec(sql);
  db.close();
}

const away = (code: string) => expect.objectContaining({ name: 'StoreAwayError', code });

describe('the embedded directory', () => {
  it('answers in the tick of the request', async () => {
    const { directory } = open(':memory:');
    const value = account();
    await directory.put(value, false, 'cli:test');
    expect(directory.findAccount(value.hash)).toMatchObject({ kind: 'found', value: { region: 'eu' } });
    expect(directory.findAccount(randomHash())).toMatchObject({ kind: 'missing', mark: { epoch: 2 } });
  });

  it('makes its mark with the file, once, however many open it, and keeps it', async () => {
    const path = place();
    const [one, other] = [open(path), open(path)];
    const mark = await markOf(one.directory);
    expect(await markOf(other.directory)).toEqual(mark);
    await Promise.all([one.close(), other.close()]);
    expect(await markOf(open(path).directory)).toEqual(mark);
    expect(await markOf(open(place()).directory)).not.toEqual(mark);
  });

  it('comes to a file of schema 1 with its keys kept', async () => {
    const path = place();
    const put = row();
    const store = open(path);
    await store.putKeys([put]);
    await store.close();
    edit(
      path,
      ...['directory', 'accounts', 'moves', 'changes', 'leases', 'drained', 'sent_calls'].map(
        (table) => `DROP TABLE ${table}`,
      ),
      'PRAGMA user_version = 1',
    );
    const again = open(path, () => NOW + 5);
    expect(again.findKey(put.hash)).toEqual({ kind: 'found', value: put });
    expect(await markOf(again.directory)).toMatchObject({ epoch: 1 });
    expect(await again.directory.changes(undefined, 9)).toMatchObject([{ what: 'initialised', atMs: NOW + 5 }]);
  });

  it('keeps a bounded number of changes, and has a gap for who missed more', async () => {
    const path = place();
    const { directory } = open(path);
    const mark = await markOf(directory);
    const last = CHANGES_KEPT + 50;
    edit(
      path,
      `WITH RECURSIVE n(epoch) AS (SELECT 2 UNION ALL SELECT epoch + 1 FROM n WHERE epoch < ${last})
       INSERT INTO changes SELECT epoch, 0, 'region_drained', NULL, 'cli:test', 'eu' FROM n`,
      `UPDATE directory SET epoch = ${last}`,
    );
    await directory.put(account(), false, 'cli:test');
    expect(await directory.changes(undefined, 2 * CHANGES_KEPT)).toHaveLength(CHANGES_KEPT);
    const oldest = last + 1 - CHANGES_KEPT;
    expect((await newsOf(directory, undefined, { ...mark, epoch: oldest })).changes).toHaveLength(CHANGES_KEPT);
    expect((await newsOf(directory, undefined, { ...mark, epoch: oldest - 1 })).changes).toBe('gap');
  });

  it('tells its own listener of changes, and not of what changes nothing', async () => {
    const store = open(':memory:');
    const heard: unknown[] = [];
    store.onNews((news) => heard.push(news));
    const value = account();
    await store.directory.put(value, false, 'cli:test');
    await store.directory.put(value, false, 'cli:test');
    await newsOf(store.directory, lease(), undefined);
    expect(heard).toEqual([{ kind: 'directory' }]);
  });

  it('writes a lease only when it has to', async () => {
    let now = NOW;
    const path = place();
    const { directory } = open(path, () => now);
    const gateway = lease({ leaseMs: 2000 });
    const mark = await markOf(directory);
    const written = (): number => statSync(`${path}-wal`).size;
    await newsOf(directory, gateway, mark);
    const after = written();
    for (let poll = 0; poll < 4; poll++) {
      now += 40;
      await newsOf(directory, gateway, mark);
    }
    expect(written()).toBe(after);
    expect((await directory.gateways())[0]?.leftMs).toBeGreaterThanOrEqual(gateway.leaseMs);
    now += 1000;
    await newsOf(directory, gateway, mark);
    expect(written()).toBeGreaterThan(after);
    expect((await directory.gateways())[0]?.leftMs).toBeGreaterThanOrEqual(gateway.leaseMs);
  });
});

describe('while another process has the lock', () => {
  it('lookups go on, changes wait without stopping the clock, and succeed when it is released', async () => {
    const path = place();
    const { directory } = open(path);
    const [known, added] = [account(), account()];
    await directory.put(known, false, 'cli:test');
    const lock = await lockElsewhere(path, 'BEGIN IMMEDIATE');
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 5);
    const put = directory.put(added, false, 'cli:test');
    await expect.poll(() => ticks).toBeGreaterThan(20);
    clearInterval(ticking);
    expect(directory.findAccount(known.hash)).toMatchObject({ kind: 'found' });
    expect(directory.findAccount(added.hash)).toMatchObject({ kind: 'missing' });
    expect(await directory.count()).toBe(1);
    await lock.release();
    expect(await put).toBe('added');
    expect(directory.findAccount(added.hash)).toMatchObject({ kind: 'found' });
  });

  it('changes give up in bounded time with a sentence, and a lease when it would be over', async () => {
    const path = place();
    const { directory } = open(path);
    const lock = await lockElsewhere(path, 'BEGIN IMMEDIATE');
    const followed = await directory.follow(lease({ leaseMs: 100 }), undefined);
    expect(followed).toEqual({ kind: 'unavailable', cause: away('STORE_LOCKED') });
    await expect(directory.put(account(), false, 'cli:test')).rejects.toThrow(/locked by another process .* try again/);
    await lock.release();
    expect(await directory.put(account(), false, 'cli:test')).toBe('added');
  });
});

describe('when the file under its path goes away', () => {
  it.each([
    ['removed', (path: string) => rmSync(path)],
    ['moved away', (path: string) => renameSync(path, `${path}.away`)],
    [
      'replaced',
      (path: string) => {
        renameSync(path, `${path}.away`);
        writeFileSync(path, '');
      },
    ],
  ])('%s: nothing is known or written until the process restarts', async (_how, harm) => {
    const path = place();
    const store = open(path);
    const { directory } = store;
    const [value, key] = [account(), row()];
    await directory.put(value, false, 'cli:test');
    await store.putKeys([key]);
    const { mark } = await newsOf(directory, lease(), undefined);
    harm(path);
    const cause = away('STORE_FILE_REPLACED');
    expect(await directory.follow(lease(), mark)).toEqual({ kind: 'lost', cause });
    expect(directory.findAccount(value.hash)).toEqual({ kind: 'unavailable', cause });
    await expect(directory.put(account(), false, 'cli:test')).rejects.toEqual(cause);
    await expect(directory.count()).rejects.toEqual(cause);
    await expect(store.putKeys([row()])).rejects.toEqual(cause);
    expect(store.findKey(key.hash)).toEqual({ kind: 'found', value: key });
    expect(store.findKey(randomHash())).toEqual({ kind: 'unavailable', cause });
    expect(store.readings().up).toBe(false);
    await store.close();
    rmSync(`${path}-wal`, { force: true });
    rmSync(`${path}-shm`, { force: true });
    const next = await markOf(open(path).directory);
    expect(next.generation).not.toBe(mark.generation);
  });
});

/** A disk of 4 MiB that one process has for itself, without privileges. */
const OWN_DISK = ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=4m none "$0" && exec "$@"'];
const hasOwnDisk =
  needs('unshare', 'apt-get install util-linux') && spawnSync('unshare', [...OWN_DISK, tmpdir(), 'true']).status === 0;

describe('trouble of the disk at run time', () => {
  it.skipIf(!hasOwnDisk)(
    'a full disk: a change is refused whole, with a sentence, and can be made when there is room',
    () => {
      const directory = temporaryDirectory();
      const child = fileURLToPath(new URL('disk-full.child.ts', import.meta.url));
      const { stdout, stderr } = spawnSync('unshare', [...OWN_DISK, directory, process.execPath, child, directory], {
        encoding: 'utf8',
      });
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual({
        full: { name: 'StoreAwayError', code: 'STORE_FULL', message: expect.stringContaining('nothing was written') },
        found: 'found',
        count: 1,
        after: { written: true, summary: expect.objectContaining({ added: 5000 }) },
      });
    },
  );

  it('a file that goes bad: nobody is missing, changes are refused, nothing is thrown into a request', async () => {
    const path = place();
    const first = open(path);
    const rows = Array.from({ length: 60_000 }, () => account());
    const stage = await first.directory.stage();
    await stage.add(rows);
    await stage.commit('cli:test', false);
    await first.close();
    const store = open(path);
    // After another's write, what this one has in memory is read anew.
    const other = open(path);
    await other.directory.put(account(), false, 'cli:test');
    const fd = openSync(path, 'r+');
    // All but the first page and the root pages that are read with it.
    const from = 4096 * 16;
    writeSync(fd, Buffer.alloc(statSync(path).size - from, 0xa5), 0, undefined, from);
    closeSync(fd);
    const answers = rows.slice(0, 200).map(({ hash }) => store.directory.findAccount(hash));
    const kinds = new Set(answers.map(({ kind }) => kind));
    expect(kinds).toContain('unavailable');
    expect(kinds).not.toContain('missing');
    expect(answers).toContainEqual({ kind: 'unavailable', cause: away('STORE_DAMAGED') });
    await expect(store.directory.count()).rejects.toEqual(away('STORE_DAMAGED'));
    expect(store.readings()).toMatchObject({ up: expect.any(Boolean), wentAway: expect.any(Number) });
    expect(store.readings().failed).toBeGreaterThan(0);
    await other.close().catch(() => {});
  });

  it.each([
    [8, 'STORE_READONLY', /must be writable/],
    [10, 'STORE_IO', /disk failed/],
    [13, 'STORE_FULL', /make room/],
    [266, 'STORE_IO', /disk failed/],
  ])('SQLite’s code %d is %s', (errcode, code, sentence) => {
    const error = awayError(Object.assign(new Error('theirs'), { errcode }));
    expect(error).toEqual(away(code));
    expect((error as Error).message).toMatch(sentence);
  });
});

describe('an import of many', () => {
  it('stages without holding up the loop, and writes 100,000 in seconds', async () => {
    const path = place();
    const { directory } = open(path);
    const rows = Array.from({ length: 100_000 }, (_, at) => account({ line: at + 1 }));
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const startMs = performance.now();
    const stage = await directory.stage();
    delay.enable();
    await stage.add(rows);
    delay.disable();
    const { written } = await stage.commit('cli:test', false);
    expect(written).toBe(true);
    expect(performance.now() - startMs).toBeLessThan(15_000);
    // Half a second even on a machine that is busy with other things; 20 ms on one that is not.
    expect(delay.percentile(99) / 1e6).toBeLessThan(500);
    expect(await directory.count()).toBe(100_000);
  }, 60_000);

  it('compares again what changed while it waited for the lock', async () => {
    const path = place();
    const [one, other] = [open(path), open(path)];
    const moving = account();
    await one.directory.put(moving, false, 'cli:test');
    const stage = await one.directory.stage();
    await stage.add([account(), { ...moving, pinned: false, line: 2 }]);
    const lock = await lockElsewhere(path, 'BEGIN IMMEDIATE');
    const committed = stage.commit('cli:test', true);
    const begun = other.directory.beginMove({ hash: moving.hash, to: 'us', keepOld: true, otherwise: undefined }, 'c');
    await lock.release();
    await Promise.all([committed, begun]);
    const { written, summary } = await committed;
    // Whichever of them was first.
    const { value } = other.directory.findAccount(moving.hash) as { value: { pinned: boolean; move: unknown } };
    expect(value).toMatchObject({ pinned: !written, move: { phase: 'frozen' } });
    expect(summary).toMatchObject(written ? { changed: 1, moving: 0 } : { moving: 1, conflicts: [{ line: 2 }] });
  });

  it('that is killed at any point has written all or nothing', async () => {
    for (let round = 0; round < 4; round++) {
      const path = place();
      const child = startNode('import.child.ts', path, '20000');
      const exit = once(child, 'exit');
      await Promise.race([once(child.stdout ?? child, 'data'), exit]);
      // Not on a boundary of the child's own making.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
      child.kill('SIGKILL');
      await exit;
      const store = open(path);
      expect([0, 20_000]).toContain(await store.directory.count());
      const { epoch } = await markOf(store.directory);
      expect(epoch).toBe((await store.directory.count()) === 0 ? 1 : 2);
      await store.close();
    }
  }, 60_000);
});
