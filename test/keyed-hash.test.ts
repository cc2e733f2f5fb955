import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyedDigest, createKeyedHash, hashOfDigest, seededDigest } from '../src/keyed-hash.ts';

/** As it was first written, and as stored hashes of older versions were made. */
function reference(key: Buffer, purpose: string, parts: readonly string[]): string {
  const hmac = createHmac('sha256', key).update(`${purpose}\0`);
  for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:`).update(part);
  return hmac.digest().toString('hex', 0, 16);
}

describe('the keyed hash', () => {
  it('is HMAC-SHA-256 of the purpose and the parts with their lengths, for every key and text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.string({ unit: 'grapheme', maxLength: 1200 }),
      fc.string({ unit: fc.constantFrom('\ud800', '\udfff', 'a', 'é', '€', '😀') }),
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0, maxLength: 200 }),
        fc.string(),
        fc.array(text, { maxLength: 4 }),
        (bytes, purpose, parts) => {
          const key = Buffer.from(bytes);
          expect(createKeyedHash(key)(purpose, ...parts).toString('hex')).toBe(reference(key, purpose, parts));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('hashes texts of every length around its buffer', () => {
    const key = randomBytes(32);
    const hash = createKeyedHash(key);
    for (let length = 0; length < 700; length++) {
      const part = '€'.repeat(length);
      expect(hash('purpose', part).toString('hex')).toBe(reference(key, 'purpose', [part]));
    }
  });

  it('leaves nothing of one text in the hash of the next', () => {
    const key = randomBytes(32);
    const hash = createKeyedHash(key);
    hash('purpose', 'x'.repeat(300));
    expect(hash('purpose', 'y').toString('hex')).toBe(reference(key, 'purpose', ['y']));
    expect(hash('purpose', 'y')).not.toEqual(createKeyedHash(randomBytes(32))('purpose', 'y'));
  });

  it('is the first half of the digest', () => {
    const key = randomBytes(32);
    const digested = createKeyedDigest(key)('held-key', 'abc');
    expect(digested).toHaveLength(32);
    expect(hashOfDigest(digested)).toEqual(createKeyedHash(key)('held-key', 'abc'));
  });
});

it('a seeded digest depends on seed and text, and has 32 bytes', () => {
  const seeds = [randomBytes(32), randomBytes(32)].map((seed) => seed.toString('latin1')) as [string, string];
  const digests = seeds.flatMap((seed) => ['a', 'b'].map((text) => seededDigest(seed, text)));
  expect(new Set(digests).size).toBe(4);
  expect(digests.every((digested) => digested.length === 32)).toBe(true);
  expect(seededDigest(seeds[0], 'a')).toBe(digests[0]);
});
