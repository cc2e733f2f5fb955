// How many files the process has open, and may have. Linux alone tells.
import { readdirSync, readFileSync, statSync } from 'node:fs';

/** Errors of the system that say that there is no descriptor left: in this process, or on this machine. */
export const OUT_OF_FILES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE']);

/** RLIMIT_NOFILE as it is in force: Node raises it to what it may be when it starts. Undefined where nobody tells. */
export function openFilesLimit(): number | undefined {
  try {
    const found = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}

/**
 * Linux from 6.2 on knows their number; before, they are counted, which takes a thread milliseconds where there are thousands,
 * and takes one of them.
 * @param limit what it comes to where none is left to count them with: then all of them are in use
 * @returns undefined where nobody tells
 */
export function openFiles(limit: number | undefined): number | undefined {
  try {
    const { size } = statSync('/proc/self/fd');
    // One of them is the folder that is being read.
    return size > 0 ? size : readdirSync('/proc/self/fd').length - 1;
  } catch (error) {
    return error instanceof Error && 'code' in error && OUT_OF_FILES.has(error.code) ? limit : undefined;
  }
}
