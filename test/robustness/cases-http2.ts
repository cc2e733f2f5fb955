// What callers over HTTP/2 send that could be read in two ways by whoever translates it to HTTP/1.1.
import { DATA, END_STREAM, frame, head, headers } from '../support/http2-frames.ts';
import { BODY, LOOK } from './caller-acts.ts';
import type { Case, Section } from './case.ts';
import { FLOODS } from './cases-http2-floods.ts';
import { over2 } from './http2-acts.ts';
import type { Framed } from './http2-exchange.ts';
import { isLetGo, isRefused, isServed } from './judge.ts';

type Expected = Case['gateway'];
const refusedWith = (status: number): Expected => ({ status, requests: 0 });
const endedWith = (error: string): Expected => ({ status: 0, requests: 0, error });
const RESET = endedWith('reset PROTOCOL_ERROR');
/** What nghttp2 says when it has had enough. */
const ENDED = endedWith('GOAWAY INTERNAL_ERROR');

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

export const HTTP2: readonly Section[] = [
  { title: 'HTTP/2: heads', cases: FIELDS },
  { title: 'HTTP/2: bodies and floods', cases: [...BODIES, ...FLOODS] },
];
