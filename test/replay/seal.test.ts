import { createDecipheriv, createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Replayable } from '../../src/replay/seal.ts';
import { derive, isMarker, marker, open, seal } from '../../src/replay/seal.ts';
import { ANSWER, beginFirst, CALLER, KEEP_MS, KEY, NOT_KEPT, openVault, REVEAL, UNKNOWN } from './support.ts';

const SALT = Buffer.alloc(32, 3);
const NONCE = Buffer.alloc(12, 5);

/** By the letter of RFC 5869, 2.2 and 2.3, for one block of output. */
function hkdf(key: string, label: string, parts: readonly Buffer[], length: number): Buffer {
  const extracted = createHmac('sha256', SALT).update(key).digest();
  const info = [Buffer.from(`onetime-gateway replay 1 ${label}`), ...parts].map(framed);
  const block = createHmac('sha256', extracted)
    .update(Buffer.concat(info))
    .update(Buffer.from([1]))
    .digest();
  return block.subarray(0, length);
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

const derived = derive(SALT, KEY, CALLER, REVEAL);
const sealWith = (nonce: Buffer, mostBytes = 1000): Buffer | undefined => seal(derived, nonce, ANSWER, mostBytes);
const record = sealWith(NONCE) ?? Buffer.alloc(0);

describe('the sealed format, which gateways on one store share', () => {
  it('has name, check and key from HKDF-SHA-256, with absent parts unlike empty ones', () => {
    const sealingKey = hkdf(KEY, 'seal', [caller, request], 32);
    expect(derived).toEqual({
      name: hkdf(KEY, 'name', [caller], 16).toString('latin1'),
      check: hkdf(KEY, 'check', [caller, request], 16),
      sealingKey,
    });
    const nobody = sha256(Buffer.alloc(4, 0xff));
    expect(derive(SALT, KEY, undefined, REVEAL).name).toBe(hkdf(KEY, 'name', [nobody], 16).toString('latin1'));
  });

  it('is check, nonce, tag, AES-256-GCM ciphertext, with the name authenticated', () => {
    expect(record.subarray(0, 16)).toEqual(derived.check);
    expect(record.subarray(16, 28)).toEqual(NONCE);
    const decipher = createDecipheriv('aes-256-gcm', hkdf(KEY, 'seal', [caller, request], 32), NONCE);
    decipher.setAAD(Buffer.from(derived.name, 'latin1')).setAuthTag(record.subarray(28, 44));
    const clear = Buffer.concat([decipher.update(record.subarray(44)), decipher.final()]);
    const headEnd = 4 + clear.readUInt32BE(0);
    const { body, ...head } = ANSWER as Extract<Replayable, { kind: 'answered' }>;
    expect(JSON.parse(clear.toString('utf8', 4, headEnd))).toEqual(head);
    expect(clear.subarray(headEnd)).toEqual(body);
  });

  it('seals the same answer differently with every nonce, and nothing over its bound', () => {
    expect(sealWith(Buffer.alloc(12, 6))?.subarray(44)).not.toEqual(record.subarray(44));
    expect(sealWith(NONCE, record.length - 1)).toBeUndefined();
    expect(sealWith(NONCE, record.length)).toEqual(record);
  });
});

describe('with everything that is stored', () => {
  const { name, check } = derived;
  const stored = Buffer.concat([Buffer.from(name, 'latin1'), check]);

  it.each([
    ['another header value', derive(SALT, `${KEY}0`, CALLER, REVEAL).sealingKey],
    ['another caller', derive(SALT, KEY, undefined, REVEAL).sealingKey],
    ['another request', derive(SALT, KEY, CALLER, { ...REVEAL, target: '/' }).sealingKey],
    ['another salt', derive(Buffer.alloc(32), KEY, CALLER, REVEAL).sealingKey],
    ['the stored name as the header value', derive(SALT, name, CALLER, REVEAL).sealingKey],
    ['the stored check as the header value', derive(SALT, check.toString('latin1'), CALLER, REVEAL).sealingKey],
    ['the stored bytes themselves', stored],
  ])('it does not open by %s', (_, sealingKey) => {
    expect(() => open({ name, check, sealingKey }, record)).toThrow();
  });

  it('does not open under another name, cut, longer, or with any one bit changed', () => {
    expect(open(derived, record)).toEqual(ANSWER);
    expect(() => open({ ...derived, name: derive(SALT, `${KEY}0`, CALLER, REVEAL).name }, record)).toThrow();
    for (let length = 0; length < record.length; length++) {
      expect(() => open(derived, record.subarray(0, length))).toThrow();
    }
    expect(() => open(derived, Buffer.concat([record, NONCE]))).toThrow();
    for (let bit = 16 * 8; bit < record.length * 8; bit++) {
      const changed = Buffer.from(record);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => open(derived, changed)).toThrow();
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
