// The front door, at the level of bytes: what two readers could understand differently is refused, the connection closed, and
// nothing of it sent anywhere. Both on the API and under a passed-through prefix.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab({ config: { passthrough: [{ prefix: '/help', region: 'us' }] } });
});
afterAll(() => lab.close());
beforeEach(() => lab.clearLedgers());

const API = '/us/api/v1/status';
const HOST = 'Host: gateway';
const CREATE = ['POST /us/api/v1/share HTTP/1.1', HOST, 'Content-Type: application/x-www-form-urlencoded'];
const BODY = 'secret=x';
const CHUNKED = `8\r\n${BODY}\r\n0\r\n\r\n`;

const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
const get = (...headers: string[]): string => head(`GET ${API} HTTP/1.1`, ...headers);
const create = (...headers: string[]): string => head(...CREATE, ...headers);

interface Seen {
  readonly status: number;
  readonly error: string | undefined;
  readonly answer: string;
}

/** Sends bytes and another request behind them; resolves when the gateway has closed the connection. */
async function refusedWith(bytes: string): Promise<Seen> {
  const caller = rawCaller(lab.gateway.url);
  caller.send(`${bytes}GET ${API} HTTP/1.1\r\n${HOST}\r\n\r\n`);
  const answer = await caller.closed;
  // One answer: what stands behind is not served.
  expect(answer.match(/HTTP\/1\.1 \d{3} /g)).toHaveLength(1);
  expect(lab.us.requests).toEqual([]);
  expect(lab.eu.requests).toEqual([]);
  return { status: Number(answer.split(' ')[1]), error: /"error":"(\w+)"/.exec(answer)?.[1], answer };
}

/** The status of an answer; the connection stays open. */
async function statusOf(bytes: string): Promise<number> {
  const caller = rawCaller(lab.gateway.url);
  caller.send(bytes);
  await caller.sees(/^HTTP\/1\.1 [2-5]\d\d [\s\S]*\r\n\r\n/m);
  caller.socket.destroy();
  return Number(caller.received().split(' ')[1]);
}

describe('Host', () => {
  it.each([
    ['twice', [HOST, 'Host: other']],
    ['twice the same', [HOST, HOST]],
    ['empty', ['Host:']],
    ['a list', ['Host: a, b']],
    ['with a user', ['Host: user@gateway']],
    ['with a path', ['Host: gateway/x']],
    ['with a query', ['Host: gateway?x']],
    ['with a fragment', ['Host: gateway#x']],
    ['with a backslash', ['Host: gateway\\x']],
    ['with a space', ['Host: gate way']],
    ['a port beyond 65535', ['Host: gateway:65536']],
    ['a port that is none', ['Host: gateway:80x']],
    ['a port without digits', ['Host: gateway:']],
    ['two ports', ['Host: gateway:80:80']],
    ['half an IPv6 address', ['Host: [::1']],
    ['IPv6 with a zone', ['Host: [fe80::1%25eth0]']],
    ['a percent', ['Host: gate%77ay']],
    ['none, of HTTP/1.1', []],
  ])('%s is 400', async (_what, headers) => {
    expect((await refusedWith(get(...headers))).status).toBe(400);
  });

  it.each(['gateway', 'GATEWAY.example', 'gateway:8080', '127.0.0.1:80', '[::1]:8080', '[::1]', 'my_service', 'a.b.'])(
    '%s is taken',
    async (host) => {
      expect(await statusOf(get(`Host: ${host}`))).toBe(200);
      expect(lab.us.requests).toHaveLength(1);
    },
  );

  it('may be missing in HTTP/1.0', async () => {
    expect(await statusOf(head(`GET ${API} HTTP/1.0`))).toBe(200);
  });
});

describe('the request line', () => {
  it.each([
    ['an absolute target', `GET http://gateway${API} HTTP/1.1`, 400],
    ['another scheme', 'GET ftp://gateway/x HTTP/1.1', 400],
    ['an asterisk', 'OPTIONS * HTTP/1.1', 400],
    ['CONNECT', 'CONNECT gateway:443 HTTP/1.1', 405],
    ['HTTP/1.2', `GET ${API} HTTP/1.2`, 400],
    ['HTTP/2.0', `GET ${API} HTTP/2.0`, 400],
    ['HTTP/0.9 in words', `GET ${API} HTTP/0.9`, 400],
    ['a tab in place of a space', `GET\t${API} HTTP/1.1`, 400],
    ['a lower-case method', `get ${API} HTTP/1.1`, 400],
    ['a target of 8193 characters', `GET ${API}?${'x'.repeat(8192 - API.length)} HTTP/1.1`, 414],
  ])('with %s is refused', async (_what, line, status) => {
    expect((await refusedWith(head(line, HOST))).status).toBe(status);
  });

  it('of HTTP/0.9, without a version, is refused', async () => {
    expect((await refusedWith(`GET ${API}\r\n\r\n`)).status).toBe(400);
  });

  it('with a target of 8192 characters is taken', async () => {
    const target = `${API}?${'x'.repeat(8191 - API.length)}`;
    expect(target).toHaveLength(8192);
    expect(await statusOf(head(`GET ${target} HTTP/1.1`, HOST))).toBe(200);
  });

  it('with TRACE is 405, and shows nothing of the request', async () => {
    const caller = rawCaller(lab.gateway.url);
    caller.send(head(`TRACE ${API} HTTP/1.1`, HOST, 'X-Canary: canary-3f9a'));
    await caller.sees(/^HTTP\/1\.1 405 [\s\S]*}/m);
    caller.socket.destroy();
    expect(caller.received()).not.toContain('canary');
    expect(lab.us.requests).toEqual([]);
  });
});

describe('header fields', () => {
  it.each([
    ['Authorization twice', get(HOST, 'Authorization: Basic eDp5', 'Authorization: Basic eDp5')],
    ['a name with an underscore', get(HOST, 'X_Forwarded_For: 192.0.2.1')],
    ['Content_Length', create('Content_Length: 8', 'Content-Length: 8') + BODY],
    ['a space before the colon', get('Host : gateway')],
    ['a line that is folded', get(HOST, 'X: a', ' b')],
    ['a bare LF behind a field', `GET ${API} HTTP/1.1\r\n${HOST}\nX: y\r\n\r\n`],
    ['a bare LF behind the request line', `GET ${API} HTTP/1.1\n${HOST}\r\n\r\n`],
    ['a bare CR in a value', get(HOST, 'X: a\rb')],
    ['NUL in a value', get(HOST, 'X: a\0b')],
    ['an empty name', get(HOST, ': x')],
    ['a name that is no token', get(HOST, 'X(y): z')],
  ])('with %s are 400', async (_what, bytes) => {
    expect((await refusedWith(bytes)).status).toBe(400);
  });

  it.each([
    ['101', `GET ${API} HTTP/1.1`, 101],
    ['2,500', `GET ${API} HTTP/1.1`, 2500],
    ['2,500 under a prefix', 'GET /help HTTP/1.1', 2500],
  ])('that are %s are 431', async (_what, line, count) => {
    const more = Array.from({ length: count - 1 }, () => 'X: 1');
    expect((await refusedWith(head(line, HOST, ...more))).status).toBe(431);
  });

  it('that are 100 are taken', async () => {
    expect(await statusOf(get(HOST, ...Array.from({ length: 99 }, () => 'X: 1')))).toBe(200);
  });

  it('of more than 16 KiB are 431', async () => {
    expect((await refusedWith(get(HOST, `X: ${'x'.repeat(20_000)}`))).status).toBe(431);
  });

  it('named by Connection do not take away what the gateway sends of them', async () => {
    expect(await statusOf(get(HOST, 'Connection: authorization', 'Authorization: Basic eDp5'))).toBe(401);
    expect(lab.us.requests).toEqual([]);
  });
});

describe('a body whose length is in doubt', () => {
  it.each([
    ['Content-Length and Transfer-Encoding', create('Content-Length: 8', 'Transfer-Encoding: chunked') + CHUNKED],
    ['two lengths', create('Content-Length: 8', 'Content-Length: 9') + BODY],
    ['the same length twice', create('Content-Length: 8', 'Content-Length: 8') + BODY],
    ['a list of lengths', create('Content-Length: 8, 8') + BODY],
    ['a length with a sign', create('Content-Length: +8') + BODY],
    ['a negative length', create('Content-Length: -8') + BODY],
    ['a hexadecimal length', create('Content-Length: 0x8') + BODY],
    ['gzip, chunked', create('Transfer-Encoding: gzip, chunked') + CHUNKED],
    ['chunked, gzip', create('Transfer-Encoding: chunked, gzip') + CHUNKED],
    ['chunked twice', create('Transfer-Encoding: chunked, chunked') + CHUNKED],
    ['identity', create('Transfer-Encoding: identity', 'Content-Length: 8') + BODY],
    ['a coding that nobody knows', create('Transfer-Encoding: xchunked') + CHUNKED],
    ['chunked in HTTP/1.0', head('POST /us/api/v1/share HTTP/1.0', HOST, 'Transfer-Encoding: chunked') + CHUNKED],
    ['a bare LF behind a chunk’s size', `${create('Transfer-Encoding: chunked')}8\n${BODY}\r\n0\r\n\r\n`],
    ['a chunk’s size with a sign', `${create('Transfer-Encoding: chunked')}+8\r\n${BODY}\r\n0\r\n\r\n`],
    ['a chunk’s size with 0x', `${create('Transfer-Encoding: chunked')}0x8\r\n${BODY}\r\n0\r\n\r\n`],
  ])('%s is 400', async (_what, bytes) => {
    expect((await refusedWith(bytes)).status).toBe(400);
  });

  it.each([
    ['a length', create('Content-Length: 8') + BODY],
    ['chunks', create('Transfer-Encoding: chunked') + CHUNKED],
    ['Chunked in capitals', create('Transfer-Encoding: CHUNKED') + CHUNKED],
    [
      'a chunk extension and a trailer',
      `${create('Transfer-Encoding: chunked')}8;a=b\r\n${BODY}\r\n0\r\nX-T: 1\r\n\r\n`,
    ],
  ])('with %s is taken, and the region gets a length', async (_what, bytes) => {
    expect(await statusOf(bytes)).toBe(200);
    const [request] = lab.us.requests;
    const names = request?.headers.map(([name]) => name);
    expect(request?.headers).toContainEqual(['content-length', '8']);
    expect(names).not.toContain('transfer-encoding');
    expect(names).not.toContain('x-t');
  });
});

it('answers Expect: 100-continue, and takes 2 MB behind it', async () => {
  const body = `secret=${'x'.repeat(2_000_000 - 7)}`;
  const caller = rawCaller(lab.gateway.url);
  caller.send(create('Expect: 100-continue', `Content-Length: ${body.length}`));
  await caller.sees(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  expect(lab.us.requests).toEqual([]);
  caller.send(body);
  await caller.sees(/HTTP\/1\.1 200 OK/);
  caller.socket.destroy();
  expect(lab.us.requests).toHaveLength(1);
});
