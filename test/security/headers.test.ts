// What crosses: forged, hop-by-hop and unknown headers stay here; one right X-Forwarded-For, or none.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import httpProxy from 'http-proxy';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call } from '../support/http.ts';
import { ALICE, type Lab, openLab } from '../support/lab.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

function received(): Map<string, string> {
  const last = lab.us.requests.at(-1);
  return new Map(last?.headers.map(([name, value]) => [name.toLowerCase(), value]));
}

it('hands on only what the region needs', async () => {
  await lab.call('POST', '/api/v1/share', {
    as: ALICE,
    body: 'secret=x',
    headers: {
      'User-Agent': 'curl/8',
      Accept: 'application/json',
      'Accept-Language': 'de',
      'Accept-Encoding': 'gzip',
      Cookie: 'sess=stolen; locale=de',
      'X-Forwarded-For': '6.6.6.6',
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Proto': 'https',
      'X-Original-Host': 'evil.example',
      'X-Real-IP': '6.6.6.6',
      'X-Client-IP': '6.6.6.6',
      Forwarded: 'for=6.6.6.6;host=evil.example',
      'Apx-Incoming-Host': 'evil.example',
      Via: '1.1 evil',
      'O-Shrimp': 'x',
      'Onetime-Shrimp': 'x',
      'O-Domain-Context': 'x',
      'O-Organization-ID': 'x',
      'O-Homepage-Mode': 'x',
      'X-HTTP-Method-Override': 'DELETE',
      'Proxy-Authorization': 'Basic eDp5',
      'Idempotency-Key': 'abcdefghijklmnop',
      TE: 'trailers',
      Connection: 'keep-alive, X-Named, Authorization',
      'X-Named': 'hop',
      'Keep-Alive': 'timeout=5',
    },
  });
  expect([...received().keys()].sort()).toEqual([
    'accept',
    'accept-language',
    'authorization',
    'connection',
    'content-length',
    'content-type',
    'host',
    'user-agent',
    'x-forwarded-for',
  ]);
  expect(received().get('x-forwarded-for')).toBe('127.0.0.1');
  expect(received().get('host')).toBe(new URL(lab.us.url).host);
  expect(received().get('connection')).toBe('keep-alive');
});

it('never lets the region set cookies, redirect or name itself', async () => {
  const reply = await lab.call('GET', '/us/api/v1/status?locale=de');
  expect(Object.keys(reply.headers).sort()).toEqual([
    'cache-control',
    'connection',
    'content-length',
    'content-type',
    'date',
    'onetime-gateway-outcome',
    'onetime-gateway-region',
    'x-request-id',
  ]);
  // The query stays here too: on this route it is of no use but to set the region's cookie.
  expect(lab.us.requests.at(-1)?.path).toBe('/api/v1/status');
});

it('a body on a GET stays here', async () => {
  await lab.call('GET', '/us/api/v1/status', { body: 'continue=true' });
  expect(lab.us.requests.at(-1)?.body).toBe('');
  expect([...received().keys()]).not.toContain('content-length');
});

it('a chunked body arrives with its Content-Length', async () => {
  const reply = await lab.call('POST', '/us/api/v1/share', {
    body: 'secret=chunked',
    headers: { 'transfer-encoding': 'chunked', 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(reply.status).toBe(200);
  expect(received().get('content-length')).toBe('14');
  expect(received().has('transfer-encoding')).toBe(false);
});

it('forwardClientAddress: false sends no address at all', async () => {
  await lab.close();
  lab = await openLab({ config: { upstream: { forwardClientAddress: false } } });
  await lab.call('GET', '/us/api/v1/status', { headers: { 'X-Forwarded-For': '6.6.6.6' } });
  expect(received().has('x-forwarded-for')).toBe(false);
});

describe('behind a load balancer', () => {
  let balancer: Server;
  let url: string;

  async function balance(trustProxy: string[]): Promise<void> {
    await lab.close();
    lab = await openLab({ config: { listen: { host: '127.0.0.1', port: 0, trustProxy } } });
    const proxy = httpProxy.createProxyServer({ target: lab.gateway.url, xfwd: true });
    proxy.on('error', (_error, _req, res) => res.destroy());
    balancer = createServer((req, res) => proxy.web(req, res));
    await new Promise<void>((done) => balancer.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(balancer.address() as AddressInfo).port}`;
  }
  afterEach(async () => {
    balancer.closeAllConnections();
    await new Promise((done) => balancer.close(done));
  });

  it('that is trusted, the client’s one right address goes on, and what it forged does not', async () => {
    await balance(['127.0.0.1']);
    await call(url, 'GET', '/us/api/v1/status', { from: '127.0.0.9', headers: { 'X-Forwarded-For': '6.6.6.6' } });
    expect(received().get('x-forwarded-for')).toBe('127.0.0.9');
  });

  it('that is not trusted, its own address goes on', async () => {
    await balance([]);
    await call(url, 'GET', '/us/api/v1/status', { from: '127.0.0.9' });
    expect(received().get('x-forwarded-for')).toBe('127.0.0.1');
  });

  it('limits count the clients behind it one by one', async () => {
    await balance(['127.0.0.1']);
    const retrieve = (from: string) => call(url, 'POST', '/us/api/v1/secret/nosuchkey000000000000000000000', { from });
    const statuses = [];
    for (let i = 0; i < 8; i++) statuses.push((await retrieve('127.0.0.8')).status);
    expect(statuses.at(-1)).toBe(429);
    expect((await retrieve('127.0.0.7')).status).toBe(404);
  });
});
