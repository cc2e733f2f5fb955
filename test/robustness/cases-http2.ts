// What callers over HTTP/2 send that could be read in two ways by whoever translates it to HTTP/1.1, and what costs them less than
// their reader.
import {
  CANCEL,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  HEADERS,
  head,
  headers,
  hpack,
  PING,
  RST_STREAM,
  SETTINGS,
  setting,
  uint32,
} from '../support/http2-frames.ts';
import { BODY, LOOK, SECRET } from './caller-acts.ts';
import type { Case, Section } from './case.ts';
import type { Framed } from './http2-exchange.ts';
import { isLetGo, isNotHeld, isRefused, isServed, isSpared } from './judge.ts';
import { ok, writes } from './region-acts.ts';

type Expected = Case['gateway'];
const refusedWith = (status: number): Expected => ({ status, requests: 0 });
const endedWith = (error: string): Expected => ({ status: 0, requests: 0, error });
const RESET = endedWith('reset PROTOCOL_ERROR');
/** What nghttp2 says when it has had enough. */
const ENDED = endedWith('GOAWAY INTERNAL_ERROR');

function over2(name: string, sent: string, framed: Framed, gateway: Expected, more: Partial<Case> = {}): Case {
  return { name, sent, by: 'caller', bytes: '', framed, variant: 'http2', judge: isRefused(), gateway, ...more };
}

/** One request without a body, of exactly these fields. */
const only = (...fields: string[]): Framed => ({ frames: [headers(1, fields)] });
const look = (...fields: string[]): Framed => only(...head('GET', LOOK, ...fields));
/** One with a body, and what it says of its length. */
const create = (length: string, body = BODY): Framed => ({
  frames: [
    headers(
      1,
      head('POST', '/api/v1/share', 'content-type', 'application/x-www-form-urlencoded', 'content-length', length),
      0,
    ),
    frame(DATA, END_STREAM, 1, body),
  ],
});

function odd(name: string, sent: string, framed: Framed, gateway: Expected = RESET, found?: RegExp): Case {
  return over2(name, sent, framed, gateway, { judge: isRefused(found) });
}

const FIELDS: readonly Case[] = [
  over2('h2: an honest request', '`GET /api/v2/secret/KEY`', look(), { status: 200, requests: 1 }, { judge: isServed }),
  odd(
    'h2: Host and :authority differ',
    '`:authority: localhost`, `host: other`',
    look('host', 'other'),
    refusedWith(400),
    /other/,
  ),
  odd(
    'h2: no :authority',
    'neither `:authority` nor `host`',
    only(':method', 'GET', ':scheme', 'https', ':path', LOOK),
    RESET,
  ),
  odd(
    'h2: :authority with a user',
    '`:authority: user@localhost`',
    only(':method', 'GET', ':scheme', 'https', ':authority', 'user@localhost', ':path', LOOK),
    RESET,
    /user@/,
  ),
  odd('h2: connection', '`connection: close`', look('connection', 'close')),
  odd(
    'h2: transfer-encoding',
    '`transfer-encoding: chunked`',
    look('transfer-encoding', 'chunked'),
    RESET,
    /^transfer-encoding/im,
  ),
  odd('h2: upgrade', '`upgrade: websocket`', look('upgrade', 'websocket'), RESET, /^upgrade/im),
  odd('h2: te', '`te: gzip`', look('te', 'gzip'), RESET, /^te: gzip/im),
  odd('h2: name in capitals', '`X-A: b`', look('X-A', 'b')),
  odd('h2: name with a colon', '`x:a: b`', look('x:a', 'b'), refusedWith(400), /x:a/),
  odd('h2: name with a line end', '`x\\r\\ny: b`', look('x: a\r\ny', 'b'), refusedWith(400), /^y: b/im),
  odd('h2: value with a line end', '`x-a: b\\r\\nx-b: c`', look('x-a', 'b\r\nx-b: c'), refusedWith(400), /^x-b: c/im),
  odd('h2: NUL in a value', '`x-a: b\\0c`', look('x-a', 'b\0c'), refusedWith(400), /\0/),
  odd('h2: no :path', '`:path` left out', only(':method', 'GET', ':scheme', 'https', ':authority', 'localhost')),
  odd('h2: :path twice', '`:path` twice', only(...head('GET', LOOK), ':path', '/api/v1/status')),
  odd(
    'h2: :path behind a field',
    '`x-a` before `:path`',
    only(':method', 'GET', ':scheme', 'https', ':authority', 'localhost', 'x-a', 'b', ':path', LOOK),
  ),
  odd('h2: pseudo-header that nobody knows', '`:x: y`', only(...head('GET', LOOK), ':x', 'y')),
  odd(
    'h2: absolute :path',
    '`:path: http://other/...`',
    only(...head('GET', `http://other${LOOK}`)),
    RESET,
    /http:\/\/other/,
  ),
  odd(
    'h2: dot segments',
    '`:path: /api/v1/../v2/secret/KEY`',
    only(...head('GET', LOOK.replace('/v2', '/v1/../v2'))),
    refusedWith(400),
    /\.\./,
  ),
  odd(
    'h2: :path with a space',
    '`:path: /api/v2/secret/KEY HTTP/1.1`',
    only(...head('GET', `${LOOK} HTTP/1.1`)),
    RESET,
    /HTTP\/1\.1 HTTP/,
  ),
  odd(
    'h2: CONNECT',
    '`:method: CONNECT`',
    only(':method', 'CONNECT', ':authority', 'localhost:443'),
    refusedWith(405),
    /CONNECT/,
  ),
];

const BODIES: readonly Case[] = [
  odd('h2: body longer than its length', '`content-length: 7`, 8 bytes', create('7'), ENDED),
  odd('h2: body shorter than its length', '`content-length: 9`, 8 bytes', create('9')),
  odd('h2: two lengths', '`content-length: 8`, and 9', {
    frames: [
      headers(1, head('POST', '/api/v1/share', 'content-length', '8', 'content-length', '9'), 0),
      frame(DATA, END_STREAM, 1, BODY),
    ],
  }),
  over2(
    'h2: body that does not come',
    '`content-length: 9`, 8 bytes, and silence',
    { frames: [headers(1, head('POST', '/api/v1/share', 'content-length', '9'), 0), frame(DATA, 0, 1, BODY)] },
    refusedWith(408),
    { judge: isLetGo },
  ),
];

/** Of many: each costs its sender some bytes. */
const FLOOD = 10_000;
const REVEAL = head('POST', SECRET, 'content-length', '0');
const rapid: Framed = {
  frames: Array.from({ length: FLOOD }, (_, at) => 2 * at + 1).flatMap((stream) => [
    headers(stream, REVEAL),
    frame(RST_STREAM, 0, stream, uint32(CANCEL)),
  ]),
};
const continued: Framed = {
  frames: [
    frame(HEADERS, END_STREAM, 1, hpack(head('GET', LOOK))),
    ...Array.from({ length: FLOOD }, (_, at) => frame(CONTINUATION, 0, 1, hpack([`x-${at}`, 'y']))),
  ],
};
/** A field of 3,900 bytes that is remembered, and named again by one byte each. */
function bomb(): Framed {
  const field = hpack(['x-a', 'a'.repeat(3900)]);
  field[0] = 0x40;
  const block = Buffer.concat([hpack(head('GET', LOOK)), field, Buffer.alloc(8000, 0xbe)]);
  return { frames: [frame(HEADERS, END_HEADERS | END_STREAM, 1, block)] };
}
const LARGE = ok(`"${'x'.repeat(500_000)}"`);

const FLOODS: readonly Case[] = [
  over2('h2: rapid reset', '10,000 calls that destroy a secret, each reset at once', rapid, ENDED, {
    judge: isSpared,
  }),
  over2('h2: CONTINUATION without an end', '10,000 CONTINUATION frames of one head', continued, ENDED),
  over2('h2: header bomb', 'a head of 12 kB that stands for 31 MB', bomb(), endedWith('reset ENHANCE_YOUR_CALM')),
  over2(
    'h2: a window that stays shut',
    'a window of 0, and a request whose answer has 500 kB',
    { settings: setting(4, 0), frames: [headers(1, head('GET', LOOK))] },
    { status: 200, requests: 1, error: 'reset INTERNAL_ERROR' },
    { region: writes(LARGE), judge: isNotHeld },
  ),
  over2(
    'h2: PING without an end',
    '40,000 PING frames',
    { frames: Array.from({ length: 40_000 }, () => frame(PING, 0, 0, '12345678')) },
    refusedWith(0),
    {},
  ),
  over2(
    'h2: SETTINGS without an end',
    '40,000 SETTINGS frames',
    { frames: Array.from({ length: 40_000 }, () => frame(SETTINGS, 0, 0, setting(4, 65_535))) },
    ENDED,
    {},
  ),
];

export const HTTP2: readonly Section[] = [
  { title: 'HTTP/2: heads', cases: FIELDS },
  { title: 'HTTP/2: bodies and floods', cases: [...BODIES, ...FLOODS] },
];
