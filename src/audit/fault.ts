// What is wrong with an audit log, and where.

export interface AuditFault {
  readonly file: string;
  /** From 1; undefined for what no line shows. */
  readonly line: number | undefined;
  /** The record that it is about, as far as that can be told. */
  readonly seq: number | undefined;
  readonly what: AuditFaultKind;
  /** A sentence about it. */
  readonly says: string;
}

export type AuditFaultKind =
  | 'changed'
  | 'missing'
  | 'misplaced'
  | 'not_a_record'
  | 'signature'
  | 'foreign_key'
  | 'unsigned'
  | 'cut_off'
  | 'unreadable';

/** So many are told; the others are counted. */
export const FAULTS_SHOWN = 20;

export class Faults {
  readonly shown: AuditFault[] = [];
  count = 0;

  add(fault: AuditFault): void {
    this.count++;
    if (this.shown.length < FAULTS_SHOWN) this.shown.push(fault);
  }

  /** Takes back the last one: what followed explains it better. */
  dropLast(): void {
    this.count--;
    if (this.count < FAULTS_SHOWN) this.shown.pop();
  }
}

export function faultText({ file, line, says }: AuditFault): string {
  return `${file}${line === undefined ? '' : `:${line}`}: ${says}`;
}
