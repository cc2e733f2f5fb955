// Paths outside the API that are passed to a region as they come: plain streaming and WebSockets, by @fastify/http-proxy,
// with the journey's own checks before it and the gateway's own connections behind it.
import type { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { RegionName } from '../domain.ts';
import type { Answer } from '../journey.ts';
import { Refusal } from '../refusal.ts';
import { forbiddenHosts, type RegionNames } from './location.ts';
import { lazyBody } from './passthrough-body.ts';
import {
  createEnter,
  type EnterRooms,
  type Entrant,
  PASSING_METHODS,
  type Passage,
  type PassthroughRow,
} from './passthrough-enter.ts';
import { passageFailureOf } from './passthrough-failure.ts';
import { isHandshake } from './passthrough-handshake.ts';
import { passingResponseHeaders } from './passthrough-headers.ts';
import { isUnder } from './passthrough-path.ts';
import { createWebSockets } from './passthrough-socket.ts';
import { createUpstream, type Done, type UpstreamOptions } from './passthrough-upstream.ts';

export interface PassthroughOptions extends EnterRooms, UpstreamOptions {
  readonly regions: readonly RegionNames[];
  /** Longest WebSocket message. */
  readonly messageBytes: number;
  /** A header of a region's answer was left out, since it would have led to a region behind the gateway's back. */
  readonly astray: (region: RegionName) => void;
}

export interface Passthrough {
  /** False: there are no prefixes, and nothing else here is ever called with success. */
  readonly isUsed: boolean;
  /** The row under whose prefix a request target, as received, stands. */
  match(target: string): PassthroughRow | undefined;
  /** Whether a request opens a WebSocket under a prefix. Any other Upgrade header is ignored. */
  upgrades(req: IncomingMessage): boolean;
  /** The checks before anything is sent. `passed`: the proxy's own route may have it. */
  enter(entrant: Entrant): Promise<Answer | 'passed'>;
  /** Adds the proxy's routes, for the prefixes alone. */
  register(app: FastifyInstance): void;
  /** Asks every caller with a WebSocket to close it. */
  goAway(): void;
  /** Ends WebSockets at once, both ways. */
  cut(): void;
}

/** Nothing behind this name: what does not go through the gateway's own connections goes nowhere. */
const NOWHERE = 'http://region.invalid';
/** Under this key a passage comes along with the headers: the proxy hands on nothing else. */
const PASSAGE = Symbol('passage');

/** Makes the room: nothing is registered, and every method says no, where there are no rows. */
export function createPassthrough(rows: readonly PassthroughRow[], options: PassthroughOptions): Passthrough {
  const used = options.regions.filter(({ name }) => rows.some(({ region }) => region === name));
  const upstream = createUpstream(new Map(used.map(({ name, upstreams }) => [name, upstreams])), options);
  const forbidden = new Map(used.map(({ name }) => [name, forbiddenHosts(options.regions, name)]));
  const passages = new WeakMap<object, Passage>();
  const handshakes = new WeakSet<object>();
  const webSockets = createWebSockets(upstream, (req) => passages.get(req), options);
  const enter = createEnter(options);
  const match = (target: string): PassthroughRow | undefined => rows.find(({ prefix }) => isUnder(target, prefix));

  function passageOf({ raw }: { raw: object }): Passage {
    const passage = passages.get(raw);
    if (passage === undefined) throw new Error('a request without a permit');
    return passage;
  }

  /** In place of undici's own, as @fastify/reply-from calls it. */
  function request(call: { headers: { [PASSAGE]?: Passage }; body: unknown }, done: Done): void {
    const passage = call.headers[PASSAGE];
    if (passage === undefined) throw new Error('a request without a permit');
    const { exchange, trip } = passage;
    const count = (bytes: number): void => {
      trip.receivedBytes += bytes;
    };
    upstream.send(passage, call.body instanceof Readable ? () => lazyBody(exchange, count) : undefined, done);
  }

  /** The gateway's own answer in place of the region's. */
  function fail(reply: FastifyReply, passage: Passage): void {
    reply.hijack();
    const { exchange, sent, failure } = passage;
    const refusal = exchange.trouble ?? failure ?? new Refusal('internal_error', { outcome: 'not_sent' });
    // Of an answer whose body never came, nothing may describe this one.
    for (const name of exchange.res.getHeaderNames()) exchange.res.removeHeader(name);
    passage.refuse(sent ? new Refusal(refusal.code, { ...refusal.details, outcome: 'unknown' }) : refusal);
  }

  function headersFor(passage: Passage, received: IncomingHttpHeaders): IncomingHttpHeaders {
    const { row, trip, cookies } = passage;
    const isForbidden = (host: string): boolean => forbidden.get(row.region)?.has(host) ?? true;
    return {
      ...passingResponseHeaders(received, cookies, isForbidden, () => options.astray(row.region)),
      'x-request-id': trip.requestId,
      'onetime-gateway-region': row.region,
      'onetime-gateway-outcome': 'delivered',
    };
  }

  /** The answer's head is there: from now on its body streams. */
  function begin(reply: FastifyReply, passage: Passage, statusCode: number, body: Readable): void {
    const { trip, permit, caller, exchange } = passage;
    trip.status = statusCode;
    trip.outcome = 'delivered';
    if (statusCode === 401) options.authenticate.turnedDown(permit, caller);
    body.once('error', (cause) => {
      if (passage.signal.aborted) return;
      trip.outcome = 'unknown';
      trip.cause = cause;
    });
    body.on('data', (chunk: Buffer) => {
      trip.sentBytes += chunk.length;
    });
    // Neither end may stand still for longer than both together may pause.
    exchange.res.setTimeout(options.bodyTimeoutMs + options.requestTimeoutMs, () => exchange.res.destroy());
    reply.send(body);
  }

  function proxyOptions(row: PassthroughRow) {
    const told = new WeakSet<object>();
    return {
      prefix: row.prefix,
      rewritePrefix: row.prefix,
      upstream: NOWHERE,
      undici: { request } as unknown as { request: never },
      httpMethods: PASSING_METHODS,
      disableCache: true,
      disableRequestLogging: true,
      retryMethods: [],
      internalRewriteLocationHeader: false,
      replyOptions: {
        retryDelay: () => null,
        rewriteRequestHeaders: (req: { raw: object }) => ({ [PASSAGE]: passageOf(req) }),
        rewriteHeaders: (received: IncomingHttpHeaders, req?: { raw: object }) =>
          req === undefined ? {} : headersFor(passageOf(req), received),
        onResponse: (req: { raw: object }, reply: unknown, res: unknown) => {
          const { statusCode, stream } = res as { statusCode: number; stream: Readable };
          begin(reply as FastifyReply, passageOf(req), statusCode, stream);
        },
        onError: (reply: unknown) => fail(reply as FastifyReply, passageOf((reply as FastifyReply).request)),
      },
      websocket: true as const,
      wsServerOptions: webSockets.serverOptions,
      wsClientOptions: webSockets.clientOptions,
      wsHooks: webSockets.hooks,
      preHandler(_request: unknown, reply: unknown, done: () => void) {
        const { wss } = (reply as { wsProxy: { wss: EventEmitter } }).wsProxy;
        if (!told.has(wss)) wss.on('headers', announce);
        told.add(wss);
        done();
      },
    };
  }

  /** The head of a 101. */
  function announce(headers: string[], req: IncomingMessage): void {
    const { row, trip } = passageOf({ raw: req });
    trip.status = 101;
    headers.push(`X-Request-Id: ${trip.requestId}`, `Onetime-Gateway-Region: ${row.region}`);
  }

  return {
    isUsed: rows.length > 0,
    match,
    upgrades(req) {
      if (!isHandshake(req) || match(req.url ?? '') === undefined) return false;
      handshakes.add(req);
      // Node takes its own listener away before the first of ours is there.
      req.socket.on('error', () => {});
      return true;
    },
    async enter(entrant) {
      const passage = await enter(entrant);
      if (passage === 'gone' || passage instanceof Refusal) return passage;
      const { req } = entrant.exchange;
      const refusal = handshakes.has(req) ? await webSockets.connect(passage) : undefined;
      if (refusal !== undefined) return refusal;
      passages.set(req, passage);
      return 'passed';
    },
    register(app) {
      for (const row of rows) {
        app.register(async (scope) => {
          // Fastify's own parser would collect text bodies; the proxy brings one that streams them all.
          scope.removeAllContentTypeParsers();
          scope.setErrorHandler((cause, { raw }, reply) => {
            const passage = passageOf({ raw });
            // Once it was sent it is the region that failed: its head was there, its body never came.
            passage.failure ??= passage.sent
              ? passageFailureOf(passage, cause)
              : new Refusal('request_malformed', { outcome: 'not_sent', cause });
            fail(reply, passage);
          });
          await scope.register(import('@fastify/http-proxy'), proxyOptions(row));
        });
      }
      app.addHook('onClose', () => upstream.close());
    },
    goAway: webSockets.goAway,
    cut: webSockets.cut,
  };
}
