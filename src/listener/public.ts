// The public listener: one front after another answers on it, while callers stay connected.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Refusal } from '../refusal.ts';
import { createEntrance, type EntranceOptions } from './entrance.ts';
import type { Exchange } from './exchange.ts';
import { type Front, FrontInUse } from './fronts.ts';
import { CHECK_MS, createHttpServer, type Doors } from './http-server.ts';
import type { StreamExchange } from './http2-exchange.ts';
import { NO_SCHEMAS } from './no-schemas.ts';
import { watchPace } from './pace.ts';
import { openPassthroughApp, type Routed } from './passthrough-app.ts';
import type { Respond } from './respond.ts';
import { createServe, type ServeOptions, type Take } from './serve.ts';
import { BoundServers } from './server-bounds.ts';
import { Certificates, type ListenTls, serverOptions, watchHandshakes } from './tls.ts';
import { createUnderWay } from './under-way.ts';

export interface PublicOptions
  extends ServeOptions,
    Pick<EntranceOptions, 'onUnparsed' | 'capacity' | 'onProxyHeader' | 'http2'> {
  /** The listener speaks TLS. What callers are shown comes with each front. */
  readonly tls?: ListenTls | undefined;
}

/** A front that is ready to be used. */
export interface ReadyFront {
  /** From now on it answers; what is under way ends as it began. @returns resolves when nothing of the front before is */
  use(): Promise<void>;
  /** It is not going to be used. */
  abandon(): Promise<void>;
}

export interface PublicListener {
  /** Before it listens, a front has to be in use. */
  readonly app: FastifyInstance;
  prepare(front: Front): Promise<ReadyFront>;
  /** No new connections; resolves when the requests under way have been answered. */
  drain(): Promise<void>;
  /** Cuts what is under way. */
  close(): Promise<void>;
  /** Who was cut may have a call at a region still. @returns whether all requests are recorded, within `boundMs` */
  recorded(boundMs: number): Promise<boolean>;
}

type Run = (exchange: Exchange) => Promise<void>;

/** How long WebSockets of a front that was replaced may take to end after they were asked to. */
const GOING_AWAY_MS = 10_000;

/** Fastify serves as the shell: addresses, timeouts, closing. */
export function createPublicListener(respond: Respond, options: PublicOptions): PublicListener {
  const entrance = createEntrance({
    ...options,
    front: () => used?.front,
    isSecure: options.tls !== undefined,
    serveStream,
  });
  const { sockets } = entrance;
  /** Requests on streams that the passthrough's router has. */
  const passing = new WeakMap<object, StreamExchange>();
  const servers = new BoundServers();
  const certificates = new Certificates();
  const handshakes: (() => void)[] = [];
  const underWay = createUnderWay();
  const { serve, write } = createServe(respond, underWay, options);
  const retired = new Set<FrontInUse>();
  let used: FrontInUse | undefined;

  /** Connections of which the server does not know yet. */
  function cutHandshakes(): void {
    entrance.cutUnknown();
    for (const cut of handshakes) cut();
  }

  function inUse(): FrontInUse {
    if (used === undefined) throw new Error('the listener has no front');
    return used;
  }

  /** By the front that is in use when its turn on the connection comes. */
  const run: Run = (exchange) => {
    const by = inUse();
    return serve(exchange, by, by.front.journey);
  };

  /** In its turn on its connection; on a stream, which has nobody before it, at once. */
  function enter(req: IncomingMessage, res: ServerResponse, then: Run): void {
    const stream = passing.get(req);
    if (stream === undefined) sockets.enter(req, res, then);
    else stream.start(then);
  }

  function serveStream(exchange: StreamExchange): void {
    const { front, app } = inUse();
    const { req, res } = exchange;
    if (app === undefined || !exchange.isRoutable || front.passthrough.match(req.url) === undefined) {
      exchange.start(run);
      return;
    }
    passing.set(req, exchange);
    app.route(req, res);
  }

  /** A request under a prefix: it belongs to the front whose router has seen it, also while it waits for its turn. */
  function enterPassthrough(by: FrontInUse, { req, res, found, pass, take }: Routed): void {
    const { passthrough, timeoutMs } = by.front;
    const row = passthrough.match(req.url ?? '');
    if (row === undefined) {
      take();
      enter(req, res, run);
      return;
    }
    const { socket } = req;
    by.enter();
    let held = true;
    const leave = (): void => {
      if (held) by.leave();
      held = false;
      socket.off('close', leave);
    };
    // As many of them may wait on one connection as there may be requests.
    socket.setMaxListeners(0).once('close', leave);
    enter(req, res, (exchange) => {
      const passed: Take = async (arrival, trip) => {
        const refuse = (refusal: Refusal): void => write(refusal, trip, res, timeoutMs);
        const answer = await passthrough.enter({ row, arrival, trip, exchange, routed: found, refuse });
        if (answer === 'passed') pass();
        else take();
        return answer;
      };
      return serve(exchange, by, passed).finally(leave);
    });
  }

  async function prepare(front: Front): Promise<ReadyFront> {
    const next = new FrontInUse(front);
    const secure = front.tls && certificates.prepare(front.tls);
    if (front.passthrough.isUsed) {
      next.app = await openPassthroughApp(front.passthrough, {
        enter: (routed) => enterPassthrough(next, routed),
        unreadable: (req, res) => enter(req, res, run),
      });
    }
    return {
      use() {
        const before = used;
        used = next;
        servers.use(front);
        secure?.(servers.all);
        return before === undefined ? Promise.resolve() : retire(before);
      },
      abandon: async () => next.app?.close(),
    };
  }

  async function retire(before: FrontInUse): Promise<void> {
    retired.add(before);
    const { passthrough } = before.front;
    passthrough.goAway();
    const cut = setTimeout(() => passthrough.cut(), GOING_AWAY_MS).unref();
    await before.retire();
    clearTimeout(cut);
    retired.delete(before);
    await before.app?.close();
  }

  const endWatch = watchPace(options.now, CHECK_MS, entrance.look);

  const doors: Doors = {
    serve(req, res) {
      const { front, app } = inUse();
      if (app !== undefined && front.passthrough.match(req.url ?? '') !== undefined) app.route(req, res);
      else sockets.enter(req, res, run);
    },
    upgrades: (req) => inUse().front.passthrough.upgrades(req),
    upgraded: (req, socket, head) => inUse().app?.upgrade(req, socket, head),
    http2: entrance.openHttp2,
  };
  const app = Fastify<Server>({
    logger: false,
    schemaController: NO_SCHEMAS,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: (error, socket) => sockets.troubled(error, socket as Socket),
    serverFactory: () => {
      const server = createHttpServer(
        doors,
        sockets,
        options.tls && serverOptions(options.tls, certificates),
        entrance.gates,
      );
      handshakes.push(watchHandshakes(server));
      servers.add(server);
      return server;
    },
  });

  return {
    app,
    prepare,
    async drain() {
      used?.front.passthrough.goAway();
      const closed = app.close();
      cutHandshakes();
      entrance.drain();
      await closed;
      // WebSockets end with the region a moment later than with their callers.
      await used?.app?.close();
    },
    async close() {
      const all = [...retired, ...(used === undefined ? [] : [used])];
      cutHandshakes();
      for (const { front } of all) front.passthrough.cut();
      entrance.cut();
      await app.close();
      endWatch();
      await Promise.all(all.map((each) => each.app?.close()));
    },
    recorded: underWay.over,
  };
}
