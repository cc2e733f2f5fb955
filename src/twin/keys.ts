// Everything that the service makes up: keys, shrimp, session ids, generated values, nonces.

/** Same signature as `crypto.randomBytes`. */
export type RandomBytes = (size: number) => Buffer;

export interface Keys {
  /** A key: 31 characters of base 36 in 0.20, 62 in 0.26 (UPSTREAM.md, "Keys"). */
  key(): string;
  /** 49 or 50 characters of base 36: shrimp (the service's CSRF token) and session ids. */
  token(): string;
  /** A generated secret: 12 characters (case 060-generate-anon). */
  value(): string;
  /** The nonce in web pages. */
  nonce(): string;
}

const VALUE_ALPHABET = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNOPQRSTUVWXYZ23456789*!?@#%^';

function base36(bytes: Buffer): string {
  return BigInt(`0x${bytes.toString('hex')}`).toString(36);
}

export function createKeys(version: '0.20' | '0.26', randomBytes: RandomBytes): Keys {
  // 160 and 320 bits fill 31 and 62 characters of base 36 with hardly a leading zero to spare.
  const [bytes, length] = version === '0.20' ? [20, 31] : [40, 62];
  return {
    key: () => base36(randomBytes(bytes)).padStart(length, '0'),
    token: () => base36(randomBytes(32)).padStart(49, '0'),
    value: () => Array.from(randomBytes(12), (byte) => VALUE_ALPHABET[byte % VALUE_ALPHABET.length]).join(''),
    nonce: () => randomBytes(16).toString('base64'),
  };
}
