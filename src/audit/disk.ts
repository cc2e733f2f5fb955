// The current file on its disk. Each step can be tried again after a failure and goes on where it stopped: a write at
// exactly the byte that is missing, a rotation at the step that failed.
import { close, fdatasync, fstat, open, write } from 'node:fs';
import { access, rename, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { syncFolderLater } from '../durable.ts';
import { codeOf } from './error.ts';
import { archiveOf } from './files.ts';

const writeAt = promisify(write);
const syncData = promisify(fdatasync);
const statOf = promisify(fstat);
const openFile = promisify(open);
const closeFile = promisify(close);

/** Nobody else should read who asked for what, and when. */
export const FILE_MODE = 0o600;

export interface Disk {
  /** Bytes of the current file that are written. */
  readonly bytes: number;
  /** Writes all of it. After a failure the same bytes have to come again. */
  write(bytes: Buffer): Promise<void>;
  /** What was written has reached the disk when this resolves, and is where the file's name points. */
  sync(): Promise<void>;
  /** The current file gets this name, and a new one takes its place. */
  rotate(first: number, nowMs: number): Promise<string>;
  close(): Promise<void>;
}

/** @param fd of the current file, for writing. @param length its bytes so far */
export function createDisk(file: string, fd: number, length: number): Disk {
  let current = fd;
  let bytes = length;
  /** Of the bytes that are being written. */
  let done = 0;
  let moved: string | undefined;
  let next: number | undefined;

  async function sync(): Promise<void> {
    await syncData(current);
    // A file that was removed or replaced takes every write, and keeps none of them.
    const [own, named] = await Promise.all([statOf(current), stat(file)]);
    if (own.ino !== named.ino || own.dev !== named.dev) {
      throw Object.assign(new Error('the audit log was replaced while it was open'), { code: 'AUDIT_REPLACED' });
    }
  }

  return {
    get bytes() {
      return bytes + done;
    },
    async write(batch) {
      while (done < batch.length) {
        const { bytesWritten } = await writeAt(current, batch, done, batch.length - done, bytes + done);
        if (bytesWritten === 0) throw Object.assign(new Error('nothing could be written'), { code: 'ENOSPC' });
        done += bytesWritten;
      }
      bytes += done;
      done = 0;
    },
    sync,
    async rotate(first, nowMs) {
      if (moved === undefined) {
        const name = archiveOf(file, first, nowMs);
        if (await exists(name)) throw Object.assign(new Error('there is a file of that name'), { code: 'EEXIST' });
        await rename(file, name);
        moved = name;
      }
      next ??= await openFile(file, 'wx+', FILE_MODE);
      await syncFolderLater(file);
      await closeFile(current).catch(() => undefined);
      const archive = moved;
      [current, bytes] = [next, 0];
      [moved, next] = [undefined, undefined];
      return archive;
    },
    close: () => closeFile(current),
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
