// The server below Fastify, with bounds on what callers may take: Fastify's request, reply and router cost a tenth of a request
// and would do nothing for it.
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { ServerOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { Refusal } from '../refusal.ts';
import { type Gate, guardConnections } from './accept.ts';
import { createServer, https } from './http.ts';
import type { Sockets } from './sockets.ts';
import { divertHttp2 } from './tls.ts';

/** How often callers are looked for that take too long. */
export const CHECK_MS = 250;

/** RFC 9110, 9.3.6: who may have a tunnel is nobody. */
const NO_TUNNEL = { outcome: 'not_sent', headers: ['Allow', 'GET, HEAD, POST'] } as const;

/** Requests of every kind; and sockets that are upgraded under a prefix. */
export interface Doors {
  readonly serve: RequestListener;
  readonly upgrades: (req: IncomingMessage) => boolean;
  readonly upgraded: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Connections of which HTTP/2 was chosen. */
  readonly http2: (socket: TLSSocket) => void;
}

/**
 * @param tls of a listener that speaks it
 * @param gates what a connection has to pass first
 */
export function createHttpServer(
  doors: Doors,
  sockets: Sockets,
  tls: ServerOptions | undefined,
  gates: readonly Gate[],
): Server {
  const { serve, upgrades, upgraded } = doors;
  const options = {
    connectionsCheckingInterval: CHECK_MS,
    // Refused by head.ts, in the gateway's own words.
    requireHostHeader: false,
    shouldUpgradeCallback(req: IncomingMessage) {
      // A WebSocket has its connection to itself: behind a request that is not answered yet there is none.
      if (sockets.isFree(req) && upgrades(req)) return true;
      // The parser drops what stands behind a request that asks for an upgrade, also where it gets none.
      sockets.isLast(req);
      return false;
    },
  };
  const server = tls === undefined ? createServer(options, serve) : https().createServer({ ...options, ...tls }, serve);
  // What does not fit is refused (head.ts), never left out without a word.
  server.maxHeadersCount = 0;
  server.on(tls === undefined ? 'connection' : 'secureConnection', sockets.opened);
  if (tls !== undefined) divertHttp2(server, doors.http2);
  server.on('connect', (_req, socket) => sockets.refuse(socket, new Refusal('method_not_allowed', NO_TUNNEL)));
  server.on('upgrade', upgraded);
  // Whoever waits to be asked for a body is asked when it is going to be read.
  server.on('checkContinue', serve);
  // An Expect that Node does not know is none of the API's: served as if it were not there (RFC 9110, 10.1.1 allows it).
  server.on('checkExpectation', serve);
  guardConnections(server, gates);
  return server;
}
