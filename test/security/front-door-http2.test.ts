// The front door over HTTP/2, at the level of frames: what two readers could understand differently is refused, and nothing of it
// sent anywhere; its stream ends, and the connection's others go on.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import { type Http2Lab, openHttp2Lab } from '../support/http2.ts';
import {
  CONTINUATION,
  codeOf,
  DATA,
  END_HEADERS,
  END_STREAM,
  type FrameCaller,
  frame,
  GOAWAY,
  HEADERS,
  head,
  headers,
  hpack,
  openFrames,
  RST_STREAM,
} from '../support/http2-frames.ts';
import { BRUNO } from '../support/lab.ts';

const API = '/us/api/v1/status';
const STATUS = head('GET', API);
const SHARE = head('POST', '/us/api/v1/share', 'content-type', 'application/x-www-form-urlencoded');
const BODY = 'secret=x';
/** The streams of each connection: what is tried, and an ordinary request behind it. */
const TRIED = 1;
const NEXT = 3;

describe.runIf(hasOpenssl)('the front door over HTTP/2', () => {
  let lab: Http2Lab;
  beforeAll(async () => {
    const limits = { failedAuth: { mode: 'off' } };
    lab = await openHttp2Lab({ config: { limits, passthrough: [{ prefix: '/help', region: 'eu' }] } });
  });
  afterAll(() => lab.close());
  beforeEach(() => lab.clearLedgers());

  /** Sends frames of stream 1; resolves with who sent them when it has been answered or reset. */
  async function sent(...frames: Buffer[]): Promise<FrameCaller> {
    const caller = await openFrames(lab.gateway.url, lab.ca);
    caller.send(...frames);
    return caller;
  }

  /** What became of stream 1: an error of ours, or the code of its reset. The connection's next request is served. */
  async function refusedWith(...frames: Buffer[]): Promise<string | number> {
    const caller = await sent(...frames, headers(NEXT, STATUS));
    await caller.sees(DATA, NEXT);
    const reset = caller.seen.find(({ type, stream }) => type === RST_STREAM && stream === TRIED);
    const body = caller.seen.find(({ type, stream }) => type === DATA && stream === TRIED);
    caller.socket.destroy();
    expect(lab.us.requests.map(({ path }) => path)).toEqual(['/api/v1/status']);
    expect(lab.eu.requests).toEqual([]);
    const error = /"error":"(\w+)"/.exec(body?.payload.toString() ?? '')?.[1];
    return error ?? (reset === undefined ? 'nothing' : codeOf(reset));
  }

  /** How many requests came of stream 1, which is answered. */
  async function served(...frames: Buffer[]): Promise<number> {
    const caller = await sent(...frames);
    await caller.sees(DATA, TRIED);
    caller.socket.destroy();
    return lab.us.requests.length;
  }

  const without = (name: string): string[] =>
    STATUS.flatMap((text, at) => (at % 2 === 0 && text !== name ? [text, STATUS[at + 1] ?? ''] : []));
  const path = (text: string): string[] => head('GET', text);

  it.each([
    [
      'Authorization twice',
      [...STATUS, 'authorization', 'Basic eDp5', 'authorization', 'Basic eDp5'],
      'header_duplicated',
    ],
    ['a name with an underscore', [...STATUS, 'x_forwarded_for', '192.0.2.1'], 'request_malformed'],
    ['a name with a capital', [...STATUS, 'X-Y', 'z'], 1],
    ['a name with a space', [...STATUS, 'x y', 'z'], 'request_malformed'],
    ['a name with a colon', [...STATUS, 'x:y', 'z'], 'request_malformed'],
    ['an empty name', [...STATUS, '', 'z'], 'request_malformed'],
    ['LF in a value', [...STATUS, 'x', 'a\nb: c'], 'request_malformed'],
    ['CR in a value', [...STATUS, 'x', 'a\rb'], 'request_malformed'],
    ['NUL in a value', [...STATUS, 'x', 'a\0b'], 'request_malformed'],
    ['a space before a value', [...STATUS, 'x', ' a'], 'request_malformed'],
    ['a space behind a value', [...STATUS, 'x', 'a '], 'request_malformed'],
    ['Connection', [...STATUS, 'connection', 'authorization'], 1],
    ['Keep-Alive', [...STATUS, 'keep-alive', 'timeout=5'], 1],
    ['Proxy-Connection', [...STATUS, 'proxy-connection', 'close'], 1],
    ['Upgrade', [...STATUS, 'upgrade', 'websocket'], 1],
    ['TE: gzip', [...STATUS, 'te', 'gzip'], 1],
    ['Transfer-Encoding', [...STATUS, 'transfer-encoding', 'chunked'], 1],
    ['another Host', [...STATUS, 'host', 'other'], 'request_malformed'],
    ['a Host that is none', [...STATUS, 'host', 'eu.gateway.example/x'], 'request_malformed'],
    ['a Host with a space', [...STATUS, 'host', 'local host'], 'request_malformed'],
    ['two Hosts', [...STATUS, 'host', 'localhost', 'host', 'localhost'], 1],
    ['two :authority', [':authority', 'other', ...STATUS], 1],
    ['neither :authority nor Host', without(':authority'), 1],
    [':authority with a user', [...without(':authority'), ':authority', 'user@localhost'], 1],
    [':authority with a path', [...without(':authority'), ':authority', 'localhost/x'], 1],
    [':authority as a list', [...without(':authority'), ':authority', 'a,b'], 'request_malformed'],
    [
      ':authority with a port that is none',
      [...without(':authority'), ':authority', 'localhost:65536'],
      'request_malformed',
    ],
    ['no :path', without(':path'), 1],
    ['two :path', [...STATUS, ':path', '/other'], 1],
    ['no :method', without(':method'), 1],
    ['no :scheme', without(':scheme'), 1],
    [':scheme ftp', [...without(':scheme'), ':scheme', 'ftp'], 'request_malformed'],
    [':scheme that is more', [...without(':scheme'), ':scheme', 'https://localhost/?'], 1],
    ['a pseudo-header behind a header', [...without(':path'), 'x', 'y', ':path', API], 1],
    ['a pseudo-header that nobody knows', [':x', 'y', ...STATUS], 1],
    ['an empty :path', path(''), 1],
    ['an absolute :path', path(`https://localhost${API}`), 1],
    [':path without a slash', path(API.slice(1)), 1],
    ['an asterisk', path('*'), 1],
    ['OPTIONS *', head('OPTIONS', '*'), 'path_malformed'],
    ['a space in :path', path(`${API} HTTP/1.1`), 1],
    ['a line end in :path', path(`${API}\r\nx: y`), 1],
    ['a fragment in :path', path(`${API}#x`), 'path_malformed'],
    ['dot segments in :path', path('/us/api/v1/../v1/status'), 'path_malformed'],
    [':path of 8193 characters', path(`${API}?${'x'.repeat(8192 - API.length)}`), 'target_too_long'],
    ['CONNECT', [':method', 'CONNECT', ':authority', 'localhost:443'], 'method_not_allowed'],
    ['CONNECT for a WebSocket', [...head('CONNECT', API), ':protocol', 'websocket'], 1],
    ['TRACE', head('TRACE', API), 'method_not_allowed'],
    ['a lower-case method', head('get', API), 'request_malformed'],
    ['a method with a space', head('GET /', API), 1],
    ['a method named like a property', head('constructor', API), 'request_malformed'],
    ['such a method under a prefix', head('__proto__', '/help/x'), 'request_malformed'],
    ['TRACE under a prefix', head('TRACE', '/help/x'), 'method_not_allowed'],
    ['101 headers', [...STATUS, ...Array(100).fill(['x', '1']).flat()], 'headers_too_large'],
    ['2,500 headers', [...STATUS, ...Array(2500).fill(['x', '1']).flat()], 11],
  ])('%s is refused', async (_what, fields, expected) => {
    const bytes = hpack(fields);
    const more = bytes.length > 16_000 ? [frame(CONTINUATION, END_HEADERS, TRIED, bytes.subarray(16_000))] : [];
    const first = frame(HEADERS, END_STREAM | (more.length === 0 ? END_HEADERS : 0), TRIED, bytes.subarray(0, 16_000));
    expect(await refusedWith(first, ...more)).toBe(expected);
  });

  it('tells of more than 16 KiB that there are too many headers', async () => {
    const bytes = hpack(['x', 'y'.repeat(9000)]);
    expect(
      await refusedWith(
        frame(HEADERS, END_STREAM, TRIED, hpack(STATUS)),
        frame(CONTINUATION, 0, TRIED, bytes),
        frame(CONTINUATION, END_HEADERS, TRIED, bytes),
      ),
    ).toBe('headers_too_large');
  });

  it.each([
    ['100 headers', [...STATUS, ...Array(99).fill(['x', '1']).flat()]],
    ['the same Host beside :authority', [...STATUS, 'host', 'LOCALHOST']],
    ['Host alone', [...without(':authority'), 'host', 'localhost']],
    ['TE: trailers', [...STATUS, 'te', 'trailers']],
    [':scheme http', [...without(':scheme'), ':scheme', 'http']],
    [':path of 8192 characters', path(`${API}?${'x'.repeat(8191 - API.length)}`)],
  ])('%s is taken', async (_what, fields) => {
    expect(await served(headers(TRIED, fields))).toBe(1);
  });

  it('decides on :authority which region is named', async () => {
    const caller = await sent(
      headers(TRIED, [
        ...head('GET', '/api/v1/status').filter((_, at) => at < 4),
        ':authority',
        'eu.gateway.example',
        ':path',
        '/api/v1/status',
      ]),
    );
    await caller.sees(DATA, TRIED);
    caller.socket.destroy();
    expect([lab.us.requests.length, lab.eu.requests.length]).toEqual([0, 1]);
  });

  it.each([
    ['shorter than its length', ['content-length', '9'], 1],
    ['with two lengths', ['content-length', '8', 'content-length', '8'], 1],
    ['with a list of lengths', ['content-length', '8, 8'], 1],
    ['with a length that has a sign', ['content-length', '+8'], 1],
    ['with a negative length', ['content-length', '-8'], 1],
    ['with a hexadecimal length', ['content-length', '0x8'], 1],
  ])('a body %s is not sent on', async (_what, fields, code) => {
    expect(await refusedWith(headers(TRIED, [...SHARE, ...fields], 0), frame(DATA, END_STREAM, TRIED, BODY))).toBe(
      code,
    );
  });

  it('a body longer than its length is not sent on: the connection ends', async () => {
    const caller = await sent(
      headers(TRIED, [...SHARE, 'content-length', '7'], 0),
      frame(DATA, END_STREAM, TRIED, BODY),
    );
    await caller.sees(GOAWAY);
    await caller.closed;
    expect(lab.us.requests).toEqual([]);
  });

  it('a length without a body is not sent on', async () => {
    expect(await refusedWith(headers(TRIED, [...SHARE, 'content-length', '8']))).toBe(1);
  });

  it.each([
    ['a length', [headers(TRIED, [...SHARE, 'content-length', '8'], 0), frame(DATA, END_STREAM, TRIED, BODY)]],
    ['none', [headers(TRIED, SHARE, 0), frame(DATA, 0, TRIED, 'secret'), frame(DATA, END_STREAM, TRIED, '=x')]],
    ['a trailer', [headers(TRIED, SHARE, 0), frame(DATA, 0, TRIED, BODY), headers(TRIED, ['x-t', '1'])]],
    ['padding', [headers(TRIED, SHARE, 0), frame(DATA, END_STREAM | 0x8, TRIED, `\x04${BODY}\0\0\0\0`)]],
  ])('a body with %s is taken, and the region gets a length', async (_what, frames) => {
    expect(await served(...frames)).toBe(1);
    const [request] = lab.us.requests;
    const names = request?.headers.map(([name]) => name);
    expect([request?.body, request?.headers.find(([name]) => name === 'content-length')?.[1]]).toEqual([BODY, '8']);
    expect(names).not.toContain('transfer-encoding');
    expect(names).not.toContain('x-t');
  });

  it.each([
    ['a line end', `Basic ${Buffer.from(BRUNO).toString('base64')}\n`],
    ['NUL', `Basic ${Buffer.from(BRUNO).toString('base64')}\0`],
    ['a space', `Basic ${Buffer.from(BRUNO).toString('base64')} `],
  ])('credentials with %s behind them are never taken for none', async (_what, authorization) => {
    const frames = [
      headers(TRIED, [...SHARE, 'authorization', authorization], 0),
      frame(DATA, END_STREAM, TRIED, BODY),
    ];
    expect(await refusedWith(...frames)).toBe('request_malformed');
  });

  it('nor are they where the bit beside the number of the stream is set', async () => {
    const authorization = `Basic ${Buffer.from(BRUNO).toString('base64')}\n`;
    const bytes = hpack([...STATUS, 'authorization', authorization]);
    const reserved = frame(HEADERS, END_STREAM | END_HEADERS, 0x8000_0000 + TRIED, bytes);
    expect(await refusedWith(reserved)).toBe('request_malformed');
  });
});
