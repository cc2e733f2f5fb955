// Notices that the file which is open is no longer the one under its path: somebody removed it, or put another there.
import { statSync } from 'node:fs';
import { fileReplaced } from './sqlite-errors.ts';

export interface FileWatch {
  /** Looks. @throws StoreAwayError STORE_FILE_REPLACED, from the first time on until the process ends */
  check(): void;
  /** Without looking. @throws the same, when a look has found it before */
  checkKnown(): void;
  /** What a look has found before. */
  replaced(): Error | undefined;
  /** Tells this file from any other that may come to lie under its path. */
  readonly identity: string;
}

/**
 * @param file its path, or undefined for a store in memory
 * @param opened the `identity` of the watch of another thread, which opened it first
 */
export function watchFile(file: string | undefined, opened: string = identify(file)): FileWatch {
  let found: Error | undefined;
  return {
    check() {
      if (found === undefined && identify(file) !== opened) found = fileReplaced();
      if (found !== undefined) throw found;
    },
    checkKnown() {
      if (found !== undefined) throw found;
    },
    replaced: () => found,
    identity: opened,
  };
}

function identify(file: string | undefined): string {
  if (file === undefined) return '';
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.dev} ${stat.ino}`;
}
