// What stands between nghttp2 and the connection.
import { once } from 'node:events';
import { connect, performServerHandshake } from 'node:http2';
import { Duplex, duplexPair } from 'node:stream';
import { expect, it } from 'vitest';
import { Tap } from '../../src/listener/http2-tap.ts';

const SIZE = 60_000;

/** A connection that takes nothing between `hold` and `release`. */
function slow(wire: Duplex) {
  const waiting: (() => void)[] = [];
  let isOpen = true;
  const connection = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      if (isOpen) wire.write(chunk, done);
      else waiting.push(() => wire.write(chunk, done));
    },
  });
  wire.on('data', (chunk: Buffer) => connection.push(chunk));
  return {
    connection,
    /** What it has been given and has not taken. */
    waiting,
    hold() {
      isOpen = false;
    },
    release() {
      isOpen = true;
      for (const each of waiting.splice(0)) each();
    },
  };
}

it('keeps a copy of what waits to be sent: memory that others have meanwhile is not sent (CVE-2026-123866)', async () => {
  const [near, far] = duplexPair();
  const { connection, waiting, hold, release } = slow(near);
  const session = performServerHandshake(new Tap(connection, () => {}), {});
  session.on('error', () => {});
  const answer = Buffer.alloc(SIZE, 'A');
  session.on('stream', (stream) => {
    hold();
    stream.respond({ ':status': 200 });
    stream.end(answer);
  });
  const client = connect('http://localhost', { createConnection: () => far });
  const reply = client.request({ ':path': '/' });
  const chunks: Buffer[] = [];
  reply.on('data', (chunk: Buffer) => chunks.push(chunk));
  await expect.poll(() => waiting.length).toBe(1);
  expect(chunks).toEqual([]);
  answer.fill('B');
  release();
  await once(reply, 'end');
  client.destroy();
  session.destroy();
  const received = Buffer.concat(chunks).toString();
  expect([received.length, received.includes('B')]).toEqual([SIZE, false]);
});
