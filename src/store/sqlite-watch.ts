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
}

/** @param file its path, or undefined for a store in memory */
export function watchFile(file: string | undefined): FileWatch {
  const opened = identify(file);
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
  };
}

function identify(file: string | undefined): string {
  if (file === undefined) return '';
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.dev} ${stat.ino}`;
}
