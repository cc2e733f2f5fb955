// What callers of HTTP/2 get: the same rooms, one exchange a stream, and a true outcome however a stream ends.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { type BrokenRegion, openBrokenRegion } from '../support/broken-region.ts';
import { hasOpenssl } from '../support/certificates.ts';
import { callStream, type Http2Lab, openHttp2Lab } from '../support/http2.ts';
import {
  CANCEL,
  codeOf,
  DATA,
  type FrameCaller,
  frame,
  GOAWAY,
  HEADERS,
  head,
  headers,
  INTERNAL_ERROR,
  openFrames,
  PING,
  REFUSED_STREAM,
  RST_STREAM,
  uint32,
} from '../support/http2-frames.ts';
import { ALICE, BRUNO, type LabOptions } from '../support/lab.ts';
import { openPageRegion } from '../support/page-region.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, account: OFF, failedAuth: OFF };
const KEY = 'abcdefghij0123456789abcdefghij0';
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';
const STATUS = '/us/api/v1/status';
const REVEAL = head('POST', `/us/api/v1/secret/${KEY}`);

let lab: Http2Lab;
let region: BrokenRegion | undefined;
afterEach(async () => {
  await lab?.close();
  await region?.close();
  region = undefined;
});

async function open(options: LabOptions = {}): Promise<void> {
  lab = await openHttp2Lab({ ...options, config: { limits: LIMITS, ...options.config } });
}

/** us, whose calls are held. */
async function openHeld(config = {}): Promise<Socket[]> {
  const held: Socket[] = [];
  region = await openBrokenRegion((socket) => void held.push(socket));
  await open({ upstreams: { us: [region.url] }, config });
  return held;
}

const inFlight = () => lab.metric('onetime_gateway_in_flight_requests');
const reset = (stream: number, code = CANCEL): Buffer => frame(RST_STREAM, 0, stream, uint32(code));
/** Resolves when such a frame has come, or the connection has closed. */
const heard = (caller: FrameCaller, type: number, stream?: number) =>
  caller.sees(type, stream).catch(() => caller.closed);
const dial = (): Promise<FrameCaller> => openFrames(lab.gateway.url, lab.ca);

describe.runIf(hasOpenssl)('a request over HTTP/2', () => {
  it('is answered as over HTTP/1.1, without what is a connection’s own', async () => {
    await open();
    const reply = await callStream(lab.connect(), 'GET', STATUS);
    expect([reply.status, reply.json().status]).toEqual([200, 'nominal']);
    expect(Object.keys(reply.headers).sort()).toEqual([
      ':status',
      'cache-control',
      'content-length',
      'content-type',
      'date',
      'onetime-gateway-outcome',
      'onetime-gateway-region',
      'x-request-id',
    ]);
    expect(reply.headers).toMatchObject({ 'cache-control': 'no-store', 'onetime-gateway-outcome': 'delivered' });
    await expect.poll(() => lab.log.join('')).toMatch(/"route":"v1.status".*"outcome":"delivered".*"msg":"answered"/);
  });

  it('has its account, its body and its secret go where they belong', async () => {
    await open();
    const session = lab.connect();
    const made = await callStream(session, 'POST', '/api/v1/share', { as: ALICE, body: 'secret=s3cret&ttl=3600' });
    expect([made.status, lab.us.requests[0]?.body, lab.eu.requests]).toEqual([200, 'secret=s3cret&ttl=3600', []]);
    const { secret_key: key } = made.json();
    const read = await callStream(session, 'POST', `/api/v1/secret/${key}`, { body: '' });
    expect([read.status, read.json().value]).toEqual([200, 's3cret']);
    const again = await callStream(session, 'POST', `/api/v1/secret/${key}`, { body: '' });
    expect(again.status).toBe(404);
    const forbidden = await callStream(session, 'POST', '/us/api/v1/share', { as: BRUNO, body: 'secret=x' });
    expect([forbidden.status, forbidden.json().error, forbidden.code]).toEqual([403, 'region_not_allowed', 0]);
  });

  it('with HEAD gets the head alone', async () => {
    await open();
    const session = lab.connect();
    const [full, bare] = [await callStream(session, 'GET', STATUS), await callStream(session, 'HEAD', STATUS)];
    expect([bare.status, bare.body, bare.code]).toEqual([200, '', 0]);
    expect(bare.headers['content-length']).toBe(full.headers['content-length']);
    await expect.poll(() => lab.log.filter((line) => /"method":"HEAD".*"msg":"answered"/.test(line)).length).toBe(1);
  });

  it.each([204, 304])('that a region answers %s has no body and no length', async (status) => {
    region = await openBrokenRegion((socket) => void socket.write(`HTTP/1.1 ${status} X\r\n\r\n`));
    await open({ upstreams: { us: [region.url] } });
    const reply = await callStream(lab.connect(), 'GET', STATUS);
    expect([reply.status, reply.body, reply.headers['content-length'], reply.code]).toEqual([status, '', undefined, 0]);
  });

  it('is served beside others of its connection, and waits for none of them', async () => {
    const held = await openHeld();
    const session = lab.connect();
    const first = callStream(session, 'GET', STATUS);
    await expect.poll(() => held.length).toBe(1);
    expect((await callStream(session, 'GET', '/eu/api/v1/status')).status).toBe(200);
    expect(await inFlight()).toBe(1);
    held[0]?.write(ANSWER);
    expect((await first).status).toBe(200);
  });

  it('that waits to be asked for its body is asked where it is going to be read, and nowhere else', async () => {
    await open();
    const session = lab.connect();
    const expecting = (path: string) =>
      session.request({
        ':method': 'POST',
        ':path': path,
        expect: '100-continue',
        'content-type': 'application/x-www-form-urlencoded',
      });
    const asked = expecting('/us/api/v1/share');
    asked.once('continue', () => asked.end('secret=x'));
    const [answer] = await once(asked, 'response');
    expect([answer[':status'], lab.us.requests[0]?.body]).toEqual([200, 'secret=x']);
    const refused = expecting('/api/v1/nothing');
    let continues = 0;
    refused.on('continue', () => continues++);
    const [refusal] = await once(refused, 'response');
    expect([refusal[':status'], continues]).toEqual([404, 0]);
    await once(refused.resume(), 'close');
    expect(refused.rstCode).toBe(0);
  });

  it('with more than 100 at once is refused as one that was never begun, and the others go on', async () => {
    const held = await openHeld({ upstream: { connections: 200 } });
    const caller = await dial();
    caller.send(...Array.from({ length: 101 }, (_, at) => headers(2 * at + 1, head('GET', STATUS))));
    expect(codeOf(await caller.sees(RST_STREAM, 201))).toBe(REFUSED_STREAM);
    await expect.poll(() => held.length).toBe(100);
    for (const socket of held) socket.write(ANSWER);
    await caller.sees(DATA, 199);
    caller.send(headers(203, head('GET', STATUS)));
    await expect.poll(() => region?.received.length).toBe(101);
    caller.socket.destroy();
  });
});

describe.runIf(hasOpenssl)('a body over HTTP/2', () => {
  it.each([
    ['a length', true],
    ['no length', false],
  ])('with %s is taken up to the limit and 413 beyond it, and its stream alone ends', async (_what, hasLength) => {
    await open({ config: { request: { bodyLimit: '64KiB' } } });
    const session = lab.connect();
    const send = (bytes: number) => {
      const body = `secret=${'x'.repeat(bytes - 7)}`;
      const length = hasLength ? { 'content-length': String(bytes) } : {};
      return callStream(session, 'POST', '/us/api/v1/share', { body, headers: length });
    };
    expect((await send(65_536)).status).toBe(200);
    lab.clearLedgers();
    for (const bytes of [65_537, 1_000_000]) {
      const reply = await send(bytes);
      expect([reply.status, reply.json().error, reply.headers['onetime-gateway-outcome'], reply.code]).toEqual([
        413,
        'body_too_large',
        'not_sent',
        0,
      ]);
    }
    expect(lab.us.requests).toEqual([]);
    expect((await send(1000)).status).toBe(200);
    expect(session.closed).toBe(false);
  });

  it('of one stream does not stand in the way of another’s, also where nobody reads it', async () => {
    await using pages = await openPages();
    await open({ upstreams: { us: [pages.url] }, config: { passthrough: [{ prefix: '/slow', region: 'us' }] } });
    const session = lab.connect();
    const stuck = session.request({ ':method': 'POST', ':path': '/slow/x', 'content-type': 'text/plain' });
    stuck.on('error', () => {});
    let taken = 0;
    const fill = (): void => {
      while (stuck.write(Buffer.alloc(100_000))) taken += 100_000;
    };
    stuck.on('drain', fill);
    fill();
    // Until neither the region nor the gateway takes any more of it.
    let before: number;
    do {
      before = taken;
      await callStream(session, 'GET', '/eu/api/v1/status');
      await new Promise((done) => setTimeout(done, 100));
    } while (taken > before);
    const body = `secret=${'x'.repeat(500_000)}`;
    expect((await callStream(session, 'POST', '/eu/api/v1/share', { body })).status).toBe(200);
    stuck.destroy();
  });

  it('that is reset before its end is sent nowhere', async () => {
    await open();
    for (const code of [CANCEL, 0]) {
      const caller = await dial();
      caller.send(
        headers(1, [...head('POST', '/us/api/v1/share'), 'content-type', 'application/x-www-form-urlencoded'], 0),
      );
      caller.send(frame(DATA, 0, 1, 'secret=x'));
      await expect.poll(inFlight).toBe(1);
      caller.send(reset(1, code));
      await expect.poll(inFlight).toBe(0);
      caller.socket.destroy();
    }
    expect(lab.us.requests).toEqual([]);
    expect(lab.log.filter((line) => /"outcome":"not_sent".*"msg":"caller gone"/.test(line))).toHaveLength(2);
  });
});

describe.runIf(hasOpenssl)('a caller of HTTP/2 that leaves', () => {
  it.each([
    ['resets its stream in the same breath', (caller: FrameCaller) => caller.send(headers(1, REVEAL), reset(1))],
    [
      'says GOAWAY with an error in the same breath',
      (caller: FrameCaller) =>
        caller.send(headers(1, REVEAL), frame(GOAWAY, 0, 0, Buffer.concat([uint32(0), uint32(CANCEL)]))),
    ],
  ])('and %s has nothing sent for it', async (_what, leave) => {
    await open();
    const { secret } = await create();
    const caller = await dial();
    leave(caller);
    caller.send(headers(3, head('GET', STATUS)));
    await heard(caller, DATA, 3);
    await expect.poll(inFlight).toBe(0);
    caller.socket.destroy();
    expect(lab.us.requests.filter(({ method }) => method === 'POST')).toEqual([]);
    expect(lab.us.secret(secret)?.consumed).toBe(false);
  });

  it('while its call waits for a connection has nothing sent for it', async () => {
    const held = await openHeld({ upstream: { connections: 1 } });
    const caller = await dial();
    caller.send(headers(1, head('GET', STATUS)));
    await expect.poll(() => held.length).toBe(1);
    caller.send(headers(3, REVEAL));
    await expect.poll(inFlight).toBe(2);
    caller.send(reset(3));
    await expect.poll(inFlight).toBe(1);
    held[0]?.write(ANSWER);
    await caller.sees(DATA, 1);
    caller.send(headers(5, head('GET', STATUS)));
    await expect.poll(() => held.length).toBe(2);
    expect(region?.received.map((text) => text.split(' ')[0])).toEqual(['GET', 'GET']);
    caller.socket.destroy();
  });

  it.each([
    ['its stream', (caller: FrameCaller) => caller.send(reset(1))],
    ['its connection', (caller: FrameCaller) => void caller.socket.destroy()],
  ])('by %s after its call was sent has it sent once, and its outcome recorded', async (_what, leave) => {
    const held = await openHeld();
    const caller = await dial();
    caller.send(headers(1, REVEAL));
    await expect.poll(() => held.length).toBe(1);
    leave(caller);
    caller.send(frame(PING, 0, 0, '12345678'));
    await heard(caller, PING);
    expect(await inFlight()).toBe(1);
    held[0]?.write(ANSWER);
    await expect.poll(() => lab.log.join('')).toMatch(/"outcome":"delivered".*"msg":"caller gone"/);
    expect([await inFlight(), region?.received.length]).toEqual([0, 1]);
    caller.socket.destroy();
  });
});

describe.runIf(hasOpenssl)('an answer over HTTP/2', () => {
  it('that breaks off is reset, so that it does not look whole, and the connection goes on', async () => {
    const long = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20000000\r\n\r\n${'x'.repeat(9_000_000)}`;
    region = await openBrokenRegion((socket) => void socket.write(long, () => socket.destroy()));
    await open({ upstreams: { us: [region.url] } });
    const session = lab.connect();
    const reply = await callStream(session, 'GET', STATUS);
    expect([reply.status, reply.code]).toEqual([200, INTERNAL_ERROR]);
    expect((await callStream(session, 'GET', '/eu/api/v1/status')).status).toBe(200);
    await expect.poll(() => lab.log.join('')).toMatch(/"msg":"caller gone"/);
  });

  it('that never came whole is 502 with its outcome', async () => {
    region = await openBrokenRegion((socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}'));
    await open({ upstreams: { us: [region.url] } });
    const reply = await callStream(lab.connect(), 'POST', `/us/api/v1/secret/${KEY}`, { body: '' });
    expect([reply.status, reply.headers['onetime-gateway-outcome'], region.received.length]).toEqual([
      502,
      'unknown',
      1,
    ]);
  });

  it('of 20 MB streams as fast as it is taken, and arrives whole', async () => {
    const size = 20_000_000;
    region = await openBrokenRegion((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size, 'x'));
    });
    await open({ upstreams: { us: [region.url] } });
    const reply = await callStream(lab.connect(), 'GET', STATUS);
    expect([reply.status, reply.body.length, reply.code]).toEqual([200, size, 0]);
    await expect.poll(() => lab.log.join('')).toMatch(/"response_bytes":20000000.*"msg":"answered"/);
  });
});

describe.runIf(hasOpenssl)('drain', () => {
  it('says GOAWAY, answers what is under way, and takes nothing more on the connection', async () => {
    const held = await openHeld();
    const caller = await dial();
    const idle = lab.connect();
    expect((await callStream(idle, 'GET', '/eu/api/v1/status')).status).toBe(200);
    caller.send(headers(1, REVEAL));
    await expect.poll(() => held.length).toBe(1);
    const idleClosed = once(idle, 'close');
    const drained = lab.gateway.drain(5_000);
    expect(codeOf(await caller.sees(GOAWAY))).toBe(0);
    await idleClosed;
    caller.send(headers(3, head('GET', STATUS)));
    held[0]?.write(ANSWER);
    await caller.sees(DATA, 1);
    const sent = caller.seen.find(({ type, stream }) => type === HEADERS && stream === 1)?.payload.toString('latin1');
    expect(sent).not.toMatch(/connection/i);
    await caller.closed;
    expect(await drained).toBe(true);
    expect([caller.seen.filter(({ stream }) => stream === 3), region?.received.length]).toEqual([[], 1]);
  });

  it('whose time is over cuts what is under way, and records it with its outcome', async () => {
    const held = await openHeld();
    const caller = await dial();
    caller.send(headers(1, REVEAL));
    await expect.poll(() => held.length).toBe(1);
    expect(await lab.gateway.drain(100)).toBe(false);
    await caller.closed;
    expect(lab.log.join('')).toMatch(/"outcome":"unknown".*"msg":"caller gone"/);
  });

  it('does not wait for callers that read nothing', async () => {
    await open();
    const caller = await dial();
    caller.socket.pause();
    caller.send(headers(1, head('GET', STATUS)));
    await expect.poll(() => lab.us.requests.length).toBe(1);
    expect(await lab.gateway.drain(10_000)).toBe(true);
    caller.socket.destroy();
  });
});

describe.runIf(hasOpenssl)('a caller of HTTP/2', () => {
  it('is who its load balancer names in a PROXY header, on every stream', async () => {
    await open({ config: { listen: { trustProxy: ['127.0.0.0/8'], proxyProtocol: true } } });
    const { hostname: host, port } = new URL(lab.gateway.url);
    const plain = connectPlain({ host, port: Number(port) });
    plain.write('PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n');
    const socket = connectTls({ socket: plain, ca: lab.ca, servername: 'localhost', ALPNProtocols: ['h2'] });
    const session = connect(lab.gateway.url, { createConnection: () => socket });
    session.on('error', () => {});
    for (let i = 0; i < 2; i++) expect((await callStream(session, 'GET', STATUS)).status).toBe(200);
    const named = lab.us.requests.map(({ headers: all }) => all.find(([name]) => name === 'x-forwarded-for')?.[1]);
    expect(named).toEqual(['203.0.113.7', '203.0.113.7']);
    session.destroy();
  });

  it('is named by X-Forwarded-For where that is believed, once', async () => {
    await open({ config: { listen: { trustProxy: ['127.0.0.0/8'] } } });
    await callStream(lab.connect(), 'GET', STATUS, { headers: { 'x-forwarded-for': '203.0.113.9' } });
    const named = lab.us.requests[0]?.headers.filter(([name]) => name === 'x-forwarded-for');
    expect(named).toEqual([['x-forwarded-for', '203.0.113.9']]);
  });
});

describe.runIf(hasOpenssl)('a reload', () => {
  it('holds for the streams that begin behind it, on connections that there are', async () => {
    const held = await openHeld();
    const session = lab.connect();
    const before = callStream(session, 'GET', STATUS);
    await expect.poll(() => held.length).toBe(1);
    expect((await lab.reload({ limits: LIMITS, listen: lab.listen, request: { bodyLimit: '1KiB' } })).result).toBe(
      'applied',
    );
    const after = await callStream(session, 'POST', '/eu/api/v1/share', { body: `secret=${'x'.repeat(2000)}` });
    expect(after.status).toBe(413);
    held[0]?.write(ANSWER);
    expect((await before).status).toBe(200);
  });
});

/** A region that reads heads and nothing else. */
async function openPages(): Promise<{ url: string } & AsyncDisposable> {
  const pages = await openPageRegion((req) => void req.pause());
  return { url: pages.url, [Symbol.asyncDispose]: () => pages.close() };
}

/** A secret in us, which is the twin. */
async function create(): Promise<{ secret: string }> {
  const session = lab.connect();
  const made = await callStream(session, 'POST', '/us/api/v1/share', { body: 'secret=x&ttl=3600' });
  lab.clearLedgers();
  return { secret: String(made.json().secret_key) };
}
