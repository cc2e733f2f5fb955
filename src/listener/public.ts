// The public listener: every request takes the journey; every answer is written and recorded once.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Trace } from '../domain.ts';
import type { Answer, Arrival, Journey } from '../journey.ts';
import type { Epochs } from '../locality/epochs.ts';
import { beginTrip, type Recorder, type Trip } from '../record/record.ts';
import { Refusal, type RefusalCode } from '../refusal.ts';
import type { Passthrough } from '../region/passthrough.ts';
import { createServer } from './http.ts';
import { NO_SCHEMAS } from './no-schemas.ts';
import { receive } from './receive.ts';
import type { Respond } from './respond.ts';
import { createSockets, type Exchange, type Sockets } from './sockets.ts';

/** How long an unused connection of a caller is kept: as Fastify has it, longer than load balancers keep theirs. */
const KEEP_ALIVE_MS = 72_000;

export interface PublicOptions {
  /** Largest request body. */
  readonly bodyLimitBytes: number;
  /** A request, head and body, must have arrived within this time, and its answer must have been taken in as long. */
  readonly timeoutMs: number;
  /** How long one request may wait for the store in all. */
  readonly storeTimeoutMs: number;
  readonly now: () => number;
  /** Every request holds the state of the directory in which it began, until it is over: a move's next step waits for it. */
  readonly epochs: Pick<Epochs, 'enter' | 'leave'>;
  readonly onBegin: () => void;
  /** The trace that a request with these headers is part of. */
  readonly trace: (headers: IncomingMessage['headers']) => Trace | undefined;
  /** Refusals of requests that never became one: counted by code. */
  readonly onUnparsed: (code: RefusalCode) => void;
  /** The prefixes that are proxied as they come. */
  readonly passthrough: Passthrough;
}

/** The journey, or for a passed-through path the checks before the proxy's own route. */
type Take = (arrival: Arrival, trip: Trip) => Promise<Answer | 'passed'>;

export interface PublicListener {
  readonly app: FastifyInstance;
  /** No new connections; resolves when the requests under way have been answered. */
  drain(): Promise<void>;
}

/** A request as it came in over HTTP/1.1. */
class HttpArrival implements Arrival {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly socketAddress: string;
  readonly downstream: Exchange;
  readonly #bodyLimitBytes: number;

  constructor(exchange: Exchange, bodyLimitBytes: number) {
    const { req } = exchange;
    this.method = req.method ?? '';
    this.target = req.url ?? '';
    this.headers = req.rawHeaders;
    this.socketAddress = req.socket.remoteAddress ?? '';
    this.downstream = exchange;
    this.#bodyLimitBytes = bodyLimitBytes;
  }

  receive(): ReturnType<typeof receive> {
    return receive(this.downstream, this.#bodyLimitBytes);
  }
}

/** RFC 9112, 3.2: a request of HTTP/1.1 without Host is answered 400. */
function headProblem(req: IncomingMessage): Refusal | undefined {
  const missing = req.httpVersion === '1.1' && req.headers.host === undefined;
  return missing ? new Refusal('request_malformed', { hint: 'Send a Host header.', outcome: 'not_sent' }) : undefined;
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

/**
 * The server below Fastify. What is not passed through enters the journey here: Fastify's request, reply and router cost a
 * tenth of a request and would do nothing for it.
 */
function createHttpServer(
  route: RequestListener,
  { timeoutMs, passthrough }: PublicOptions,
  sockets: Sockets,
  run: (exchange: Exchange) => void,
): Server {
  const serve: RequestListener = (req, res) => {
    if (passthrough.match(req.url ?? '') === undefined) sockets.enter(req, res, run);
    else route(req, res);
  };
  const server = createServer(
    {
      requestTimeout: timeoutMs,
      headersTimeout: timeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.min(1000, Math.ceil(timeoutMs / 4)),
      // Refused by identify, in the gateway's own words.
      requireHostHeader: false,
      shouldUpgradeCallback: passthrough.upgrades,
    },
    serve,
  );
  server.on('connection', sockets.opened);
  // An Expect that Node does not know is none of the API's: served as if it were not there (RFC 9110, 10.1.1 allows it).
  server.on('checkExpectation', serve);
  return server;
}

/** Fastify serves as the shell (server, timeouts, closing); its router and body parsers see what is passed through, and nothing else. */
export function createPublicListener(
  journey: Journey,
  respond: Respond,
  record: Recorder,
  options: PublicOptions,
): PublicListener {
  const { now, timeoutMs, passthrough, epochs } = options;
  const sockets = createSockets(options.onUnparsed);

  function write(answer: Answer, trip: Trip, res: ServerResponse): void {
    note(answer, trip);
    const head = trip.method === 'HEAD';
    if (answer === 'gone' || res.closed) {
      discard(answer);
      res.destroy();
    } else if (answer instanceof Refusal) respond.refuse(res, answer, trip, head);
    else if (answer.kind === 'own') respond.own(res, answer, trip, head);
    else respond.region(res, answer, trip, head);
    boundDelivery(res, timeoutMs);
  }

  async function serve(exchange: Exchange, take: Take): Promise<void> {
    const { req, res } = exchange;
    const trip = beginTrip(randomUUID(), req.method ?? '', now(), options.storeTimeoutMs);
    options.onBegin();
    trip.trace = options.trace(req.headers);
    const era = epochs.enter();
    trip.epoch = era.mark?.epoch ?? 0;
    // Recorded when the call is over and its caller has its answer or has gone, whichever comes last: a caller that
    // leaves does not take back what was sent for it.
    let open = 2;
    const over = (): void => {
      if (--open === 0) record(trip, res.writableFinished || trip.status === 101, now());
    };
    exchange.onGone(over);
    try {
      const answer = headProblem(req) ?? (await take(new HttpArrival(exchange, options.bodyLimitBytes), trip));
      if (answer !== 'passed') write(answer, trip, res);
    } catch (cause) {
      // After the request was sent its outcome is unknown, and a defect of ours must not hide that.
      const outcome = trip.region === undefined ? 'not_sent' : 'unknown';
      if (res.headersSent) res.destroy();
      else write(new Refusal('internal_error', { cause, outcome }), trip, res);
    } finally {
      epochs.leave(era);
      over();
    }
  }

  const run = (exchange: Exchange): void => void serve(exchange, journey);
  const app = Fastify<Server>({
    logger: false,
    schemaController: NO_SCHEMAS,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: (error, socket) => sockets.troubled(error, socket as Socket),
    frameworkErrors: (_error, request, reply) => {
      reply.hijack();
      sockets.enter(request.raw, reply.raw, run);
    },
    serverFactory: (route) => createHttpServer(route as RequestListener, options, sockets, run),
  });
  app.addHook('onRequest', (request, reply, pass) => {
    const { raw: req } = request;
    const row = passthrough.match(req.url ?? '');
    if (row === undefined) {
      reply.hijack();
      sockets.enter(req, reply.raw, run);
      return;
    }
    sockets.enter(req, reply.raw, (exchange) => {
      void serve(exchange, async (arrival, trip) => {
        const refuse = (refusal: Refusal): void => write(refusal, trip, exchange.res);
        const entrant = { row, arrival, trip, exchange, routed: !request.is404, refuse };
        const answer = await passthrough.enter(entrant);
        if (answer === 'passed') pass();
        else reply.hijack();
        return answer;
      });
    });
  });
  passthrough.register(app);

  return {
    app,
    async drain() {
      const closed = app.close();
      sockets.drain();
      await closed;
    },
  };
}
