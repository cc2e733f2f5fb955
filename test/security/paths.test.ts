// Odd paths and methods: refused, never repaired, never forwarded. Sent as raw bytes, since clients would tidy them.
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { basic } from '../support/http.ts';
import { ALICE, type Lab, openLab } from '../support/lab.ts';

const KEY = 'abcdefghij0123456789abcdefghij0';
let lab: Lab;
beforeAll(async () => {
  lab = await openLab({ config: { limits: { failedAuth: { mode: 'off' } } } });
});
afterAll(() => lab.close());

/** Sends one raw request and resolves with the status of the answer, 0 when the connection closed without one. */
function raw(requestLine: string, headers: string[] = []): Promise<number> {
  const { hostname, port } = new URL(lab.gateway.url);
  return new Promise((settle, reject) => {
    const socket = connect(Number(port), hostname);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (received.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('close', () => settle(Number(received.split(' ')[1] ?? 0)));
    socket.on('error', reject);
    socket.write([requestLine, 'Host: gateway', `Authorization: ${basic(ALICE)}`, ...headers, '', ''].join('\r\n'));
  });
}

describe('paths', () => {
  it.each([
    `/api/v1/./secret/${KEY}`,
    `/api/v1/../v1/secret/${KEY}`,
    `/api/v2/../v1/secret/${KEY}`,
    `/api/%2e/v1/secret/${KEY}`,
    `/api/v1/%73ecret/${KEY}`,
    `/api/v1/secret%2f${KEY}`,
    `/api/v1/private/${KEY}/bur%6e`,
    `/api\\v1\\secret\\${KEY}`,
    `/api/v1/secret/${KEY}.`,
    `/api/v1/secret/${KEY}/`,
    `/api/v1/secret/${KEY}%00`,
    `/api/v1/secret/${KEY};x=1`,
    `/api/v1//secret/${KEY}`,
    `//api/v1/secret/${KEY}`,
    `/API/v1/secret/${KEY}`,
    `/api/v1/SECRET/${KEY}`,
    `/us/us/api/v1/secret/${KEY}`,
    `/us//api/v1/secret/${KEY}`,
    `/api/v1/secret/short`,
    `/api/v1/secret/${'k'.repeat(129)}`,
    `/api/v1/secret/${KEY}/extra`,
    `/api/v1/secret`,
    `/api/v1`,
    `/api/v3/secret/${KEY}`,
    `/api/v2/account`,
    `/api/account`,
    `/api/v2/colonel`,
    `/api/v2/colonel/info`,
    `/`,
    `/metrics`,
    `/api/v1/secret/${KEY}%zz`,
    `/api/v1/s%C3%A9cret/${KEY}`,
    `http://us.onetimesecret.com/api/v1/status`,
    `*`,
  ])('POST %s', async (path) => {
    expect([400, 404]).toContain(await raw(`POST ${path} HTTP/1.1`, ['Content-Length: 0']));
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
  });
});

describe('methods', () => {
  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'TRACE', 'HEAD', 'GET'])(
    '%s on retrieve is 405',
    async (method) => {
      expect(await raw(`${method} /api/v1/secret/${KEY} HTTP/1.1`)).toBe(405);
      expect(lab.us.requests).toEqual([]);
    },
  );

  it('HEAD on metadata is 405 and names what is allowed: the service gives HEAD the side effects of GET', async () => {
    const reply = await lab.call('HEAD', `/api/v1/private/${KEY}`, { as: ALICE });
    expect([reply.status, reply.headers.allow]).toEqual([405, 'GET, POST']);
    expect(lab.us.requests).toEqual([]);
  });

  it.each(['FOO', 'get'])('%s, which is none, is 400', async (method) => {
    expect(await raw(`${method} /api/v1/status HTTP/1.1`)).toBe(400);
  });

  it('CONNECT gets a refusal and no connection', async () => {
    expect(await raw('CONNECT us.onetimesecret.com:443 HTTP/1.1')).toBe(405);
    expect(lab.us.requests).toEqual([]);
  });
});

describe('version 2: a GET that would consume', () => {
  it.each([
    '?continue=true',
    '?continue=1',
    '?x=1&continue=true',
    '?x=1;continue=true',
    '?%63ontinue=true',
    '?CONTINUE=true',
    '?continue[]=true',
    '?secret[continue]=true',
    '?+continue=true',
    '?continue',
  ])('%s is refused and not forwarded', async (query) => {
    for (const path of [`/us/api/v2/secret/${KEY}`, `/us/api/v2/secret/${KEY}/status`]) {
      const reply = await lab.call('GET', path + query, { as: ALICE });
      expect([reply.status, reply.json().error]).toEqual([400, 'continue_refused']);
    }
    expect(lab.us.requests).toEqual([]);
  });

  it('any other query is not sent on, so that nothing consumes under another name', async () => {
    const { secret } = await lab.create({ as: ALICE });
    await lab.call('GET', `/us/api/v2/secret/${secret}?locale=de`, { as: ALICE });
    expect(lab.us.requests.at(-1)?.path).toBe(`/api/v2/secret/${secret}`);
    lab.clearLedgers();
  });
});

it('bytes that are no request are 400 in the gateway’s own form, and the connection ends', async () => {
  expect(await raw('GET /api/v1/status HTTP/1.1', ['Bad Header: x'])).toBe(400);
  expect(await raw(`GET /api/v1/status HTTP/1.1`, [`X-Big: ${'x'.repeat(20_000)}`])).toBe(431);
  expect(lab.us.requests).toEqual([]);
});
