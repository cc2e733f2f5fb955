// The last records of a file, from its end: for commands, which have no journal in memory.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type AuditRecord, LINE_BREAK, parseRecord } from './record.ts';

const STEP_BYTES = 256 * 1024;

/** The last `count` whole lines that are records, oldest first. @throws the error of the system */
export function readTail(file: string, count: number): AuditRecord[] {
  const fd = openSync(file, 'r');
  try {
    let from = fstatSync(fd).size;
    let found = Buffer.alloc(0);
    let breaks = 0;
    // One more than asked for: the first of them ends the line before.
    while (from > 0 && breaks <= count) {
      const length = Math.min(STEP_BYTES, from);
      from -= length;
      const step = Buffer.alloc(length);
      readSync(fd, step, 0, length, from);
      for (let at = step.indexOf(LINE_BREAK); at >= 0; at = step.indexOf(LINE_BREAK, at + 1)) breaks++;
      found = Buffer.concat([step, found]);
    }
    const whole = found.toString('utf8', 0, found.lastIndexOf(LINE_BREAK) + 1);
    const lines = whole.split('\n').slice(0, -1);
    return lines.slice(-count).flatMap((line) => parseRecord(line) ?? []);
  } finally {
    closeSync(fd);
  }
}
