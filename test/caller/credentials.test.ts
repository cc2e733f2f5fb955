import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountKey, parseCredentials } from '../../src/caller/credentials.ts';

const base64 = (text: string | Uint8Array): string => Buffer.from(text as string).toString('base64');
const basic = (text: string | Uint8Array): string => `Basic ${base64(text)}`;
const unseen = /[\s\p{White_Space}\p{Cc}\p{Cf}]/u;

describe('parseCredentials', () => {
  it('reads name, token and canonical header', () => {
    expect(parseCredentials(basic('ops@corp.example:abc123'))).toEqual({
      name: 'ops@corp.example',
      token: 'abc123',
      header: basic('ops@corp.example:abc123'),
    });
  });

  it('reads any case of the scheme and any number of spaces, and answers one header for all', () => {
    for (const start of ['Basic ', 'basic ', 'BASIC   ', 'bAsIc  ']) {
      expect(parseCredentials(start + base64('a:b'))).toEqual({ name: 'a', token: 'b', header: basic('a:b') });
    }
  });

  it('divides at the first colon', () => {
    expect(parseCredentials(basic('a:b:c:'))).toMatchObject({ name: 'a', token: 'b:c:' });
  });

  it('takes no header, and the empty pair that one client always sends, as absent', () => {
    for (const header of [undefined, 'Basic Og==', 'basic   Og==']) expect(parseCredentials(header)).toBe('absent');
  });

  it.each([
    ['an empty value', ''],
    ['the scheme alone', 'Basic'],
    ['the scheme and a space', 'Basic '],
    ['a tab for the space', `Basic\t${base64('a:b')}`],
    ['a tab after the space', `Basic \t${base64('a:b')}`],
    ['Bearer', `Bearer ${base64('a:b')}`],
    ['Digest', 'Digest username="a"'],
    ['a longer scheme', `Basics ${base64('a:b')}`],
    ['a space in front', ` ${basic('a:b')}`],
    ['a space behind', `${basic('a:b')} `],
    ['two values', `${basic('a:b')}, ${basic('c:d')}`],
    ['two tokens', `${basic('a:b')} ${base64('c:d')}`],
    ['no colon', basic('ab')],
    ['an empty name', basic(':token')],
    ['an empty token', basic('name:')],
    ['the empty pair without padding', 'Basic Og'],
    ['padding left out', `Basic ${base64('a:bc').replace(/=+$/, '')}`],
    ['padding in excess', `Basic ${base64('a:b')}=`],
    ['text after padding', `Basic ${base64('a:bc')}YTpi`],
    ['stray bits in the last character', 'Basic YTpiYh=='],
    ['base64url', `Basic ${base64('a:>>>???').replaceAll('+', '-').replaceAll('/', '_')}`],
    ['junk between', 'Basic YT!pi'],
    ['a line break between', 'Basic YT\npi'],
    ['bytes that are not UTF-8', basic(Uint8Array.of(0x61, 0x3a, 0xff))],
    ['latin-1', basic(Buffer.from('jos\u00e9:b', 'latin1'))],
    ['an overlong colon', basic(Uint8Array.of(0x61, 0xc0, 0xba, 0x3a, 0x62))],
    ['a lone surrogate', basic(Uint8Array.of(0x61, 0x3a, 0xed, 0xa0, 0x80))],
    ['a byte order mark', basic('\ufeffa:b')],
    ['NUL in the name', basic('a\0b:c')],
    ['a line break in the name', basic('a\n:c')],
    ['a space before the name', basic(' a:c')],
    ['a no-break space in the name', basic('a\u00a0:c')],
    ['a zero width space in the name', basic('a\u200b:c')],
    ['DEL in the name', basic('a\u007f:c')],
    ['a next-line character in the name', basic('a\u0085:c')],
    ['257 characters of name', basic(`${'n'.repeat(257)}:c`)],
    ['more than 8 KiB', basic(`a:${'t'.repeat(6200)}`)],
  ])('takes %s as malformed', (_what, header) => {
    expect(parseCredentials(header)).toBe('malformed');
  });

  it('takes 256 characters of name, and 8 KiB of header, but not one byte more', () => {
    expect(parseCredentials(basic(`${'n'.repeat(256)}:c`))).toMatchObject({ token: 'c' });
    const longest = basic(`a:${'t'.repeat(6136)}`);
    expect(longest.length).toBeLessThanOrEqual(8192);
    expect(parseCredentials(longest)).toMatchObject({ name: 'a' });
    expect(parseCredentials(`Basic ${' '.repeat(8193 - longest.length)}${longest.slice(6)}`)).toBe('malformed');
  });

  it('property: any pair comes back as it was given', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
      .filter((text) => text.isWellFormed() && !text.includes(':') && !unseen.test(text) && text.length <= 256);
    const token = fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(name, token, (name, token) => {
        expect(parseCredentials(basic(`${name}:${token}`))).toEqual({ name, token, header: basic(`${name}:${token}`) });
      }),
      { numRuns: 5000 },
    );
  });

  it('property: whatever is accepted encodes to the bytes that came', () => {
    const header = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => basic(bytes)),
      fc.string({ maxLength: 40 }).map((text) => basic(`a:${text}`)),
      fc.string({ maxLength: 40, unit: fc.constantFrom(...'AZaz09+/-_= !\n') }).map((text) => `Basic ${text}`),
    );
    fc.assert(
      fc.property(header, (header) => {
        const read = parseCredentials(header);
        if (typeof read === 'string') return;
        expect(read.header).toBe(header.replace(/^Basic +/, 'Basic '));
        expect(basic(`${read.name}:${read.token}`)).toBe(read.header);
      }),
      { numRuns: 20_000 },
    );
  });

  it('property: one character more or less in the base64 never reads as the same pair', () => {
    const change = fc.record({
      at: fc.nat(30),
      with: fc.constantFrom('', '-', '_', '=', ' ', '.', '\n', '\0', 'A', '\u0101'),
      cut: fc.nat(1),
    });
    fc.assert(
      fc.property(change, fc.constantFrom('a:b', 'ops@corp.example:>>?', 'a:bc'), (change, pair) => {
        const good = base64(pair);
        const at = 1 + (change.at % good.length); // not in front, where spaces may stand
        const bad = good.slice(0, at) + change.with + good.slice(at + change.cut);
        const read = parseCredentials(`Basic ${bad}`);
        if (bad !== good && typeof read !== 'string') expect(`${read.name}:${read.token}`).not.toBe(pair);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('accountKey', () => {
  it('is one for every spelling of a name', () => {
    expect(accountKey('Ops@Corp.Example')).toBe('ops@corp.example');
    expect(accountKey('JOSE\u0301@corp.example')).toBe(accountKey('jos\u00e9@corp.example'));
  });

  it('keeps different names apart', () => {
    expect(accountKey('jos\u00e9@corp.example')).not.toBe(accountKey('jose@corp.example'));
  });

  it('property: a second time changes nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(accountKey(accountKey(name))).toBe(accountKey(name));
      }),
      { numRuns: 20_000 },
    );
  });
});
