// HTTP/2 for callers who choose it in the TLS handshake: their connections. What comes on them is served as what comes over
// HTTP/1.1, by the same rooms and within the same limits.
import type { ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { RefusalCode } from '../refusal.ts';
import { http2 } from './http.ts';
import { type Http2Bounds, Http2Connection, MOST_STREAMS, WINDOW_BYTES } from './http2-connection.ts';
import type { StreamExchange } from './http2-exchange.ts';
import { FrameReader } from './http2-frames.ts';
import { TABLE_BYTES } from './http2-hpack.ts';
import { Tap } from './http2-tap.ts';

/** How often connections are held against their bounds. */
const CHECK_MS = 250;
/** Heads beyond this are reset while they arrive; up to here who sends too much is told 431. */
const HEADS_OVER = 4;
/** Pairs beyond this, likewise. */
const MOST_PAIRS = 256;

export interface Http2Options {
  readonly now: () => number;
  readonly bounds: () => Http2Bounds;
  /** Where a connection comes from; asked once, when it is opened. */
  readonly addressOf: (socket: TLSSocket) => string;
  readonly serve: (exchange: StreamExchange) => void;
  /** Of connections that are ended for what was sent on them. */
  readonly count: (code: RefusalCode) => void;
}

export interface Http2 {
  /** A new connection, whose handshake is done. */
  opened(socket: TLSSocket): void;
  /** GOAWAY to everybody: those under way are answered. */
  drain(): void;
  /** Ends every connection. */
  cut(): void;
}

export function createHttp2({ now, bounds, addressOf, serve, count }: Http2Options): Http2 {
  const connections = new Set<Http2Connection>();
  let timer: NodeJS.Timeout | undefined;
  let isDraining = false;

  function check(): void {
    for (const connection of connections) connection.check();
  }

  function closed(connection: Http2Connection): void {
    connections.delete(connection);
    if (connections.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  return {
    opened(socket) {
      const frames = new FrameReader();
      const session = openSession(new Tap(socket, (chunk) => frames.read(chunk)), bounds().headerBytes);
      const onFault = (): void => count('request_malformed');
      const connection = new Http2Connection(socket, session, frames, {
        address: addressOf(socket),
        now,
        bounds,
        serve,
        onFault,
      });
      connections.add(connection);
      socket.once('close', () => closed(connection));
      timer ??= setInterval(check, CHECK_MS).unref();
      if (isDraining) connection.drain();
    },
    drain() {
      isDraining = true;
      for (const connection of connections) connection.drain();
    },
    cut() {
      for (const connection of connections) connection.cut();
    },
  };
}

/**
 * What Node and nghttp2 bound by themselves, here or by their defaults: CONTINUATION frames of one head (8), acknowledgements
 * that wait (1000), settings (32), frames that are none, and the memory of a session. Each ends it.
 */
function openSession(socket: Tap, headerBytes: number): ServerHttp2Session {
  return http2().performServerHandshake(socket, {
    // Streams that a caller opens and resets: CVE-2023-44487. Beyond the burst, so many a second.
    streamResetBurst: 200,
    streamResetRate: 20,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxHeaderListPairs: MOST_PAIRS,
    // Left to itself nghttp2 drops such a field without a word, and a request would go on without it: http2-head.ts refuses it.
    strictFieldWhitespaceValidation: false,
    // What a region answered twice is written twice, as over HTTP/1.1.
    strictSingleValueFields: false,
    settings: {
      enablePush: false,
      headerTableSize: TABLE_BYTES,
      maxConcurrentStreams: MOST_STREAMS,
      initialWindowSize: WINDOW_BYTES,
      maxHeaderListSize: HEADS_OVER * headerBytes,
    },
  });
}
