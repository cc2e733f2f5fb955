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
  readonly requests: readonly string[];
  /** What came of requests that are not whole, on connections that are open and on those that are not. */
  unfinished(): string[];
  /** What was seen so far is of no interest any more. */
  forget(): void;
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
  /** By connection; `old` is what had begun when it was forgotten. */
  const begun = new Map<Socket, { readonly pending: string; readonly old: boolean }>();

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const { pending: before, old } = begun.get(socket) ?? { pending: '', old: false };
      const pending = before + chunk.toString('latin1');
      begun.set(socket, { pending, old });
      const length = lengthOf(pending);
      if (length === undefined) return;
      begun.set(socket, { pending: pending.slice(length), old: false });
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
    unfinished: () => [...begun.values()].flatMap(({ pending, old }) => (pending === '' || old ? [] : [pending])),
    forget() {
      requests.length = 0;
      for (const [socket, { pending }] of begun) {
        if (socket.destroyed) begun.delete(socket);
        else begun.set(socket, { pending, old: pending !== '' });
      }
    },
    leave,
    comeBack: () => listen(port),
    [Symbol.asyncDispose]: leave,
  };
  return witness;
}
