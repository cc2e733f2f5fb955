// Callers whose paths, request lines and fields two readers could understand differently, or are too much.
import { CREDENTIALS, doubtful, foreign, get, HOST, head, KEY, LOOK, SECRET, unwanted } from './caller-acts.ts';
import type { Case, Section } from './case.ts';

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
  unwanted(
    'absolute target',
    '`GET http://other/api/v2/secret/KEY`',
    head(`GET http://other${LOOK} HTTP/1.1`, HOST),
    /http:\/\/other/,
  ),
  unwanted('asterisk', '`OPTIONS *`', head('OPTIONS * HTTP/1.1', HOST), /OPTIONS/),
  doubtful('CONNECT', '`CONNECT gateway:443`', head('CONNECT gateway:443 HTTP/1.1', HOST), /CONNECT/, 405),
  foreign('TRACE', '`TRACE /api/v2/secret/KEY`', `TRACE ${LOOK} HTTP/1.1`, /TRACE/, 405),
  unwanted('HTTP/1.2', '`GET /api/v2/secret/KEY HTTP/1.2`', head(`GET ${LOOK} HTTP/1.2`, HOST)),
  unwanted('HTTP/2.0 in words', '`GET /api/v2/secret/KEY HTTP/2.0`', head(`GET ${LOOK} HTTP/2.0`, HOST)),
  doubtful('HTTP/0.9', '`GET /api/v2/secret/KEY` without a version', `GET ${LOOK}\r\n\r\n`),
  {
    ...doubtful('two spaces', '`GET  /api/v2/secret/KEY HTTP/1.1`', head(`GET  ${LOOK} HTTP/1.1`, HOST)),
    gateway: { status: 200, outcome: 'delivered', requests: 2, weak: 'sent on, repaired or not looked at' },
    because:
      'Node’s parser of HTTP/1.1 reads any number of spaces there, as RFC 9112, 3 allows, and does not tell. The region gets one.',
  },
  doubtful('tab for a space', '`GET\\t/api/v2/secret/KEY HTTP/1.1`', head(`GET\t${LOOK} HTTP/1.1`, HOST)),
  doubtful('space behind the version', '`HTTP/1.1 ` and a line end', head(`GET ${LOOK} HTTP/1.1 `, HOST)),
  doubtful('small letters in the version', '`http/1.1`', head(`GET ${LOOK} http/1.1`, HOST)),
  doubtful('method in small letters', '`get /api/v2/secret/KEY`', head(`get ${LOOK} HTTP/1.1`, HOST)),
  doubtful('method that nobody knows', '`BREW /api/v2/secret/KEY`', head(`BREW ${LOOK} HTTP/1.1`, HOST), /^BREW/),
  unwanted(
    'long target',
    'a path and query of 9,000 characters',
    head(`GET ${LOOK}?${'x'.repeat(9000)} HTTP/1.1`, HOST),
    undefined,
    414,
  ),
];

const FIELDS: readonly Case[] = [
  unwanted('duplicate Host', '`Host: gateway`, `Host: other`', get(HOST, 'Host: other'), /host:[\s\S]*^host:/im),
  unwanted('empty Host', '`Host:`', get('Host:')),
  unwanted('no Host', 'HTTP/1.1 without Host', get()),
  unwanted('Host with a user', '`Host: user@gateway`', get('Host: user@gateway'), /user@/),
  unwanted('Host with a path', '`Host: gateway/x`', get('Host: gateway/x'), /gateway\/x/),
  unwanted('Host with a port that is none', '`Host: gateway:x`', get('Host: gateway:x'), /gateway:x/),
  unwanted('list of Hosts', '`Host: gateway, other`', get('Host: gateway, other'), /, other/),
  unwanted(
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
  unwanted('name that is no token', '`X(y): z`', get(HOST, 'X(y): z'), /X\(y/i),
  unwanted(
    '2,500 headers',
    '2,500 times `X-A: 1`',
    get(HOST, ...Array.from({ length: 2499 }, () => 'X-A: 1')),
    undefined,
    431,
  ),
  unwanted('large header', 'a header of 40,000 bytes', get(HOST, `X-A: ${'a'.repeat(40_000)}`), undefined, 431),
];

export const HEADS: readonly Section[] = [
  { title: 'Paths', cases: PATHS },
  { title: 'Request lines', cases: LINES },
  { title: 'Header fields', cases: FIELDS },
];
