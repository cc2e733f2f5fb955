import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { StoreOpenError } from '../../src/store/sqlite-file.ts';
import { lockElsewhere, NOW, row, temporaryDirectory } from './support.ts';

const options = { now: () => NOW };
const place = (): string => join(temporaryDirectory(), 'gateway.db');

async function filled(path: string, rows = 2000): Promise<void> {
  const store = openSqliteStore(path, options);
  await store.putKeys(Array.from({ length: rows }, () => row()));
  await store.close();
}

function problem(path: string): string {
  try {
    void openSqliteStore(path, options).close();
  } catch (error) {
    expect(error).toBeInstanceOf(StoreOpenError);
    return (error as Error).message;
  }
  throw new Error('it opened');
}

function overwrite(path: string, at: number, length: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(length, 0xa5), 0, length, at);
  closeSync(fd);
}

describe('a new file', () => {
  it('is for its user alone, and so are its directory and what SQLite puts beside it', async () => {
    const directory = join(temporaryDirectory(), 'data', 'deeper');
    const path = join(directory, 'gateway.db');
    const store = openSqliteStore(path, options);
    await store.putKeys([row()]);
    const mode = (name: string): string => (statSync(name).mode & 0o777).toString(8);
    expect(mode(directory)).toBe('700');
    expect([path, `${path}-wal`, `${path}-shm`].map(mode)).toEqual(['600', '600', '600']);
    await store.close();
  });

  it('may be opened by two at once', async () => {
    const path = place();
    const [one, other] = [openSqliteStore(path, options), openSqliteStore(path, options)];
    const put = row();
    await one.putKeys([put]);
    expect(other.findKey(put.hash)).toEqual({ kind: 'found', value: put });
    await Promise.all([one.close(), other.close()]);
  });
});

describe('refuses to open, says what to do, and leaves the file as it was:', () => {
  const WAY_OUT =
    /do not delete it; restore a backup, or move it .* away .* callers who name their region.*accounts of the directory are lost .* imported again/;

  it.each([
    ['no database', (path: string) => writeFileSync(path, 'not a database, '.repeat(1000))],
    ['an overwritten header', (path: string) => overwrite(path, 0, 64)],
    ['an overwritten page', (path: string) => overwrite(path, 5 * 4096, 4096)],
    ['a file cut short', (path: string) => truncateSync(path, 10 * 4096)],
  ])('%s', async (_fault, harm) => {
    const path = place();
    await filled(path);
    harm(path);
    const before = readFileSync(path);
    const message = problem(path);
    expect(message).toContain(`The store ${path} is damaged`);
    expect(message).toMatch(WAY_OUT);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('a newer schema', async () => {
    const path = place();
    await filled(path);
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 99');
    db.close();
    const before = readFileSync(path);
    const message = problem(path);
    expect(message).toMatch(/newer onetime-gateway \(schema 99/);
    expect(message).toMatch(WAY_OUT);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it("another program's database", () => {
    const path = place();
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE theirs (x)');
    db.close();
    expect(problem(path)).toContain('a database of another program');
  });

  it('a directory', () => {
    const path = place();
    mkdirSync(path);
    expect(problem(path)).toContain('cannot be opened');
  });

  it('a path below a file', () => {
    const path = place();
    writeFileSync(path, '');
    expect(problem(join(path, 'gateway.db'))).toContain('cannot be opened');
  });

  it('one that another process keeps for itself', async () => {
    const path = place();
    await filled(path);
    await lockElsewhere(
      path,
      'PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM held_keys WHERE 0; COMMIT',
    );
    expect(problem(path)).toContain('locked by another process');
  });
});

describe('a file that goes bad while it is open', () => {
  it('answers unavailable and rejects puts; nothing is thrown into a request', async () => {
    const path = place();
    await filled(path, 100_000);
    const store = openSqliteStore(path, options);
    // After another's write, what this one has in memory is read anew.
    const other = openSqliteStore(path, options);
    await other.putKeys([row()]);
    await other.close();
    overwrite(path, 4096, statSync(path).size - 4096);
    const answers = Array.from({ length: 50 }, () => store.findKey(row().hash));
    expect(answers).toContainEqual({ kind: 'unavailable', cause: expect.any(Error) });
    await expect(store.putKeys(Array.from({ length: 50 }, () => row()))).rejects.toThrow();
    await store.close();
  });

  it('a copy made while it is open, WAL and all, opens with everything', async () => {
    const path = place();
    const store = openSqliteStore(path, options);
    const put = row();
    await store.putKeys([put]);
    const copy = join(temporaryDirectory(), 'copy.db');
    for (const end of ['', '-wal']) copyFileSync(path + end, copy + end);
    await store.close();
    const restored = openSqliteStore(copy, options);
    expect(restored.findKey(put.hash)).toEqual({ kind: 'found', value: put });
    await restored.close();
  });
});
