// The last records in memory, for who looks at what happens. Kept as they were written, and read when somebody asks.
import { type AuditRecord, parseRecord } from './record.ts';

export const TAIL_RECORDS = 200;

export interface Tail {
  add(lines: readonly string[]): void;
  /** The last `count`, oldest first. */
  last(count: number): AuditRecord[];
}

export function createTail(found: readonly string[]): Tail {
  let kept = found.slice(-TAIL_RECORDS);
  return {
    add(lines) {
      for (const line of lines.length > TAIL_RECORDS ? lines.slice(-TAIL_RECORDS) : lines) kept.push(line);
      if (kept.length > 4 * TAIL_RECORDS) kept = kept.slice(-TAIL_RECORDS);
    },
    last(count) {
      const wanted = Math.min(Math.max(Math.trunc(count), 0), TAIL_RECORDS);
      const lines = wanted === 0 ? [] : kept.slice(-wanted);
      return lines.flatMap((line) => parseRecord(line) ?? []);
    },
  };
}
