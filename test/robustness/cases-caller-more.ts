// Callers that forge what a proxy says of them, and bodies whose length is in doubt.
import { BODY, CHUNKED, CHUNKS, CLOSE, CREDENTIALS, create, doubtful, FORM, get, HOST, head } from './caller-acts.ts';
import type { Case } from './case.ts';
import { isCleaned, isRefused, isServed, keeps } from './judge.ts';

const FORGED: readonly Case[] = [
  {
    name: 'forged X-Forwarded-For',
    by: 'caller',
    sent: '`X-Forwarded-For: 6.6.6.6`',
    bytes: get(HOST, CLOSE, 'X-Forwarded-For: 6.6.6.6'),
    judge: isCleaned(/6\.6\.6\.6/),
    gateway: { status: 200, outcome: 'delivered', requests: 1 },
  },
  {
    name: 'forged forwarding headers',
    by: 'caller',
    sent: '`Forwarded`, `X-Real-IP`, `X-Client-IP`, `X-Forwarded-Host`',
    bytes: get(
      HOST,
      CLOSE,
      ...['Forwarded: for=', 'X-Real-IP: ', 'X-Client-IP: ', 'X-Forwarded-Host: '].map((name) => `${name}6.6.6.6`),
    ),
    judge: isCleaned(/6\.6\.6\.6/),
    gateway: { status: 200, outcome: 'delivered', requests: 1 },
  },
  doubtful(
    'forged, with underscores',
    '`X_Forwarded_For: 6.6.6.6`',
    get(HOST, 'X_Forwarded_For: 6.6.6.6'),
    /6\.6\.6\.6/,
  ),
  {
    name: 'Connection: authorization',
    by: 'caller',
    sent: 'Authorization, and `Connection: close, authorization`',
    bytes: get(HOST, 'Connection: close, authorization', CREDENTIALS),
    judge: keeps(/^authorization: basic /im),
    gateway: { status: 200, outcome: 'delivered', requests: 1 },
  },
];

const LARGE = `secret=${'x'.repeat(2_000_000 - 7)}`;

const BODIES: readonly Case[] = [
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
  doubtful(
    'Content_Length',
    '`Content_Length: 8`, `Content-Length: 8`',
    create('Content_Length: 8', 'Content-Length: 8') + BODY,
    /content_length/i,
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
    name: 'body that does not come',
    by: 'caller',
    sent: '`Content-Length: 9`, 8 bytes, and silence',
    bytes: create('Content-Length: 9') + BODY,
    judge: isRefused(),
    gateway: { status: 408, outcome: 'not_sent', requests: 0 },
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

export const BODY_CASES: readonly Case[] = [...FORGED, ...BODIES];
