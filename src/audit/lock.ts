// One process writes an audit log: two would each chain to the same record.
import { lockFile } from '../store/file-lock.ts';
import { AuditOpenError } from './error.ts';

/** A gateway that is just ending may still have it: shorter than anybody's patience at a start. */
const WAIT_MS = 2000;

/** @throws AuditOpenError while another process has it */
export function lockLog(file: string): { release(): void } {
  const lock = lockFile(`${file}.lock`, WAIT_MS);
  if (lock !== undefined) return lock;
  throw new AuditOpenError(
    `The audit log ${file} is being written by another gateway. Each one needs a log of its own: give this one another ` +
      'audit.file, or end the other one first.',
  );
}
