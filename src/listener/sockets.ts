// The public listener's connections: which exchange is under way on each, so that trouble on one is answered once, to
// the right request, or not at all.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Refusal, type RefusalCode } from '../refusal.ts';
import type { ConnectionBounds, HeadBounds, LeastRate } from './bounds.ts';
import { type Connection, isOver, isSilent, openConnection, receiving, stopAfterAnswer, wait } from './connection.ts';
import type { Exchange } from './exchange.ts';
import { MessageExchange } from './http1-exchange.ts';
import { ignoreRest, isLingering, LAST_BOUNDS, linger } from './linger.ts';
import { answerUnparsed } from './unparsed.ts';

export interface Sockets {
  /** A new connection. */
  opened(socket: Socket): void;
  /** A new request: `run` is called when those before it on its connection have been answered. */
  enter(req: IncomingMessage, res: ServerResponse, run: (exchange: Exchange) => void): void;
  /** Whether a request that is about to enter has its connection to itself. */
  isFree(req: IncomingMessage): boolean;
  /** A request that is about to enter is the last one of its connection. */
  isLast(req: IncomingMessage): void;
  /** A connection that is not taken, or on which something else is asked for than a request: what came before it is served. */
  refuse(socket: Duplex, refusal: Refusal): void;
  /** What Node's parser or its timeouts report of a connection. */
  troubled(error: NodeJS.ErrnoException, socket: Socket): void;
  /** Ends what comes too slowly, and what was opened and never used. @param passedMs since the last look */
  look(passedMs: number): void;
  /** Ends the connection that has been unused for longest. @returns whether there was one */
  reclaim(): boolean;
  /** Ends every connection without a request under way, and the others with their answers. */
  drain(): void;
  /** Ends all of them at once. */
  cut(): void;
}

export interface SocketsOptions {
  /** Called for each refusal that belongs to no request. */
  readonly count: (code: RefusalCode) => void;
  /** Where a connection comes from; asked once, when it is opened. Left out: its peer. */
  readonly addressOf?: (socket: Socket) => string;
  /** Those in force. */
  readonly bounds: () => {
    readonly connections: ConnectionBounds;
    readonly leastRate?: LeastRate | undefined;
    readonly head: Pick<HeadBounds, 'timeoutMs'>;
  };
}

/** What Node's parser reports, as the refusal that says it; all else is malformed. */
const CODES: Readonly<Record<string, RefusalCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** The peer has closed or reset its side, in the middle of a request or between two. */
const LEFT = new Set(['ECONNRESET', 'HPE_INVALID_EOF_STATE']);

/** So many are looked at to find one that is unused. */
const LOOKS = 16;

const TOO_SLOW = Object.assign(new Error('a request comes in too slowly'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });

export function createSockets({ count, addressOf = peerAddress, bounds }: SocketsOptions): Sockets {
  const connections = new Map<Socket, Connection>();
  /** Those without a request, whose callers may still read an answer; the one that has been so for longest first. */
  const unused = new Set<Socket>();
  /** Those that were not taken, and have an answer to read. */
  const refused = new Set<Duplex>();
  let draining = false;

  function leave(socket: Socket, connection: Connection, { req }: Exchange): void {
    connection.current = undefined;
    // One that has arrived whole is let go of: callers keep their connections, and nothing of theirs is to stay with them.
    connection.answered = req.complete ? undefined : req;
    if (socket.destroyed) {
      connection.waiting.length = 0;
      return;
    }
    const next = connection.waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    if (connection.ending) end(socket);
    unused.add(socket);
  }

  function end(socket: Socket): void {
    linger(socket, draining ? LAST_BOUNDS : undefined);
  }

  function troubled(error: NodeJS.ErrnoException, socket: Socket): void {
    const connection = connections.get(socket);
    if (isLingering(socket)) return;
    if (connection === undefined || LEFT.has(error.code ?? '') || !socket.writable) {
      socket.destroy();
      return;
    }
    if (connection.ending) return;
    const { current, answered } = connection;
    const code = CODES[error.code ?? ''] ?? 'request_malformed';
    // A connection that was only opened may be kept for as long as one that was used.
    if (code === 'request_timeout' && isSilent(connection, socket)) return;
    const refusal = new Refusal(code, { outcome: 'not_sent' });
    if (current !== undefined) {
      stopAfterAnswer(connection);
      // A request that has arrived whole is served: what follows it is not its fault, and it may have been sent.
      if (current.req.complete) {
        connection.trouble = refusal;
        return;
      }
      current.trouble = refusal;
      current.interrupt?.(refusal);
    } else if (answered !== undefined && !answered.complete) {
      // Its answer has left already: another one would be taken for the next request's.
      socket.destroy();
    } else {
      connection.ending = true;
      // From now on it has an answer to read.
      unused.delete(socket);
      unused.add(socket);
      count(refusal.code);
      answerUnparsed(socket, refusal);
    }
  }

  return {
    opened(socket) {
      // What Node ends a connection with after its last answer.
      socket.destroySoon = () => end(socket);
      connections.set(socket, openConnection(socket, addressOf(socket), bounds().head.timeoutMs));
      unused.add(socket);
      socket.once('close', () => {
        connections.delete(socket);
        unused.delete(socket);
      });
    },

    enter(req, res, run) {
      const { socket } = req;
      const connection = connections.get(socket);
      if (connection === undefined) return;
      const last = Math.min(bounds().connections.requests, connection.lastTurn);
      // What comes behind the last one that may come is not served, nor read: Node would keep it until the answers have left.
      if (connection.ending || (connection.turn >= last && connection.current !== undefined)) {
        stopAfterAnswer(connection);
        return ignoreRest(socket);
      }
      // There may have been more already, by a configuration before.
      const isLast = ++connection.turn >= last;
      connection.betweenMs = 0;
      unused.delete(socket);
      const start = (): void => {
        const exchange = new MessageExchange(req, res, connection.address);
        connection.current = exchange;
        if (!req.complete) exchange.trouble = connection.trouble;
        if (isLast || (connection.ending && connection.waiting.length === 0)) res.shouldKeepAlive = false;
        res.on('close', () => {
          leave(socket, connection, exchange);
          exchange.close();
        });
        run(exchange);
      };
      if (connection.current === undefined) start();
      else if (!wait(connection, req, start)) {
        stopAfterAnswer(connection);
        ignoreRest(socket);
      }
    },

    isFree({ socket }) {
      const connection = connections.get(socket);
      return connection !== undefined && connection.current === undefined && !connection.ending;
    },

    isLast({ socket }) {
      const connection = connections.get(socket);
      if (connection !== undefined) connection.lastTurn = connection.turn + 1;
    },

    refuse(socket, refusal) {
      // Nobody else listens: Node has let go of it, or has never had it.
      socket.on('error', () => {});
      const connection = connections.get(socket as Socket);
      if (connection?.current !== undefined) {
        // An answer now would be taken for that of the request under way, whose caller is still to be seen leaving.
        stopAfterAnswer(connection);
        ignoreRest(socket);
        socket.once('end', () => socket.destroy());
        return;
      }
      if (connection !== undefined) {
        connection.ending = true;
        unused.delete(socket as Socket);
      }
      count(refusal.code);
      refused.add(socket);
      socket.once('close', () => refused.delete(socket));
      answerUnparsed(socket, refusal);
    },

    troubled,

    look(passedMs) {
      const { leastRate, connections: most, head } = bounds();
      for (const [socket, connection] of connections) {
        if (isLingering(socket)) continue;
        const { pace, turn } = connection;
        const coming = receiving(connection);
        if (pace.isSlow(turn, socket.bytesRead, coming, passedMs, leastRate)) troubled(TOO_SLOW, socket);
        connection.betweenMs = coming === 'between' ? connection.betweenMs + passedMs : 0;
        if (coming === 'between' && isOver(connection, socket, most.idleMs)) socket.destroy();
        // A head that has begun keeps the time that it had then.
        if (!pace.hasBegun(socket.bytesRead)) connection.headMs = head.timeoutMs;
      }
    },

    reclaim() {
      let looks = 0;
      for (const socket of unused) {
        if (++looks > LOOKS) return false;
        unused.delete(socket);
        if (isLingering(socket) || connections.get(socket)?.pace.hasBegun(socket.bytesRead) === false) {
          socket.destroy();
          return true;
        }
        // A request is just coming.
        unused.add(socket);
      }
      return false;
    },

    drain() {
      draining = true;
      for (const [socket, connection] of connections) {
        if (isLingering(socket)) cutSoon(socket);
        else if (connection.current !== undefined) {
          connection.waiting.length = 0;
          stopAfterAnswer(connection);
        }
        // A body that still comes in would be met with a reset, and its answer may not have been taken yet.
        else if (connection.answered !== undefined) end(socket);
        else socket.destroy();
      }
      for (const socket of refused) cutSoon(socket);
    },

    cut() {
      for (const socket of [...connections.keys(), ...refused]) socket.destroy();
    },
  };
}

/** Who lingers when the gateway ends does so for no longer than one that begins to. */
function cutSoon(socket: Duplex): void {
  setTimeout(() => socket.destroy(), LAST_BOUNDS.totalMs).unref();
}

function peerAddress({ remoteAddress = '' }: Socket): string {
  return remoteAddress;
}
