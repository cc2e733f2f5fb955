// The files of a log, opened for verification: all of them, once each, in order, also while the gateway rotates and
// compresses them.
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { codeOf } from './error.ts';
import type { AuditFault, Faults } from './fault.ts';
import { type Archive, listArchives, readArchiveName } from './files.ts';
import { identityOf, type OpenedFile, openLines } from './read.ts';

export interface LogFile {
  readonly path: string;
  readonly opened: OpenedFile;
  /** Whether the gateway may be writing to it. */
  readonly isCurrent: boolean;
}

export interface LogFiles extends AsyncDisposable {
  readonly files: readonly LogFile[];
}

/** A rotation takes a moment in which the current file has no name. */
const TRIES = 10;
const PAUSE_MS = 20;

/** The current file and the rotated ones beside it. What cannot be opened is a fault. */
export async function openCurrent(file: string, faults: Faults): Promise<LogFiles> {
  const { current, archives } = await snapshot(file);
  const files: LogFile[] = [];
  for (const archive of archives) {
    const opened = await tryOpen(archive.has.plain ? archive.plain : archive.compressed, archive, faults);
    if (opened !== undefined) files.push({ ...opened, isCurrent: false });
  }
  if (current instanceof Error) faults.add(unreadable(file, current));
  else files.push({ path: file, opened: current, isCurrent: true });
  return closing(files);
}

/** Files as somebody named them. */
export async function openGiven(paths: readonly string[], faults: Faults): Promise<LogFiles> {
  const files: LogFile[] = [];
  const ordered = orderOf(paths);
  for (const [at, path] of ordered.entries()) {
    const opened = await tryOpen(path, undefined, faults);
    const isCurrent = at === ordered.length - 1 && readArchiveName(basename(path)) === undefined;
    if (opened !== undefined) files.push({ ...opened, isCurrent });
  }
  return closing(files);
}

/** Rotated files by their number, and then the others as they were given. */
export function orderOf(paths: readonly string[]): string[] {
  const first = (path: string): number => readArchiveName(basename(path))?.first ?? Number.POSITIVE_INFINITY;
  return paths.toSorted((a, b) => (first(a) === first(b) ? 0 : first(a) - first(b)));
}

/** The current file and the others as they were at one moment: tried again when one was rotated away meanwhile. */
async function snapshot(file: string): Promise<{ current: OpenedFile | Error; archives: readonly Archive[] }> {
  for (let left = TRIES; ; left--) {
    const current = await openLines(file).catch((error: Error) => error);
    const archives = listArchives(file);
    const now = await stat(file).then(identityOf, () => undefined);
    const isGone = current instanceof Error;
    if (left === 0 || (!isGone && current.identity === now && isSame(archives, listArchives(file)))) {
      return { current, archives };
    }
    if (!isGone) await current[Symbol.asyncDispose]();
    await pause(PAUSE_MS);
  }
}

/** Whether a list that was read while names changed has them all. */
function isSame(a: readonly Archive[], b: readonly Archive[]): boolean {
  return a.length === b.length && a.every(({ plain }, at) => plain === b[at]?.plain);
}

async function tryOpen(path: string, archive: Archive | undefined, faults: Faults) {
  try {
    return { path, opened: await openLines(path) };
  } catch (error) {
    // Compressed since it was listed.
    if (archive?.plain === path && codeOf(error) === 'ENOENT') return tryOpen(archive.compressed, archive, faults);
    faults.add(unreadable(path, error));
    return undefined;
  }
}

function closing(files: readonly LogFile[]): LogFiles {
  return {
    files,
    async [Symbol.asyncDispose]() {
      for (const { opened } of files) await opened[Symbol.asyncDispose]();
    },
  };
}

export async function sizeOf(files: readonly LogFile[]): Promise<number> {
  const sizes = await Promise.all(
    files.map(({ path }) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

export function unreadable(file: string, error: unknown): AuditFault {
  const code = codeOf(error) ?? 'unknown error';
  const why =
    code === 'ENOENT' ? 'there is no such file' : code.startsWith('Z_') ? `it is damaged or cut off (${code})` : code;
  return { file, line: undefined, seq: undefined, what: 'unreadable', says: `cannot be read: ${why}` };
}
