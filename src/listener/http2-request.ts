// A request of HTTP/2, as one of HTTP/1.1 is handled (message.ts).
import type { IncomingHttpHeaders } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import type { StreamHead } from './http2-head.ts';
import type { Incoming } from './message.ts';

export class StreamRequest extends Readable implements Incoming {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: string[];
  readonly httpVersion = '2.0';
  readonly httpVersionMajor = 2;
  readonly httpVersionMinor = 0;
  readonly socket: ServerHttp2Stream;
  /** Of its body, so far. */
  receivedBytes = 0;
  complete: boolean;
  #reading = false;
  #invited = false;

  /** @param stream just opened; it ends by itself where the request has no body */
  constructor(stream: ServerHttp2Stream, { method, url, headers, rawHeaders }: StreamHead) {
    // It is over when the stream is, not when it has been read: who waits for `close` waits for that.
    super({ autoDestroy: false });
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.rawHeaders = rawHeaders;
    this.socket = stream;
    this.complete = stream.endAfterHeaders;
    if (this.complete) this.push(null);
    // From the start: of a body that is empty nothing else is ever heard.
    else stream.on('end', () => this.#ended());
  }

  override _read(): void {
    const stream = this.socket;
    if (this.#reading) {
      stream.resume();
      return;
    }
    this.#reading = true;
    if (this.complete) return;
    if (stream.destroyed) {
      this.destroy();
      return;
    }
    stream.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length;
      if (!this.push(alone(chunk))) stream.pause();
    });
  }

  /** Asks a caller for its body that waits to be asked (RFC 9110, 10.1.1). */
  invite(): void {
    const stream = this.socket;
    if (this.#invited || this.complete || stream.headersSent || stream.closed || stream.destroyed) return;
    this.#invited = true;
    if (this.headers.expect?.toLowerCase() === '100-continue') stream.additionalHeaders({ ':status': 100 });
  }

  /** The stream has an end also where it was reset: what has come until then is not the whole body. */
  #ended(): void {
    const { socket: stream, headers, receivedBytes } = this;
    const declared = headers['content-length'];
    if (stream.closed || stream.aborted || (declared !== undefined && Number(declared) !== receivedBytes)) {
      this.destroy();
      stream.destroy(new Error('the request broke off'));
      return;
    }
    this.complete = true;
    this.push(null);
  }
}

/**
 * A piece of a body is a part of what came with it in one packet, for other streams too: kept, it would hold all of that. A byte
 * now and then would hold any amount of memory, whatever a body may have.
 */
function alone(chunk: Buffer): Buffer {
  if (chunk.buffer.byteLength <= 2 * chunk.length) return chunk;
  // Not Buffer.from: small ones would be parts of a pool.
  const copy = Buffer.allocUnsafeSlow(chunk.length);
  chunk.copy(copy);
  return copy;
}
