// A request and its answer as the gateway handles them, whatever version of HTTP they came by. Node's own of HTTP/1.1 are such
// as they are, so that nothing stands between them and the journey; those of HTTP/2 are made (http2-request.ts,
// http2-response.ts).
import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex, Readable, Writable } from 'node:stream';

/** A request: its head, and its body as a stream of Buffers. */
export interface Incoming extends Readable {
  readonly method?: string | undefined;
  /** Path and query as received. */
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Flat, in the words of HTTP/1.1: no pseudo-headers. */
  readonly rawHeaders: string[];
  /** Whether it has arrived whole. */
  readonly complete: boolean;
  /** What it came by: its connection, or of HTTP/2 its stream. */
  readonly socket: Duplex;
}

/** An answer. Destroyed before it has ended, it breaks off so that the caller sees it. */
export interface Outgoing extends Writable {
  readonly headersSent: boolean;
  /** False: its connection ends with it, where nothing else is on that. */
  shouldKeepAlive: boolean;
  /** Its connection, where that is its own; `writableLength` are bytes that the caller has not taken yet. */
  readonly socket: Pick<Duplex, 'writableLength'> | null;
  /** @param headers flat, each value ASCII or one character a byte */
  writeHead(status: number, headers: string[]): unknown;
  getHeaderNames(): string[];
  removeHeader(name: string): void;
  /** Called when nothing of it has moved for so long. */
  setTimeout(ms: number, callback: () => void): unknown;
}
