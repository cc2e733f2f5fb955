// The public listener's connections: which exchange is under way on each, so that trouble on one is answered once, to
// the right request, or not at all.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Refusal, type RefusalCode } from '../refusal.ts';
import { Exchange } from './exchange.ts';
import { headProblem } from './head.ts';
import { isLingering, LAST_BOUNDS, linger } from './linger.ts';
import type { Incoming } from './message.ts';
import { answerUnparsed } from './unparsed.ts';

/** Of HTTP/1.1. */
class MessageExchange extends Exchange {
  readonly req: IncomingMessage;

  constructor(req: IncomingMessage, res: ServerResponse, address: string) {
    super(res, address);
    this.req = req;
  }

  headProblem(): Refusal | undefined {
    return headProblem(this.req);
  }

  /** A caller that has closed its side cannot be answered any more (Node ends the other side then). */
  isGone(): boolean {
    const { req, res } = this;
    return res.closed || res.destroyed || !req.socket.writable;
  }
}

interface Connection {
  readonly address: string;
  /** At most one is served at a time; later requests of a pipelining caller wait for its answer. */
  current: Exchange | undefined;
  readonly waiting: (() => void)[];
  /** The last request that was answered, while its body is still coming in. */
  answered: Incoming | undefined;
  /** Nothing more is served here; it ends with the current answer. */
  ending: boolean;
  /** What is wrong with the last request, whose turn has not come yet: its body is not going to arrive. */
  trouble: Refusal | undefined;
}

export interface Sockets {
  /** A new connection. */
  opened(socket: Socket): void;
  /** A new request: `run` is called when those before it on its connection have been answered. */
  enter(req: IncomingMessage, res: ServerResponse, run: (exchange: Exchange) => void): void;
  /** A connection on which something else is asked for than a request. */
  refuse(socket: Duplex, refusal: Refusal): void;
  /** What Node's parser or its timeouts report of a connection. */
  troubled(error: NodeJS.ErrnoException, socket: Socket): void;
  /** Ends every connection without a request under way, and the others with their answers. */
  drain(): void;
}

/** Requests that one connection may have waiting. */
const MOST_WAITING = 32;

/** What Node's parser reports, as the refusal that says it; all else is malformed. */
const CODES: Readonly<Record<string, RefusalCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** The peer has closed or reset its side, in the middle of a request or between two. */
const LEFT = new Set(['ECONNRESET', 'HPE_INVALID_EOF_STATE']);

/**
 * @param count called for each refusal that belongs to no request
 * @param addressOf where a connection comes from; asked once, when it is opened
 */
export function createSockets(
  count: (code: RefusalCode) => void,
  addressOf: (socket: Socket) => string = peerAddress,
): Sockets {
  const connections = new Map<Socket, Connection>();
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
    if (next !== undefined) next();
    else if (connection.ending) end(socket);
  }

  function end(socket: Socket): void {
    linger(socket, draining ? LAST_BOUNDS : undefined);
  }

  return {
    opened(socket) {
      // What Node ends a connection with after its last answer.
      socket.destroySoon = () => end(socket);
      connections.set(socket, {
        address: addressOf(socket),
        current: undefined,
        waiting: [],
        answered: undefined,
        ending: false,
        trouble: undefined,
      });
      socket.once('close', () => connections.delete(socket));
    },

    enter(req, res, run) {
      const { socket } = req;
      const connection = connections.get(socket);
      if (connection === undefined || connection.ending) return;
      const start = (): void => {
        const exchange = new MessageExchange(req, res, connection.address);
        connection.current = exchange;
        if (!req.complete) exchange.trouble = connection.trouble;
        if (connection.ending && connection.waiting.length === 0) res.shouldKeepAlive = false;
        res.on('close', () => {
          leave(socket, connection, exchange);
          exchange.close();
        });
        run(exchange);
      };
      if (connection.current === undefined) start();
      else if (connection.waiting.length < MOST_WAITING) connection.waiting.push(start);
      else stopAfterAnswer(connection);
    },

    refuse(socket, refusal) {
      count(refusal.code);
      answerUnparsed(socket, refusal);
    },

    troubled(error, socket) {
      const connection = connections.get(socket);
      if (isLingering(socket)) return;
      if (connection === undefined || LEFT.has(error.code ?? '') || !socket.writable) {
        socket.destroy();
        return;
      }
      if (connection.ending) return;
      const { current, answered } = connection;
      const refusal = new Refusal(CODES[error.code ?? ''] ?? 'request_malformed', { outcome: 'not_sent' });
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
        count(refusal.code);
        answerUnparsed(socket, refusal);
      }
    },

    drain() {
      draining = true;
      for (const [socket, connection] of connections) {
        if (isLingering(socket)) setTimeout(() => socket.destroy(), LAST_BOUNDS.totalMs).unref();
        else if (connection.current === undefined) socket.destroy();
        else {
          connection.waiting.length = 0;
          stopAfterAnswer(connection);
        }
      }
    },
  };
}

function peerAddress({ remoteAddress = '' }: Socket): string {
  return remoteAddress;
}

/** What has arrived whole is still served; what comes behind it is not. */
function stopAfterAnswer(connection: Connection): void {
  connection.ending = true;
  const { current, waiting } = connection;
  if (current !== undefined && waiting.length === 0) current.res.shouldKeepAlive = false;
}
