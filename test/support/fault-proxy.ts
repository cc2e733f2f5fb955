// A TCP proxy in front of a region that does to each request what it is told: pass it on, or any fault. Real sockets.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** How much of a request the region gets. */
export type PassedOn = 'nothing' | 'half' | 'whole';

/** One request on its way back: the gateway's connection, and the region's whole answer (empty unless it got it whole). */
export interface Exchange {
  readonly socket: Socket;
  readonly answer: Buffer;
}

/** What becomes of one request. */
export interface Behaviour {
  readonly passesOn: PassedOn;
  /** `pass` writes the answer. */
  readonly finish: (exchange: Exchange) => void | Promise<void>;
}

const NONE: Buffer = Buffer.alloc(0);

export interface FaultProxyOptions {
  /** The port of the region on the loopback address. */
  readonly target: number;
  /** Called once for each request, when its head has arrived; connections count from 1. */
  readonly plan: (path: string, connection: number) => Behaviour;
  /** Called for each new connection: whether to reset it as soon as it is accepted. */
  readonly resetsOnAccept?: () => boolean;
}

export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  /** Connections accepted so far. */
  readonly connections: () => number;
  /** Requests with which it is not done yet. */
  readonly underWay: () => number;
}

export async function openFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let underWay = 0;

  async function serve(socket: Socket, connection: number, request: Incoming): Promise<void> {
    const { passesOn, finish } = options.plan(request.path, connection);
    underWay++;
    try {
      const bytes = passesOn === 'whole' ? await request.whole : request.begun;
      if (bytes === undefined) return;
      let answer = NONE;
      if (passesOn === 'whole') answer = await passOn(options.target, bytes);
      if (passesOn === 'half') await passOn(options.target, bytes.subarray(0, Math.floor(bytes.length / 2)), 'cut');
      await finish({ socket, answer });
    } finally {
      underWay--;
    }
  }

  const server = createServer((socket) => {
    const connection = ++connections;
    if (options.resetsOnAccept?.() === true) {
      socket.resetAndDestroy();
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    readRequests(socket, (request) => void serve(socket, connection, request));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    underWay: () => underWay,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

interface Incoming {
  readonly path: string;
  /** What has arrived when the head is complete; may be more than the head. */
  readonly begun: Buffer;
  /** Head and body; undefined when the rest does not come. */
  readonly whole: Promise<Buffer | undefined>;
}

/** Reads requests with Content-Length or without a body; a second one that comes early is read after the first. */
function readRequests(socket: Socket, serve: (request: Incoming) => void): void {
  let received = NONE;
  let current: { readonly length: number; readonly arrived: (whole: Buffer | undefined) => void } | undefined;
  const look = (): void => {
    const blank = received.indexOf('\r\n\r\n');
    if (current === undefined && blank >= 0) {
      const head = received.toString('latin1', 0, blank);
      const [, path = ''] = head.split(' ', 2);
      const { promise: whole, resolve: arrived } = Promise.withResolvers<Buffer | undefined>();
      current = { length: blank + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0), arrived };
      serve({ path, begun: received, whole });
    }
    if (current === undefined || received.length < current.length) return;
    const { length, arrived } = current;
    current = undefined;
    arrived(received.subarray(0, length));
    received = received.subarray(length);
    if (received.length > 0) look();
  };
  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    look();
  });
  socket.on('close', () => current?.arrived(undefined));
}

/** Hands bytes to the region on a connection of their own and reads its whole answer; `cut` resets after the bytes. */
function passOn(port: number, bytes: Buffer, cut?: 'cut'): Promise<Buffer> {
  return new Promise((settle) => {
    let answer = NONE;
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes, () => {
        if (cut) socket.resetAndDestroy();
      });
    });
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      const blank = answer.indexOf('\r\n\r\n');
      const head = blank < 0 ? '' : answer.toString('latin1', 0, blank);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      if (length !== undefined && answer.length >= blank + 4 + Number(length)) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => settle(answer));
  });
}

export interface ClosedPort extends AsyncDisposable {
  readonly url: string;
}

/** A port where nobody listens, and nobody can while it is held: it is the near end of another connection. */
export async function holdClosedPort(): Promise<ClosedPort> {
  const accepted = new Set<Socket>();
  const server = createServer((socket) => void accepted.add(socket.on('error', () => {})));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const holder = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await new Promise<void>((done) => holder.once('connect', done));
  return {
    url: `http://127.0.0.1:${holder.localPort}`,
    async [Symbol.asyncDispose]() {
      holder.destroy();
      for (const socket of accepted) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
