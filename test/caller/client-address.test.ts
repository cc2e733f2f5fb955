import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClientAddress, createTrust } from '../../src/caller/client-address.ts';

const proxied = createClientAddress(['10.0.0.0/8', '192.168.1.1', '2001:db8:1::/48', '::ffff:172.16.0.0/108']);
const LB = '10.0.0.1';

describe('client address without trusted proxies', () => {
  const address = createClientAddress([]);
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:0:1', '::ffff:0:1'],
    ['::1', '::1'],
    ['', ''],
  ])('of socket %j is %j, whatever X-Forwarded-For says', (socket, expected) => {
    expect(address(socket, [])).toBe(expected);
    expect(address(socket, ['198.51.100.1'])).toBe(expected);
  });
});

describe('client address behind trusted proxies', () => {
  it('does not believe a peer that is not trusted', () => {
    expect(proxied('203.0.113.9', ['198.51.100.1'])).toBe('203.0.113.9');
    expect(proxied('11.0.0.1', ['198.51.100.1'])).toBe('11.0.0.1');
    expect(proxied('192.168.1.2', ['198.51.100.1'])).toBe('192.168.1.2');
    expect(proxied('2001:db8:2::1', ['198.51.100.1'])).toBe('2001:db8:2::1');
    expect(proxied('', ['198.51.100.1'])).toBe('');
  });

  it('believes each way of writing a trusted peer', () => {
    for (const peer of [LB, '::ffff:10.0.0.1', '192.168.1.1', '2001:db8:1::5', '172.31.255.255', '::ffff:ac10:1']) {
      expect(proxied(peer, ['198.51.100.1'])).toBe('198.51.100.1');
    }
  });

  it('is the socket where the proxy said nothing', () => {
    expect(proxied('::ffff:10.0.0.1', [])).toBe(LB);
  });

  it('is the first untrusted address from the right: what the caller wrote itself is not reached', () => {
    expect(proxied(LB, ['1.1.1.1, 198.51.100.1'])).toBe('198.51.100.1');
    expect(proxied(LB, ['1.1.1.1', '198.51.100.1'])).toBe('198.51.100.1');
    expect(proxied(LB, ['1.1.1.1, 198.51.100.1', '10.2.3.4,192.168.1.1 , 2001:db8:1::9'])).toBe('198.51.100.1');
  });

  it('is the leftmost where all are trusted', () => {
    expect(proxied(LB, ['10.9.9.9, 10.8.8.8', '10.7.7.7'])).toBe('10.9.9.9');
  });

  it.each([
    'unknown',
    '_hidden',
    '',
    ' ',
    '1.2.3',
    '01.2.3.4',
    '0x7f.1',
    '1.2.3.4.5',
    '1.2.3.4:',
    '1.2.3.4:x',
    '"::1"',
  ])('ends the walk at %j with the last good address', (bad) => {
    expect(proxied(LB, [`1.1.1.1, ${bad}`])).toBe(LB);
    expect(proxied(LB, [`1.1.1.1, ${bad}, 10.2.3.4`])).toBe('10.2.3.4');
    expect(proxied(LB, ['1.1.1.1', bad, '10.2.3.4'])).toBe('10.2.3.4');
  });

  it.each([
    ['1.2.3.4:5678', '1.2.3.4'],
    ['[::1]:443', '::1'],
    ['[2001:DB8:0:0::1]', '2001:db8::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%eth0]:80', 'fe80::1'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:0102:0304', '1.2.3.4'],
    ['[::ffff:1.2.3.4]:99', '1.2.3.4'],
    ['::1.2.3.4', '::1.2.3.4'],
    ['\t1.2.3.4 ', '1.2.3.4'],
  ])('reads %j as %j', (entry, expected) => {
    expect(proxied(LB, [entry])).toBe(expected);
  });

  it.each([
    '[1.2.3.4]',
    '[::1',
    '::1]',
    '[::1]443',
    '[::1]:',
    '[::1]:123456',
    '[]',
    'fe80::1%',
    '1.2.3.4%eth0',
    'localhost',
  ])('does not read %j', (entry) => {
    expect(proxied(LB, [entry])).toBe(LB);
  });

  it('knows a trusted address in each way of writing it', () => {
    expect(proxied(LB, ['198.51.100.1, ::ffff:10.1.1.1, [2001:DB8:1::7]:80, 10.3.3.3:80'])).toBe('198.51.100.1');
  });

  it('keeps the families apart: ::/0 is not every IPv4 address', () => {
    const v6 = createClientAddress(['::/0']);
    expect(v6('2001:db8::9', ['198.51.100.1'])).toBe('198.51.100.1');
    expect(v6('203.0.113.9', ['198.51.100.1'])).toBe('203.0.113.9');
    expect(v6('::ffff:203.0.113.9', ['198.51.100.1'])).toBe('203.0.113.9');
    const v4 = createClientAddress(['0.0.0.0/0']);
    expect(v4('::ffff:203.0.113.9', ['198.51.100.1'])).toBe('198.51.100.1');
    expect(v4('2001:db8::9', ['198.51.100.1'])).toBe('2001:db8::9');
  });

  it('takes a CIDR with host bits as its network', () => {
    expect(createClientAddress(['10.1.2.3/8'])('10.200.0.1', ['198.51.100.1'])).toBe('198.51.100.1');
  });

  it('looks at a bounded part of a huge header', () => {
    const hops = Array.from({ length: 100_000 }, (_, index) => `10.0.${(index >> 8) & 255}.${index & 255}`);
    expect(proxied(LB, [`1.1.1.1, ${hops.join(', ')}`])).toBe(hops.at(-32));
    expect(proxied(LB, ['1'.repeat(1_000_000)])).toBe(LB);
  });

  it.each([
    '',
    'x',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::/129',
    '::ffff:0:0/90',
    '10/8',
    '/8',
  ])('refuses %j as a trusted proxy', (cidr) => {
    expect(() => createClientAddress([cidr])).toThrow(RangeError);
  });

  it('property: equals a plain reading of the list', () => {
    const entry = fc.oneof(
      { weight: 6, arbitrary: fc.ipV4().map((ip) => ip.replace(/^\d+/, '10')) },
      { weight: 2, arbitrary: fc.ipV4() },
      { weight: 1, arbitrary: fc.constantFrom('unknown', '') },
    );
    fc.assert(
      fc.property(fc.array(fc.array(entry, { minLength: 1, maxLength: 4 }), { maxLength: 5 }), (lines) => {
        let expected = LB;
        for (const text of lines.flat().reverse()) {
          if (!/^\d/.test(text)) break;
          expected = text;
          if (!/^(10\.|172\.(1[6-9]|2\d|3[01])\.|192\.168\.1\.1$)/.test(text)) break;
        }
        expect(
          proxied(
            LB,
            lines.map((line) => line.join(', ')),
          ),
        ).toBe(expected);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('trust in a peer', () => {
  const trusts = createTrust(['10.0.0.0/8', '2001:db8:1::/48']);
  it.each(['10.0.0.1', '::ffff:10.0.0.1', '::ffff:a00:1', '2001:db8:1::5', '2001:DB8:1:0::5'])(
    'is had in %s',
    (peer) => {
      expect(trusts(peer)).toBe(true);
    },
  );

  it.each(['11.0.0.1', '::ffff:11.0.0.1', '::10.0.0.1', '2001:db8:2::5', '', 'localhost', '10.0.0.1 ', '010.0.0.1'])(
    'is not had in %j',
    (peer) => {
      expect(trusts(peer)).toBe(false);
    },
  );

  it('is had in nobody where nobody is named', () => {
    expect(createTrust([])('127.0.0.1')).toBe(false);
  });

  it('names an entry that cannot be read', () => {
    expect(() => createTrust(['10.0.0.0/8', 'everybody'])).toThrow(
      new RangeError('not a CIDR or an address: "everybody"'),
    );
  });
});
