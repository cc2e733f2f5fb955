// How connections end: the last answer arrives also where bytes of the peer's are left unread, and nobody holds one for long.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { isLingering, type LingerBounds, linger } from '../../src/listener/linger.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(): Promise<Lab> {
  const lab = await openLab();
  closing.push(() => lab.close());
  return lab;
}

/** Of all requests that are recorded. */
async function recorded(lab: Lab): Promise<number> {
  const lines = (await lab.metrics()).matchAll(/^onetime_gateway_requests_total\{.*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('long answers before something that closes the connection', () => {
  it.each([
    ['a refused request', 'POST /us/api/v1/share HTTP/1.1\r\nHost: a b\r\nContent-Length: 1000000\r\n\r\n', ['400']],
    // It is the fault of none of the requests before it.
    ['what is no request', 'garbage\r\n\r\n', []],
  ])(
    'arrive whole at a caller that reads late, behind them %s and bytes that nobody reads',
    async (_what, odd, more) => {
      const lab = await open();
      const caller = rawCaller(lab.gateway.url);
      caller.socket.pause();
      caller.send(`${'GET /docs HTTP/1.1\r\nHost: g\r\n\r\n'.repeat(8)}${odd}`);
      caller.send('x'.repeat(500_000));
      await expect.poll(() => recorded(lab)).toBe(8 + more.length);
      caller.socket.resume();
      const answers = await caller.closed;
      const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status);
      expect(statuses).toEqual([...Array(8).fill('200'), ...more]);
      expect(answers.match(/<\/html>/g)).toHaveLength(8);
      expect(lab.us.requests).toEqual([]);
    },
  );
});

/** A connection that lingers, and its peer; with the time at which it ended. */
async function lingered(bounds: LingerBounds): Promise<{ own: Socket; peer: Socket; ended: Promise<number> }> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const connected = once(server, 'connection');
  const peer = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true });
  peer.on('error', () => {});
  const [own]: Socket[] = await connected;
  if (own === undefined) throw new Error('no connection');
  closing.push(() => {
    peer.destroy();
    own.destroy();
    server.close();
  });
  const startMs = performance.now();
  const ended = once(own, 'close').then(() => performance.now() - startMs);
  own.write('answer');
  linger(own, bounds);
  return { own, peer, ended };
}

const FOREVER = { quietMs: 60_000, totalMs: 60_000, bytes: 1e9 };

describe('a connection that lingers', () => {
  it('ends as soon as its peer has closed, too', async () => {
    const { own, peer, ended } = await lingered(FOREVER);
    expect(isLingering(own)).toBe(true);
    peer.resume();
    await once(peer, 'end');
    peer.end('late');
    expect(await ended).toBeLessThan(5_000);
    expect(own.bytesRead).toBe(4);
  });

  it('ends when its peer has been quiet for long, and not while it sends', async () => {
    const { peer, ended } = await lingered({ ...FOREVER, quietMs: 400 });
    peer.resume();
    let sent = 0;
    const timer = setInterval(() => {
      peer.write('x');
      if (++sent === 10) clearInterval(timer);
    }, 100);
    closing.push(() => clearInterval(timer));
    expect(await ended).toBeGreaterThanOrEqual(1_000);
    expect(sent).toBe(10);
  });

  it('ends after its time, however much its peer has to say', async () => {
    const { peer, ended } = await lingered({ ...FOREVER, totalMs: 500 });
    const timer = setInterval(() => peer.write('x'), 20);
    closing.push(() => clearInterval(timer));
    expect(await ended).toBeGreaterThanOrEqual(490);
  });

  it('ends after so many bytes, and takes no fewer', async () => {
    const { own, peer, ended } = await lingered({ ...FOREVER, bytes: 1000 });
    peer.write('x'.repeat(1000));
    await expect.poll(() => own.bytesRead).toBe(1000);
    expect(own.destroyed).toBe(false);
    peer.write('x');
    await ended;
  });
});
