// A region that does what it is told at the level of bytes: for faults that the twin cannot have.

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';

export interface BrokenRegion {
  readonly url: string;
  /** The bytes of each request received, one entry a connection. */
  readonly received: string[];
  /** Connections accepted. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** @param behave called once a request's head and body have arrived on a connection, and for each further one */
export async function openBrokenRegion(behave: (socket: Socket, request: string) => void): Promise<BrokenRegion> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let pending = '';
    socket.on('data', (chunk) => {
      pending += chunk.toString('latin1');
      const end = pending.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = Number(/content-length: (\d+)/i.exec(pending)?.[1] ?? 0);
      if (pending.length < end + 4 + length) return;
      const request = pending.slice(0, end + 4 + length);
      pending = pending.slice(request.length);
      received.push(request);
      behave(socket, request);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A port on the loopback address where nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}
