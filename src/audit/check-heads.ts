// Holds an audit log to its signed heads: each is genuine, and no record waits longer for one than the gateway promised.
import type { KeyObject } from 'node:crypto';
import type { AuditFaultKind } from './fault.ts';
import { headLine, headOf, isSignedBy } from './head.ts';
import { fingerprintOf } from './key.ts';
import type { LineFacts } from './line.ts';
import type { AuditRecord } from './record.ts';

export interface HeadCheck {
  /** Heads with a good signature. */
  readonly count: number;
  /** The last record that one covers, and when it was signed. */
  readonly signedTo: number | undefined;
  readonly signedTime: string | undefined;
  /** Records behind the last good head. */
  readonly unsigned: number;
  /** Every record in order. @returns whether that was all: false for one that `special` has to see */
  isPlain(facts: LineFacts): boolean;
  special(record: AuditRecord, line: Buffer): void;
}

export function createHeadCheck(
  publicKeys: readonly KeyObject[],
  tell: (what: AuditFaultKind, seq: number, says: string) => void,
): HeadCheck {
  const keys = new Map(publicKeys.map((key) => [fingerprintOf(key), key]));
  let count = 0;
  let signedTo: number | undefined;
  let signedTime: string | undefined;
  let unsigned = 0;
  let headsMs: number | undefined;
  /** No record from this time on may stand before the next head. ISO times compare as texts. */
  let limit: string | undefined;
  let told = false;
  let opened = false;

  function head(record: AuditRecord, line: Buffer): void {
    const found = headOf(record);
    const { seq } = record;
    // Every byte of it: what is signed are three of its members.
    if (found === undefined || found.at !== seq - 1 || headLine(found) !== line.toString('utf8')) {
      tell('signature', seq, `record ${seq} is a head that does not cover the record before it`);
      return;
    }
    const key = keys.get(found.key);
    if (key === undefined) {
      const says = `record ${seq} is signed with another key (${found.key.slice(0, 16)}...): give that with --public-key`;
      tell('foreign_key', seq, says);
    } else if (!isSignedBy(found, key)) tell('signature', seq, `record ${seq} is a head with a wrong signature`);
    else {
      count++;
      signedTo = found.at;
      signedTime = found.time;
      unsigned = 0;
      limit = undefined;
      told = false;
    }
  }

  function wait({ seq, time, kind }: LineFacts): void {
    unsigned++;
    if (unsigned === 1 && headsMs !== undefined) limit = later(time, headsMs);
    else if (limit !== undefined && time >= limit && kind !== 'opened' && !told) {
      told = true;
      const says = `record ${seq} stands where a signed head is due: heads are missing, or this was written by somebody else`;
      tell('unsigned', seq, says);
    }
  }

  return {
    get count() {
      return count;
    },
    get signedTo() {
      return signedTo;
    },
    get signedTime() {
      return signedTime;
    },
    get unsigned() {
      return unsigned;
    },
    isPlain(facts) {
      const { kind, seq } = facts;
      if (opened && kind !== 'head') tell('unsigned', seq, `record ${seq} follows an opening that no head covers`);
      opened = kind === 'opened';
      if (kind === 'head') return false;
      wait(facts);
      return kind !== 'opened' && kind !== 'pruned';
    },
    special(record, line) {
      if (record.kind === 'head') head(record, line);
      else if (typeof record.heads === 'number' && record.heads > 0) headsMs = record.heads;
    },
  };
}

function later(time: string, ms: number): string | undefined {
  const from = Date.parse(time);
  return Number.isNaN(from) ? undefined : new Date(from + ms).toISOString();
}
