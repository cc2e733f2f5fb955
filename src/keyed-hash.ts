// Names, keys and credentials leave the request only in this form: HMAC-SHA-256, truncated to 128 bits.
import { createHmac } from 'node:crypto';
import type { KeyedHash } from './domain.ts';

export type HashParts = (purpose: string, ...parts: readonly string[]) => KeyedHash;

/**
 * @param key 32 secret bytes
 * @returns a hash over a purpose and any number of parts. Each part goes in with its length, so that no two different
 *   lists of parts hash the same text.
 */
export function createKeyedHash(key: Buffer): HashParts {
  return (purpose, ...parts) => {
    const hmac = createHmac('sha256', key).update(`${purpose}\0`);
    for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:`).update(part);
    return hmac.digest().subarray(0, 16) as KeyedHash;
  };
}

/** A name of an identity key that tells nothing of it: 8 hex digits. */
export function identityName(hash: HashParts): string {
  return hash('identity-name').toString('hex', 0, 4);
}

/** The hash by which the directory knows an account. @param account normalised (caller/credentials.ts accountKey) */
export function accountHash(hash: HashParts, account: string): KeyedHash {
  return hash('directory-account', account);
}
