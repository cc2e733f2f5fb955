// WebSockets under a prefix: the same checks before anything is connected, and one end ends both.
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { forwardTo, openProxy } from '../support/broken-proxy.ts';
import { closedPort, openBrokenRegion } from '../support/broken-region.ts';
import { basic } from '../support/http.ts';
import { BRUNO, type Lab, openLab } from '../support/lab.ts';
import { openPageRegion, type PageRegion, type Peer } from '../support/page-region.ts';

const PREFIXES = [
  { prefix: '/help', region: 'eu' },
  { prefix: '/us-app', region: 'us', credentials: 'forward' },
];

let lab: Lab;
let us: PageRegion;
let eu: PageRegion;
let onPeer: (peer: Peer, req: IncomingMessage) => void;
beforeEach(async () => {
  onPeer = (peer) => peer.on('message', (data, binary) => peer.send(data, { binary }));
  us = await openPageRegion(
    (_req, res) => res.end(),
    (peer, req) => onPeer(peer, req),
  );
  eu = await openPageRegion(
    (_req, res) => res.setHeader('Content-Length', 5).end('plain'),
    (peer, req) => onPeer(peer, req),
  );
  lab = await open();
});
afterEach(async () => {
  await lab.close();
  await Promise.all([us.close(), eu.close()]);
});

function open(euUpstream = eu.url, config: Record<string, unknown> = {}): Promise<Lab> {
  return openLab({ upstreams: { us: [us.url], eu: [euUpstream] }, config: { passthrough: PREFIXES, ...config } });
}

const socketUrl = (path: string): string => lab.gateway.url.replace('http', 'ws') + path;
const closed = (socket: WebSocket): Promise<CloseEvent> =>
  new Promise((settle) => {
    socket.onclose = settle;
    socket.onerror = () => {};
  });
const opened = (socket: WebSocket): Promise<unknown> =>
  new Promise((settle) => socket.addEventListener('open', settle));
const logged = (): Record<string, unknown>[] =>
  lab.log.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ route }) => route === 'passthrough');

const HANDSHAKE = 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';

/** Sends a handshake with further headers; resolves with the head of the answer. */
function handshake(path: string, headers = '', onConnect?: (socket: Socket) => void): Promise<string> {
  const { hostname, port } = new URL(lab.gateway.url);
  return new Promise((settle) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => {
      const head = `GET ${path} HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\n${HANDSHAKE}${headers}\r\n`;
      socket.write(head, () => onConnect?.(socket));
    });
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      if (received.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('close', () => settle(received));
  });
}

it('echoes text and binary, and sends the path and query as they came', async () => {
  const target = "/help/socket?q='x'&r=%zz|";
  const socket = new WebSocket(socketUrl('/help/socket'));
  socket.binaryType = 'arraybuffer';
  await opened(socket);
  const echo = (data: string | Uint8Array<ArrayBuffer>): Promise<unknown> => {
    const received = new Promise((settle) => {
      socket.onmessage = (event) => settle(event.data);
    });
    socket.send(data);
    return received;
  };
  expect(await echo('text')).toBe('text');
  expect(await echo(new Uint8Array([1, 2]))).toEqual(new Uint8Array([1, 2]).buffer);
  const long = 'x'.repeat(1_000_000);
  expect(await echo(long)).toBe(long);
  const done = closed(socket);
  socket.close(4001);
  expect((await done).code).toBe(4001);
  expect(await handshake(target)).toMatch(/^HTTP\/1.1 101 /);
  await expect.poll(() => eu.requests.map((request) => request.target)).toEqual(['/help/socket', target]);
});

it('drops credentials, cookies and forged headers; the 101 names region and request', async () => {
  const forged = `Authorization: ${basic(BRUNO)}\r\nCookie: a=1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Own: x\r\nSec-WebSocket-Protocol: chat\r\n`;
  const head = await handshake('/help/x', forged);
  expect(head).toMatch(/^HTTP\/1.1 101 /);
  expect(head).toMatch(/X-Request-Id: [0-9a-f-]{36}\r\nOnetime-Gateway-Region: eu\r\n/);
  await expect.poll(() => eu.requests.length).toBe(1);
  const sent = new Map(eu.requests[0]?.headers);
  expect([...sent.keys()].sort()).toEqual([
    'connection',
    'host',
    'sec-websocket-key',
    'sec-websocket-protocol',
    'sec-websocket-version',
    'upgrade',
    'x-forwarded-for',
    'x-own',
  ]);
  expect([sent.get('host'), sent.get('x-forwarded-for')]).toEqual([new URL(eu.url).host, '127.0.0.1']);
  await expect.poll(() => logged()).toMatchObject([{ status: 101, region: 'eu', outcome: 'delivered' }]);
});

it.each([
  ['/help/%2e%2e/x', '', 400],
  ['/help//x', '', 400],
  ['/us-app', `Authorization: ${basic(BRUNO)}\r\n`, 403],
  ['/help', 'Onetime-Region: us\r\n', 400],
  ['/Help', '', 404],
])('a handshake for %s %s is refused before anything is connected', async (path, headers, status) => {
  expect(await handshake(path, headers)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect([us.connections(), eu.connections()]).toEqual([0, 0]);
});

it('an Upgrade elsewhere, or to something else, is a plain request as before', async () => {
  const status = await handshake('/us/api/v1/status');
  expect(status).toMatch(/^HTTP\/1.1 200 /);
  const body = { body: 'secret=x', headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c' } };
  expect((await lab.call('POST', '/us/api/v1/share', body)).status).toBe(200);
  expect((await lab.call('GET', '/help', { headers: { Connection: 'Upgrade', Upgrade: 'h2c' } })).body).toBe('plain');
});

it('a refused connection is 502 not_sent without an address, and no 101', async () => {
  await lab.close();
  const port = await closedPort();
  lab = await open(`http://127.0.0.1:${port}`);
  const head = await handshake('/help');
  expect(head).toMatch(/^HTTP\/1.1 502 [\s\S]*Onetime-Gateway-Outcome: not_sent/);
  expect(head).not.toMatch(new RegExp(`${port}|127\\.0|ECONN`));
});

it.each([
  ['404', 'HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n'],
  ['garbage', `${'garbage'.repeat(50)}\r\n\r\n`],
  ['nothing', ''],
])('a region that answers the handshake with %s closes the caller’s side, and says nothing', async (_what, bytes) => {
  await lab.close();
  const region = await openBrokenRegion((socket) => (bytes === '' ? socket.destroy() : socket.write(bytes)));
  lab = await open(region.url);
  const { code, reason } = await closed(new WebSocket(socketUrl('/help')));
  expect([code, reason]).toEqual([1011, expect.stringMatching(/^(unexpected response)?$/)]);
  await expect.poll(() => logged()).toMatchObject([{ status: 101, outcome: 'unknown' }]);
  expect((await lab.call('GET', '/us/api/v1/status')).status).toBe(200);
  await region.close();
});

it('no more are opened than may be open: one whose connection is still being made has its place, and gives it back', async () => {
  await lab.close();
  const held: (() => void)[] = [];
  await using proxy = await openProxy((socket, head) => held.push(() => forwardTo(socket, head)));
  lab = await open(eu.url, { upstream: { connections: 2, proxy: `http://127.0.0.1:${proxy.port}` } });
  const heads: string[] = [];
  const all = Array.from({ length: 5 }, async () => heads.push((await handshake('/help')).slice(0, 13)));
  await expect.poll(() => heads).toEqual(Array(3).fill('HTTP/1.1 503 '));
  expect(proxy.heads).toHaveLength(2);
  for (const release of held.splice(0)) release();
  await Promise.all(all);
  expect(heads.slice(3)).toEqual(Array(2).fill('HTTP/1.1 101 '));
  const next = handshake('/help');
  await expect.poll(() => held.length).toBe(1);
  held[0]?.();
  expect(await next).toMatch(/^HTTP\/1.1 101 /);
});

it('the region’s side closes with the caller’s, also before it is open', async () => {
  const gone = new Promise((settle) => {
    onPeer = (peer) => peer.on('close', settle);
  });
  await handshake('/help');
  await gone;
  await expect.poll(() => eu.connections()).toBe(0);

  await lab.close();
  const silent = await openBrokenRegion((socket) => void socket.once('close', () => silent.received.push('closed')));
  lab = await open(silent.url);
  await handshake('/help');
  await expect.poll(() => silent.received.at(-1)).toBe('closed');
  await silent.close();
});

it('a caller that resets while it is being checked does not end the process', async () => {
  for (let i = 0; i < 20; i++) await handshake('/help', '', (socket) => socket.resetAndDestroy());
  expect((await lab.call('GET', '/help')).body).toBe('plain');
});

it('what one side does not take is not read from the other', async () => {
  let received = 0;
  let raw: Socket | undefined;
  onPeer = (peer, req) => {
    raw = req.socket;
    req.socket.pause();
    peer.on('message', (data) => {
      received += data.length;
    });
  };
  const socket = new WebSocket(socketUrl('/help'));
  await opened(socket);
  await expect.poll(() => raw).toBeDefined();
  for (let i = 0; i < 100; i++) socket.send(new Uint8Array(1_000_000));
  let waiting = -1;
  while (waiting !== socket.bufferedAmount) {
    waiting = socket.bufferedAmount;
    await wait(1000);
  }
  // All else has filled the sockets' buffers on the way; the gateway's memory is not one of them.
  expect(waiting).toBeGreaterThan(50_000_000);
  raw?.resume();
  await expect.poll(() => received, { timeout: 10_000 }).toBe(100_000_000);
});

it('draining closes both sides and ends', async () => {
  const codes: number[] = [];
  onPeer = (peer) => peer.on('close', (code) => codes.push(code));
  const socket = new WebSocket(socketUrl('/help'));
  const done = closed(socket);
  await opened(socket);
  await expect.poll(() => eu.requests.length).toBe(1);
  await wait(50);
  expect(await lab.gateway.drain(5000)).toBe(true);
  expect((await done).code).toBe(1001);
  await expect.poll(() => codes).toEqual([1001]);
});

it('closing cuts both sides at once, whoever does not answer', async () => {
  const gone = new Promise((settle) => {
    onPeer = (peer) => peer.on('close', settle);
  });
  const { hostname, port } = new URL(lab.gateway.url);
  const socket = connect(Number(port), hostname, () =>
    socket.write(`GET /help HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\n${HANDSHAKE}\r\n`),
  );
  await new Promise((settle) => socket.once('data', settle));
  const cut = new Promise((settle) => socket.once('close', settle));
  const startedMs = performance.now();
  await lab.gateway.close();
  await Promise.all([cut, gone]);
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});
