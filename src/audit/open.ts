// Opens the files of an audit log: its folder, its lock, its key, the current file, and the end that is gone on from.
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { FILE_MODE } from './disk.ts';
import { AuditOpenError, codeOf } from './error.ts';
import { openSigningKey, type SigningKey } from './key.ts';
import { lockLog } from './lock.ts';
import { type End, recoverEnd } from './recover.ts';

export interface OpenedLog {
  readonly fd: number;
  readonly key: SigningKey;
  readonly end: End;
  readonly lock: { release(): void };
}

/** @throws AuditOpenError, and then nothing is left open */
export function openLog({ file, keyFile }: { readonly file: string; readonly keyFile: string }): OpenedLog {
  const undo: (() => void)[] = [];
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const lock = lockLog(file);
    undo.push(lock.release);
    const key = openSigningKey(keyFile);
    const { fd, isNew } = openCurrent(file);
    undo.push(() => closeSync(fd));
    // What is refused is left as it was found.
    if (isNew) undo.push(() => rmSync(file));
    return { fd, key, lock, end: recoverEnd(file, fd, key) };
  } catch (error) {
    for (const step of undo.reverse()) step();
    if (error instanceof AuditOpenError) throw error;
    throw new AuditOpenError(
      `The audit log ${file} cannot be opened (${codeOf(error) ?? 'an unexpected error'}): the user that runs the gateway ` +
        'must be able to write it and its folder. Set audit.file to another place, or to null to keep no audit log.',
      { cause: error },
    );
  }
}

/** Not for appending: a write that failed half-way is repeated at its own place. */
function openCurrent(file: string): { readonly fd: number; readonly isNew: boolean } {
  try {
    return { fd: openSync(file, 'r+'), isNew: false };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return { fd: openSync(file, 'wx+', FILE_MODE), isNew: true };
  }
}
