// One connection of HTTP/2: its streams, and what bounds them together. What nghttp2 and Node bound by themselves is set where
// the session is made (http2.ts); here is what they do not know of.
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { StreamExchange } from './http2-exchange.ts';
import type { FrameReader } from './http2-frames.ts';
import { translateHead } from './http2-head.ts';
import { Noise } from './http2-noise.ts';
import { StreamRequest } from './http2-request.ts';
import { StreamResponse } from './http2-response.ts';

/** RFC 9113, 7. */
const REFUSED_STREAM = 7;
const ENHANCE_YOUR_CALM = 11;

/** Requests of one connection under way at once, those too whose caller has reset them while a region is still asked. */
export const MOST_STREAMS = 100;
/** What one stream may have on the way to here unread. */
export const WINDOW_BYTES = 65_535;
/** How long a connection may take to end that has said so. */
const LINGER_MS = 2000;

/** What holds for connections by the configuration in force. */
export interface Http2Bounds {
  readonly headerBytes: number;
  readonly timeoutMs: number;
  /** Without a request on it. */
  readonly idleMs: number;
  /** Over its life. */
  readonly mostRequests: number;
}

export interface Http2ConnectionOptions {
  readonly address: string;
  readonly now: () => number;
  readonly bounds: () => Http2Bounds;
  readonly serve: (exchange: StreamExchange) => void;
  /** It is ended for what its caller sent. */
  readonly onFault: () => void;
}

export class Http2Connection {
  readonly #socket: TLSSocket;
  readonly #session: ServerHttp2Session;
  readonly #frames: FrameReader;
  readonly #options: Http2ConnectionOptions;
  /** Not over yet. */
  readonly #exchanges = new Set<StreamExchange>();
  readonly #noise: Noise;
  #requests = 0;
  #usefulBytes = 0;
  /** Since when there was nothing to do. */
  #quietMs: number;
  /** Since when a head is on its way. */
  #headMs: number | undefined;

  constructor(socket: TLSSocket, session: ServerHttp2Session, frames: FrameReader, options: Http2ConnectionOptions) {
    this.#socket = socket;
    this.#session = session;
    this.#frames = frames;
    this.#options = options;
    this.#quietMs = options.now();
    this.#noise = new Noise(this.#quietMs);
    session.on('stream', (stream, headers, _flags, raw) => this.#open(stream, headers, raw));
    session.on('error', (error: NodeJS.ErrnoException) => {
      // What nghttp2 says of the caller's frames; all else is a connection that was lost.
      if (error.code === 'ERR_HTTP2_ERROR') options.onFault();
    });
  }

  #open(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]): void {
    // Without a listener its reset would end the process.
    stream.on('error', () => {});
    // Reset in the same breath: it is nobody's request.
    if (stream.closed || stream.destroyed) return;
    const { address, now, bounds, serve } = this.#options;
    if (this.#exchanges.size >= MOST_STREAMS) {
      stream.close(REFUSED_STREAM);
      return;
    }
    const held = bounds();
    const { id = 0 } = stream;
    const head = translateHead(headers, raw, {
      hasBody: !stream.endAfterHeaders,
      isSound: !this.#frames.takeUnsound(id) && !this.#frames.isOver,
    });
    const req = new StreamRequest(stream, head);
    const res = new StreamResponse(stream, req, now);
    const exchange: StreamExchange = new StreamExchange({ req, res, head }, address, held, now(), () => {
      this.#exchanges.delete(exchange);
      this.#frames.forget(id);
      this.#usefulBytes += req.receivedBytes + (req.complete ? 0 : WINDOW_BYTES);
      this.#quietMs = now();
    });
    const left = (): void => {
      req.destroy();
      res.left();
    };
    stream.once('aborted', left).once('close', left);
    this.#exchanges.add(exchange);
    this.#usefulBytes += head.bytes;
    // Those under way are answered; further ones are for another connection.
    if (++this.#requests >= held.mostRequests) this.#session.close();
    serve(exchange);
  }

  /** Holds its streams and itself against their bounds: called several times a second. */
  check(): void {
    const nowMs = this.#options.now();
    for (const exchange of this.#exchanges) exchange.check(nowMs);
    if (this.#session.closed || this.#session.destroyed) {
      if (this.#exchanges.size === 0 && nowMs - this.#quietMs > LINGER_MS) this.cut();
      return;
    }
    const { timeoutMs, idleMs } = this.#options.bounds();
    this.#headMs = this.#frames.isHeadOpen ? (this.#headMs ?? nowMs) : undefined;
    const isSlow = this.#headMs !== undefined && nowMs - this.#headMs > timeoutMs;
    if (isSlow || this.#frames.isOver || this.#noise.isTooMuch(this.#traffic(), nowMs)) {
      this.#options.onFault();
      this.#session.destroy(new Error('what comes is no request'), ENHANCE_YOUR_CALM);
      return;
    }
    // Who has connected and sent no request yet has as long for its first as for any.
    const mostQuietMs = this.#requests === 0 ? Math.min(timeoutMs, idleMs) : idleMs;
    if (this.#exchanges.size === 0 && nowMs - this.#quietMs > mostQuietMs) this.drain();
  }

  #traffic() {
    let useful = this.#usefulBytes;
    for (const { req } of this.#exchanges) useful += req.receivedBytes + WINDOW_BYTES;
    const { bytesRead, bytesWritten } = this.#socket;
    return { received: bytesRead, sent: bytesWritten, requests: this.#requests, useful };
  }

  /** No new streams (GOAWAY); it ends when those under way have been answered. */
  drain(): void {
    if (this.#exchanges.size === 0) this.#quietMs = this.#options.now();
    this.#session.close();
  }

  /** Ends it with all that is under way. */
  cut(): void {
    for (const { res } of this.#exchanges) res.destroy();
    this.#session.destroy();
    this.#socket.destroy();
  }
}
