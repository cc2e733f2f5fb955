// Trouble on a caller's connection: answered once, to the right request, or not at all; and nothing is held open.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type BrokenRegion, openBrokenRegion } from '../support/broken-region.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { type RawCaller, rawCaller } from '../support/raw.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, account: OFF, failedAuth: OFF };
const KEY = 'abcdefghij0123456789abcdefghij0';
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';

let lab: Lab;
let region: BrokenRegion | undefined;
afterEach(async () => {
  await lab.close();
  await region?.close();
  region = undefined;
});

const head = (method: string, path: string, length?: number): string =>
  `${method} ${path} HTTP/1.1\r\nHost: g\r\n${length === undefined ? '' : `Content-Length: ${length}\r\n`}\r\n`;
const statuses = (text: string): string[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status ?? '');

/** A peer that never closes its side learns that the other has only by sending. */
async function sendUntilClosed(caller: RawCaller, bytes: string): Promise<string> {
  const timer = setInterval(() => caller.send(bytes), 50);
  const text = await caller.closed;
  clearInterval(timer);
  return text;
}

/** us, whose calls are held until `release`. */
async function heldRegion(): Promise<Socket[]> {
  const held: Socket[] = [];
  region = await openBrokenRegion((socket) => void held.push(socket));
  lab = await openLab({ upstreams: { us: [region.url] }, config: { limits: LIMITS } });
  return held;
}

describe('a caller who was told 408', () => {
  it('is not served when the rest of its body arrives late: the secret survives', async () => {
    lab = await openLab({ config: { request: { bodyLimit: '64KiB', timeout: '400ms' }, limits: LIMITS } });
    const { secret } = await lab.create({ region: 'us' });
    lab.clearLedgers();
    const caller = rawCaller(lab.gateway.url, { allowHalfOpen: true });
    caller.send(`${head('POST', `/us/api/v1/secret/${secret}`, 20)}passphrase`);
    await caller.sees(/"request_timeout"/);
    const text = await sendUntilClosed(caller, '=0123456789');
    expect(statuses(text)).toEqual(['408']);
    expect(text).toMatch(/Onetime-Gateway-Outcome: not_sent/);
    expect(lab.us.requests).toEqual([]);
    expect(lab.us.secret(secret)?.consumed).toBe(false);
  });
});

describe('a request that waits for its turn and never arrives whole', () => {
  it.each([
    ['whose chunks are none', 'not a chunk\r\n', '400'],
    ['whose chunks stop coming', '', '408'],
  ])('%s is refused when its turn has come, and nothing is held by it', async (_what, chunk, status) => {
    lab = await openLab({ config: { request: { timeout: '400ms' }, limits: LIMITS } });
    for (const path of ['/us/api/v1/status', '/eu/api/v1/share']) {
      const caller = rawCaller(lab.gateway.url);
      const method = path.endsWith('share') ? 'POST' : 'GET';
      caller.send(
        `${head('GET', '/us/api/v1/status')}${method} ${path} HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`,
      );
      expect(statuses(await caller.closed)).toEqual(['200', status]);
    }
    expect([lab.us.requests.length, lab.eu.requests.length]).toEqual([2, 0]);
    expect(await lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
  });
});

describe('garbage behind a call that is under way', () => {
  it.each(['in a packet of its own', 'in the same packet'])('%s does not take its answer', async (how) => {
    const held = await heldRegion();
    const caller = rawCaller(lab.gateway.url);
    const call = head('POST', `/us/api/v1/secret/${KEY}`, 0);
    const garbage = '\x01garbage\r\n\r\n';
    caller.send(how === 'in the same packet' ? call + garbage : call);
    await expect.poll(() => held.length).toBe(1);
    if (how !== 'in the same packet') caller.send(garbage);
    held[0]?.write(ANSWER);
    const text = await caller.closed;
    expect(statuses(text)).toEqual(['200']);
    expect(text).toMatch(/Onetime-Gateway-Outcome: delivered/);
    expect(region?.received).toHaveLength(1);
  });
});

describe('a tunnel that is asked for', () => {
  const CONNECT = 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n';

  it.each(['in a packet of its own', 'in the same packet'])(
    '%s behind a call does not take its answer',
    async (how) => {
      const held = await heldRegion();
      const caller = rawCaller(lab.gateway.url);
      const call = head('POST', `/us/api/v1/secret/${KEY}`, 0);
      caller.send(how === 'in the same packet' ? call + CONNECT : call);
      await expect.poll(() => held.length).toBe(1);
      if (how !== 'in the same packet') caller.send(CONNECT);
      held[0]?.write(ANSWER);
      const text = await caller.closed;
      expect(statuses(text)).toEqual(['200']);
      expect(text).toMatch(/Onetime-Gateway-Outcome: delivered/);
      expect(await lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
    },
  );

  it('behind a call does not hide that its caller leaves', async () => {
    const held = await heldRegion();
    const caller = rawCaller(lab.gateway.url, { allowHalfOpen: true });
    caller.send(head('POST', `/us/api/v1/secret/${KEY}`, 0) + head('POST', `/us/api/v1/secret/${KEY}`, 0) + CONNECT);
    await expect.poll(() => held.length).toBe(1);
    caller.socket.end();
    expect(await caller.closed).toBe('');
    held[0]?.write(ANSWER);
    await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
    expect(region?.received).toHaveLength(1);
  });

  it('by callers who reset their connections ends nothing but these', async () => {
    lab = await openLab();
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtExceptionMonitor', note);
    for (let turn = 0; turn < 10; turn++) {
      const caller = rawCaller(lab.gateway.url);
      caller.send(CONNECT);
      if (turn % 2 === 1) await caller.sees(/ 405 /);
      caller.socket.resetAndDestroy();
      await caller.closed;
    }
    await expect.poll(() => lab.metric('onetime_gateway_connections')).toBe(0);
    process.off('uncaughtExceptionMonitor', note);
    expect(uncaught).toEqual([]);
  });
});

describe('a WebSocket that is asked for behind a request', () => {
  const HANDSHAKE = [
    'GET /live/x HTTP/1.1',
    'Host: g',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '\r\n',
  ].join('\r\n');

  it.each(['/us/api/v1/status', '/live/y'])('to %s is passed on as an ordinary request, in its turn', async (path) => {
    region = await openBrokenRegion((socket) => void socket.write(ANSWER));
    const config = { limits: LIMITS, passthrough: [{ prefix: '/live', region: 'us' }] };
    lab = await openLab({ upstreams: { us: [region.url] }, config });
    const caller = rawCaller(lab.gateway.url);
    caller.send(head('GET', path) + HANDSHAKE);
    expect(statuses(await caller.closed)).toEqual(['200', '200']);
    expect(region.received).toHaveLength(2);
    expect(region.received.join('')).not.toMatch(/^upgrade:/im);
  });

  it('and many other requests is nothing to warn of', async () => {
    lab = await openLab({ config: { limits: LIMITS, passthrough: [{ prefix: '/live', region: 'us' }] } });
    const warnings: string[] = [];
    const note = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', note);
    const caller = rawCaller(lab.gateway.url);
    caller.send(head('GET', '/live/y').repeat(20) + HANDSHAKE);
    expect(statuses(await caller.closed)).toHaveLength(21);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});

describe('a peer that was refused and goes on sending', () => {
  /** Refused by what it says, or before it has said anything. */
  const refusals: [string, string, RegExp][] = [
    ['that asked for a tunnel', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', / 405 /],
    ['that found no place', '', / 503 /],
  ];
  const cases = refusals.flatMap((refusal) => [
    { end: 'close' as const, refusal },
    { end: 'drain' as const, refusal },
  ]);

  it.each(cases)('$refusal.0 is not waited for by $end', async ({ end, refusal: [, bytes, answer] }) => {
    lab = await openLab({ config: { limits: LIMITS, listen: { host: '127.0.0.1', port: 0, maxConnections: 1 } } });
    const first = rawCaller(lab.gateway.url);
    if (bytes === '') {
      first.send(`${head('POST', '/us/api/v1/share', 100)}secret=`);
      await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(1);
    }
    const peer = rawCaller(lab.gateway.url, { allowHalfOpen: true });
    peer.send(bytes);
    await peer.sees(answer);
    first.socket.destroy();
    const sent = sendUntilClosed(peer, 'more');
    const startMs = performance.now();
    if (end === 'drain') expect(await lab.gateway.drain(8000)).toBe(true);
    else await lab.gateway.close();
    await sent;
    expect(performance.now() - startMs).toBeLessThan(5000);
  });
});

describe('an early refusal whose body stalls', () => {
  it('is not followed by a second answer: the connection just ends', async () => {
    lab = await openLab({ config: { request: { bodyLimit: '64KiB', timeout: '400ms' } } });
    const caller = rawCaller(lab.gateway.url);
    caller.send(`${head('POST', '/api/v1/nothing', 50)}half`);
    expect(statuses(await caller.closed)).toEqual(['404']);
  });
});

describe('a caller that is answered before its body has come in', () => {
  it('has its answer also when the gateway ends just then', async () => {
    lab = await openLab({ config: { limits: LIMITS } });
    const caller = rawCaller(lab.gateway.url);
    caller.socket.pause();
    caller.send(head('POST', '/us/api/v1/share', 1_000_000_000));
    const timer = setInterval(() => caller.socket.write(Buffer.alloc(10_000)), 5);
    await expect.poll(() => lab.metric('onetime_gateway_refusals_total{code="body_too_large"}')).toBe(1);
    const drained = lab.gateway.drain(8000);
    // It comes to read it a moment later.
    const reads = setTimeout(() => caller.socket.resume(), 100);
    const text = await caller.closed;
    clearInterval(timer);
    clearTimeout(reads);
    expect(statuses(text)).toEqual(['413']);
    expect(await drained).toBe(true);
  });
});

describe('a peer that never closes', () => {
  it('does not hold a connection that was answered 400', async () => {
    lab = await openLab();
    const caller = rawCaller(lab.gateway.url, { allowHalfOpen: true });
    caller.send('garbage\r\n\r\n');
    await caller.sees(/"request_malformed"/);
    expect(statuses(await sendUntilClosed(caller, 'more'))).toEqual(['400']);
  });
});

describe('requests on one connection', () => {
  it('are served one after the other, in order', async () => {
    const held = await heldRegion();
    const caller = rawCaller(lab.gateway.url);
    caller.send(head('GET', '/us/api/v1/status') + head('GET', '/eu/api/v1/status') + head('GET', '/api/v1/status'));
    await expect.poll(() => held.length).toBe(1);
    expect(lab.eu.requests).toEqual([]);
    held[0]?.write(ANSWER);
    await caller.sees(/(HTTP\/1\.1 200 OK[\s\S]*){3}/);
    expect([...caller.received().matchAll(/Onetime-Gateway-Region: (\w+)/g)].map(([, name]) => name)).toEqual([
      'us',
      'eu',
    ]);
    caller.socket.destroy();
  });

  it('that pile up are served as far as they may wait, one at a time, and the connection ends', async () => {
    let most = 0;
    let underWay = 0;
    region = await openBrokenRegion((socket) => {
      most = Math.max(most, ++underWay);
      setImmediate(() => {
        underWay--;
        socket.write(ANSWER);
      });
    });
    lab = await openLab({ upstreams: { us: [region.url] }, config: { limits: LIMITS } });
    const caller = rawCaller(lab.gateway.url);
    caller.send(head('GET', '/us/api/v1/status').repeat(200));
    expect(statuses(await caller.closed)).toEqual(Array(33).fill('200'));
    expect([region.received.length, most]).toEqual([33, 1]);
  });

  it('that wait hold no more than some heads', async () => {
    const held = await heldRegion();
    const caller = rawCaller(lab.gateway.url);
    const large = head('GET', '/api/v1/status').replace('Host', `X: ${'x'.repeat(15_000)}\r\nHost`);
    caller.send(head('GET', '/us/api/v1/status') + large.repeat(10));
    await expect.poll(() => held.length).toBe(1);
    held[0]?.write(ANSWER);
    // The first, and four of 64 KiB together.
    expect(statuses(await caller.closed)).toHaveLength(5);
  });

  it('that wait one behind the other are not counted for ever', async () => {
    region = await openBrokenRegion((socket) => void setImmediate(() => socket.write(ANSWER)));
    lab = await openLab({ upstreams: { us: [region.url] }, config: { limits: LIMITS } });
    const caller = rawCaller(lab.gateway.url);
    const large = head('GET', '/us/api/v1/status').replace('Host', `X: ${'x'.repeat(15_000)}\r\nHost`);
    caller.send(large.repeat(3));
    for (let answered = 1; answered <= 30; answered++) {
      await expect.poll(() => statuses(caller.received()).length).toBeGreaterThanOrEqual(answered);
      caller.send(large);
    }
    await expect.poll(() => statuses(caller.received()).length).toBe(33);
    caller.socket.destroy();
  });

  it.each([
    ['more than may wait', {}, 33],
    ['more than a connection may have', { maxRequestsPerConnection: 2 }, 2],
  ])('that are %s are not even kept: what still comes is thrown away', async (_what, listen, served) => {
    const held: Socket[] = [];
    region = await openBrokenRegion((socket) => void held.push(socket));
    const config = { limits: LIMITS, listen: { host: '127.0.0.1', port: 0, ...listen } };
    lab = await openLab({ upstreams: { us: [region.url] }, config });
    let parsed = 0;
    const note = (): void => void parsed++;
    subscribe('http.server.request.start', note);
    const caller = rawCaller(lab.gateway.url);
    caller.send(head('POST', `/us/api/v1/secret/${KEY}`, 0));
    await expect.poll(() => held.length).toBe(1);
    for (let piece = 0; piece < 10; piece++) {
      const sent = Promise.withResolvers<void>();
      caller.socket.write(head('GET', '/api/v1/status').repeat(5000), () => sent.resolve());
      await sent.promise;
    }
    held[0]?.write(ANSWER);
    expect(statuses(await caller.closed)).toHaveLength(served);
    unsubscribe('http.server.request.start', note);
    // What came in one piece with the last one is parsed with it.
    expect(parsed).toBeLessThan(10_000);
  });

  it('that wait behind one whose caller has gone are not served, and nothing is left in flight', async () => {
    const held = await heldRegion();
    const caller = rawCaller(lab.gateway.url);
    caller.send(head('POST', `/us/api/v1/secret/${KEY}`, 0) + head('GET', '/api/v1/status'));
    await expect.poll(() => held.length).toBe(1);
    caller.socket.destroy();
    await caller.closed;
    held[0]?.write(ANSWER);
    await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
    expect(await lab.metric('onetime_gateway_decisions_total{reason="answered_here"}')).toBe(0);
  });
});

describe('requests behind one that closes the connection', () => {
  it('are not served: no secret is asked for, and nothing is left in flight', async () => {
    lab = await openLab({ config: { limits: LIMITS } });
    const { secret } = await lab.create({ region: 'us' });
    lab.clearLedgers();
    const caller = rawCaller(lab.gateway.url);
    const last = 'GET /us/api/v1/status HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n';
    caller.send(last + head('POST', `/us/api/v1/secret/${secret}`, 0) + head('GET', '/api/v1/status'));
    expect(statuses(await caller.closed)).toEqual(['200']);
    await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
    expect(lab.us.requests.map(({ path }) => path)).toEqual(['/api/v1/status']);
    expect(lab.us.secret(secret)?.consumed).toBe(false);
  });

  it('are not lost without a word where it asks for an upgrade that it does not get', async () => {
    lab = await openLab({ config: { limits: LIMITS } });
    const { secret } = await lab.create({ region: 'us' });
    lab.clearLedgers();
    const caller = rawCaller(lab.gateway.url);
    const asking = 'GET /us/api/v1/status HTTP/1.1\r\nHost: g\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n';
    caller.send(asking + head('POST', `/us/api/v1/secret/${secret}`, 0));
    const text = await caller.closed;
    expect(statuses(text)).toEqual(['200']);
    expect(text).toMatch(/\r\nConnection: close\r\n/);
    expect(lab.us.requests.map(({ path }) => path)).toEqual(['/api/v1/status']);
    expect(lab.us.secret(secret)?.consumed).toBe(false);
  });

  it('or whose caller has closed its side meanwhile, are not started', async () => {
    const held = await heldRegion();
    const caller = rawCaller(lab.gateway.url, { allowHalfOpen: true });
    caller.send(head('POST', `/us/api/v1/secret/${KEY}`, 0) + head('GET', '/api/v1/status').repeat(3));
    await expect.poll(() => held.length).toBe(1);
    caller.socket.end();
    await caller.closed;
    held[0]?.write(ANSWER);
    await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
    expect(await lab.metric('onetime_gateway_decisions_total{reason="answered_here"}')).toBe(0);
  });
});

describe('the head of a request', () => {
  it('of HTTP/1.1 without Host is 400 in the gateway’s own form; of HTTP/1.0 it is served', async () => {
    lab = await openLab();
    const bare = rawCaller(lab.gateway.url);
    bare.send('GET /api/v1/status HTTP/1.1\r\nConnection: close\r\n\r\n');
    expect(await bare.closed).toMatch(/^HTTP\/1\.1 400 [\s\S]*"request_malformed"/);
    const old = rawCaller(lab.gateway.url);
    old.send('GET /api/v1/status HTTP/1.0\r\n\r\n');
    expect(await old.closed).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('with an Expect that nobody knows is served as if it were not there', async () => {
    lab = await openLab();
    const reply = await lab.call('GET', '/api/v1/status', { headers: { Expect: 'the-unexpected' } });
    expect(reply.status).toBe(200);
  });

  it('names a region by host also with a root dot', async () => {
    lab = await openLab();
    await lab.call('GET', '/api/v1/status', { headers: { Host: 'eu.gateway.example.' } });
    expect(lab.eu.requests).toHaveLength(1);
  });
});

describe('drain', () => {
  it('ends connections without a request at once, half-sent heads and stalled bodies among them', async () => {
    lab = await openLab();
    const callers = ['', 'GET /api/v1/st', `${head('POST', '/api/v1/nothing', 50)}half`].map((bytes) => {
      const caller = rawCaller(lab.gateway.url);
      if (bytes !== '') caller.send(bytes);
      return caller;
    });
    await callers[2]?.sees(/404/);
    expect(await lab.gateway.drain(5_000)).toBe(true);
    await Promise.all(callers.map(({ closed }) => closed));
  });
});

describe('a caller that leaves after its call was sent', () => {
  it('is recorded when the region has answered, with the outcome', async () => {
    const held = await heldRegion();
    const caller = rawCaller(lab.gateway.url);
    caller.send(head('POST', `/us/api/v1/secret/${KEY}`, 0));
    await expect.poll(() => held.length).toBe(1);
    caller.socket.destroy();
    await caller.closed;
    expect(await lab.metric('onetime_gateway_in_flight_requests')).toBe(1);
    held[0]?.write(ANSWER);
    await expect.poll(() => lab.log.join('')).toMatch(/"outcome":"delivered".*"msg":"caller gone"/);
    expect(await lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
  });
});
