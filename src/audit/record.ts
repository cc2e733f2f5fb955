// What a line of the audit log is: its members, and how the chain holds it to the line before (docs/audit.md).
import { hash } from 'node:crypto';

/** `pruned` stands for files that were removed because their time was over; the others are the gateway's own life. */
export const AUDIT_KINDS = [
  'opened',
  'closed',
  'request',
  'verify',
  'violation',
  'directory',
  'reload',
  'gap',
  'pruned',
  'head',
] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

/** A line as it was read. Members beside the first four depend on the kind. */
export interface AuditRecord {
  /** From 1, without gaps. */
  readonly seq: number;
  /** SHA-256 of the line before, 64 hex digits. */
  readonly prev: string;
  /** ISO 8601 in UTC with milliseconds. */
  readonly time: string;
  readonly kind: AuditKind;
  readonly [member: string]: unknown;
}

/** `prev` of the very first line. */
export const ZERO_HASH = '0'.repeat(64);
export const LINE_BREAK = 0x0a;
/** UTF-16 units of the members that one record may have: the end of a log is found within a bounded piece of it. */
export const INSIDE_LIMIT = 16 * 1024;
/** Bytes of a line at most: a UTF-16 unit takes 3 at most, and the first members come on top. */
export const LINE_LIMIT_BYTES = 3 * INSIDE_LIMIT + 256;

const GIVEN_TIME = '"time":"';
/** `"time":"2026-01-02T03:04:05.678Z",` */
const GIVEN_TIME_UNITS = GIVEN_TIME.length + 24 + '",'.length;
const TIME_MEMBER = /^"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"(?:,|$)/;

/** A line before it has its place in the chain. */
export interface Draft {
  readonly kind: AuditKind;
  readonly timeMs: number;
  readonly time: string;
  /** Comma separated members, without braces and without the time. */
  readonly inside: string;
}

/** A moment in both forms. Many records are of the same millisecond, and to turn one into the other costs as much as a hash. */
let moment = { timeMs: 0, time: new Date(0).toISOString() };

function momentOf(timeMs: number): typeof moment {
  if (timeMs !== moment.timeMs) moment = { timeMs, time: new Date(timeMs).toISOString() };
  return moment;
}

/** @throws RangeError */
function momentGiven(inside: string): typeof moment {
  if (inside.startsWith(moment.time, GIVEN_TIME.length)) return moment;
  const time = TIME_MEMBER.exec(inside)?.[1] ?? '';
  const timeMs = Date.parse(time);
  if (Number.isNaN(timeMs)) throw new RangeError('an audit record with a time that is none');
  moment = { timeMs, time };
  return moment;
}

/**
 * @param inside comma separated JSON members; a leading `"time":"..."` is taken for the record's own
 * @throws RangeError for members that would break the log: a defect of the caller, since JSON has no raw line break
 */
export function draftOf(kind: AuditKind, inside: string, nowMs: number): Draft {
  if (inside.length > INSIDE_LIMIT) throw new RangeError(`an audit record of ${inside.length} characters`);
  if (inside.includes('\n')) throw new RangeError('an audit record with a line break');
  if (!inside.startsWith(GIVEN_TIME)) return { kind, ...momentOf(nowMs), inside };
  const { timeMs, time } = momentGiven(inside);
  return { kind, timeMs, time, inside: inside.slice(GIVEN_TIME_UNITS) };
}

/** The line without its line break. */
export function lineOf(seq: number, prev: string, { time, kind, inside }: Omit<Draft, 'timeMs'>): string {
  const rest = inside === '' ? '' : `,${inside}`;
  return `{"seq":${seq},"prev":"${prev}","time":"${time}","kind":"${kind}"${rest}}`;
}

/** SHA-256 of a line's bytes in hex. */
export function lineHash(line: string | Uint8Array): string {
  return hash('sha256', line);
}

/** The members of a line, or undefined where it is none that the journal would write. */
export function parseRecord(line: string): AuditRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is AuditRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { seq, prev, time, kind } = value as Readonly<Record<string, unknown>>;
  return (
    typeof seq === 'number' &&
    Number.isSafeInteger(seq) &&
    seq > 0 &&
    typeof prev === 'string' &&
    /^[0-9a-f]{64}$/.test(prev) &&
    typeof time === 'string' &&
    !Number.isNaN(Date.parse(time)) &&
    AUDIT_KINDS.some((known) => known === kind)
  );
}
