// Names, keys and credentials leave the request only in this form: HMAC-SHA-256, truncated to 128 bits.
import { hash as digest } from 'node:crypto';
import type { KeyedHash } from './domain.ts';

export type DigestParts = (purpose: string, ...parts: readonly string[]) => string;
export type HashParts = (purpose: string, ...parts: readonly string[]) => KeyedHash;

/** Of SHA-256: the length to which HMAC pads its key, and that of a digest (RFC 2104, RFC 6234). */
const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** Of a KeyedHash. */
const HASH_BYTES = 16;
/** Messages up to this length are hashed where the padded key lies already; a UTF-16 unit takes at most 3 bytes. */
const SHORT_UNITS = 320;
const SHORT_BYTES = SHORT_UNITS * 3;

/**
 * HMAC-SHA-256 as RFC 2104 defines it, over Node's one-shot `hash`: every request takes several of these, and
 * `createHmac` costs four times as much, since each makes an object that OpenSSL and the garbage collector keep.
 * @returns a function from a text (hashed as UTF-8) to the digest, one character a byte: a Buffer would cost more than
 *   the hash itself
 */
function createHmacOf(key: Buffer): (text: string) => string {
  const padded = Buffer.alloc(BLOCK_BYTES);
  if (key.length > BLOCK_BYTES) padded.write(digest('sha256', key, 'latin1'), 'latin1');
  else key.copy(padded);
  const inner = Buffer.alloc(BLOCK_BYTES + SHORT_BYTES);
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);
  for (const [index, byte] of padded.entries()) {
    inner[index] = byte ^ 0x36;
    outer[index] = byte ^ 0x5c;
  }
  const innerPad = inner.subarray(0, BLOCK_BYTES);

  function innerDigest(text: string): string {
    if (text.length > SHORT_UNITS) return digest('sha256', Buffer.concat([innerPad, Buffer.from(text)]), 'latin1');
    const end = BLOCK_BYTES + inner.write(text, BLOCK_BYTES);
    const result = digest('sha256', inner.subarray(0, end), 'latin1');
    // The text may be a capability, and this buffer lives as long as the process.
    inner.fill(0, BLOCK_BYTES, end);
    return result;
  }

  return (text) => {
    outer.write(innerDigest(text), BLOCK_BYTES, 'latin1');
    return digest('sha256', outer, 'latin1');
  };
}

/**
 * @param key 32 secret bytes
 * @returns a hash over a purpose and any number of parts. Each part goes in with its length, so that no two different
 *   lists of parts hash the same text.
 */
export function createKeyedHash(key: Buffer): HashParts {
  const digestOf = createKeyedDigest(key);
  return (purpose, ...parts) => hashOfDigest(digestOf(purpose, ...parts));
}

/**
 * As createKeyedHash, but the whole digest, one character a byte: its first half is the keyed hash, and its second half
 * tells nothing of the first.
 */
export function createKeyedDigest(key: Buffer): DigestParts {
  const hmac = createHmacOf(key);
  return (purpose, ...parts) => {
    let text = `${purpose}\0`;
    for (const part of parts) text += `${Buffer.byteLength(part)}:${part}`;
    return hmac(text);
  };
}

/** The keyed hash that a digest of createKeyedDigest begins with. */
export function hashOfDigest(digested: string): KeyedHash {
  return Buffer.from(digested.slice(0, HASH_BYTES), 'latin1') as KeyedHash;
}

/**
 * Secret-prefix SHA-256, half of the cost of an HMAC: for what stays in this process, so that nobody sees it and nobody can
 * extend it.
 * @param seed secret and random, one character a byte
 * @returns 32 bytes, one character each: a Buffer costs three times as much
 */
export function seededDigest(seed: string, text: string): string {
  return digest('sha256', seed + text, 'latin1');
}

/** A name of an identity key that tells nothing of it: 8 hex digits. */
export function identityName(hash: HashParts): string {
  return hash('identity-name').toString('hex', 0, 4);
}

/** The hash by which the directory knows an account. @param account normalised (caller/credentials.ts accountKey) */
export function accountHash(hash: HashParts, account: string): KeyedHash {
  return hash('directory-account', account);
}
