// What is kept between starts, and where it is not: whoever could write there could have their own code run.
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheCode, isPrivate } from '../../src/code-cache.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { ROOT, run } from '../support/process.ts';

const MAIN = join(ROOT, 'src/main.ts');
const uid = process.geteuid?.() ?? 0;

let folder: Folder;
beforeEach(() => {
  folder = openFolder();
});
afterEach(() => folder[Symbol.dispose]());

function make(name: string, mode: number): string {
  const path = join(folder.path, name);
  mkdirSync(path);
  // Whatever the umask is.
  chmodSync(path, mode);
  return path;
}

const version = (caches: string, more: Record<string, string> = {}) =>
  run(process.execPath, [MAIN, '--version'], { env: { ...process.env, XDG_CACHE_HOME: caches, ...more } });
const kept = (caches: string): string[] => {
  const directory = join(caches, 'onetime-gateway');
  return existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
};

describe.skipIf(process.platform === 'win32')('the code cache', () => {
  it('keeps compiled code where only this user can write', async () => {
    const caches = make('caches', 0o700);
    const { code, stdout } = await version(caches);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(kept(caches).length).toBeGreaterThan(5);
  });

  it('keeps nothing, and starts all the same, where others can write, now or by renaming a folder above', async () => {
    const caches = make('caches', 0o777);
    expect(await version(caches)).toMatchObject({ code: 0, stderr: '' });
    expect(kept(caches)).toEqual([]);
    mkdirSync(join(caches, 'inner'), { mode: 0o700 });
    expect(await version(join(caches, 'inner'))).toMatchObject({ code: 0, stderr: '' });
    expect(kept(join(caches, 'inner'))).toEqual([]);
  });

  it('starts all the same where no folder can be made', async () => {
    writeFileSync(join(folder.path, 'caches'), '');
    expect(await version(join(folder.path, 'caches'))).toMatchObject({ code: 0, stderr: '' });
    expect(cacheCode({ XDG_CACHE_HOME: join(folder.path, 'caches') })).toBeUndefined();
  });

  it('is turned off by NODE_DISABLE_COMPILE_CACHE', async () => {
    const caches = make('caches', 0o700);
    expect(await version(caches, { NODE_DISABLE_COMPILE_CACHE: '1' })).toMatchObject({ code: 0, stderr: '' });
    expect(kept(caches)).toEqual([]);
  });

  it('knows whose a folder is', () => {
    expect(isPrivate(make('own', 0o700), uid)).toBe(true);
    expect(isPrivate(make('readable', 0o755), uid)).toBe(true);
    expect(isPrivate(make('of-a-group', 0o770), uid)).toBe(false);
    expect(isPrivate(make('anyones', 0o777), uid)).toBe(false);
    // As /tmp: what is of one user in it stays so.
    const sticky = make('sticky', 0o1777);
    mkdirSync(join(sticky, 'own'), { mode: 0o700 });
    expect(isPrivate(join(sticky, 'own'), uid)).toBe(true);
    // Another user's.
    expect(isPrivate(join(sticky, 'own'), uid + 1)).toBe(uid === 0);
  });

  it('looks at where a link leads', async () => {
    const open = make('open', 0o777);
    symlinkSync(open, join(folder.path, 'caches'));
    expect(await version(join(folder.path, 'caches'))).toMatchObject({ code: 0, stderr: '' });
    expect(kept(open)).toEqual([]);
  });
});
