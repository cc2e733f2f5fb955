import { createDecipheriv, createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Replayable } from '../../src/replay/seal.ts';
import { bind, checkOf, isMarker, lookupName, marker, open, seal, sealingKeyOf } from '../../src/replay/seal.ts';
import { ANSWER, beginFirst, CALLER, KEEP_MS, KEY, NOT_KEPT, openVault, REVEAL, UNKNOWN } from './support.ts';

const SALT = Buffer.alloc(32, 3);
const NONCE = Buffer.alloc(12, 5);
const CHECK = Buffer.alloc(16, 9);

/** HKDF by the letter of RFC 5869, 2.2 and 2.3, for one block of output. */
function hkdf(key: string, label: string, parts: readonly Buffer[], length: number): Buffer {
  const prk = createHmac('sha256', SALT).update(key).digest();
  const info = [Buffer.from(`onetime-gateway replay 1 ${label}`), ...parts].map(framed);
  return createHmac('sha256', prk)
    .update(Buffer.concat(info))
    .update(Buffer.from([1]))
    .digest()
    .subarray(0, length);
}
function framed(part: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return Buffer.concat([length, part]);
}
function sha256(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}
const caller = sha256(framed(Buffer.from(CALLER)));
const request = sha256(
  ...[REVEAL.method, REVEAL.target, REVEAL.contentType ?? ''].map((text) => framed(Buffer.from(text))),
  framed(sha256(REVEAL.body)),
);

describe('the sealed format, which gateways on one store share', () => {
  const bound = bind(CALLER, REVEAL);

  it('derives name, check and key as an independent RFC 5869 does', () => {
    expect(lookupName(SALT, KEY, bound)).toBe(hkdf(KEY, 'name', [caller], 16).toString('latin1'));
    expect(checkOf(SALT, KEY, bound)).toEqual(hkdf(KEY, 'check', [caller, request], 16));
    expect(sealingKeyOf(SALT, KEY, bound)).toEqual(hkdf(KEY, 'seal', [caller, request], 32));
  });

  it('is check, nonce, tag, AES-256-GCM ciphertext, with the name authenticated', () => {
    const name = lookupName(SALT, KEY, bound);
    const check = checkOf(SALT, KEY, bound);
    const record = seal(sealingKeyOf(SALT, KEY, bound), name, check, NONCE, ANSWER, 1000) ?? Buffer.alloc(0);
    expect(record.subarray(0, 16)).toEqual(check);
    expect(record.subarray(16, 28)).toEqual(NONCE);
    const decipher = createDecipheriv('aes-256-gcm', hkdf(KEY, 'seal', [caller, request], 32), NONCE);
    decipher.setAAD(Buffer.from(name, 'latin1')).setAuthTag(record.subarray(28, 44));
    const clear = Buffer.concat([decipher.update(record.subarray(44)), decipher.final()]);
    const headEnd = 4 + clear.readUInt32BE(0);
    const { body, ...head } = ANSWER as Extract<Replayable, { kind: 'answered' }>;
    expect(JSON.parse(clear.toString('utf8', 4, headEnd))).toEqual(head);
    expect(clear.subarray(headEnd)).toEqual(body);
  });

  it('seals the same answer differently with every nonce, and nothing over its bound', () => {
    const key = sealingKeyOf(SALT, KEY, bound);
    const [one, other] = [NONCE, Buffer.alloc(12, 6)].map((nonce) => seal(key, 'n', CHECK, nonce, ANSWER, 1000));
    expect(one?.subarray(44)).not.toEqual(other?.subarray(44));
    expect(seal(key, 'n', CHECK, NONCE, ANSWER, (one?.length ?? 0) - 1)).toBeUndefined();
    expect(seal(key, 'n', CHECK, NONCE, ANSWER, one?.length ?? 0)).toEqual(one);
  });
});

describe('with everything that is stored', () => {
  const bound = bind(CALLER, REVEAL);
  const name = lookupName(SALT, KEY, bound);
  const check = checkOf(SALT, KEY, bound);
  const record = seal(sealingKeyOf(SALT, KEY, bound), name, check, NONCE, ANSWER, 1000) ?? Buffer.alloc(0);

  it.each([
    ['another header value', sealingKeyOf(SALT, `${KEY}0`, bound)],
    ['another caller', sealingKeyOf(SALT, KEY, bind(undefined, REVEAL))],
    ['another request', sealingKeyOf(SALT, KEY, bind(CALLER, { ...REVEAL, target: '/' }))],
    ['another salt', sealingKeyOf(Buffer.alloc(32), KEY, bound)],
    ['the stored name as the header value', sealingKeyOf(SALT, name, bound)],
    ['the stored check as the header value', sealingKeyOf(SALT, check.toString('latin1'), bound)],
    ['the stored bytes themselves', Buffer.concat([Buffer.from(name, 'latin1'), check])],
  ])('it does not open by %s', (_, key) => {
    expect(() => open(key, name, record)).toThrow();
  });

  it('does not open under another name, cut, longer, or with any one bit changed', () => {
    const key = sealingKeyOf(SALT, KEY, bound);
    expect(open(key, name, record)).toEqual(ANSWER);
    expect(() => open(key, lookupName(SALT, `${KEY}0`, bound), record)).toThrow();
    for (let length = 0; length < record.length; length++) {
      expect(() => open(key, name, record.subarray(0, length))).toThrow();
    }
    expect(() => open(key, name, Buffer.concat([record, NONCE]))).toThrow();
    for (let bit = 16 * 8; bit < record.length * 8; bit++) {
      const changed = Buffer.from(record);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => open(key, name, changed)).toThrow();
    }
    expect(isMarker(marker(check))).toBe(true);
    expect(isMarker(record)).toBe(false);
  });
});

describe('a record that somebody changed in the store', () => {
  const stored = (shelf: ReturnType<typeof openVault>['shelf']) => {
    const [entry] = shelf.dump();
    if (entry === undefined) throw new Error('nothing stored');
    return entry;
  };
  const flip = (record: Buffer, at: number) => record.writeUInt8(record.readUInt8(at) ^ 1, at);

  it.each([
    ['nonce', 16],
    ['tag', 28],
    ['ciphertext', 44],
  ])('in its %s: the repeat gets unknown, never is sent, and it is counted', (_, at) => {
    const told: string[] = [];
    const { vault, shelf } = openVault({ observe: (what) => told.push(what) });
    beginFirst(vault).settle(ANSWER);
    flip(stored(shelf).record, at);
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual({ kind: 'replay', answer: NOT_KEPT });
    expect(vault.readings()).toMatchObject({ unreadable: 1, replayed: 1 });
    expect(told).toEqual(['open']);
  });

  it('in its check: the repeat is a mismatch, and not sent', () => {
    const { vault, shelf } = openVault();
    beginFirst(vault).settle(ANSWER);
    flip(stored(shelf).record, 0);
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual({ kind: 'mismatch' });
  });

  it("cut, or with another answer's seal behind its own check: the repeat gets unknown, and not the other answer", () => {
    const { vault, shelf, clock } = openVault();
    beginFirst(vault).settle(ANSWER);
    const mine = stored(shelf);
    for (const length of [17, 28, 44, mine.record.length - 1]) {
      shelf.put(mine.name, mine.record.subarray(0, length));
      expect(vault.begin(KEY, CALLER, REVEAL)).toEqual({ kind: 'replay', answer: NOT_KEPT });
    }
    shelf.put(mine.name, Buffer.alloc(0));
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual({ kind: 'mismatch' });
    clock.ms += KEEP_MS;
    beginFirst(vault, { key: `${KEY}-2` }).settle(UNKNOWN);
    shelf.put(mine.name, Buffer.concat([mine.record.subarray(0, 16), stored(shelf).record.subarray(16)]));
    expect(vault.begin(KEY, CALLER, REVEAL)).toEqual({ kind: 'replay', answer: NOT_KEPT });
  });
});
