// What became of a call to a region that fails: each caller is told not_sent, unknown or delivered, and nothing is sent twice.
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type BrokenRegion, closedPort, openBrokenRegion } from '../support/broken-region.ts';
import { ALICE, type Lab, openLab } from '../support/lab.ts';

const KEY = 'abcdefghij0123456789abcdefghij0';
const RETRIEVE = `/us/api/v1/secret/${KEY}`;
const TIMEOUTS = { connectTimeout: '300ms', headersTimeout: '300ms', bodyTimeout: '300ms' };

let lab: Lab | undefined;
let broken: BrokenRegion | undefined;
afterEach(async () => {
  await lab?.close();
  await broken?.close();
  lab = undefined;
  broken = undefined;
});

async function withRegion(behave: (socket: Socket, request: string) => void): Promise<Lab> {
  broken = await openBrokenRegion(behave);
  lab = await openLab({ upstreams: { us: [broken.url] }, config: { upstream: TIMEOUTS } });
  return lab;
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

describe('sent, but no whole answer: unknown, and sent once', () => {
  it.each([
    ['502 when us resets after the request', 502, 'region_failed', (s: Socket) => s.resetAndDestroy()],
    ['502 when us closes without an answer', 502, 'region_failed', (s: Socket) => s.end()],
    [
      '502 when us closes in the middle of the head',
      502,
      'region_failed',
      (s: Socket) => s.end('HTTP/1.1 200 OK\r\nConte'),
    ],
    [
      '502 when us closes in the middle of the body',
      502,
      'region_failed',
      (s: Socket) => s.end(`${HEAD}Content-Length: 100\r\n\r\n{"value":"ha`),
    ],
    [
      '502 when us resets in the middle of a chunked body',
      502,
      'region_failed',
      (s: Socket) => {
        s.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{"val`, () => s.resetAndDestroy());
      },
    ],
    [
      '502 when the length of the answer cannot be told',
      502,
      'region_failed',
      (s: Socket) => s.end(`${HEAD}Connection: close\r\n\r\n{"value":"whole?"}`),
    ],
    ['502 when us answers what is no HTTP', 502, 'region_failed', (s: Socket) => s.end('SSH-2.0-OpenSSH\r\n\r\n')],
    [
      '502 when us answers 100 Continue, and nothing else',
      502,
      'region_failed',
      (s: Socket) => s.end('HTTP/1.1 100 Continue\r\n\r\n'),
    ],
    ['504 when us never answers', 504, 'region_timeout', () => {}],
    [
      '504 when us stalls in the middle of the body',
      504,
      'region_timeout',
      (s: Socket) => s.write(`${HEAD}Content-Length: 100\r\n\r\n{"value"`),
    ],
  ] as const)('%s', async (_what, status, error, behave) => {
    const { call } = await withRegion(behave);
    const reply = await call('POST', RETRIEVE, { body: 'passphrase=x' });
    expect([reply.status, reply.json().error]).toEqual([status, error]);
    expect(reply.headers['onetime-gateway-outcome']).toBe('unknown');
    expect(reply.json().outcome).toBe('unknown');
    expect(reply.json().hint).toMatch(/may have been consumed/);
    expect(reply.headers['onetime-gateway-region']).toBeUndefined();
    expect(broken?.received).toHaveLength(1);
    expect(reply.body).not.toContain('127.0.0.1');
  });

  it('504 when us dribbles its answer for longer than bodyTimeout', async () => {
    const { call } = await withRegion((socket) => {
      socket.write(`${HEAD}Content-Length: 1000\r\n\r\n`);
      const timer = setInterval(() => socket.write('x'), 50);
      socket.on('close', () => clearInterval(timer));
    });
    const reply = await call('POST', RETRIEVE);
    expect([reply.status, reply.headers['onetime-gateway-outcome']]).toEqual([504, 'unknown']);
  });

  it('tells a creator that a secret may exist, and counts the outcome', async () => {
    const { call, metric } = await withRegion((socket) => socket.destroy());
    const reply = await call('POST', '/us/api/v1/share', { as: ALICE, body: 'secret=x' });
    expect(reply.json().hint).toMatch(/may have been created/);
    const series = 'onetime_gateway_outcomes_total{region="us",purpose="forward",effect="creates",outcome="unknown"}';
    expect(await metric(series)).toBe(1);
    expect(await metric('onetime_gateway_region_up{region="us"}')).toBe(0);
  });
});

describe('surely not sent', () => {
  it('502 when no connection to us can be opened', async () => {
    lab = await openLab({ upstreams: { us: [`http://127.0.0.1:${await closedPort()}`] } });
    const reply = await lab.call('POST', RETRIEVE);
    expect([reply.status, reply.json().error]).toEqual([502, 'region_unreachable']);
    expect(reply.headers['onetime-gateway-outcome']).toBe('not_sent');
    expect(reply.body).not.toContain('127.0.0.1');
    expect(lab.eu.requests).toEqual([]);
  });

  it('another upstream URL of the same region is tried when a connection could not be opened', async () => {
    broken = await openBrokenRegion((socket) => socket.write(`${HEAD}Content-Length: 2\r\n\r\n{}`));
    lab = await openLab({ upstreams: { us: [`http://127.0.0.1:${await closedPort()}`, broken.url] } });
    const reply = await lab.call('POST', RETRIEVE);
    expect([reply.status, reply.headers['onetime-gateway-outcome']]).toEqual([200, 'delivered']);
    expect(broken.received).toHaveLength(1);
  });

  it('is never tried on another upstream URL once it was sent', async () => {
    const first = await openBrokenRegion((socket) => socket.destroy());
    broken = await openBrokenRegion((socket) => socket.write(`${HEAD}Content-Length: 2\r\n\r\n{}`));
    lab = await openLab({ upstreams: { us: [first.url, broken.url] } });
    const reply = await lab.call('GET', '/us/api/v1/status');
    expect([reply.status, reply.headers['onetime-gateway-outcome']]).toEqual([502, 'unknown']);
    expect([first.received.length, broken.received.length]).toEqual([1, 0]);
    await first.close();
  });

  it('503 when every connection is in use and none becomes free in time', async () => {
    broken = await openBrokenRegion(() => {});
    lab = await openLab({
      upstreams: { us: [broken.url] },
      config: { upstream: { connections: 1, queue: { wait: '100ms' }, headersTimeout: '2s' } },
    });
    const { call } = lab;
    const [first, second] = await Promise.all([call('POST', RETRIEVE), call('POST', RETRIEVE)]);
    expect([first.status, second.status].sort()).toEqual([503, 504]);
    const busy = first.status === 503 ? first : second;
    expect([busy.json().error, busy.headers['onetime-gateway-outcome']]).toEqual(['region_busy', 'not_sent']);
    expect(busy.headers['retry-after']).toBe('1');
    expect(broken.received).toHaveLength(1);
  });

  it('waits for a connection that becomes free', async () => {
    broken = await openBrokenRegion((socket) =>
      setTimeout(() => socket.write(`${HEAD}Content-Length: 2\r\n\r\n{}`), 30),
    );
    lab = await openLab({
      upstreams: { us: [broken.url] },
      config: { upstream: { connections: 2 }, limits: { perKey: { mode: 'off' } } },
    });
    const { call } = lab;
    const replies = await Promise.all(Array.from({ length: 10 }, () => call('POST', RETRIEVE)));
    expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(broken.connections()).toBe(2);
  });
});

describe('a caller that hangs up', () => {
  function hangUp(url: string, bytes: string): Promise<void> {
    const { hostname, port } = new URL(url);
    return new Promise((done) => {
      const socket = connect(Number(port), hostname, () => socket.write(bytes, () => socket.destroy()));
      socket.on('close', () => done());
    });
  }
  const head = (length: number): string => `POST ${RETRIEVE} HTTP/1.1\r\nHost: g\r\nContent-Length: ${length}\r\n\r\n`;

  it('before the end of its body: the region is never asked', async () => {
    lab = await openLab();
    await hangUp(lab.gateway.url, `${head(100)}passphrase=half`);
    await expect
      .poll(() => lab?.metric('onetime_gateway_requests_total{route="v1.secret",region="none",class="gone"}'))
      .toBe(1);
    expect(lab.us.requests).toEqual([]);
  });

  it('while it waits for a connection: its request is not sent when one becomes free', async () => {
    const held: Socket[] = [];
    broken = await openBrokenRegion((socket) => void held.push(socket));
    lab = await openLab({ upstreams: { us: [broken.url] }, config: { upstream: { connections: 1 } } });
    const first = lab.call('GET', '/us/api/v1/status');
    await expect.poll(() => held.length).toBe(1);
    const { hostname, port } = new URL(lab.gateway.url);
    const socket = connect(Number(port), hostname, () => socket.write(head(0)));
    await expect.poll(() => lab?.metric('onetime_gateway_upstream_waiting{region="us"}')).toBe(1);
    socket.destroy();
    await expect.poll(() => lab?.metric('onetime_gateway_upstream_waiting{region="us"}')).toBe(0);
    held[0]?.write(`${HEAD}Content-Length: 2\r\n\r\n{}`);
    expect((await first).status).toBe(200);
    expect((await lab.call('GET', '/eu/api/v1/status')).status).toBe(200);
    expect(broken.received).toHaveLength(1);
  });
});

describe('answers', () => {
  it('longer than the gateway collects are streamed whole', async () => {
    const value = 'v'.repeat(20 * 1024 * 1024);
    const { call } = await withRegion((socket) =>
      socket.write(`${HEAD}Content-Length: ${value.length}\r\n\r\n${value}`),
    );
    const reply = await call('POST', RETRIEVE);
    expect([reply.status, reply.body.length]).toEqual([200, value.length]);
    expect(reply.headers['onetime-gateway-outcome']).toBe('delivered');
  });

  it('that break off while they stream end the caller’s connection, so that they do not look whole', async () => {
    const { call } = await withRegion((socket) => {
      socket.write(`${HEAD}Content-Length: ${30 * 1024 * 1024}\r\n\r\n${'v'.repeat(20 * 1024 * 1024)}`, () =>
        socket.destroy(),
      );
    });
    await expect(call('POST', RETRIEVE)).rejects.toThrow(/aborted|reset|hang up/i);
  });

  it('a connection is used again, and the next caller is untouched by a failure', async () => {
    let count = 0;
    const { call } = await withRegion((socket) => {
      if (++count === 2) socket.destroy();
      else socket.write(`${HEAD}Content-Length: 2\r\n\r\n{}`);
    });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await call('GET', '/us/api/v1/status')).status);
    expect(statuses).toEqual([200, 502, 200, 200]);
    expect(broken?.connections()).toBe(2);
  });
});
