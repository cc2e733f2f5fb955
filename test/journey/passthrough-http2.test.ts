// Paths that are passed through, over HTTP/2: pages, bodies and cookies cross as over HTTP/1.1, which the region is spoken to
// in; WebSockets come over HTTP/1.1, as every client opens them where nothing else is offered.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import { callStream, type Http2Lab, openHttp2Lab } from '../support/http2.ts';
import {
  CANCEL,
  DATA,
  frame,
  HEADERS,
  head,
  headers,
  INTERNAL_ERROR,
  openFrames,
  RST_STREAM,
  uint32,
} from '../support/http2-frames.ts';
import { openPageRegion, type PageRegion } from '../support/page-region.ts';

describe.runIf(hasOpenssl)('under a prefix, over HTTP/2', () => {
  let pages: PageRegion;
  let lab: Http2Lab;
  let serve: (req: IncomingMessage, res: ServerResponse) => void;
  beforeAll(async () => {
    pages = await openPageRegion(
      (req, res) => serve(req, res),
      (peer) => peer.on('message', (data, binary) => peer.send(data, { binary })),
    );
    const passthrough = [{ prefix: '/app', region: 'eu', credentials: 'forward' }];
    lab = await openHttp2Lab({ upstreams: { eu: [pages.url] }, config: { passthrough } });
  });
  afterAll(async () => {
    await lab.close();
    await pages.close();
  });
  beforeEach(() => {
    pages.requests.length = 0;
    serve = (_req, res) => res.end('a page');
  });
  const inFlight = () => lab.metric('onetime_gateway_in_flight_requests');
  const echo = (req: IncomingMessage, res: ServerResponse): void => void req.pipe(res);

  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    '%s is answered by the region',
    async (method) => {
      const reply = await callStream(lab.connect(), method, '/app/page?q=1');
      expect([reply.status, reply.body, reply.code]).toEqual([200, method === 'HEAD' ? '' : 'a page', 0]);
      expect(reply.headers).toMatchObject({ 'onetime-gateway-region': 'eu', 'onetime-gateway-outcome': 'delivered' });
      expect(pages.requests).toMatchObject([{ method, target: '/app/page?q=1' }]);
      for (const name of ['connection', 'keep-alive', 'transfer-encoding'])
        expect(reply.headers).not.toHaveProperty(name);
    },
  );

  it.each(['TRACE', 'PROPFIND'])('%s is 405 and goes nowhere', async (method) => {
    const reply = await callStream(lab.connect(), method, '/app/page');
    expect([reply.status, reply.json().error]).toEqual([405, 'method_not_allowed']);
    expect(pages.requests).toEqual([]);
  });

  it.each([
    ['with a length', { 'content-length': '300000' }],
    ['without', {}],
    ['without a type', { 'content-type': undefined }],
  ])('a body %s streams both ways', async (_what, more) => {
    serve = echo;
    const body = Buffer.alloc(300_000, 'x');
    const given = Object.fromEntries(
      Object.entries({ 'content-type': 'text/plain', ...more }).filter(([, value]) => value !== undefined),
    );
    const reply = await callStream(lab.connect(), 'POST', '/app/echo', {
      headers: given as Record<string, string>,
      body,
    });
    expect([reply.status, reply.body.length, reply.code]).toEqual([200, 300_000, 0]);
  });

  it('the fields of one Cookie cross as one, and Set-Cookie crosses as often as it comes', async () => {
    serve = (_req, res) => res.setHeader('Set-Cookie', ['a=1', 'b=2']).end();
    const caller = await openFrames(lab.gateway.url, lab.ca);
    caller.send(headers(1, head('GET', '/app/page', 'cookie', 'a=1', 'cookie', 'b=2', 'connection-x', 'y')));
    await caller.sees(HEADERS, 1);
    caller.socket.destroy();
    expect(pages.requests[0]?.headers.filter(([name]) => name === 'cookie')).toEqual([['cookie', 'a=1; b=2']]);
    const names = pages.requests[0]?.headers.map(([name]) => name) ?? [];
    expect(names.filter((name) => name.startsWith(':'))).toEqual([]);
    const session = lab.connect();
    const received = await new Promise<unknown>((done) =>
      session.request({ ':path': '/app/page' }).on('response', (found) => done(found['set-cookie'])),
    );
    expect(received).toEqual(['a=1', 'b=2']);
  });

  it.each([
    ['with a length', { 'content-length': '1000' }],
    ['without', {}],
  ])('an answer %s that breaks off is reset', async (_what, more) => {
    serve = (_req, res) => {
      res.writeHead(200, more);
      res.write('half', () => res.destroy());
    };
    const reply = await callStream(lab.connect(), 'GET', '/app/page');
    expect([reply.status, reply.code]).toEqual([200, INTERNAL_ERROR]);
    expect(lab.log.at(-1)).toMatch(/"outcome":"unknown".*"msg":"caller gone"/);
    await expect.poll(inFlight).toBe(0);
  });

  it('a caller that resets its stream ends the call at the region', async () => {
    const closed = new Promise<void>((done) => {
      serve = (req, res) => {
        res.on('close', done);
        res.write('a beginning');
        req.resume();
      };
    });
    const caller = await openFrames(lab.gateway.url, lab.ca);
    caller.send(headers(1, head('GET', '/app/page')));
    await caller.sees(DATA, 1);
    caller.send(frame(RST_STREAM, 0, 1, uint32(CANCEL)));
    await closed;
    await expect.poll(inFlight).toBe(0);
    caller.socket.destroy();
  });

  it('a body that is reset half-way is not whole for the region either', async () => {
    const aborted = new Promise<boolean>((done) => {
      serve = (req) => req.resume().on('close', () => done(!req.complete));
    });
    const caller = await openFrames(lab.gateway.url, lab.ca);
    caller.send(headers(1, head('POST', '/app/page', 'content-type', 'text/plain'), 0), frame(DATA, 0, 1, 'half'));
    await expect.poll(() => pages.requests.length).toBe(1);
    caller.send(frame(RST_STREAM, 0, 1, uint32(0)));
    expect(await aborted).toBe(true);
    await expect.poll(inFlight).toBe(0);
    caller.socket.destroy();
  });

  it('a path that only looks so stays in the API', async () => {
    const reply = await callStream(lab.connect(), 'GET', '/app/../api/v1/status');
    expect(reply.status).toBe(400);
    expect(pages.requests).toEqual([]);
  });

  it('WebSockets are opened over HTTP/1.1, and over HTTP/2 nobody is offered one', async () => {
    const session = lab.connect();
    await callStream(session, 'GET', '/app/page');
    expect(session.remoteSettings.enableConnectProtocol).toBe(false);
    const { port } = new URL(lab.gateway.url);
    const socket = connect({
      host: '127.0.0.1',
      port: Number(port),
      ca: lab.ca,
      servername: 'localhost',
      ALPNProtocols: ['http/1.1'],
    });
    const received = new Promise<string>((done) =>
      socket.once('data', (chunk: Buffer) => done(chunk.toString('latin1'))),
    );
    socket.write(
      'GET /app/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    expect(await received).toMatch(/^HTTP\/1\.1 101 /);
    socket.destroy();
  });

  it('a call that waits for a connection longer than its body may take to arrive is not told that it was slow', async () => {
    const own = await openHttp2Lab({
      upstreams: { eu: [pages.url] },
      config: {
        passthrough: [{ prefix: '/app', region: 'eu' }],
        upstream: { connections: 1 },
        request: { timeout: '300ms' },
      },
    });
    const held: ServerResponse[] = [];
    serve = (_req, res) => void held.push(res);
    const session = own.connect();
    const first = callStream(session, 'GET', '/app/page');
    await expect.poll(() => held.length).toBe(1);
    const second = callStream(session, 'POST', '/app/page', { body: 'whole' });
    await new Promise((done) => setTimeout(done, 1000));
    held[0]?.end('first');
    await expect.poll(() => held.length).toBe(2);
    held[1]?.end('second');
    expect([(await first).body, (await second).body]).toEqual(['first', 'second']);
    await own.close();
  });

  it('a call under way keeps a drain waiting, and is answered', async () => {
    const own = await openHttp2Lab({
      upstreams: { eu: [pages.url] },
      config: { passthrough: [{ prefix: '/app', region: 'eu' }] },
    });
    const held: ServerResponse[] = [];
    serve = (_req, res) => void held.push(res);
    const answer = callStream(own.connect(), 'GET', '/app/page');
    await expect.poll(() => held.length).toBe(1);
    const drained = own.gateway.drain(5000);
    held[0]?.end('late');
    expect([(await answer).body, await drained]).toEqual(['late', true]);
    await own.close();
  });
});
