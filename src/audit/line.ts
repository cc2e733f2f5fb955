// The first members of a line, read from its bytes without parsing the rest: a log has millions of them.
import { AUDIT_KINDS, type AuditKind } from './record.ts';

export interface LineFacts {
  readonly seq: number;
  readonly prev: string;
  readonly time: string;
  readonly kind: AuditKind;
}

/** Longer than the first members ever are. */
const PREFIX_BYTES = 192;
const SEQ = '{"seq":';
const PREV = ',"prev":"';
const TIME = '","time":"';
const KIND = '","kind":"';
const HASH_UNITS = 64;
const TIME_UNITS = 24;
const ZERO = 0x30;
const NINE = 0x39;
const KINDS: ReadonlyMap<string, AuditKind> = new Map(AUDIT_KINDS.map((kind) => [kind, kind]));

/** Undefined for a line that does not begin as the journal begins them. */
export function readLine(line: Buffer): LineFacts | undefined {
  const text = line.toString('latin1', 0, PREFIX_BYTES);
  if (!text.startsWith(SEQ)) return undefined;
  let at = SEQ.length;
  let seq = 0;
  for (let digit = text.charCodeAt(at); digit >= ZERO && digit <= NINE; digit = text.charCodeAt(++at)) {
    seq = seq * 10 + (digit - ZERO);
  }
  if (at === SEQ.length || text.charCodeAt(SEQ.length) === ZERO || !text.startsWith(PREV, at)) return undefined;
  const hash = at + PREV.length;
  const time = hash + HASH_UNITS + TIME.length;
  const kindAt = time + TIME_UNITS + KIND.length;
  if (!text.startsWith(TIME, hash + HASH_UNITS) || !text.startsWith(KIND, time + TIME_UNITS)) return undefined;
  const kind = KINDS.get(text.slice(kindAt, text.indexOf('"', kindAt)));
  if (kind === undefined) return undefined;
  return { seq, prev: text.slice(hash, hash + HASH_UNITS), time: text.slice(time, time + TIME_UNITS), kind };
}
