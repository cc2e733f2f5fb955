// A small disk that one process has for itself, and a folder that it may not write, without touching anybody else's.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needs } from './needs.ts';
import type { Running } from './process.ts';

const UNSHARE = ['unshare', '-rm', 'sh', '-c'];

/** A program that is started through this has a disk of that size, empty at first, in place of the folder. */
export const onDisk = (folder: string, sizeKb: number): readonly string[] => [
  ...UNSHARE,
  `mount -t tmpfs -o size=${sizeKb}k none "$0" && exec "$@"`,
  folder,
];

/** A program that is started through this can read the folder, and write nothing in it: not even root can. */
export const readOnly = (folder: string): readonly string[] => [
  ...UNSHARE,
  'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"',
  folder,
];

export const HAS_OWN_DISK = ((): boolean => {
  if (!needs('unshare', 'apt-get install util-linux')) return false;
  const [command = '', ...args] = [...onDisk(tmpdir(), 1024), 'true'];
  const can = spawnSync(command, args).status === 0;
  if (!can) process.stderr.write('skipped: no disk of its own: this system lets nobody have a mount name space\n');
  return can;
})();

/** Fills the disk on which the folder of a running process is. @returns makes room again */
export function fill({ pid }: Pick<Running, 'pid'>, folder: string): () => void {
  // The process sees another disk there than this one does.
  const file = join(`/proc/${pid}/root`, folder, 'filler');
  const fd = openSync(file, 'w');
  const isWritten = (bytes: number): boolean => {
    try {
      return writeSync(fd, Buffer.alloc(bytes)) > 0;
    } catch {
      return false;
    }
  };
  for (const bytes of [65_536, 4096, 1]) while (isWritten(bytes));
  closeSync(fd);
  return () => rmSync(file);
}
