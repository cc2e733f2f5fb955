// One connection of HTTP/2: its streams, and what bounds them together. What nghttp2 and Node bound by themselves is set where
// the session is made (http2.ts); here is what they do not know of.
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { RefusalCode } from '../refusal.ts';
import type { ConnectionBounds, HeadBounds } from './bounds.ts';
import { type StreamBounds, StreamExchange } from './http2-exchange.ts';
import type { FrameReader } from './http2-frames.ts';
import { translateHead } from './http2-head.ts';
import { Noise } from './http2-noise.ts';
import { StreamRequest } from './http2-request.ts';
import { StreamResponse } from './http2-response.ts';
import type { Tap } from './http2-tap.ts';

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
export interface Http2Bounds extends StreamBounds {
  readonly head: HeadBounds;
  readonly connections: ConnectionBounds;
}

export interface Http2ConnectionOptions {
  readonly address: string;
  readonly bounds: () => Http2Bounds;
  readonly serve: (exchange: StreamExchange) => void;
  /** It is ended for what its caller sent. */
  readonly onFault: (code: RefusalCode) => void;
  /** It has its first request, or none any more. */
  readonly onUse: (isUsed: boolean) => void;
}

export class Http2Connection {
  readonly #tap: Tap;
  readonly #session: ServerHttp2Session;
  readonly #frames: FrameReader;
  readonly #options: Http2ConnectionOptions;
  /** Not over yet, by their streams. */
  readonly #exchanges = new Map<number, StreamExchange>();
  readonly #noise = new Noise();
  #requests = 0;
  #headBytes = 0;
  /** For how long there has been nothing to do. */
  #quietMs = 0;
  /** For how long a head has been on its way. */
  #headMs = 0;
  /** For how long it has been ended, and is still there. */
  #lingerMs = 0;

  constructor(tap: Tap, session: ServerHttp2Session, frames: FrameReader, options: Http2ConnectionOptions) {
    this.#tap = tap;
    this.#session = session;
    this.#frames = frames;
    this.#options = options;
    frames.onReset = (id) => this.#exchanges.get(id)?.res.reset();
    session.on('stream', (stream, headers, _flags, raw) => this.#open(stream, headers, raw));
    session.on('error', (error: NodeJS.ErrnoException) => {
      // What nghttp2 says of the caller's frames; all else is a connection that was lost.
      if (error.code === 'ERR_HTTP2_ERROR') options.onFault('request_malformed');
    });
  }

  #open(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]): void {
    // Without a listener its reset would end the process.
    stream.on('error', () => {});
    const { id = 0 } = stream;
    const framed = this.#frames.takeHead(id);
    // Reset in the same breath: it is nobody's request.
    if (stream.closed || stream.destroyed) return;
    const { address, bounds, serve, onUse } = this.#options;
    const held = bounds();
    const most = held.connections.requests;
    // Never begun, and told so: it may be sent again, elsewhere or later.
    if (this.#exchanges.size >= MOST_STREAMS || this.#requests >= most) {
      stream.close(REFUSED_STREAM);
      return;
    }
    const head = translateHead(headers, raw, {
      hasBody: !stream.endAfterHeaders,
      // nghttp2 leaves out what it takes for no field, a Host that is none among it.
      isSound: framed?.isSound === true && 2 * framed.fields === raw.length && !this.#frames.isOver,
    });
    const req = new StreamRequest(stream, head);
    const res = new StreamResponse(stream, req);
    const exchange: StreamExchange = new StreamExchange({ req, res, head }, address, held, () => {
      this.#exchanges.delete(id);
      if (this.#exchanges.size === 0) onUse(false);
    });
    const left = (): void => {
      req.destroy();
      res.left();
    };
    stream.once('aborted', left).once('close', left);
    if (this.#exchanges.size === 0) onUse(true);
    this.#exchanges.set(id, exchange);
    this.#headBytes += framed?.bytes ?? 0;
    // Those under way are answered; further ones are for another connection.
    if (++this.#requests >= most) this.#session.close();
    serve(exchange);
  }

  /** Whether a request is just coming. */
  get isHeadOpen(): boolean {
    return this.#frames.isHeadOpen;
  }

  /** Holds its streams and itself against their bounds. @param passedMs since the last look */
  look(passedMs: number): void {
    for (const exchange of this.#exchanges.values()) exchange.look(passedMs);
    this.#quietMs = this.#exchanges.size === 0 && !this.isHeadOpen ? this.#quietMs + passedMs : 0;
    this.#headMs = this.#frames.isHeadOpen ? this.#headMs + passedMs : 0;
    if (this.#session.closed || this.#session.destroyed) {
      this.#lingerMs += this.#exchanges.size === 0 ? passedMs : 0;
      if (this.#lingerMs > LINGER_MS) this.cut();
      return;
    }
    const { head, connections } = this.#options.bounds();
    const isSlow = this.#headMs > head.timeoutMs;
    if (isSlow || this.#frames.isOver || this.#noise.isTooMuch(this.#traffic(), passedMs)) {
      this.#options.onFault(isSlow ? 'request_timeout' : 'request_malformed');
      this.#session.destroy(new Error('what comes is no request'), ENHANCE_YOUR_CALM);
      return;
    }
    // Who has connected has as long for its first head as for any; and as long as everybody between two.
    const mostQuietMs = this.#requests === 0 ? Math.min(head.timeoutMs, connections.idleMs) : connections.idleMs;
    if (this.#quietMs > mostQuietMs) this.drain();
  }

  #traffic() {
    const { received, sent } = this.#tap;
    return { received, sent, requests: this.#requests, useful: this.#headBytes + this.#frames.bodyBytes };
  }

  /** No new streams (GOAWAY); it ends when those under way have been answered. */
  drain(): void {
    this.#session.close();
  }

  /** Ends it with all that is under way. */
  cut(): void {
    for (const { res } of this.#exchanges.values()) res.destroy();
    this.#session.destroy();
    this.#tap.destroy();
  }
}
