// HTTP/2 for callers who choose it in the TLS handshake: their connections. What comes on them is served as what comes over
// HTTP/1.1, by the same rooms and within the same limits.
import type { ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { RefusalCode } from '../refusal.ts';
import type { HeadBounds } from './bounds.ts';
import { http2 } from './http.ts';
import { type Http2Bounds, Http2Connection, MOST_STREAMS, WINDOW_BYTES } from './http2-connection.ts';
import type { StreamExchange } from './http2-exchange.ts';
import { FrameReader } from './http2-frames.ts';
import { Tap } from './http2-tap.ts';

/** Heads of more bytes or fields than these times what is allowed are reset while they arrive; who sends less is told 431. */
const HEADS_OVER = 4;
/** Pseudo-headers, and the fields of one Cookie. */
const MORE_FIELDS = 64;

/** So many are looked at to find one that is unused. */
const LOOKS = 16;

export interface Http2Options {
  /** Those in force. */
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
  /** Ends what comes too slowly or is not taken, and connections that are not used. @param passedMs since the last look */
  look(passedMs: number): void;
  /** Ends the connection that has been unused for longest. @returns whether there was one */
  reclaim(): boolean;
  /** GOAWAY to everybody: those under way are answered. */
  drain(): void;
  /** Ends every connection. */
  cut(): void;
}

export function createHttp2({ bounds, addressOf, serve, count: onFault }: Http2Options): Http2 {
  const connections = new Set<Http2Connection>();
  /** Those without a request, the one that has been so for longest first. */
  const unused = new Set<Http2Connection>();
  let isDraining = false;
  // Loaded now, not while the first caller waits.
  http2();

  return {
    opened(socket) {
      const frames = new FrameReader();
      const tap = new Tap(socket, (chunk) => frames.read(chunk));
      const session = openSession(tap, bounds().head);
      const address = addressOf(socket);
      const onUse = (isUsed: boolean): void => {
        if (isUsed) unused.delete(connection);
        else if (connections.has(connection)) unused.add(connection);
      };
      const connection = new Http2Connection(tap, session, frames, { address, bounds, serve, onFault, onUse });
      connections.add(connection);
      unused.add(connection);
      socket.once('close', () => {
        connections.delete(connection);
        unused.delete(connection);
      });
      if (isDraining) connection.drain();
    },
    look(passedMs) {
      for (const connection of connections) connection.look(passedMs);
    },
    reclaim() {
      let looks = 0;
      for (const connection of unused) {
        if (++looks > LOOKS) return false;
        if (connection.isHeadOpen) continue;
        unused.delete(connection);
        connection.cut();
        return true;
      }
      return false;
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
function openSession(socket: Tap, { headerBytes, headerCount }: HeadBounds): ServerHttp2Session {
  return http2().performServerHandshake(socket, {
    // Streams that a caller opens and resets: CVE-2023-44487. Beyond the burst, so many a second.
    streamResetBurst: 200,
    streamResetRate: 20,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxDeflateDynamicTableSize: 0,
    maxHeaderListPairs: HEADS_OVER * headerCount + MORE_FIELDS,
    // Left to itself nghttp2 drops such a field without a word, and a request would go on without it: http2-head.ts refuses it.
    strictFieldWhitespaceValidation: false,
    // What a region answered twice is written twice, as over HTTP/1.1.
    strictSingleValueFields: false,
    settings: {
      enablePush: false,
      // Nothing of one request is kept for the next, each way: credentials and keys are among it.
      headerTableSize: 0,
      maxConcurrentStreams: MOST_STREAMS,
      initialWindowSize: WINDOW_BYTES,
      maxHeaderListSize: HEADS_OVER * headerBytes,
    },
  });
}
