// What a request of HTTP/2 holds of its connection.
import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { translateHead } from '../../src/listener/http2-head.ts';
import { StreamRequest } from '../../src/listener/http2-request.ts';
import { DATA, END_STREAM, frame, head, headers, PREFACE, SETTINGS } from '../support/http2-frames.ts';

it('keeps of what came in one packet its own body alone', async () => {
  const bodies = new Map<string, Buffer[]>();
  const server = createServer();
  const both = new Promise<void>((done) => {
    let ended = 0;
    server.on('stream', (stream: ServerHttp2Stream, given, _flags, raw) => {
      const req = new StreamRequest(stream, translateHead(given, raw, { hasBody: true, isSound: true }));
      const chunks: Buffer[] = [];
      bodies.set(req.url, chunks);
      req.on('data', (chunk: Buffer) => void chunks.push(chunk));
      req.on('end', () => {
        if (++ended === 2) done();
      });
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    Buffer.concat([
      PREFACE,
      frame(SETTINGS),
      headers(1, head('POST', '/small'), 0),
      headers(3, head('POST', '/large'), 0),
      frame(DATA, END_STREAM, 1, 'small'),
      frame(DATA, END_STREAM, 3, 'x'.repeat(10_000)),
    ]),
  );
  await both;
  const small = bodies.get('/small') ?? [];
  expect(Buffer.concat(small).toString()).toBe('small');
  for (const { buffer } of small) expect(buffer.byteLength).toBeLessThan(100);
  expect(Buffer.concat(bodies.get('/large') ?? [])).toEqual(Buffer.alloc(10_000, 'x'));
  socket.destroy();
  await new Promise((done) => server.close(done));
});
