// Bounds on what comes in: bodies, slowness, and the two listeners kept apart.
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { call } from '../support/http.ts';
import { type Lab, openLab } from '../support/lab.ts';

let lab: Lab;
afterEach(() => lab.close());

describe('request bodies', () => {
  const post = (size: number, headers = {}) =>
    lab.call('POST', '/us/api/v1/share', { body: `secret=${'x'.repeat(size - 7)}`, headers });

  it('at the limit are forwarded, one byte over is 413 and is not', async () => {
    lab = await openLab({ config: { request: { bodyLimit: '64KiB', timeout: '5s' } } });
    expect((await post(65_536)).status).toBe(200);
    lab.clearLedgers();
    const reply = await post(65_537);
    expect([reply.status, reply.json().error]).toEqual([413, 'body_too_large']);
    expect(reply.json().hint).toContain('65536');
    expect(lab.us.requests).toEqual([]);
  });

  it('over the limit are 413 too when they come chunked', async () => {
    lab = await openLab({ config: { request: { bodyLimit: '64KiB', timeout: '5s' } } });
    expect((await post(65_536, { 'transfer-encoding': 'chunked' })).status).toBe(200);
    expect((await post(1_000_000, { 'transfer-encoding': 'chunked' })).status).toBe(413);
    expect(lab.us.requests).toHaveLength(1);
  });
});

describe('slow senders', () => {
  it.each([
    ['of a head', 'POST /us/api/v1/share HTTP/1.1\r\nHost: g\r\n'],
    ['of a body', 'POST /us/api/v1/share HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\nsecret='],
  ])('%s are answered 408, and nothing is forwarded', async (_what, bytes) => {
    lab = await openLab({ config: { request: { bodyLimit: '64KiB', timeout: '400ms' } } });
    const { hostname, port } = new URL(lab.gateway.url);
    const received = await new Promise<string>((done) => {
      let text = '';
      const socket = connect(Number(port), hostname, () => socket.write(bytes));
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.on('close', () => done(text));
    });
    expect(received).toMatch(/^HTTP\/1.1 408 /);
    expect(received).toContain('"error":"request_timeout"');
    expect(lab.us.requests).toEqual([]);
  });
});

describe('the admin listener', () => {
  it('serves metrics, liveness and readiness, and not the API', async () => {
    lab = await openLab();
    const { adminUrl } = lab.gateway;
    expect((await call(adminUrl, 'GET', '/livez')).json()).toEqual({ status: 'live' });
    expect((await call(adminUrl, 'GET', '/readyz')).json()).toEqual({ status: 'ready' });
    expect((await call(adminUrl, 'GET', '/metrics')).headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect((await call(adminUrl, 'GET', '/us/api/v1/status')).status).toBe(404);
    expect(lab.us.requests).toEqual([]);
  });

  it('is not reachable through the public port', async () => {
    lab = await openLab();
    for (const path of ['/metrics', '/livez', '/readyz']) expect((await lab.call('GET', path)).status).toBe(404);
  });
});

it('a port that is taken rejects, and leaves nothing open', async () => {
  lab = await openLab();
  const port = Number(new URL(lab.gateway.url).port);
  await expect(openLab({ config: { listen: { host: '127.0.0.1', port } } })).rejects.toMatchObject({
    code: 'EADDRINUSE',
    port,
  });
});
