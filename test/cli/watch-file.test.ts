// What of a file's life is news: whatever is done to it, it is told once, when whoever does it is done.
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { lookAt, watchFile } from '../../src/cli/watch-file.ts';
import { type Folder, openFolder } from '../support/folder.ts';

const LOOK_MS = 1000;

let folder: Folder;
let file: string;
let told: number;
let stop: () => void;
beforeEach(() => {
  vi.useFakeTimers();
  folder = openFolder();
  file = folder.write('gateway.yaml', 'one');
  told = 0;
  stop = () => {};
});
afterEach(() => {
  stop();
  vi.useRealTimers();
  folder[Symbol.dispose]();
});

function watch(at = file, known = lookAt(at)): void {
  stop = watchFile(at, () => told++, { known, lookMs: LOOK_MS });
}

/** @returns how often it was told in so many looks */
function looks(count: number): number {
  const before = told;
  vi.advanceTimersByTime(count * LOOK_MS);
  return told - before;
}

it('nothing is told of a file that stays as it is', () => {
  watch();
  expect(looks(5)).toBe(0);
});

it('a change is told once, after it was the same for one look', () => {
  watch();
  looks(2);
  writeFileSync(file, 'two and more');
  expect(looks(1)).toBe(0);
  expect(looks(1)).toBe(1);
  expect(looks(5)).toBe(0);
});

it('who writes for several looks is waited for', () => {
  watch();
  for (const part of ['a', 'ab', 'abc', 'abcd']) {
    writeFileSync(file, part);
    expect(looks(1)).toBe(0);
  }
  expect(looks(1)).toBe(1);
});

it('a change between reading and watching is told', () => {
  const known = lookAt(file);
  writeFileSync(file, 'changed while the gateway started');
  watch(file, known);
  expect(looks(2)).toBe(1);
});

it('an editor’s rename over it is told', () => {
  watch();
  writeFileSync(`${file}~`, 'two');
  renameSync(`${file}~`, file);
  expect(looks(3)).toBe(1);
});

it('a symbolic link that is turned to another folder is told, as Kubernetes does it', () => {
  const data = join(folder.path, '..data');
  for (const version of ['v1', 'v2']) {
    mkdirSync(join(folder.path, version));
    writeFileSync(join(folder.path, version, 'gateway.yaml'), 'same size');
  }
  symlinkSync('v1', data);
  const mounted = join(folder.path, 'mounted.yaml');
  symlinkSync('..data/gateway.yaml', mounted);
  watch(mounted);
  looks(2);
  symlinkSync('v2', `${data}_tmp`);
  renameSync(`${data}_tmp`, data);
  expect(looks(3)).toBe(1);
});

it('a file that is away is being replaced: it is told when it is back', () => {
  watch();
  rmSync(file);
  expect(looks(5)).toBe(0);
  writeFileSync(file, 'back');
  expect(looks(1)).toBe(0);
  expect(looks(5)).toBe(1);
});

it('one that cannot be looked at is away', () => {
  watch(join(file, 'inside-a-file'));
  chmodSync(file, 0o000);
  expect(looks(5)).toBe(0);
});

it('nothing is told after the end', () => {
  watch();
  stop();
  writeFileSync(file, 'two');
  expect(looks(5)).toBe(0);
});
