// The header of the PROXY protocol by its bytes: what is one, what is not yet one, and what is none.
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readProxyHeader } from '../../src/listener/proxy-protocol-read.ts';
import { headerV2, lineV1, SIGNATURE, summedV2, TCP4_ADDRESSES, TCP6_ADDRESSES } from '../support/proxy-headers.ts';

const text = (line: string): Buffer => Buffer.from(line, 'latin1');
const REQUEST = text('GET / HTTP/1.1\r\nHost: x\r\n\r\n');

/** Checksum, an endpoint's name and filling, as the network load balancer of AWS sends them. */
const OF_AWS = Buffer.concat([
  SIGNATURE,
  Buffer.from('21110054ac1f0771ac1f0a1fc8f20050030004e8d6892dea001701', 'hex'),
  text('vpce-08d2bf15fac5001c9'),
  Buffer.from('040024', 'hex'),
  Buffer.alloc(36),
]);

const GOOD: readonly (readonly [string, Buffer, string | undefined])[] = [
  ['a line of TCP over IPv4', lineV1('TCP4', '203.0.113.9'), '203.0.113.9'],
  ['the longest one', text(`PROXY TCP4 ${'255.255.255.255 '.repeat(2)}65535 65535\r\n`), '255.255.255.255'],
  ['ports of 0', text('PROXY TCP4 203.0.113.9 192.0.2.5 0 0\r\n'), '203.0.113.9'],
  ['a line of TCP over IPv6', lineV1('TCP6', '2001:db8::7'), '2001:db8::7'],
  ['an IPv6 address in capitals and in full', lineV1('TCP6', '2001:0DB8:0:0:0:0:0:0007'), '2001:db8::7'],
  ['an IPv4 address in one of IPv6', lineV1('TCP6', '::ffff:203.0.113.9'), '::ffff:203.0.113.9'],
  ['UNKNOWN alone', text('PROXY UNKNOWN\r\n'), undefined],
  ['UNKNOWN with what means nothing', text(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), undefined],
  ['version 2 of TCP over IPv4', headerV2(), '203.0.113.9'],
  ['version 2 of TCP over IPv6', headerV2({ family: 0x21, addresses: TCP6_ADDRESSES }), '2001:db8::7'],
  [
    'version 2 with an IPv4 address in one of IPv6',
    headerV2({
      family: 0x21,
      addresses: Buffer.concat([Buffer.from('00000000000000000000ffffcb007109', 'hex'), Buffer.alloc(20)]),
    }),
    '::ffff:203.0.113.9',
  ],
  [
    'version 2 with pieces of no interest',
    headerV2({
      pieces: [
        [0x04, Buffer.alloc(9)],
        [0xe0, text('x')],
      ],
    }),
    '203.0.113.9',
  ],
  ['version 2 with a piece that is empty', headerV2({ pieces: [[0x02, Buffer.alloc(0)]] }), '203.0.113.9'],
  ['version 2 with its checksum', summedV2(), '203.0.113.9'],
  ['version 2 of AWS', OF_AWS, '172.31.7.113'],
  ['the longest one of version 2', headerV2({ pieces: [[0x04, Buffer.alloc(4096 - 15)]] }), '203.0.113.9'],
  ['LOCAL with nothing', headerV2({ command: 0x20, family: 0, addresses: Buffer.alloc(0) }), undefined],
  ['LOCAL with addresses, which are none', headerV2({ command: 0x20 }), undefined],
  [
    'LOCAL with a family that does not exist',
    headerV2({ command: 0x20, family: 0xff, addresses: text('x') }),
    undefined,
  ],
  ['PROXY of nothing known', headerV2({ family: 0, addresses: text('whatever') }), undefined],
  ['PROXY of UDP', headerV2({ family: 0x12 }), undefined],
  ['PROXY of UDP over IPv6', headerV2({ family: 0x22, addresses: TCP6_ADDRESSES }), undefined],
  ['PROXY of a UNIX socket', headerV2({ family: 0x31, addresses: Buffer.alloc(216, 'a') }), undefined],
  ['PROXY of UNIX datagrams', headerV2({ family: 0x32, addresses: Buffer.alloc(216) }), undefined],
];

describe('a header', () => {
  it.each(GOOD)('%s names its caller, or nobody', (_what, header, address) => {
    expect(readProxyHeader(header)).toEqual({ kind: 'header', lengthBytes: header.length, address });
  });

  it.each(GOOD)('%s ends where it ends, whatever comes behind', (_what, header, address) => {
    const found = { kind: 'header', lengthBytes: header.length, address };
    expect(readProxyHeader(Buffer.concat([header, REQUEST]))).toEqual(found);
    expect(readProxyHeader(Buffer.concat([header, header]))).toEqual(found);
  });

  it.each(GOOD)('%s is not whole before its last byte, and names nobody', (_what, header) => {
    for (let end = 0; end < header.length; end++) {
      expect(readProxyHeader(header.subarray(0, end)), `${end} bytes`).toEqual({ kind: 'part' });
    }
  });
});

describe('no header', () => {
  it.each([
    ['a request', REQUEST],
    ['a request that begins alike', text('POST / HTTP/1.1\r\n')],
    ['a TLS handshake', Buffer.from('16030100', 'hex')],
    ['the preface of HTTP/2', text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['empty lines', text('\r\n\r\n\r\n')],
    ['small letters', text('proxy TCP4 ')],
    ['a space before it', text(' PROXY TCP4 ')],
    ['a tab behind PROXY', text('PROXY\tTCP4 ')],
    ['a signature with one bit wrong', Buffer.concat([SIGNATURE.subarray(0, 11), text('\x0b')])],
  ])('%s is missing one', (_what, bytes) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: 'missing' });
  });

  it.each([
    ['no address', 'PROXY TCP4\r\n'],
    ['no ports', 'PROXY TCP4 203.0.113.9 192.0.2.5\r\n'],
    ['one port', 'PROXY TCP4 203.0.113.9 192.0.2.5 1\r\n'],
    ['three ports', 'PROXY TCP4 203.0.113.9 192.0.2.5 1 2 3\r\n'],
    ['two spaces', 'PROXY TCP4  203.0.113.9 192.0.2.5 1 2\r\n'],
    ['a space at the end', 'PROXY TCP4 203.0.113.9 192.0.2.5 1 2 \r\n'],
    ['a tab', 'PROXY TCP4\t203.0.113.9 192.0.2.5 1 2\r\n'],
    ['no family', 'PROXY \r\n'],
    ['a family in small letters', 'PROXY tcp4 203.0.113.9 192.0.2.5 1 2\r\n'],
    ['another family', 'PROXY UDP4 203.0.113.9 192.0.2.5 1 2\r\n'],
    ['a family that begins with UNKNOWN', 'PROXY UNKNOWNS\r\n'],
    ['an address of the other family', 'PROXY TCP4 2001:db8::7 192.0.2.5 1 2\r\n'],
    ['an address of the other family', 'PROXY TCP6 203.0.113.9 2001:db8::5 1 2\r\n'],
    ['a destination of the other family', 'PROXY TCP4 203.0.113.9 2001:db8::5 1 2\r\n'],
    ['a number over 255', 'PROXY TCP4 203.0.113.256 192.0.2.5 1 2\r\n'],
    ['a zero before a number', 'PROXY TCP4 203.0.113.09 192.0.2.5 1 2\r\n'],
    ['three numbers', 'PROXY TCP4 203.0.113 192.0.2.5 1 2\r\n'],
    ['a name', 'PROXY TCP4 localhost 192.0.2.5 1 2\r\n'],
    ['an address with a zone', 'PROXY TCP6 fe80::1%eth0 2001:db8::5 1 2\r\n'],
    ['brackets', 'PROXY TCP6 [2001:db8::7] 2001:db8::5 1 2\r\n'],
    ['two double colons', 'PROXY TCP6 2001::db8::7 2001:db8::5 1 2\r\n'],
    ['a port over 65535', 'PROXY TCP4 203.0.113.9 192.0.2.5 65536 2\r\n'],
    ['a zero before a port', 'PROXY TCP4 203.0.113.9 192.0.2.5 01 2\r\n'],
    ['a negative port', 'PROXY TCP4 203.0.113.9 192.0.2.5 -1 2\r\n'],
    ['a port in hex', 'PROXY TCP4 203.0.113.9 192.0.2.5 0x1 2\r\n'],
    ['a bare LF', 'PROXY TCP4 203.0.113.9 192.0.2.5 1 2\n'],
    ['a bare CR', 'PROXY TCP4 203.0.113.9 192.0.2.5 1 2\rGET'],
    ['a bare LF in what means nothing', 'PROXY UNKNOWN a\nb'],
    ['NUL', 'PROXY TCP4 203.0.113.9\0 192.0.2.5 1 2\r\n'],
    ['a byte beyond ASCII', 'PROXY UNKNOWN \xff\r\n'],
    ['107 bytes without an end', `PROXY UNKNOWN ${'x'.repeat(93)}`],
    ['an end at the 108th byte', `PROXY UNKNOWN ${'x'.repeat(92)}\r\n`],
  ])('of version 1 with %s (%j) is malformed', (_what, line) => {
    expect(readProxyHeader(text(line))).toEqual({ kind: 'malformed' });
    expect(readProxyHeader(text(`${line}\r\nGET / HTTP/1.1\r\n\r\n`))).toEqual({ kind: 'malformed' });
  });

  it.each([
    ['version 1', headerV2({ command: 0x11 })],
    ['version 3', headerV2({ command: 0x31 })],
    ['another command', headerV2({ command: 0x22 })],
    ['another family', headerV2({ family: 0x41 })],
    ['another protocol', headerV2({ family: 0x13 })],
    ['a family without a protocol', headerV2({ family: 0x10 })],
    ['a protocol without a family', headerV2({ family: 0x01, addresses: Buffer.alloc(0) })],
    ['addresses that are cut', headerV2({ addresses: TCP4_ADDRESSES.subarray(0, 11) })],
    ['addresses of the other family', headerV2({ family: 0x21 })],
    ['the paths of a UNIX socket cut', headerV2({ family: 0x31, addresses: Buffer.alloc(215) })],
    ['no addresses', headerV2({ addresses: Buffer.alloc(0) })],
    ['4097 bytes', headerV2({ pieces: [[0x04, Buffer.alloc(4096 - 14)]] })],
    ['65535 bytes that need not come', headerV2({ length: 0xffff })],
    ['LOCAL with 4097 bytes', headerV2({ command: 0x20, length: 4097 })],
    ['a piece that is cut in its length', headerV2({ addresses: Buffer.concat([TCP4_ADDRESSES, text('\x04\0')]) })],
    ['a piece that goes beyond', headerV2({ addresses: Buffer.concat([TCP4_ADDRESSES, text('\x04\0\x02x')]) })],
    ['a checksum that is wrong', summedV2({}, 1)],
    ['a checksum over something else', tampered(summedV2(), 16)],
    ['a checksum of AWS over something else', tampered(OF_AWS, 80)],
    ['a checksum of three bytes', headerV2({ pieces: [[0x03, Buffer.alloc(3)]] })],
    ['two checksums', summedV2({ pieces: [[0x03, Buffer.alloc(4)]] })],
  ])('of version 2 with %s is malformed', (_what, header) => {
    expect(readProxyHeader(header)).toEqual({ kind: 'malformed' });
    expect(readProxyHeader(Buffer.concat([header, REQUEST]))).toEqual({ kind: 'malformed' });
  });

  it('is told at the first byte that shows it', () => {
    expect(readProxyHeader(text('PO'))).toEqual({ kind: 'missing' });
    expect(readProxyHeader(text('PROXY UNKNOWN \n'))).toEqual({ kind: 'malformed' });
    expect(readProxyHeader(headerV2({ command: 0x22 }).subarray(0, 13))).toEqual({ kind: 'malformed' });
    expect(readProxyHeader(headerV2({ length: 0xffff }).subarray(0, 16))).toEqual({ kind: 'malformed' });
  });
});

function tampered(header: Buffer, at: number): Buffer {
  const copy = Buffer.from(header);
  copy.writeUInt8((copy.readUInt8(at) + 1) & 0xff, at);
  return copy;
}

/** An address as its bytes, in the text that the protocol has for it. */
const ipv6Of = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/(.{4})(?!$)/g, '$1:');
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const ports = fc.tuple(fc.nat(65_535), fc.nat(65_535));
const bytes = fc.uint8Array({ maxLength: 200 });
const piece = fc.tuple(fc.integer({ min: 4, max: 255 }), fc.uint8Array({ maxLength: 40 }));

function addressBlock(source: Uint8Array, destination: Uint8Array, [from, to]: readonly [number, number]): Buffer {
  const block = Buffer.concat([source, destination, Buffer.alloc(4)]);
  block.writeUInt16BE(from, block.length - 4);
  block.writeUInt16BE(to, block.length - 2);
  return block;
}

describe('of all headers', () => {
  it('made of any addresses and ports, both versions name the same caller', () => {
    const made = fc.oneof(
      fc.tuple(fc.constant(4 as const), ipv4, ipv4, ports),
      fc.tuple(fc.constant(6 as const), ipv6, ipv6, ports),
    );
    fc.assert(
      fc.property(made, fc.array(piece, { maxLength: 5 }), bytes, ([family, from, to, both], pieces, behind) => {
        const [source, destination] = [from, to].map((each) => (family === 4 ? each.join('.') : ipv6Of(each)));
        const line = text(`PROXY TCP${family} ${source} ${destination} ${both.join(' ')}\r\n`);
        const more = { family: family === 4 ? 0x11 : 0x21, addresses: addressBlock(from, to, both), pieces };
        const byText = readProxyHeader(Buffer.concat([line, behind]));
        const byBytes = readProxyHeader(Buffer.concat([headerV2(more), behind]));
        const summed = readProxyHeader(Buffer.concat([summedV2(more), behind]));
        expect(byText).toMatchObject({ kind: 'header', lengthBytes: line.length });
        const address = byText.kind === 'header' ? byText.address : undefined;
        expect(isIP(address ?? '')).toBe(family);
        expect(byBytes).toEqual({ kind: 'header', lengthBytes: headerV2(more).length, address });
        expect(summed).toEqual({ kind: 'header', lengthBytes: summedV2(more).length, address });
      }),
    );
  });

  it('random bytes are none, and nothing throws', () => {
    fc.assert(
      fc.property(bytes, (random) => {
        expect(readProxyHeader(Buffer.from(random)).kind).not.toBe('header');
      }),
    );
  });

  it('behind a signature, random bytes name an address or nobody, never something else', () => {
    const begin = fc.constantFrom(
      SIGNATURE,
      Buffer.concat([SIGNATURE, text('\x21')]),
      text('PROXY '),
      text('PROXY TCP6 '),
    );
    fc.assert(
      fc.property(begin, bytes, (first, random) => {
        const all = Buffer.concat([first, random]);
        const found = readProxyHeader(all);
        expect(found.kind).not.toBe('missing');
        if (found.kind !== 'header') return;
        expect(found.lengthBytes).toBeLessThanOrEqual(all.length);
        if (found.address !== undefined) expect(isIP(found.address)).not.toBe(0);
      }),
      { numRuns: 2000 },
    );
  });

  it('with a checksum, one byte of the addresses, the filling or the sum changed makes it none', () => {
    const filling = text('filling');
    const header = summedV2({ pieces: [[0x04, filling]] });
    // Not the heads of the pieces: a checksum that is called something else is none.
    const heads = [16 + TCP4_ADDRESSES.length, 16 + TCP4_ADDRESSES.length + 3 + filling.length];
    const places = Array.from(header.keys()).filter(
      (at) => at >= 16 && !heads.some((head) => at >= head && at < head + 3),
    );
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const copy = Buffer.from(header);
        copy.writeUInt8(copy.readUInt8(at) ^ by, at);
        expect(readProxyHeader(copy)).toEqual({ kind: 'malformed' });
      }),
      { numRuns: 1000 },
    );
  });
});
