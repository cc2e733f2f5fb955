// A region that keeps the bytes of every request it was sent, answers as it is told, and can be away.
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** How the gateway itself asks a region whether it is well: answered, and not counted. */
const PROBE = /^GET \/api\/v1\/status [\s\S]*^user-agent: onetime-gateway\r$/im;
const WELL = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"status":"nominal"}';

/** Called with each whole request; writes the answer, or does worse. */
export type Behave = (socket: Socket, request: string) => void;

export interface Witness extends AsyncDisposable {
  readonly port: number;
  /** Whole requests, one character a byte. */
  readonly requests: string[];
  behave: Behave;
  /** No connection can be opened any more, and none is kept. */
  leave(): Promise<void>;
  comeBack(): Promise<void>;
}

/** The length of the first request in `bytes`, undefined while it is not whole. Chunks as RFC 9112, 7.1, has them. */
function lengthOf(bytes: string): number | undefined {
  const blank = bytes.indexOf('\r\n\r\n');
  if (blank === -1) return undefined;
  const head = bytes.slice(0, blank);
  const begin = blank + 4;
  let end = begin + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  if (/^transfer-encoding:.*chunked/im.test(head)) {
    const last = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(bytes.slice(begin));
    if (last === null) return undefined;
    end = begin + last.index + last[0].length;
  }
  return bytes.length < end ? undefined : end;
}

export async function openWitness(): Promise<Witness> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let parts: string[] = [];
    socket.on('data', (chunk) => {
      parts.push(chunk.toString('latin1'));
      const pending = parts.join('');
      parts = [pending];
      const length = lengthOf(pending);
      if (length === undefined) return;
      parts = [pending.slice(length)];
      const request = pending.slice(0, length);
      if (PROBE.test(request)) {
        socket.write(WELL);
        return;
      }
      requests.push(request);
      witness.behave(socket, request);
    });
  });
  const listen = (port: number): Promise<void> => new Promise((done) => server.listen(port, '127.0.0.1', done));
  const leave = async (): Promise<void> => {
    const closed = new Promise((done) => server.close(done));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const witness: Witness = {
    port,
    requests,
    behave: () => {},
    leave,
    comeBack: () => listen(port),
    [Symbol.asyncDispose]: leave,
  };
  return witness;
}
