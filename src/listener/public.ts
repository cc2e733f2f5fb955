// The public listener: every request takes the journey; every answer is written and recorded once.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Answer, Arrival, Journey } from '../journey.ts';
import { beginTrip, type Recorder, type Trip } from '../record/record.ts';
import { Refusal, type RefusalCode, refusalBody } from '../refusal.ts';
import { receive } from './receive.ts';
import type { Respond } from './respond.ts';

export interface PublicOptions {
  /** Largest request body. */
  readonly bodyLimitBytes: number;
  /** A request, head and body, must have arrived within this time. */
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly onBegin: () => void;
  /** Refusals of requests that never became one: counted by code. */
  readonly onUnparsed: (code: RefusalCode) => void;
}

/** What Node's parser reports, as the refusal that says it. */
const UNPARSED: Readonly<Record<string, RefusalCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** Answers bytes that were no request, and ends the connection: what follows on it cannot be trusted. */
function answerUnparsed(error: NodeJS.ErrnoException, socket: Socket, count: (code: RefusalCode) => void): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = new Refusal(UNPARSED[error.code ?? ''] ?? 'request_malformed');
  count(refusal.code);
  const requestId = randomUUID();
  const body = refusalBody(refusal, requestId);
  const head = [
    `HTTP/1.1 ${refusal.status} Refused`,
    'Cache-Control: no-store',
    `X-Request-Id: ${requestId}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function arrivalOf(req: IncomingMessage, res: ServerResponse, bodyLimitBytes: number): Arrival {
  return {
    method: req.method ?? '',
    target: req.url ?? '',
    headers: req.rawHeaders,
    socketAddress: req.socket.remoteAddress ?? '',
    receive: () => receive(req, bodyLimitBytes),
    downstream: {
      isGone: () => res.closed || res.destroyed || req.socket.destroyed,
      onGone: (callback) => void res.once('close', callback),
    },
  };
}

/** Fastify serves as the shell (server, timeouts, closing); its router and body parsers see no request. */
export function createPublicListener(
  journey: Journey,
  respond: Respond,
  record: Recorder,
  options: PublicOptions,
): FastifyInstance {
  const { now } = options;

  function write(answer: Answer, trip: Trip, res: ServerResponse): void {
    const head = trip.method === 'HEAD';
    if (answer === 'gone' || res.closed) {
      res.destroy();
    } else if (answer instanceof Refusal) {
      trip.refusal = answer.code;
      trip.status = answer.status;
      trip.outcome ??= answer.details.outcome;
      trip.cause = answer.details.cause;
      respond.refuse(res, answer, trip.requestId, head);
    } else {
      trip.status = answer.status;
      if (answer.kind === 'own') respond.own(res, answer, trip.requestId, head);
      else respond.region(res, answer, trip.requestId, head);
    }
  }

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const trip = beginTrip(randomUUID(), req.method ?? '', now());
    options.onBegin();
    res.once('close', () => record(trip, res.writableFinished, now()));
    try {
      write(await journey(arrivalOf(req, res, options.bodyLimitBytes), trip), trip, res);
    } catch (cause) {
      // After the request was sent its outcome is unknown, and a defect of ours must not hide that.
      const outcome = trip.region === undefined ? 'not_sent' : 'unknown';
      if (res.headersSent) res.destroy();
      else write(new Refusal('internal_error', { cause, outcome }), trip, res);
    }
  }

  const server = Fastify<Server>({
    logger: false,
    requestTimeout: options.timeoutMs,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    http: {
      requestTimeout: options.timeoutMs,
      headersTimeout: options.timeoutMs,
      connectionsCheckingInterval: Math.min(1000, Math.ceil(options.timeoutMs / 4)),
    },
    clientErrorHandler: (error, socket) => answerUnparsed(error, socket as Socket, options.onUnparsed),
    frameworkErrors: (_error, request, reply) => {
      reply.hijack();
      void serve(request.raw, reply.raw);
    },
  });
  server.addHook('onRequest', (request, reply) => {
    reply.hijack();
    void serve(request.raw, reply.raw);
  });
  return server;
}
