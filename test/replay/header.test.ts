import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIdempotencyKey, readIdempotencyKey } from '../../src/replay/header.ts';

const UUID = '8e03978e-40d5-43e8-bc93-6894a57f9324';
const given = (key: string) => ({ kind: 'given', key });
const malformed = { kind: 'malformed', hint: expect.any(String) };

describe('the Idempotency-Key header', () => {
  it('means the same bare and as a structured-field string', () => {
    expect(parseIdempotencyKey(`"${UUID}"`)).toEqual(given(UUID));
    expect(parseIdempotencyKey(UUID)).toEqual(given(UUID));
    expect(parseIdempotencyKey(` \t"${UUID}"\t `)).toEqual(given(UUID));
    expect(parseIdempotencyKey(` ${UUID} `)).toEqual(given(UUID));
  });

  it('undoes the two escapes of a structured-field string, and no other', () => {
    expect(parseIdempotencyKey('"0123456789 \\" \\\\ end"')).toEqual(given('0123456789 " \\ end'));
    expect(parseIdempotencyKey('"0123456789 \\n abcdef"')).toEqual(malformed);
    expect(parseIdempotencyKey('"0123456789abcdef\\"')).toEqual(malformed);
    expect(parseIdempotencyKey('"0123456789abcdef\\')).toEqual(malformed);
  });

  it.each([
    ['', 'empty'],
    ['""', 'the empty string'],
    ['"', 'a lone quote'],
    [`"${UUID}`, 'no closing quote'],
    [`${UUID}"`, 'no opening quote'],
    [`"${UUID}" `.concat('x'), 'text behind the string'],
    [`"${UUID}";v=1`, 'parameters'],
    [`"${UUID}", "${UUID}"`, 'two strings joined by a proxy'],
    [`${UUID}, ${UUID}`, 'two bare values joined by a proxy'],
    [`${UUID}\u0000`, 'a control character'],
    [`"${UUID}\t-"`, 'a tab within'],
    [`${UUID}\u007f`, 'DEL'],
    [`${UUID}\u00e9`, 'a character beyond ASCII'],
    [`"${UUID}\u00e9"`, 'a character beyond ASCII, quoted'],
    ['x'.repeat(15), '15 characters'],
    [`"${'x'.repeat(15)}"`, '15 characters, quoted'],
    [`"${'\\"'.repeat(15)}"`, '15 characters, escaped'],
    ['x'.repeat(256), '256 characters'],
  ])('is malformed: %j (%s)', (value) => {
    expect(parseIdempotencyKey(value)).toEqual(malformed);
  });

  it('takes 16 to 255 characters, counted without quotes and escapes', () => {
    for (const key of ['x'.repeat(16), 'x'.repeat(255)]) {
      expect(parseIdempotencyKey(key)).toEqual(given(key));
      expect(parseIdempotencyKey(`"${key}"`)).toEqual(given(key));
    }
    expect(parseIdempotencyKey(`"${'\\\\'.repeat(255)}"`)).toEqual(given('\\'.repeat(255)));
  });

  it('is found under any spelling of its name, and malformed when it comes twice, even with the same value', () => {
    expect(readIdempotencyKey(['Host', 'x', 'IDEMPOTENCY-Key', UUID])).toEqual(given(UUID));
    expect(readIdempotencyKey(['idempotency-key', UUID, 'Idempotency-Key', UUID])).toEqual(malformed);
    expect(readIdempotencyKey(['Host', 'x', 'X-Idempotency-Key', UUID, 'Accept', 'idempotency-key'])).toEqual({
      kind: 'absent',
    });
    expect(readIdempotencyKey([])).toEqual({ kind: 'absent' });
  });

  it('gives back every printable text, and never throws or repeats the value in its hint', () => {
    const printable = fc.string({ unit: 'grapheme-ascii', minLength: 16, maxLength: 255 });
    fc.assert(
      fc.property(printable, (text) => {
        expect(parseIdempotencyKey(`"${text.replaceAll(/["\\]/g, '\\$&')}"`)).toEqual(given(text));
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (value) => {
        const parsed = parseIdempotencyKey(value);
        if (parsed.kind === 'malformed' && value.length >= 16) expect(parsed.hint).not.toContain(value);
        if (parsed.kind === 'given') expect(parsed.key).toMatch(/^[ -~]{16,255}$/);
      }),
    );
  });
});
