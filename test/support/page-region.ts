// A region with pages and WebSockets, which the twin does not have: an ordinary HTTP server that keeps what it was sent.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';

export interface PageRequest {
  readonly method: string;
  /** Request target as received. */
  readonly target: string;
  /** Lower-case names in the order of arrival, with repetitions. */
  readonly headers: readonly (readonly [string, string])[];
}

/** What tests use of the `ws` package, which has no types. */
export interface Peer {
  send(data: string | Buffer, options?: { binary: boolean }): void;
  on(event: 'message', listener: (data: Buffer, binary: boolean) => void): void;
  on(event: 'close', listener: (code: number) => void): void;
  close(code?: number): void;
}

export interface PageRegion {
  readonly url: string;
  /** Requests and handshakes, as soon as their heads were there. */
  readonly requests: PageRequest[];
  readonly connections: () => number;
  close(): Promise<void>;
}

type WebSocketServer = new (options: {
  noServer: true;
}) => { handleUpgrade(req: IncomingMessage, socket: Socket, head: Buffer, taken: (peer: Peer) => void): void };
const { WebSocketServer } = createRequire(import.meta.url)('ws') as { WebSocketServer: WebSocketServer };

/** @param onPeer what becomes of a WebSocket; without it handshakes are answered 404 */
export async function openPageRegion(
  serve: (req: IncomingMessage, res: ServerResponse) => void,
  onPeer?: (peer: Peer, req: IncomingMessage) => void,
): Promise<PageRegion> {
  const requests: PageRequest[] = [];
  const sockets = new Set<Socket>();
  const note = ({ method = '', url = '', rawHeaders }: IncomingMessage): void => {
    const headers = rawHeaders.flatMap((name, i) =>
      i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1] ?? ''] as const] : [],
    );
    requests.push({ method, target: url, headers });
  };
  const webSockets = new WebSocketServer({ noServer: true });
  const server = createServer((req, res) => {
    note(req);
    serve(req, res);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    note(req);
    if (onPeer !== undefined) webSockets.handleUpgrade(req, socket, head, (peer) => onPeer(peer, req));
    else socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
