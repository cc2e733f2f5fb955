// Heads: signatures over the chain so far. One is a line of the log, and the newest is kept in a file beside it, so that a
// log whose end was cut off does not pass for a shorter one.
import { sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { syncFolderLater } from '../durable.ts';
import { AuditOpenError, codeOf } from './error.ts';
import type { SigningKey } from './key.ts';
import { type AuditRecord, lineHash, lineOf } from './record.ts';

export interface AuditHead {
  /** The last record that it covers. */
  readonly at: number;
  /** SHA-256 of that record's line, hex. */
  readonly hash: string;
  /** ISO 8601. */
  readonly time: string;
  /** Ed25519 over headMessage, base64. */
  readonly signature: string;
  /** Fingerprint of the public key. */
  readonly key: string;
}

/** `data/audit.jsonl.head` of `data/audit.jsonl`. */
export function headFileOf(file: string): string {
  return `${file}.head`;
}

/** What is signed. */
export function headMessage({ at, hash, time }: Pick<AuditHead, 'at' | 'hash' | 'time'>): Buffer {
  return Buffer.from(`onetime-gateway audit head\n${at}\n${hash}\n${time}`);
}

export function signHead(key: SigningKey, at: number, hash: string, time: string): AuditHead {
  const signature = sign(null, headMessage({ at, hash, time }), key.privateKey).toString('base64');
  return { at, hash, time, signature, key: key.fingerprint };
}

export function isSignedBy(head: AuditHead, publicKey: SigningKey['publicKey']): boolean {
  return verify(null, headMessage(head), publicKey, Buffer.from(head.signature, 'base64'));
}

/** The line of a head, which follows the record that it covers. */
export function headLine({ at, hash, time, signature, key }: AuditHead): string {
  const inside = `"at":${at},"hash":"${hash}","signature":"${signature}","key":"${key}"`;
  return lineOf(at + 1, hash, { kind: 'head', time, inside });
}

/** The last line that a log has at least, where this head was written: the head's own. */
export function endOf(head: AuditHead): { readonly seq: number; readonly hash: string } {
  return { seq: head.at + 1, hash: lineHash(headLine(head)) };
}

/** Of a line that says it is one; undefined where members are missing or of another kind. */
export function headOf(record: AuditRecord | Readonly<Record<string, unknown>>): AuditHead | undefined {
  const { at, hash, time, signature, key } = record as Readonly<Record<string, unknown>>;
  if (typeof at !== 'number' || !Number.isSafeInteger(at) || at < 1) return undefined;
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash) || typeof time !== 'string') return undefined;
  if (typeof signature !== 'string' || typeof key !== 'string') return undefined;
  return { at, hash, time, signature, key };
}

/** @returns undefined where there is none, `malformed` where it is something else */
export function readHeadFile(file: string): AuditHead | 'malformed' | undefined {
  let text: string;
  try {
    text = readFileSync(headFileOf(file), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return parseHeadFile(text) ?? 'malformed';
}

/** A file with anything else in it than was written is malformed. */
function parseHeadFile(text: string): AuditHead | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const head = headOf(value as Readonly<Record<string, unknown>>);
    return head !== undefined && headFileText(head) === text ? head : undefined;
  } catch {
    return undefined;
  }
}

function headFileText({ at, hash, time, signature, key }: AuditHead): string {
  return `${JSON.stringify({ at, hash, time, signature, key })}\n`;
}

/** Whole or not at all. Only after what it covers has reached the disk, or it would accuse an honest log. */
export async function writeHeadFile(file: string, head: AuditHead): Promise<void> {
  const name = headFileOf(file);
  const temporary = `${name}.tmp`;
  try {
    await using handle = await open(temporary, 'w', 0o600);
    await handle.writeFile(headFileText(head));
    await handle.sync();
    await rename(temporary, name);
    await syncFolderLater(name);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

export function malformedHead(file: string): AuditOpenError {
  return new AuditOpenError(
    `${headFileOf(file)} is not what the gateway writes there: it says up to where the audit log was signed. Run ` +
      '`onetime-gateway audit verify`. If the log is whole, remove that file and start again.',
  );
}
