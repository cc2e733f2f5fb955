// An HTTP proxy that does what it is told at the level of bytes, for faults that a real one cannot have; and an honest one.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

export interface BrokenProxy extends AsyncDisposable {
  readonly port: number;
  /** What came in before anything was answered, one entry a connection. */
  readonly heads: string[];
}

/**
 * @param behave called once a whole head has arrived on a connection
 * @param tls with a certificate it speaks TLS
 */
export async function openProxy(
  behave: (socket: Socket, head: string) => void,
  tls?: TlsOptions,
): Promise<BrokenProxy> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const accept = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let head = '';
    socket.on('data', function listen(chunk: Buffer) {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', listen);
      heads.push(head);
      behave(socket, head);
    });
  };
  const server: Server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    port: (server.address() as AddressInfo).port,
    heads,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Connects to where it is asked to, on this machine. @param answer its head */
export function forwardTo(socket: Socket, head: string, answer = 'HTTP/1.1 200 OK\r\n\r\n'): void {
  const port = Number(/^CONNECT [^ ]*:(\d+) /.exec(head)?.[1] ?? 0);
  const region = connect(port, 'localhost', () => {
    socket.write(answer);
    socket.pipe(region).pipe(socket);
  });
  region.on('error', () => socket.destroy());
  socket.on('close', () => region.destroy());
}
