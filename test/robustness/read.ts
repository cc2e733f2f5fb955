// docs/robustness.md, read again by its tests.
import { readDocument, rowsOf } from '../support/markdown.ts';
import { GRADES, type Grade } from './case.ts';
import { PEERS } from './peers.ts';

export const DOCUMENT = readDocument('docs/robustness.md');
/** Name, what was sent, the gateway, and a cell for each peer. */
export const ROWS: readonly (readonly string[])[] = rowsOf(DOCUMENT).filter(
  (cells) => cells.length === 3 + PEERS.length,
);

/** A proxy's cell without the reason for its grade: `weak, 200, one request`. */
export function inShort(cell: string | undefined): string {
  const [, ...rest] = (cell ?? '').split('<br>');
  return [gradeOf(cell), ...rest].join(', ');
}

/** Undefined where a case does not apply. */
export function gradeOf(cell: string | undefined): Grade | undefined {
  const [, grade] = /^(?:\*\*)?(safe|weak|unsafe)\b/.exec(cell ?? '') ?? [];
  return GRADES.find((each) => each === grade);
}

/** 0 is the best; what has no grade is worse than all. */
export function rankOf(cell: string | undefined): number {
  const grade = gradeOf(cell);
  return grade === undefined ? GRADES.length : GRADES.indexOf(grade);
}
