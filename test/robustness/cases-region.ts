// Regions whose answers are hostile or odd. Each is sent one call that destroys a secret.
import { gzipSync } from 'node:zlib';
import type { Case, Section } from './case.ts';
import { LENGTHS, ODD_CHUNKS } from './cases-region-bodies.ts';
import { isNotRead, isPassed, isPassedOrTold } from './judge.ts';
import { HEAD, ok, writes, writesAndEnds } from './region-acts.ts';
import { broken, odd } from './region-cases.ts';
import type { Behave } from './witness.ts';

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
  ['NUL in the status line', '`HTTP/1.1 200 O\\0K`', 'HTTP/1.1 200 O\0K\r\n', /\0/],
  ['tab in the status line', '`HTTP/1.1\\t200 OK`', 'HTTP/1.1\t200 OK\r\n', /HTTP\/1\.1\t/],
  ['answer of HTTP/0.9 in words', '`HTTP/0.9 200 OK`', 'HTTP/0.9 200 OK\r\n', /HTTP\/0/],
  ['answer of HTTP/1.2', '`HTTP/1.2 200 OK`', 'HTTP/1.2 200 OK\r\n', /HTTP\/1\.2/],
  ['answer of HTTP/2.0 in words', '`HTTP/2.0 200 OK`', 'HTTP/2.0 200 OK\r\n', /HTTP\/2/],
  ['version in small letters', '`http/1.1 200 OK`', 'http/1.1 200 OK\r\n', /http\/1/],
  ['empty line before the answer', '`\\r\\nHTTP/1.1 200 OK`', '\r\nHTTP/1.1 200 OK\r\n', /^\r\n/],
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
  odd('status line without a reason', '`HTTP/1.1 200`', writes(ok().replace(' OK', ''))),
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
  broken(
    '10,000 times 103',
    '10,000 `103 Early Hints`, and an answer',
    writes(EARLY.repeat(10_000) + ok()),
    isPassedOrTold,
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
    'redirect',
    '`302`, `Location: https://elsewhere.example/`: nobody goes there',
    writes('HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n'),
    302,
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
  { title: 'Chunks', cases: ODD_CHUNKS },
  { title: 'More than was announced', cases: [...BEHIND, ...CONTENT] },
];
