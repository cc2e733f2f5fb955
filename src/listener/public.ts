// The public listener: every request takes the journey; every answer is written and recorded once.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Trace } from '../domain.ts';
import type { Answer, Arrival } from '../journey.ts';
import type { Epochs } from '../locality/epochs.ts';
import { beginTrip, type Trip } from '../record/record.ts';
import { Refusal, type RefusalCode } from '../refusal.ts';
import { HttpArrival } from './arrival.ts';
import { type Front, FrontInUse } from './fronts.ts';
import { endsConnection, headProblem } from './head.ts';
import { bound, CHECK_MS, createHttpServer, type Doors } from './http-server.ts';
import { NO_SCHEMAS } from './no-schemas.ts';
import { openPassthroughApp, type Routed } from './passthrough-app.ts';
import type { Respond } from './respond.ts';
import { createSockets, type Exchange } from './sockets.ts';
import { Certificates, type ListenTls, serverOptions, watchHandshakes } from './tls.ts';
import { createUnderWay } from './under-way.ts';

export interface PublicOptions {
  readonly now: () => number;
  /** Every request holds the state of the directory in which it began, until it is over: a move's next step waits for it. */
  readonly epochs: Pick<Epochs, 'enter' | 'leave'>;
  readonly onBegin: () => void;
  /** The trace that a request with these headers is part of. */
  readonly trace: (headers: IncomingMessage['headers']) => Trace | undefined;
  /** The listener speaks TLS. What callers are shown comes with each front. */
  readonly tls?: ListenTls | undefined;
  /** Refusals of requests that never became one: counted by code. */
  readonly onUnparsed: (code: RefusalCode) => void;
}

/** The journey, or for a passed-through path the checks before the proxy's own route. */
type Take = (arrival: Arrival, trip: Trip) => Promise<Answer | 'passed'>;

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

/** What an answer means for the record, also when nobody is there to take it. */
function note(answer: Answer, trip: Trip): void {
  if (answer === 'gone') {
    trip.outcome ??= 'not_sent';
  } else if (answer instanceof Refusal) {
    trip.refusal = answer.code;
    trip.limit = answer.details.limit;
    trip.status = answer.status;
    trip.outcome ??= answer.outcome;
    trip.cause = answer.details.cause;
  } else {
    trip.status = answer.status;
  }
}

/** Ends what is left of an answer that nobody takes: an unread stream would hold its connection to the region. */
function discard(answer: Answer): void {
  if (answer === 'gone' || answer instanceof Refusal || answer.kind !== 'region') return;
  if (!Buffer.isBuffer(answer.body)) answer.body.destroy();
}

/** Cuts a caller that does not take its answer. Small answers have left by now and set no timer. */
function boundDelivery(res: ServerResponse, timeoutMs: number): void {
  if (res.closed || !res.writableEnded || (res.socket?.writableLength ?? 0) === 0) return;
  const timer = setTimeout(() => res.destroy(), timeoutMs).unref();
  res.once('close', () => clearTimeout(timer));
}

/** How long WebSockets of a front that was replaced may take to end after they were asked to. */
const GOING_AWAY_MS = 10_000;

/** Fastify serves as the shell: addresses, timeouts, closing. */
export function createPublicListener(respond: Respond, options: PublicOptions): PublicListener {
  const { now, epochs } = options;
  const sockets = createSockets(options.onUnparsed);
  const servers: Server[] = [];
  const certificates = new Certificates();
  const handshakes: (() => void)[] = [];
  const underWay = createUnderWay();
  const retired = new Set<FrontInUse>();
  /** Of fronts before: those whose requests may still be coming in, and had longer for that. */
  const longer = new Set<Pick<Front, 'timeoutMs'>>();
  let used: FrontInUse | undefined;

  function cutHandshakes(): void {
    for (const cut of handshakes) cut();
  }

  function inUse(): FrontInUse {
    if (used === undefined) throw new Error('the listener has no front');
    return used;
  }

  function write(answer: Answer, trip: Trip, res: ServerResponse, timeoutMs: number): void {
    note(answer, trip);
    const head = trip.method === 'HEAD';
    if (answer === 'gone' || res.closed) {
      discard(answer);
      res.destroy();
    } else if (answer instanceof Refusal) {
      if (endsConnection(answer)) res.shouldKeepAlive = false;
      respond.refuse(res, answer, trip, head);
    } else if (answer.kind === 'own') respond.own(res, answer, trip, head);
    else respond.region(res, answer, trip, head);
    boundDelivery(res, timeoutMs);
  }

  async function serve(exchange: Exchange, by: FrontInUse, take: Take): Promise<void> {
    const { req, res } = exchange;
    const { front } = by;
    const trip = beginTrip(randomUUID(), req.method ?? '', now(), front.storeTimeoutMs);
    trip.trace = options.trace(req.headers);
    options.onBegin();
    underWay.begins();
    by.enter();
    const era = epochs.enter();
    trip.epoch = era.mark?.epoch ?? 0;
    // Recorded when the call is over and its caller has its answer or has gone, whichever comes last: a caller that
    // leaves does not take back what was sent for it.
    let open = 2;
    const over = (): void => {
      if (--open > 0) return;
      front.record(trip, res.writableFinished || trip.status === 101, now());
      by.leave();
      underWay.ends();
    };
    exchange.onGone(over);
    try {
      const answer = headProblem(req) ?? (await take(new HttpArrival(exchange, front.bodyLimitBytes), trip));
      if (answer !== 'passed') write(answer, trip, res, front.timeoutMs);
    } catch (cause) {
      // After the request was sent its outcome is unknown, and a defect of ours must not hide that.
      const outcome = trip.region === undefined ? 'not_sent' : 'unknown';
      if (res.headersSent) res.destroy();
      else write(new Refusal('internal_error', { cause, outcome }), trip, res, front.timeoutMs);
    } finally {
      epochs.leave(era);
      over();
    }
  }

  /** By the front that is in use when its turn on the connection comes. */
  const run = (exchange: Exchange): void => {
    const by = inUse();
    void serve(exchange, by, by.front.journey);
  };

  /** A request under a prefix: it belongs to the front whose router has seen it, also while it waits for its turn. */
  function enterPassthrough(by: FrontInUse, { req, res, found, pass, take }: Routed): void {
    const { passthrough, timeoutMs } = by.front;
    const row = passthrough.match(req.url ?? '');
    if (row === undefined) {
      take();
      sockets.enter(req, res, run);
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
    socket.once('close', leave);
    sockets.enter(req, res, (exchange) => {
      const passed: Take = async (arrival, trip) => {
        const refuse = (refusal: Refusal): void => write(refusal, trip, res, timeoutMs);
        const answer = await passthrough.enter({ row, arrival, trip, exchange, routed: found, refuse });
        if (answer === 'passed') pass();
        else take();
        return answer;
      };
      void serve(exchange, by, passed).finally(leave);
    });
  }

  async function prepare(front: Front): Promise<ReadyFront> {
    const next = new FrontInUse(front);
    const secure = front.tls && certificates.prepare(front.tls);
    if (front.passthrough.isUsed) {
      next.app = await openPassthroughApp(front.passthrough, {
        enter: (routed) => enterPassthrough(next, routed),
        unreadable: (req, res) => sockets.enter(req, res, run),
      });
    }
    return {
      use() {
        const before = used;
        used = next;
        if (before !== undefined && before.front.timeoutMs > front.timeoutMs) keepBound(before.front);
        boundAll();
        secure?.(servers);
        return before === undefined ? Promise.resolve() : retire(before);
      },
      abandon: async () => next.app?.close(),
    };
  }

  /** The server knows one time for all connections: the longest of those that a request may have begun with. */
  function boundAll(): void {
    const bounds = [inUse().front, ...longer];
    const timeoutMs = Math.max(...bounds.map((each) => each.timeoutMs));
    for (const server of servers) bound(server, timeoutMs);
  }

  /** Until whatever had begun to come in has come in, or has taken too long. */
  function keepBound({ timeoutMs }: Front): void {
    const kept = { timeoutMs };
    longer.add(kept);
    const over = (): void => {
      longer.delete(kept);
      boundAll();
    };
    setTimeout(over, timeoutMs + 2 * CHECK_MS).unref();
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

  const doors: Doors = {
    serve(req, res) {
      const { front, app } = inUse();
      if (app !== undefined && front.passthrough.match(req.url ?? '') !== undefined) app.route(req, res);
      else sockets.enter(req, res, run);
    },
    upgrades: (req) => inUse().front.passthrough.upgrades(req),
    upgraded: (req, socket, head) => inUse().app?.upgrade(req, socket, head),
  };
  const app = Fastify<Server>({
    logger: false,
    schemaController: NO_SCHEMAS,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: (error, socket) => sockets.troubled(error, socket as Socket),
    serverFactory: () => {
      const server = createHttpServer(doors, sockets, options.tls && serverOptions(options.tls, certificates));
      handshakes.push(watchHandshakes(server));
      servers.push(server);
      if (used !== undefined) bound(server, used.front.timeoutMs);
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
      sockets.drain();
      await closed;
      // WebSockets end with the region a moment later than with their callers.
      await used?.app?.close();
    },
    async close() {
      const all = [...retired, ...(used === undefined ? [] : [used])];
      cutHandshakes();
      for (const server of servers) server.closeAllConnections();
      for (const { front } of all) front.passthrough.cut();
      await app.close();
      await Promise.all(all.map((each) => each.app?.close()));
    },
    recorded: underWay.over,
  };
}
