// Files that have to be whole, and still there after a power cut.
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a file with this text, whole or not at all, and its folder (mode 0700). One that is there by then is left as it is:
 * of two processes that start at once the first wins, so the file is to be read again.
 * @throws the error of the system
 */
export function makeOnce(path: string, text: string, mode: number): void {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeNew(temporary, text, mode);
    // Unlike rename, link fails where a file is already.
    linkSync(temporary, path);
    syncFolder(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** A file that is not there yet, on the disk when this returns. @throws the error of the system */
export function writeNew(path: string, text: string, mode: number): void {
  const fd = openSync(path, 'wx', mode);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Of the folder in which a file lies: a name that was given or taken stays so. */
export function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(dirname(path), 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** As syncFolder, and this thread does not wait for the disk. */
export async function syncFolderLater(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  await using folder = await open(dirname(path), 'r');
  await folder.sync();
}
