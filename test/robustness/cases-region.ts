// Regions whose answers are hostile or odd. Each is sent one call that destroys a secret.
import { gzipSync } from 'node:zlib';
import type { Case, Section } from './case.ts';
import { isNotRead, isPassed, isPassedOrTold, isTold } from './judge.ts';
import { HEAD, ok, writes, writesAndEnds } from './region-acts.ts';
import type { Behave } from './witness.ts';

const LINES = [
  'Host: gateway',
  'Connection: close',
  'Content-Type: application/x-www-form-urlencoded',
  'Content-Length: 0',
];
export const REVEAL = `POST /api/v1/secret/abcdefghij0123456789abcdefghij0 HTTP/1.1\r\n${LINES.join('\r\n')}\r\n\r\n`;

/** The region gets the one request; its answer does not arrive: 502 or 504, and the outcome is unknown. */
export function broken(name: string, sent: string, region: Behave, judge: Case['judge'] = isTold, status = 502): Case {
  return {
    name,
    sent,
    by: 'region',
    bytes: REVEAL,
    region,
    judge,
    gateway: { status, outcome: 'unknown', requests: 1 },
  };
}

/** The region's answer can be read, and is delivered. */
function odd(name: string, sent: string, region: Behave, status = 200, judge = isPassed(status)): Case {
  return {
    name,
    sent,
    by: 'region',
    bytes: REVEAL,
    region,
    judge,
    gateway: { status, outcome: 'delivered', requests: 1 },
  };
}

const STATUSES: readonly Case[] = ['000', '099', '99', '600', '999', '1000', '2e2', '-200', ''].map((status) =>
  broken(
    `status ${status === '' ? 'left out' : status}`,
    `\`HTTP/1.1 ${status} OK\``,
    writes(`HTTP/1.1 ${status} OK\r\nContent-Length: 2\r\n\r\n{}`),
  ),
);

const STATUS_LINE: readonly [string, string, string, RegExp?][] = [
  ['bare CR in the status line', '`HTTP/1.1 200 O\\rK\\r\\n`', 'HTTP/1.1 200 O\rK\r\n', /\r(?!\n)/],
  ['bare LF behind the status line', '`HTTP/1.1 200 OK\\n`', 'HTTP/1.1 200 OK\n', /[^\r]\n/],
];
const FIELDS: readonly [string, string, string, RegExp?][] = [
  ['bare CR in a field', '`X-A: a\\rb`', 'X-A: a\rb\r\n', /\r(?!\n)/],
  ['bare LF behind a field', '`X-A: a\\n`', 'X-A: a\n', /[^\r]\n/],
  ['NUL in a field', '`X-A: a\\0b`', 'X-A: a\0b\r\n', /\0/],
  ['folded field', '`X-A: a\\r\\n b`', 'X-A: a\r\n b\r\n', /\r\n /],
  ['space before the colon', '`X-A : b`', 'X-A : b\r\n', /x-a :/i],
];

const HEADS: readonly Case[] = [
  ...STATUS_LINE.map(([name, sent, line, found]) =>
    broken(name, sent, writes(`${line}Content-Length: 2\r\n\r\n{}`), isNotRead(found)),
  ),
  ...FIELDS.map(([name, sent, field, found]) => broken(name, sent, writes(ok('{}', field)), isNotRead(found))),
  broken('answer of HTTP/0.9', 'a body without a head', writesAndEnds('{"value":"x"}')),
  broken('another protocol', '`SSH-2.0-OpenSSH`', writesAndEnds('SSH-2.0-OpenSSH\r\n\r\n')),
  broken('preface of HTTP/2', '`PRI * HTTP/2.0`', writes('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')),
  broken(
    'answer of HTTP/2.0 in words',
    '`HTTP/2.0 200 OK`',
    writes('HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}'),
    isNotRead(/HTTP\/2/),
  ),
  broken(
    'field of 64 KiB',
    'a header of 65,536 bytes',
    writes(ok('{}', `X-A: ${'a'.repeat(65_536)}\r\n`)),
    isPassedOrTold,
  ),
  broken('5,000 fields', '5,000 headers', writes(ok('{}', 'X-Some-Name: 1234567890\r\n'.repeat(5000))), isPassedOrTold),
];

const EARLY = 'HTTP/1.1 103 Early Hints\r\n\r\n';
const INFORMED: readonly Case[] = [
  odd('100 unasked', '`100 Continue`, and an answer', writes(`HTTP/1.1 100 Continue\r\n\r\n${ok()}`)),
  broken(
    '101 unasked',
    '`101 Switching Protocols`',
    writes('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
  ),
  odd('102 unasked', '`102 Processing`, and an answer', writes(`HTTP/1.1 102 Processing\r\n\r\n${ok()}`)),
  odd('103 unasked', '`103 Early Hints`, and an answer', writes(EARLY + ok())),
  odd('1,000 times 103', '1,000 `103 Early Hints`, and an answer', writes(EARLY.repeat(1000) + ok())),
];

const chunked = (chunks: string): string => `${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunks}`;
const CHUNKS = '2\r\n{}\r\n0\r\n\r\n';
const LENGTHS: readonly Case[] = [
  broken(
    'two lengths that differ',
    '`Content-Length: 2`, `Content-Length: 3`',
    writes(`${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} `),
  ),
  broken(
    'length and chunks',
    '`Content-Length: 2`, `Transfer-Encoding: chunked`',
    writes(`${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}`),
    isNotRead(/content-length:[\s\S]*transfer-encoding:|transfer-encoding:[\s\S]*content-length:/i),
  ),
  broken('length with a sign', '`Content-Length: +2`', writes(`${HEAD}Content-Length: +2\r\n\r\n{}`), isNotRead(/\+2/)),
  broken(
    'Transfer-Encoding: gzip',
    '`Transfer-Encoding: gzip`, ended by the connection',
    writesAndEnds(`${HEAD}Transfer-Encoding: gzip\r\n\r\n{}`),
  ),
  broken('chunks that are none', '`Transfer-Encoding: chunked`, `zz`', writes(chunked('zz\r\n{}\r\n0\r\n\r\n'))),
  broken(
    'chunk’s size beyond all numbers',
    '`ffffffffffffffffff` as a chunk’s size',
    writes(chunked('ffffffffffffffffff\r\n{}')),
  ),
  broken('chunks without an end', 'one chunk, then the connection ends', writesAndEnds(chunked('2\r\n{}\r\n'))),
  broken(
    'body ended by the connection',
    'neither length nor chunks',
    writesAndEnds(`${HEAD}Connection: close\r\n\r\n{}`),
  ),
  broken(
    'length longer by one',
    '`Content-Length: 3`, 2 bytes, then the connection ends',
    writesAndEnds(`${HEAD}Content-Length: 3\r\n\r\n{}`),
  ),
];

const POISON = 'poison-5b1e';
const LACKING = { lacks: new RegExp(POISON) };
const none = (line: string, length: string, body: string): Behave =>
  writes(`HTTP/1.1 ${line}\r\n${length}\r\n\r\n${body}`);
const BEHIND: readonly Case[] = [
  odd('length short by one', '`Content-Length: 1`, and 2 bytes', writes(`${HEAD}Content-Length: 1\r\n\r\n{}`)),
  odd(
    'bytes behind the answer',
    'an answer, and another one that nobody asked for',
    writes(ok() + ok(`{"a":"${POISON}"}`)),
    200,
    isPassed(200, LACKING),
  ),
  odd('Trailer with Content-Length', '`Trailer: X-T`, `Content-Length: 2`', writes(ok('{}', 'Trailer: X-T\r\n'))),
  odd(
    '204 with a length and a body',
    '`204`, `Content-Length: 11`, 11 bytes',
    none('204 No Content', 'Content-Length: 11', POISON),
    204,
    isPassed(204, LACKING),
  ),
  odd(
    '204 with chunks',
    '`204`, `Transfer-Encoding: chunked`, a chunk',
    none('204 No Content', 'Transfer-Encoding: chunked', `b\r\n${POISON}\r\n0\r\n\r\n`),
    204,
    isPassed(204, LACKING),
  ),
  odd('304 with a length', '`304`, `Content-Length: 11`', none('304 Not Modified', 'Content-Length: 11', ''), 304),
  odd(
    '304 with a body',
    '`304`, `Content-Length: 11`, 11 bytes',
    none('304 Not Modified', 'Content-Length: 11', POISON),
    304,
    isPassed(304, LACKING),
  ),
  odd(
    'Connection: x',
    '`Connection: X-Hop`, `X-Hop: 1`',
    writes(ok('{}', 'Connection: X-Hop\r\nX-Hop: 1\r\n')),
    200,
    isPassed(200, { lacks: /^x-hop:/im }),
  ),
];

const BOMB = gzipSync(Buffer.alloc(64 * 1024 * 1024)).toString('latin1');
const CONTENT: readonly Case[] = [
  odd(
    'compressed bomb',
    '64 MiB of zeros as 64 kB of gzip, `Content-Encoding: gzip`, unasked',
    writes(ok(BOMB, 'Content-Encoding: gzip\r\n')),
    200,
    isPassed(200, {
      has: { found: /^content-encoding: gzip/im, else: 'unpacked on the way, a thousand times as large' },
    }),
  ),
];

export const ODD_ANSWERS: readonly Section[] = [
  { title: 'Status lines', cases: STATUSES },
  { title: 'Heads', cases: HEADS },
  { title: 'Answers before the answer', cases: INFORMED },
  { title: 'Lengths in doubt', cases: LENGTHS },
  { title: 'More than was announced', cases: [...BEHIND, ...CONTENT] },
];
