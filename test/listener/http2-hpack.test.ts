// Header blocks as real callers write them, and as nobody should.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader } from '../../src/listener/http2-frames.ts';
import { HeadReader } from '../../src/listener/http2-hpack.ts';
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  frame,
  HEADERS,
  head,
  headers,
  hpack,
  PREFACE,
  RST_STREAM,
  uint32,
} from '../support/http2-frames.ts';

const block = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const verdict = (bytes: Buffer): string => new HeadReader().read(bytes);

describe('a header block', () => {
  it.each([
    ['C.3.1: no Huffman', '828684410f7777772e6578616d706c652e636f6d'],
    ['C.4.1: Huffman', '828684418cf1e3c2e5f23a6ba0ab90f4ff'],
    [
      'C.6.1: an answer',
      '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
    ],
  ])('of RFC 7541, %s, is sound', (_what, text) => {
    expect(verdict(block(text))).toBe('sound');
  });

  it('is read with what the blocks before it have left in the table (RFC 7541, C.4)', () => {
    const reader = new HeadReader();
    const blocks = [
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ];
    for (const text of blocks) expect(reader.read(block(text))).toBe('sound');
    expect(reader.read(block('be bf c0'))).toBe('sound');
    expect(reader.read(block('c1'))).toBe('broken');
  });

  it('puts out of the table what is too old or too much for it', () => {
    const reader = new HeadReader();
    expect(reader.read(Buffer.concat([block('40'), hpack(['x', 'y'.repeat(3000)]).subarray(1)]))).toBe('sound');
    expect(reader.read(block('be'))).toBe('sound');
    expect(reader.read(Buffer.concat([block('40'), hpack(['z', 'y'.repeat(3000)]).subarray(1)]))).toBe('sound');
    expect(reader.read(block('bf'))).toBe('broken');
    const resized = new HeadReader();
    expect(resized.read(Buffer.concat([block('40'), hpack(['x', 'y']).subarray(1)]))).toBe('sound');
    expect(resized.read(block('20 3f e1 1f'))).toBe('sound');
    expect(resized.read(block('be'))).toBe('broken');
  });

  it.each([
    ['LF in a value', hpack(['x', 'a\nb'])],
    ['CR in a value', hpack(['x', 'a\rb'])],
    ['NUL in a value', hpack(['x', 'a\0b'])],
    ['DEL in a value', hpack(['x', '\x7f'])],
    ['LF in Huffman', block('00 01 78 84 fffffff3')],
    ['a space in a name', hpack(['x y', 'a'])],
    ['a colon in a name', hpack(['x:y', 'a'])],
    ['a capital in a name', hpack(['X', 'a'])],
    ['a letter beyond ASCII in a name', hpack(['\xe9', 'a'])],
    ['no name', hpack(['', 'a'])],
    ['one bad field among good ones', hpack(['x', 'y', 'x', '\0', 'z', 'y'])],
  ])('with %s is unsound', (_what, bytes) => {
    expect(verdict(bytes)).toBe('unsound');
  });

  it('is unsound each time that it takes an unsound field from the table', () => {
    const reader = new HeadReader();
    expect(reader.read(Buffer.concat([block('40'), hpack(['x', '\0']).subarray(1)]))).toBe('unsound');
    expect(reader.read(block('82'))).toBe('sound');
    expect(reader.read(block('be'))).toBe('unsound');
    expect(reader.read(Buffer.concat([block('0f 2f'), hpack(['', 'good']).subarray(2)]))).toBe('sound');
  });

  it.each([
    ['tabs and letters beyond ASCII in values', hpack(['x', 'a\tb\xe9'])],
    ['every letter of a token', hpack(["!#$%&'*+-.^_`|~09az", ''])],
    ['pseudo-headers', hpack(head('GET', '/'))],
  ])('with %s is sound', (_what, bytes) => {
    expect(verdict(bytes)).toBe('sound');
  });

  it.each([
    ['an index of zero', '80'],
    ['an index beyond the table', 'be'],
    ['a string that is longer than the block', '00 01 78 7f ff 01'],
    ['a number without an end', '00 01 78 7f ff ff ff ff ff ff ff ff'],
    ['a table that is larger than allowed', '3f e2 1f'],
    ['the end of a string in a string', '00 01 78 84 ffffffff'],
    ['a code that is not whole', '00 01 78 81 00 84'],
    ['padding of a whole byte', '00 01 78 82 1f ff ff'],
    ['a field that is cut', '00'],
  ])('with %s is broken', (_what, text) => {
    expect(verdict(block(text))).toBe('broken');
  });

  it('of any bytes is read to an end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['sound', 'unsound', 'broken']).toContain(verdict(Buffer.from(bytes)));
      }),
    );
  });
});

/** What Node's client sends for these heads, one after another on one connection. */
async function written(heads: readonly Record<string, string>[]): Promise<Buffer> {
  const sent: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      sent.push(chunk);
      done();
    },
  });
  const session = connect('http://localhost', { createConnection: () => wire });
  session.on('error', () => {});
  await once(session, 'connect');
  for (const each of heads) session.request({ ':path': '/', ...each }).on('error', () => {});
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  session.destroy();
  return Buffer.concat(sent);
}

describe('what comes on a connection', () => {
  it('is sound as Node’s client writes it, in pieces of any size', async () => {
    const value = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 300,
    });
    const fields = fc.dictionary(fc.stringMatching(/^x-[a-z0-9-]{1,40}$/), value, { maxKeys: 20 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fields, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 100 }),
        async (heads, size) => {
          const bytes = await written(heads);
          const reader = new FrameReader();
          for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size));
          expect([reader.isOver, reader.isHeadOpen]).toEqual([false, false]);
          heads.forEach((sent, at) => {
            const { isSound, fields: count } = reader.takeHead(2 * at + 1) ?? {};
            // And four pseudo-headers.
            expect([isSound, count]).toEqual([true, Object.keys(sent).length + 4]);
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('says of which stream a head is unsound, once, whatever the bit beside its number', () => {
    const reader = new FrameReader();
    reader.read(
      Buffer.concat([
        PREFACE,
        headers(1, head('GET', '/')),
        headers(3, head('GET', '/', 'x', '\0')),
        headers(0x8000_0005, head('GET', '/', 'x', '\0')),
      ]),
    );
    const sound = [1, 3, 3, 5].map((stream) => reader.takeHead(stream)?.isSound);
    expect(sound).toEqual([true, false, undefined, false]);
  });

  it('may have padding, a priority, and its head in several frames', () => {
    const fields = hpack(head('GET', '/', 'x', '\0'));
    const first = Buffer.concat([
      Buffer.from([3]),
      Buffer.from('00000000 10'.replace(' ', ''), 'hex'),
      fields.subarray(0, 9),
      Buffer.alloc(3),
    ]);
    const reader = new FrameReader();
    reader.read(
      Buffer.concat([PREFACE, frame(HEADERS, 0x28, 1, first), frame(CONTINUATION, 0, 1, fields.subarray(9, 20))]),
    );
    expect([reader.isHeadOpen, reader.takeHead(1)]).toEqual([true, undefined]);
    reader.read(frame(CONTINUATION, END_HEADERS, 1, fields.subarray(20)));
    expect([reader.isHeadOpen, reader.takeHead(1), reader.isOver]).toEqual([
      false,
      { isSound: false, fields: 5, bytes: fields.length },
      false,
    ]);
  });

  it('is asked for by its streams alone: heads that open none are let go of, and trailers never held', () => {
    const reader = new FrameReader();
    reader.read(Buffer.concat([PREFACE, headers(1, head('GET', '/')), headers(3, head('GET', '/'))]));
    expect([reader.takeHead(3)?.isSound, reader.takeHead(1)]).toEqual([true, undefined]);
    for (let i = 0; i < 2000; i++) reader.read(headers(3, ['x', '\0']));
    expect([reader.takeHead(3), reader.isOver]).toEqual([undefined, false]);
    for (let i = 0; i < 2000; i++) reader.read(headers(2 * i + 5, head('GET', '/')));
    expect(reader.isOver).toBe(true);
  });

  it('says which streams are reset', () => {
    const reader = new FrameReader();
    const reset: number[] = [];
    reader.onReset = (stream) => void reset.push(stream);
    const bytes = Buffer.concat([PREFACE, frame(DATA, 0, 7, 'xxxx'), frame(RST_STREAM, 0, 0x8000_0003, uint32(0))]);
    for (const byte of bytes) reader.read(Buffer.from([byte]));
    expect(reset).toEqual([3]);
  });

  it('is over where a head cannot be read, or has no end', () => {
    const broken = new FrameReader();
    broken.read(Buffer.concat([PREFACE, frame(HEADERS, END_HEADERS, 1, block('80'))]));
    expect(broken.isOver).toBe(true);
    const endless = new FrameReader();
    endless.read(PREFACE);
    endless.read(frame(HEADERS, 0, 1, hpack(head('GET', '/'))));
    for (let i = 0; i < 20; i++) endless.read(frame(CONTINUATION, 0, 1, Buffer.alloc(16_384)));
    expect(endless.isOver).toBe(true);
  });
});
