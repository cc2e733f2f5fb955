// Regions whose answers leave in doubt how long they are, or come in odd chunks.
import type { Case } from './case.ts';
import { isNotRead, isPassedOrTold } from './judge.ts';
import { HEAD, ok, writes, writesAndEnds } from './region-acts.ts';
import { broken, odd } from './region-cases.ts';

const chunked = (chunks: string): string => `${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunks}`;
const CHUNKS = '2\r\n{}\r\n0\r\n\r\n';

/** Chunks behind these headers: a reader that looks for the word alone takes them, one that undoes codings does not. */
const coded = (name: string, lines: readonly string[]): Case =>
  broken(
    name,
    lines.map((each) => `\`${each}\``).join(', '),
    writes(`${HEAD}${lines.map((each) => `${each}\r\n`).join('')}\r\n${CHUNKS}`),
    isNotRead(/^transfer-encoding: *(?!chunked\r)/im),
  );
const CODINGS: readonly Case[] = [
  coded('coding before chunked', ['Transfer-Encoding: gzip, chunked']),
  coded('coding behind chunked', ['Transfer-Encoding: chunked, gzip']),
  coded('coding and chunked in two headers', ['Transfer-Encoding: gzip', 'Transfer-Encoding: chunked']),
  coded('chunked twice', ['Transfer-Encoding: chunked, chunked']),
  coded('chunked in two headers', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']),
  coded('chunked with a parameter', ['Transfer-Encoding: chunked;q=1']),
  coded('what looks like chunked', ['Transfer-Encoding: xchunked']),
  broken(
    'chunks of HTTP/1.0',
    '`HTTP/1.0 200 OK`, `Transfer-Encoding: chunked`',
    writes(chunked(CHUNKS).replace('1.1', '1.0')),
    isNotRead(),
  ),
];

const chunks = (name: string, sent: string, lines: string): Case =>
  broken(name, `\`${sent}\` in chunks`, writes(chunked(lines)), isNotRead());
export const ODD_CHUNKS: readonly Case[] = [
  chunks('chunk’s size with a space behind it', '2 \\r\\n', '2 \r\n{}\r\n0\r\n\r\n'),
  chunks('chunk’s size with a sign', '+2\\r\\n', '+2\r\n{}\r\n0\r\n\r\n'),
  chunks('bare LF behind a chunk’s size', '2\\n', '2\n{}\r\n0\r\n\r\n'),
  chunks('bare CR in a chunk’s extension', '2;a\\rb\\r\\n', '2;a\rb\r\n{}\r\n0\r\n\r\n'),
  chunks('bare LF in a chunk’s extension', '2;a\\n', '2;a\n{}\r\n0\r\n\r\n'),
  chunks('bare LF behind a chunk', '{}\\n', '2\r\n{}\n0\r\n\r\n'),
  chunks('chunk longer than its size', '2\\r\\n{}x', '2\r\n{}x\r\n0\r\n\r\n'),
  chunks('length in the trailer', '0\\r\\nContent-Length: 9', '2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n'),
  chunks('folded field in the trailer', '0\\r\\nX-T: a\\r\\n b', '2\r\n{}\r\n0\r\nX-T: a\r\n b\r\n\r\n'),
  odd(
    'chunks with extensions and a trailer',
    '`2;a=b`, `X-T: 1`',
    writes(chunked('2;a=b\r\n{}\r\n0\r\nX-T: 1\r\n\r\n')),
  ),
];

export const LENGTHS: readonly Case[] = [
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
  broken(
    'the same length twice',
    '`Content-Length: 2`, `Content-Length: 2`',
    writes(ok('{}', 'Content-Length: 2\r\n')),
    isPassedOrTold,
  ),
  broken('list of lengths', '`Content-Length: 2, 2`', writes(`${HEAD}Content-Length: 2, 2\r\n\r\n{}`), isPassedOrTold),
  odd('length with a space behind it', '`Content-Length: 2 `', writes(`${HEAD}Content-Length: 2 \r\n\r\n{}`)),
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
  ...CODINGS,
];
