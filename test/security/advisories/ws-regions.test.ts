// What regions send over WebSockets: undici's advisories about its own client, held against the one that is used here.
import type { Socket } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { afterEach, expect, it, vi } from 'vitest';
import { type BrokenRegion, openBrokenRegion } from '../../support/broken-region.ts';
import { shows } from './advisories.ts';
import { accepted, CLOSE, CONTINUED, frame, handshake, TEXT } from './frames.ts';
import { expectServing, latin1Caller, openWorld, type World } from './world.ts';

vi.setConfig({ testTimeout: 15_000 });

let world: World;
let eu: BrokenRegion;
afterEach(async () => {
  await world.close();
  await eu.close();
});

const BOUND = 64 * 1024;

/** eu accepts WebSockets with these header lines, then does what it is told. @returns what a caller received in all */
async function received(more: string, then: (socket: Socket) => void): Promise<string> {
  eu = await openBrokenRegion((socket, request) => {
    if (!/^upgrade: websocket\r$/im.test(request)) return;
    socket.write(accepted(request, more), () => then(socket));
  });
  world = await openWorld({ upstreams: { eu: eu.url }, config: { request: { bodyLimit: '64KiB' } } });
  const caller = latin1Caller(world.lab.gateway.url);
  caller.send(handshake('/help/socket', 'Sec-WebSocket-Extensions: permessage-deflate\r\n'));
  // Who is told that it is over says so too; else the gateway waits for that.
  caller.sees(/\r\n\r\n[\s\S]*\x88/).then(() => caller.socket.write(frame(CLOSE, '', { masked: true })));
  return caller.closed;
}

/** Writes the same for as long as it is taken, a million times at most. */
function flood(socket: Socket, bytes: Buffer, many: number): void {
  const pack = Buffer.concat(Array.from({ length: 1_000 }, () => bytes));
  let packs = 0;
  const more = (): void => {
    if (socket.destroyed || packs++ >= many / 1_000) return;
    socket.write(pack, (error) => {
      if (error == null) setImmediate(more);
    });
  };
  more();
}

/** That the region closed nothing itself, the gateway did; its caller got no message; and others are served. */
async function expectEnded(text: string): Promise<void> {
  expect(text).not.toMatch(/canary/);
  expect(text).not.toMatch(/127\.0\.0\.1|node_modules/);
  await expectServing(world);
}

it(shows('GHSA-f269-vfmq-vjvj'), async () => {
  for (const lengthSaid of [2n ** 63n, 2n ** 64n - 1n, 2n ** 53n, BigInt(BOUND + 1)]) {
    const text = await received('', (socket) => socket.write(frame(TEXT, 'canary', { lengthSaid })));
    await expectEnded(text);
    if (lengthSaid !== BigInt(BOUND + 1)) await world.close().then(() => eu.close());
  }
});

it(shows('GHSA-vrm6-8vpv-qv8q'), async () => {
  const bomb = deflateRawSync(Buffer.alloc(16 * 1024 * 1024, 'canary'));
  const text = await received('', (socket) => socket.write(frame(TEXT, bomb, { rsv1: true })));
  await expectEnded(text);
  expect(eu.received[0]?.toLowerCase()).not.toContain('sec-websocket-extensions');
});

it(shows('GHSA-v9p9-hfj2-hcw8'), async () => {
  const more = 'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n';
  await expectEnded(await received(more, (socket) => socket.write(frame(TEXT, 'canary'))));
});

it(shows('GHSA-rfgv-xxqx-mfg5'), async () => {
  await expectEnded(
    await received('Sec-WebSocket-Protocol: unasked\r\n', (socket) => socket.write(frame(TEXT, 'canary'))),
  );
});

it(shows('GHSA-vxpw-j846-p89q'), async () => {
  const text = await received('', (socket) => {
    socket.write(frame(TEXT, 'canary', { fin: false }));
    flood(socket, frame(CONTINUED, '', { fin: false }), 1_000_000);
  });
  await expectEnded(text);
});

it(shows('GHSA-38rv-x7px-6hhq'), async () => {
  const text = await received('', (socket) => {
    socket.write(frame(TEXT, 'canary', { fin: false }));
    // Few enough to be no matter of their number.
    flood(socket, frame(CONTINUED, 'x'.repeat(8_192), { fin: false }), 2_000);
  });
  await expectEnded(text);
});
