// Fastify for the paths that are passed through: its router and body parsers see nothing else. It listens nowhere itself:
// the public listener hands it the requests that stand under its prefixes, so that it can be replaced while callers stay
// connected.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { Passthrough } from '../region/passthrough.ts';
import { createServer } from './http.ts';
import type { Incoming, Outgoing } from './message.ts';
import { NO_SCHEMAS } from './no-schemas.ts';

/** A request of which Fastify has found whether it has a route, and what lets it go on to that. */
export interface Routed {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Whether the router has the prefix's own route for it. */
  readonly found: boolean;
  readonly pass: () => void;
  /** It is answered otherwise. */
  readonly take: () => void;
}

export interface PassthroughApp {
  route(req: Incoming, res: Outgoing): void;
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Ends the connections to the regions. */
  close(): Promise<void>;
}

export interface PassthroughAppOptions {
  readonly enter: (routed: Routed) => void;
  /** Fastify could not read it. */
  readonly unreadable: (req: IncomingMessage, res: ServerResponse) => void;
}

export async function openPassthroughApp(
  passthrough: Pick<Passthrough, 'register'>,
  { enter, unreadable }: PassthroughAppOptions,
): Promise<PassthroughApp> {
  let route: PassthroughApp['route'] | undefined;
  const server = createServer();
  const app = Fastify({
    logger: false,
    schemaController: NO_SCHEMAS,
    return503OnClosing: false,
    frameworkErrors: (_error, request, reply) => {
      reply.hijack();
      unreadable(request.raw, reply.raw);
    },
    serverFactory: (handler) => {
      // It takes what has the shape of Node's own, of whatever version of HTTP.
      route = handler as PassthroughApp['route'];
      return server;
    },
  });
  app.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, pass: () => void) => {
    enter({ req: request.raw, res: reply.raw, found: !request.is404, pass, take: () => reply.hijack() });
  });
  passthrough.register(app);
  await app.ready();

  return {
    route: (req, res) => route?.(req, res),
    upgrade: (req, socket, head) => void server.emit('upgrade', req, socket, head),
    close: async () => void (await app.close()),
  };
}
