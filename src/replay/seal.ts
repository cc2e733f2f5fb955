// The pure cryptography of kept answers: names and keys derived from the caller's Idempotency-Key, and the sealed
// record. Nothing here remembers anything.
import { createCipheriv, createDecipheriv, hash, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { RefusalCode } from '../refusal.ts';

/** Of the unknown outcomes, what they are replayed as. */
export type UnknownCode =
  | Extract<RefusalCode, 'region_failed' | 'region_timeout'>
  /** The first caller may have got an answer, but it was too long to keep, or what was kept cannot be opened. */
  | 'answer_not_kept';

/** What a repeat gets: the very answer of the first call, or that nobody can tell what became of it. */
export type Replayable =
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** Flat: name, value, ... */
      readonly headers: readonly string[];
      readonly body: Buffer;
      readonly region: string;
    }
  | { readonly kind: 'unknown'; readonly code: UnknownCode };

/** What makes two requests the same (the draft's idempotency fingerprint, 2.4). */
export interface ReplayRequest {
  readonly method: string;
  /** Canonical path and query, as sent to the region. */
  readonly target: string;
  /** As received; undefined: no such header. A multipart boundary made anew is another request. */
  readonly contentType: string | undefined;
  /** Empty for none. */
  readonly body: Buffer;
}

/** What a key, a caller and a request come to. */
export interface Derived {
  /** Where the record lies: 16 bytes as a latin1 string. Of the caller and its key, whatever the request. */
  readonly name: string;
  /** Tells whether the same request came again, without telling which: 16 bytes. */
  readonly check: Buffer;
  /** For AES-256. To be zeroed after use. */
  readonly sealingKey: Buffer;
}

export const SALT_BYTES = 32;
const NAME_BYTES = 16;
const CHECK_BYTES = 16;
const KEY_BYTES = 32;
/** NIST SP 800-38D, 8.2.2: a random 96-bit nonce; one key seals one answer, or a few over days, far below 2^32. */
export const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NONCE_AT = CHECK_BYTES;
const TAG_AT = NONCE_AT + NONCE_BYTES;
const SEALED_AT = TAG_AT + TAG_BYTES;
const CIPHER = 'aes-256-gcm';
/** Stands for a part that is not there: no part is so long. */
const NO_PART = 0xffffffff;
const NOTHING = Buffer.alloc(0);

/**
 * HKDF with SHA-256 (RFC 5869): the header's value is the keying material, caller and request are in the info. The
 * labels hold the format's version: records of another one are not found.
 * @param salt 32 bytes
 * @param key the header's value
 * @param caller the full credentials as their canonical header text; undefined: anonymous
 */
export function derive(salt: Buffer, key: string, caller: string | undefined, request: ReplayRequest): Derived {
  const { method, target, contentType, body } = request;
  const who = digest(caller);
  const what = digest(method, target, contentType, hash('sha256', body, 'buffer'));
  const derived = {
    name: expand(salt, key, NAME_BYTES, 'name', who).toString('latin1'),
    check: expand(salt, key, CHECK_BYTES, 'check', who, what),
    sealingKey: expand(salt, key, KEY_BYTES, 'seal', who, what),
  };
  who.fill(0);
  what.fill(0);
  return derived;
}

/** In constant time. */
export function isSameCheck(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/**
 * The record to keep: check, nonce, tag, and in the ciphertext the length of the head, the head as JSON, the body. The
 * name is authenticated: a record under another name does not open.
 * @param nonce 12 random bytes, never used before with this key
 * @returns undefined when the record would be longer than `mostBytes`
 */
export function seal(derived: Derived, nonce: Buffer, answer: Replayable, mostBytes: number): Buffer | undefined {
  const { name, check, sealingKey } = derived;
  const head = headOf(answer);
  const body = answer.kind === 'answered' ? answer.body : NOTHING;
  if (SEALED_AT + head.length + body.length > mostBytes) return undefined;
  const cipher = createCipheriv(CIPHER, sealingKey, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(name, 'latin1'));
  // Not from Node's pool, where a record would keep its neighbours' 64 KiB alive.
  const record = Buffer.allocUnsafeSlow(SEALED_AT + head.length + body.length);
  let at = SEALED_AT;
  at += cipher.update(head).copy(record, at);
  at += cipher.update(body).copy(record, at);
  cipher.final();
  record.set(check, 0);
  record.set(nonce, NONCE_AT);
  record.set(cipher.getAuthTag(), TAG_AT);
  return record;
}

/** What is left of a record that had to make room: the marker of its request, in memory of its own. */
export function markerOf(record: Buffer): Buffer {
  return marker(record.subarray(0, CHECK_BYTES));
}

/** A record that only says: this request was sent, and its answer is not here. */
export function marker(check: Buffer): Buffer {
  const record = Buffer.allocUnsafeSlow(CHECK_BYTES);
  record.set(check, 0);
  return record;
}

export function isMarker(record: Buffer): boolean {
  return record.length === CHECK_BYTES;
}

/** Whether a record was made for this request. In constant time. */
export function bears(record: Buffer, check: Buffer): boolean {
  return isSameCheck(record.subarray(0, CHECK_BYTES), check);
}

/**
 * @returns what was sealed, to the byte
 * @throws when the record is cut, was changed in one bit, lay under another name, or the key is another
 */
export function open({ name, sealingKey }: Derived, record: Buffer): Replayable {
  const nonce = record.subarray(NONCE_AT, TAG_AT);
  const decipher = createDecipheriv(CIPHER, sealingKey, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(name, 'latin1')).setAuthTag(record.subarray(TAG_AT, SEALED_AT));
  const opened = decipher.update(record.subarray(SEALED_AT));
  decipher.final();
  // From here on it is what `seal` wrote.
  const headEnd = 4 + opened.readUInt32BE(0);
  const head: Head = JSON.parse(opened.toString('utf8', 4, headEnd));
  return head.kind === 'unknown' ? head : { ...head, body: opened.subarray(headEnd) };
}

type Head = Omit<Extract<Replayable, { kind: 'answered' }>, 'body'> | Extract<Replayable, { kind: 'unknown' }>;

function headOf(answer: Replayable): Buffer {
  const { kind } = answer;
  const head: Head =
    kind === 'unknown'
      ? { kind, code: answer.code }
      : { kind, status: answer.status, headers: answer.headers, region: answer.region };
  const text = JSON.stringify(head);
  const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
  bytes.writeUInt32BE(bytes.length - 4, 0);
  bytes.write(text, 4);
  return bytes;
}

function expand(salt: Buffer, key: string, bytes: number, label: string, ...parts: readonly Buffer[]): Buffer {
  const info = framed([`onetime-gateway replay 1 ${label}`, ...parts]);
  const expanded = Buffer.from(hkdfSync('sha256', key, salt, info, bytes));
  info.fill(0);
  return expanded;
}

function digest(...parts: readonly (string | Buffer | undefined)[]): Buffer {
  const bytes = framed(parts);
  const hashed = hash('sha256', bytes, 'buffer');
  bytes.fill(0);
  return hashed;
}

/** Each part behind its length, so that no two lists of parts are the same bytes. To be zeroed after use. */
function framed(parts: readonly (string | Buffer | undefined)[]): Buffer {
  let length = 0;
  for (const part of parts) length += 4 + (part === undefined ? 0 : Buffer.byteLength(part));
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    const size = part === undefined ? 0 : Buffer.byteLength(part);
    at = bytes.writeUInt32BE(part === undefined ? NO_PART : size, at);
    if (typeof part === 'string') bytes.write(part, at);
    else if (part !== undefined) bytes.set(part, at);
    at += size;
  }
  return bytes;
}
