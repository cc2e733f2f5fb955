// What callers send over WebSockets, and to open them: advisories of ws and @fastify/websocket.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { shows } from './advisories.ts';
import { CLOSE, CONTINUED, closeCodeIn, closing, frame, framesIn, handshake, openRaw, TEXT } from './frames.ts';
import { AT_ONCE_MS, expectServing, latin1Caller, openWorld, statusesOf, type World } from './world.ts';

vi.setConfig({ testTimeout: 15_000 });

const BOUND = 64 * 1024;
let world: World;
/** What the region got as messages. */
const messages: string[] = [];
beforeAll(async () => {
  world = await openWorld({ config: { request: { bodyLimit: '64KiB' } } });
  const { onPeer } = world;
  world.onPeer = (peer) => {
    peer.on('message', (data) => messages.push(data.toString()));
    onPeer(peer);
  };
});
afterAll(() => world.close());
beforeEach(() => {
  world.clear();
  messages.length = 0;
});

const SOCKET = '/help/socket';
const url = (): string => world.lab.gateway.url;

/** That a WebSocket still can be opened and used, and requests are served. */
async function expectWebSockets(): Promise<void> {
  const caller = await openRaw(url(), SOCKET);
  caller.socket.write(frame(TEXT, 'still here', { masked: true }));
  await caller.sees(/still here/);
  caller.socket.destroy();
  await expectServing(world);
}

it(shows('GHSA-6663-c963-2gqg'), async () => {
  const caller = await openRaw(url(), SOCKET);
  caller.socket.write(frame(TEXT, 'x'.repeat(BOUND + 1), { masked: true }));
  expect(closeCodeIn(await caller.closed)).toBe(1009);
  expect(messages).toEqual([]);
  await expectWebSockets();
});

it(`${shows('GHSA-6663-c963-2gqg')}; nor one whose length is only said`, async () => {
  const caller = await openRaw(url(), SOCKET);
  caller.socket.write(frame(TEXT, 'x', { masked: true, lengthSaid: 2n ** 40n }));
  expect(closeCodeIn(await caller.closed)).toBe(1009);
  await expectWebSockets();
});

it('one of just that length passes', async () => {
  const caller = await openRaw(url(), SOCKET);
  caller.socket.write(frame(TEXT, 'x'.repeat(BOUND), { masked: true }));
  await expect.poll(() => messages.map(({ length }) => length)).toEqual([BOUND]);
  caller.socket.destroy();
});

/** Opens with these header lines: what was answered, and how long it took. */
async function answered(more: string): Promise<{ status: number; tookMs: number }> {
  const begun = performance.now();
  const caller = latin1Caller(url());
  caller.send(handshake(SOCKET, more));
  await Promise.race([caller.closed, caller.sees(/^HTTP\/1\.1 \d{3} [\s\S]*\r\n\r\n/)]);
  const [status = 0] = statusesOf(caller.received());
  caller.socket.destroy();
  return { status, tookMs: performance.now() - begun };
}

describe(shows('GHSA-5v72-xg48-5rpm'), () => {
  it.each([
    'constructor',
    ',;constructor',
    '__proto__',
    'permessage-deflate; constructor',
    'permessage-deflate; __proto__=1',
    'permessage-deflate; server_max_window_bits=99',
    'permessage-deflate; hasOwnProperty="x"',
    'x; y="',
  ])('%s', async (extensions) => {
    expect([101, 400]).toContain((await answered(`Sec-WebSocket-Extensions: ${extensions}\r\n`)).status);
    await expectWebSockets();
  });
});

describe(shows('GHSA-6fc8-4gx4-v693'), () => {
  it.each([
    ['spaces', `b${' '.repeat(12_000)}x`],
    ['commas', ','.repeat(12_000)],
    ['names', 'a, '.repeat(4_000)],
  ])('%s', async (_what, protocols) => {
    const { status, tookMs } = await answered(`Sec-WebSocket-Protocol: ${protocols}\r\n`);
    expect([101, 400]).toContain(status);
    expect(tookMs).toBeLessThan(AT_ONCE_MS);
    await expectWebSockets();
  });
});

it(shows('GHSA-3h5v-q93c-6h6q'), async () => {
  const many = Array.from({ length: 2_100 }, () => 'a:b\r\n').join('');
  const caller = latin1Caller(url());
  // Upgrade stands before and behind them: whichever would be left out.
  caller.send(`GET ${SOCKET} HTTP/1.1\r\nHost: g\r\n${many}${handshake(SOCKET).split('\r\n').slice(2).join('\r\n')}`);
  await Promise.race([caller.closed, caller.sees(/^HTTP\/1\.1 \d{3} /)]);
  expect(statusesOf(caller.received())).toEqual([431]);
  caller.socket.destroy();
  expect((await answered(many)).status).toBe(431);
  expect(world.eu.requests).toEqual([]);
  await expectWebSockets();
});

describe(shows('GHSA-58qx-3vcg-4xpx'), () => {
  it.each([1000, 1008, 4321])('%i', async (code) => {
    const { onPeer } = world;
    world.onPeer = (peer) => peer.close(code);
    const caller = await openRaw(url(), SOCKET);
    await caller.sees(/\r\n\r\n\x88/);
    const [close] = framesIn(caller.received());
    world.onPeer = onPeer;
    expect(close?.opcode).toBe(CLOSE);
    // The code, and not one byte more.
    expect(close?.payload).toEqual(closing(code));
    caller.socket.destroy();
  });
});

it(shows('GHSA-96hv-2xvq-fx4p'), async () => {
  const caller = await openRaw(url(), SOCKET);
  caller.socket.write(frame(TEXT, '', { masked: true, fin: false }));
  const tiny = frame(CONTINUED, '', { masked: true, fin: false });
  const pack = Buffer.concat(Array.from({ length: 1_000 }, () => tiny));
  let fragments = 0;
  const more = (): void => {
    fragments += 1_000;
    caller.socket.write(pack, (error) => {
      if (error == null && !caller.socket.destroyed && fragments < 1_000_000) setImmediate(more);
    });
  };
  more();
  const received = await caller.closed;
  // A reset may overtake the close frame while fragments are still coming in.
  expect([undefined, 1008]).toContain(closeCodeIn(received));
  expect(fragments).toBeLessThan(1_000_000);
  expect(messages).toEqual([]);
  await expectWebSockets();
});

describe(shows('GHSA-4pcg-wr6c-h9cq'), () => {
  it.each([
    ['reserved bits', Buffer.from([0xf1, 0x80, 0, 0, 0, 0])],
    ['an opcode that is none', frame(0x3, 'x', { masked: true })],
    ['a frame without a mask', frame(TEXT, 'x')],
    ['a continuation of nothing', frame(CONTINUED, 'x', { masked: true })],
    ['a fragmented close', frame(CLOSE, '', { masked: true, fin: false })],
    ['half a close code', frame(CLOSE, 'x', { masked: true })],
    ['a close code that is none', frame(CLOSE, closing(1005), { masked: true })],
    ['compressed, though that was not agreed', frame(TEXT, 'x', { masked: true, rsv1: true })],
    ['text that is none', frame(TEXT, Buffer.from([0xff, 0xfe]), { masked: true })],
    ['a length beyond 2^63', frame(TEXT, 'x', { masked: true, lengthSaid: 2n ** 64n - 1n })],
    ['no frame at all', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('%s', async (_what, bytes) => {
    const beside = await openRaw(url(), SOCKET);
    const caller = await openRaw(url(), SOCKET);
    caller.socket.write(bytes);
    expect([1002, 1007, 1009]).toContain(closeCodeIn(await caller.closed));
    expect(messages).toEqual([]);
    beside.socket.write(frame(TEXT, 'untouched', { masked: true }));
    await beside.sees(/untouched/);
    beside.socket.destroy();
  });
});
