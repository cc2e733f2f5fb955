// The end of an audit log when it is opened: what a killed process left half-written is cut off, and anything else that
// does not hold together stands against going on.
import { fstatSync, ftruncateSync, readFileSync, readSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { AuditOpenError, codeOf } from './error.ts';
import { type Archive, listArchives } from './files.ts';
import { endOf, headOf, isSignedBy, malformedHead, readHeadFile } from './head.ts';
import type { SigningKey } from './key.ts';
import { type AuditRecord, LINE_BREAK, LINE_LIMIT_BYTES, lineHash, parseRecord, ZERO_HASH } from './record.ts';

/** So much of the end is looked at. */
const WINDOW_BYTES = 1024 * 1024;

export interface End {
  /** The last record: its number and its line's hash; 0 and zeros before the first. */
  readonly seq: number;
  readonly hash: string;
  /** Of the current file, without what was cut off. */
  readonly bytes: number;
  /** Bytes of an unfinished line that were cut off. */
  readonly cut: number;
  /** Time of the current file's first record and its number; undefined where it has none. */
  readonly first: { readonly seq: number; readonly timeMs: number } | undefined;
  /** Time of the first record that no head covers; undefined where there is none. */
  readonly unsignedSinceMs: number | undefined;
  /** The last lines, oldest first, as far as they were looked at. */
  readonly lines: readonly string[];
}

/**
 * Reads the end of the current file, or of the newest rotated one where that is empty, and cuts off an unfinished line.
 * @param fd of the current file, for reading and writing
 * @throws AuditOpenError
 */
export function recoverEnd(file: string, fd: number, key: SigningKey): End {
  const end = endOfFile(file, fd, key) ?? endOfArchives(file, fstatSync(fd).size, key);
  holdAgainstHead(file, end, key);
  if (end.cut > 0) ftruncateSync(fd, end.bytes);
  return end;
}

/** Undefined where the current file holds no whole line. */
function endOfFile(file: string, fd: number, key: SigningKey): End | undefined {
  const { size } = fstatSync(fd);
  const from = Math.max(0, size - WINDOW_BYTES);
  const found = readAt(fd, from, size - from);
  const last = found.lastIndexOf(LINE_BREAK);
  const cut = found.length - last - 1;
  if (cut > LINE_LIMIT_BYTES) throw damaged(file, 'its end is not a line of an audit log');
  if (last < 0) return undefined;
  const first = from === 0 ? 0 : found.indexOf(LINE_BREAK) + 1;
  const checked = checkLines(file, found.subarray(first, last), key);
  const start = readAt(fd, 0, Math.min(size, LINE_LIMIT_BYTES));
  const opening = parseRecord(start.toString('utf8', 0, Math.max(0, start.indexOf(LINE_BREAK))));
  if (opening === undefined) throw damaged(file, 'its first line is not a record');
  return { ...checked, bytes: size - cut, cut, first: { seq: opening.seq, timeMs: Date.parse(opening.time) } };
}

/** After a rotation that was interrupted, or where the log is new. */
function endOfArchives(file: string, cut: number, key: SigningKey): End {
  const none = { bytes: 0, cut, first: undefined };
  const newest = listArchives(file).at(-1);
  if (newest === undefined) return { ...none, seq: 0, hash: ZERO_HASH, unsignedSinceMs: undefined, lines: [] };
  const found = readArchive(newest);
  const last = found.lastIndexOf(LINE_BREAK);
  if (last < 0 || last !== found.length - 1) throw damaged(newest.plain, 'its last line is not whole');
  const from = Math.max(0, last - WINDOW_BYTES);
  const first = from === 0 ? 0 : found.indexOf(LINE_BREAK, from) + 1;
  return { ...none, ...checkLines(newest.plain, found.subarray(first, last), key) };
}

function readArchive({ plain, compressed, has }: Archive): Buffer {
  try {
    // Rare, and then the start has time: only between a rotation and the next record.
    return has.plain ? readFileSync(plain) : gunzipSync(readFileSync(compressed));
  } catch (error) {
    throw damaged(has.plain ? plain : compressed, `it cannot be read (${codeOf(error) ?? 'not gzip'})`);
  }
}

function readAt(fd: number, from: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const count = readSync(fd, buffer, read, length - read, from + read);
    if (count === 0) break;
    read += count;
  }
  return buffer.subarray(0, read);
}

type Checked = Pick<End, 'seq' | 'hash' | 'unsignedSinceMs' | 'lines'>;

/** @param bytes whole lines, without the last line break */
function checkLines(file: string, bytes: Buffer, key: SigningKey): Checked {
  const lines: string[] = [];
  let before: { seq: number; hash: string } | undefined;
  let unsignedSinceMs: number | undefined;
  for (let from = 0; from <= bytes.length; ) {
    const found = bytes.indexOf(LINE_BREAK, from);
    const to = found < 0 ? bytes.length : found;
    const raw = bytes.subarray(from, to);
    const line = raw.toString('utf8');
    const record = parseRecord(line);
    if (record === undefined) {
      throw damaged(
        file,
        before === undefined
          ? 'a line near its end is not a record'
          : `what follows record ${before.seq} is not a record`,
      );
    }
    if (before !== undefined && (record.seq !== before.seq + 1 || record.prev !== before.hash)) {
      throw damaged(file, `record ${record.seq} does not follow the one before it`);
    }
    before = { seq: record.seq, hash: lineHash(raw) };
    unsignedSinceMs = record.kind === 'head' ? undefined : (unsignedSinceMs ?? Date.parse(record.time));
    if (record.kind === 'head') checkHead(file, record, key);
    lines.push(line);
    from = to + 1;
  }
  if (before === undefined) throw damaged(file, 'it is empty');
  return { ...before, unsignedSinceMs, lines };
}

/** One of an older key is left to `audit verify`, which can be given that key. */
function checkHead(file: string, record: AuditRecord, key: SigningKey): void {
  const head = headOf(record);
  const good =
    head !== undefined &&
    head.at === record.seq - 1 &&
    head.hash === record.prev &&
    (head.key !== key.fingerprint || isSignedBy(head, key.publicKey));
  if (!good) throw damaged(file, `record ${record.seq} is a head with a wrong signature`);
}

/** What was signed last must still be there. */
function holdAgainstHead(file: string, end: End, key: SigningKey): void {
  const head = readHeadFile(file);
  if (head === undefined) return;
  if (head === 'malformed' || (head.key === key.fingerprint && !isSignedBy(head, key.publicKey))) {
    throw malformedHead(file);
  }
  const known = endOf(head);
  if (known.seq > end.seq) {
    throw damaged(file, `it ends with record ${end.seq}, but record ${known.seq} was signed: its end is missing`);
  }
  const there = lineAt(end, known.seq);
  if (there !== undefined && lineHash(there) !== known.hash) {
    throw damaged(file, `record ${known.seq} is not the one that was signed`);
  }
}

function lineAt({ seq, lines }: End, wanted: number): string | undefined {
  return lines.at(wanted - seq - 1);
}

function damaged(file: string, finding: string): AuditOpenError {
  return new AuditOpenError(
    `The audit log ${file} cannot be gone on with: ${finding}. Nothing was changed. See what is wrong with ` +
      '`onetime-gateway audit verify`, and restore the files from a copy; or keep them as they are somewhere else (the log, ' +
      'its rotated files and its .head) and start again: a new log begins.',
  );
}
