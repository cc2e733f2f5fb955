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
