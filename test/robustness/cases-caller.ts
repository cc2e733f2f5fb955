// Callers that are hostile or broken, at the level of bytes: what two readers could understand differently, what is too much,
// what is forged.
import type { Case } from './case.ts';
import { FOLLOWING, isCleaned, isRefused, isServed, keeps } from './judge.ts';

const KEY = 'abcdefghij0123456789abcdefghij0';
const SECRET = `/api/v1/secret/${KEY}`;
/** A GET that reaches the region. */
const LOOK = `/api/v2/secret/${KEY}`;
const HOST = 'Host: gateway';
const CLOSE = 'Connection: close';
const FORM = 'Content-Type: application/x-www-form-urlencoded';
const EMPTY = 'Content-Length: 0';
const CREDENTIALS = 'Authorization: Basic eDp5';
const BODY = 'secret=x';
const CHUNKED = 'Transfer-Encoding: chunked';
const CHUNKS = `8\r\n${BODY}\r\n0\r\n\r\n`;

const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
const get = (...lines: string[]): string => head(`GET ${LOOK} HTTP/1.1`, ...lines);
const create = (...lines: string[]): string => head('POST /api/v1/share HTTP/1.1', HOST, FORM, ...lines);

/** Refused, and nothing behind it on the connection is believed. */
function doubtful(name: string, sent: string, bytes: string, odd?: RegExp, status = 400): Case {
  return {
    name,
    sent,
    by: 'caller',
    bytes: bytes + FOLLOWING,
    judge: isRefused(odd),
    gateway: { status, outcome: 'not_sent', requests: 0 },
  };
}

/** Refused: well-formed, and none of the API's. */
function foreign(name: string, sent: string, line: string, odd?: RegExp, status = 400): Case {
  const bytes = head(line, HOST, CLOSE, EMPTY);
  return {
    name,
    sent,
    by: 'caller',
    bytes,
    judge: isRefused(odd),
    gateway: { status, outcome: 'not_sent', requests: 0 },
  };
}

const PATHS: readonly Case[] = [
  foreign('dot segments', '`/api/v1/../v1/secret/KEY`', `POST /api/v1/../v1/secret/${KEY} HTTP/1.1`, /\.\./),
  foreign('one dot', '`/api/v1/./secret/KEY`', `POST /api/v1/./secret/${KEY} HTTP/1.1`, /\/\.\//),
  foreign(
    'dot segments, encoded',
    '`/api/v1/%2e%2e/v1/secret/KEY`',
    `POST /api/v1/%2e%2e/v1/secret/${KEY} HTTP/1.1`,
    /%2e|\.\./,
  ),
  foreign('out of the prefix, encoded', '`/api/%2e%2e/metrics`', 'GET /api/%2e%2e/metrics HTTP/1.1', /metrics/),
  foreign(
    'dot segments with backslashes',
    '`/api/v1\\..\\v1\\secret/KEY`',
    `POST /api/v1\\..\\v1\\secret/${KEY} HTTP/1.1`,
    /\\/,
  ),
  foreign('encoded slash', '`/api/v1/secret%2fKEY`', `POST /api/v1/secret%2f${KEY} HTTP/1.1`, /%2f/i),
  foreign('encoded letter', '`/api/v1/%73ecret/KEY`', `POST /api/v1/%73ecret/${KEY} HTTP/1.1`, /%73/),
  foreign('two slashes', '`/api/v1//secret/KEY`', `POST /api/v1//secret/${KEY} HTTP/1.1`, /v1\/\/secret/),
  foreign('NUL, encoded', '`/api/v1/secret/KEY%00`', `POST ${SECRET}%00 HTTP/1.1`, /%00/),
  foreign('bad percent', '`/api/v1/secret/KEY%zz`', `POST ${SECRET}%zz HTTP/1.1`, /%zz/),
  foreign('path that the API does not have', '`/api/v1/colonel`', 'GET /api/v1/colonel HTTP/1.1', undefined, 404),
  foreign('metrics from the public port', '`/metrics`', 'GET /metrics HTTP/1.1', /metrics/, 404),
  foreign(
    'HEAD on a secret',
    '`HEAD /api/v1/secret/KEY`, which has the effects of GET',
    `HEAD ${SECRET} HTTP/1.1`,
    undefined,
    405,
  ),
];

const LINES: readonly Case[] = [
  doubtful('NUL', 'NUL in the path', head(`GET ${LOOK}\0x HTTP/1.1`, HOST), /\0/),
  doubtful(
    'absolute target',
    '`GET http://other/api/v2/secret/KEY`',
    head(`GET http://other${LOOK} HTTP/1.1`, HOST),
    /other/,
  ),
  doubtful('asterisk', '`OPTIONS *`', head('OPTIONS * HTTP/1.1', HOST), /OPTIONS/),
  doubtful('CONNECT', '`CONNECT gateway:443`', head('CONNECT gateway:443 HTTP/1.1', HOST), /CONNECT/, 405),
  foreign('TRACE', '`TRACE /api/v2/secret/KEY`', `TRACE ${LOOK} HTTP/1.1`, /TRACE/, 405),
  doubtful('HTTP/1.2', '`GET /api/v2/secret/KEY HTTP/1.2`', head(`GET ${LOOK} HTTP/1.2`, HOST)),
  doubtful('HTTP/2.0 in words', '`GET /api/v2/secret/KEY HTTP/2.0`', head(`GET ${LOOK} HTTP/2.0`, HOST)),
  doubtful('HTTP/0.9', '`GET /api/v2/secret/KEY` without a version', `GET ${LOOK}\r\n\r\n`),
  doubtful(
    'long target',
    'a path and query of 9,000 characters',
    head(`GET ${LOOK}?${'x'.repeat(9000)} HTTP/1.1`, HOST),
    undefined,
    414,
  ),
];

const FIELDS: readonly Case[] = [
  doubtful('duplicate Host', '`Host: gateway`, `Host: other`', get(HOST, 'Host: other'), /host:[\s\S]*^host:/im),
  doubtful('empty Host', '`Host:`', get('Host:')),
  doubtful('no Host', 'HTTP/1.1 without Host', get()),
  doubtful('Host with a user', '`Host: user@gateway`', get('Host: user@gateway'), /user@/),
  doubtful('Host with a path', '`Host: gateway/x`', get('Host: gateway/x'), /gateway\/x/),
  doubtful('list of Hosts', '`Host: gateway, other`', get('Host: gateway, other'), /, other/),
  doubtful(
    'duplicate Authorization',
    'Authorization twice',
    get(HOST, CREDENTIALS, 'Authorization: Basic YTpi'),
    /authorization:[\s\S]*^authorization:/im,
  ),
  doubtful('bare LF', '`Host: gateway\\nX-A: b`', `GET ${LOOK} HTTP/1.1\r\n${HOST}\nX-A: b\r\n\r\n`, /[^\r]\n/),
  doubtful('bare CR', '`X-A: a\\rb`', get(HOST, 'X-A: a\rb'), /\r(?!\n)/),
  doubtful('NUL in a field', '`X-A: a\\0b`', get(HOST, 'X-A: a\0b'), /\0/),
  doubtful('obs-fold', '`X-A: a\\r\\n b`', get(HOST, 'X-A: a', ' b'), /\r\n /),
  doubtful('space before the colon', '`Host : gateway`', get('Host : gateway'), / :/),
  doubtful('name that is no token', '`X(y): z`', get(HOST, 'X(y): z'), /X\(y/i),
  doubtful(
    '2,500 headers',
    '2,500 times `X-A: 1`',
    get(HOST, ...Array.from({ length: 2499 }, () => 'X-A: 1')),
    undefined,
    431,
  ),
  doubtful('large header', 'a header of 40,000 bytes', get(HOST, `X-A: ${'a'.repeat(40_000)}`), undefined, 431),
];

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

export const CALLER_CASES: readonly Case[] = [...PATHS, ...LINES, ...FIELDS, ...FORGED, ...BODIES];
