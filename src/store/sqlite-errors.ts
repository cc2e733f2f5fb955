// What an error of node:sqlite means: a lock, trouble of the disk, or a mistake of ours.
import { StoreAwayError } from './store.ts';

/** SQLite's primary result codes, sqlite.org/rescode.html. */
export const SQLITE = {
  busy: 5,
  locked: 6,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
} as const;

/** The primary result code of an error of node:sqlite, or undefined. */
export function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** Another connection has the lock just now: worth another try. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE.busy || code === SQLITE.locked;
}

/** Node's own error for a connection that was closed. */
function isClosed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_STATE';
}

/** Of a store whose file was removed or replaced while it was open. */
export function fileReplaced(): StoreAwayError {
  return new StoreAwayError(
    'the store’s file was removed or replaced while it was open: restart the gateway, so that it opens the one that is there now',
    'STORE_FILE_REPLACED',
  );
}

/** @returns a StoreAwayError with a sentence that helps; what is no trouble of the engine as it is */
export function awayError(cause: unknown): unknown {
  if (isClosed(cause)) return new StoreAwayError('the store is closed', 'STORE_CLOSED', { cause });
  const said = SENTENCES[sqliteCode(cause) ?? 0];
  return said === undefined ? cause : new StoreAwayError(said[1], said[0], { cause });
}

const LOCKED = [
  'STORE_LOCKED',
  'the store is locked by another process (an import, a backup, a shell): try again when that one is done',
] as const;
const DAMAGED = [
  'STORE_DAMAGED',
  'the store’s file is damaged: stop the gateway; when it is started again it says what can be done',
] as const;

const SENTENCES: Readonly<Record<number, readonly [code: string, sentence: string]>> = {
  [SQLITE.busy]: LOCKED,
  [SQLITE.locked]: LOCKED,
  [SQLITE.readonly]: [
    'STORE_READONLY',
    'the store cannot be written: its file, its directory and its disk must be writable for the user that runs the gateway',
  ],
  [SQLITE.ioError]: ['STORE_IO', 'the disk failed under the store: look at the system’s log'],
  [SQLITE.corrupt]: DAMAGED,
  [SQLITE.full]: ['STORE_FULL', 'the store’s disk is full: nothing was written; make room, then try again'],
  [SQLITE.cantOpen]: ['STORE_IO', 'the store’s file cannot be opened any more: look at its directory and its disk'],
  [SQLITE.notADatabase]: DAMAGED,
};
