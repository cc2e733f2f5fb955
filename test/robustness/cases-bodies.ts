// Bodies whose length two readers could understand differently.
import { BODY, CHUNKED, CHUNKS, CLOSE, create, doubtful, FORM, HOST, head } from './caller-acts.ts';
import type { Case } from './case.ts';
import { isCleaned, isRefused, isServed } from './judge.ts';

const LARGE = `secret=${'x'.repeat(2_000_000 - 7)}`;

export const BODIES: readonly Case[] = [
  doubtful(
    'CL and TE',
    '`Content-Length: 8`, `Transfer-Encoding: chunked`',
    create('Content-Length: 8', CHUNKED) + CHUNKS,
    /content-length:[\s\S]*transfer-encoding:|transfer-encoding:[\s\S]*content-length:/i,
  ),
  doubtful(
    'differing CLs',
    '`Content-Length: 8`, `Content-Length: 9`',
    create('Content-Length: 8', 'Content-Length: 9') + BODY,
    /content-length:[\s\S]*content-length:/i,
  ),
  doubtful(
    'the same CL twice',
    '`Content-Length: 8`, twice',
    create('Content-Length: 8', 'Content-Length: 8') + BODY,
    /content-length:[\s\S]*content-length:/i,
  ),
  doubtful('list of CLs', '`Content-Length: 8, 8`', create('Content-Length: 8, 8') + BODY, /8, 8/),
  doubtful('CL with a sign', '`Content-Length: +8`', create('Content-Length: +8') + BODY, /\+8/),
  {
    name: 'Content_Length',
    by: 'caller',
    sent: '`Content_Length: 9`, `Content-Length: 8`',
    bytes: create(CLOSE, 'Content_Length: 9', 'Content-Length: 8') + BODY,
    judge: isCleaned(/content_length/i),
    gateway: { status: 400, outcome: 'not_sent', requests: 0 },
  },
  doubtful('CL in hex', '`Content-Length: 0x8`', create('Content-Length: 0x8') + BODY, /0x8/),
  doubtful('empty CL', '`Content-Length:`', create('Content-Length:') + BODY),
  doubtful('negative CL', '`Content-Length: -8`', create('Content-Length: -8') + BODY, /-8/),
  doubtful(
    'CL beyond all numbers',
    '`Content-Length: 99999999999999999999`',
    create('Content-Length: 99999999999999999999') + BODY,
    /99999/,
  ),
  doubtful(
    'TE: gzip, chunked',
    '`Transfer-Encoding: gzip, chunked`',
    create('Transfer-Encoding: gzip, chunked') + CHUNKS,
    /gzip/,
  ),
  doubtful(
    'TE that nobody knows',
    '`Transfer-Encoding: xchunked`',
    create('Transfer-Encoding: xchunked') + CHUNKS,
    /xchunked/,
  ),
  doubtful('TE twice', '`Transfer-Encoding: chunked`, twice', create(CHUNKED, CHUNKED) + CHUNKS),
  doubtful(
    'TE: chunked, identity',
    '`Transfer-Encoding: chunked, identity`',
    create('Transfer-Encoding: chunked, identity') + CHUNKS,
    /identity/,
  ),
  doubtful(
    'TE behind a vertical tab',
    '`Transfer-Encoding: \\vchunked`',
    create('Transfer-Encoding: \x0bchunked') + CHUNKS,
    /\v/,
  ),
  doubtful(
    'TE in HTTP/1.0',
    '`HTTP/1.0`, `Transfer-Encoding: chunked`',
    head('POST /api/v1/share HTTP/1.0', HOST, FORM, CHUNKED) + CHUNKS,
  ),
  doubtful(
    'chunk with a bare LF',
    '`8\\n` as a chunk’s size',
    `${create(CHUNKED)}8\n${BODY}\r\n0\r\n\r\n`,
    /8\nsecret/,
  ),
  doubtful('chunk with a sign', '`+8` as a chunk’s size', `${create(CHUNKED)}+8\r\n${BODY}\r\n0\r\n\r\n`, /\+8/),
  doubtful(
    'chunk’s size beyond all numbers',
    '`fffffffffffffff08` as a chunk’s size',
    `${create(CHUNKED)}fffffffffffffff08\r\n${BODY}\r\n0\r\n\r\n`,
    /fffffff/,
  ),
  doubtful(
    'chunk longer than its size',
    '`7` as the size of a chunk of 8 bytes',
    `${create(CHUNKED)}7\r\n${BODY}\r\n0\r\n\r\n`,
  ),
  doubtful(
    'chunk with a large extension',
    'a chunk’s extension of 100,000 bytes',
    `${create(CHUNKED)}8;x=${'x'.repeat(100_000)}\r\n${BODY}\r\n0\r\n\r\n`,
  ),
  {
    name: 'trailer that is a header',
    by: 'caller',
    sent: '`X-Forwarded-For: 6.6.6.6` behind the last chunk',
    bytes: `${create(CLOSE, CHUNKED)}8\r\n${BODY}\r\n0\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n`,
    judge: isCleaned(/6\.6\.6\.6/),
    gateway: { status: 200, outcome: 'delivered', requests: 1 },
  },
  {
    name: 'body short by one',
    by: 'caller',
    sent: '`Content-Length: 9`, 8 bytes, and the caller ends its side',
    bytes: create('Content-Length: 9') + BODY,
    ends: true,
    judge: isRefused(),
    gateway: { status: 0, requests: 0 },
  },
  {
    name: '100-continue with 2 MB',
    by: 'caller',
    sent: '`Expect: 100-continue`; 2,000,000 bytes when `100` has come; the region does not know Expect, as the service does not',
    bytes: create(CLOSE, 'Expect: 100-continue', `Content-Length: ${LARGE.length}`),
    behind100: LARGE,
    judge: isServed,
    gateway: { status: 200, outcome: 'delivered', requests: 1 },
  },
];
