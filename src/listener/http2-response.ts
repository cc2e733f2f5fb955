// An answer over HTTP/2, as one over HTTP/1.1 is written (message.ts); with what Fastify asks of a response, for paths that are
// passed through.
import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { Writable } from 'node:stream';
import type { StreamRequest } from './http2-request.ts';
import type { Outgoing } from './message.ts';

/** RFC 9113, 7: the answer is whole, and what is left of the request is not needed. */
const NO_ERROR = 0;

/** RFC 9113, 8.2.2: a connection's own, which there are none of on a stream. */
const CONNECTIONS_OWN: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** RFC 9110, 15: answers with these have no body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

export class StreamResponse extends Writable implements Outgoing {
  statusCode = 200;
  /** Read by nobody: the stream ends, the connection has others. */
  shouldKeepAlive = true;
  readonly socket = null;
  headersSent = false;
  readonly #req: StreamRequest;
  readonly #stream: ServerHttp2Stream;
  /** Set one by one, by their names in lower case. */
  readonly #fields = new Map<string, OutgoingHttpHeader>();
  #head: string[] = [];
  #begun = false;
  #isReset = false;
  /** Whether something is offered to the caller that it has not taken yet, and for how long it was looked at so. */
  #isOffering = false;
  #stalledMs = 0;

  constructor(stream: ServerHttp2Stream, req: StreamRequest) {
    super({ decodeStrings: false });
    this.#stream = stream;
    this.#req = req;
  }

  /** @param passedMs since the last look @returns for how long the caller has not taken what is offered to it, in milliseconds */
  lookStalled(passedMs: number): number {
    if (this.#isOffering) this.#stalledMs += passedMs;
    return this.#stalledMs;
  }

  /** @param headers flat, or by name */
  writeHead(status: number, headers: readonly string[] | OutgoingHttpHeaders = []): this {
    this.statusCode = status;
    const flat = isFlat(headers) ? headers : Object.entries(headers).flat();
    // What comes now takes the place of what was set before.
    if (this.#fields.size > 0)
      for (let i = 0; i < flat.length; i += 2) this.#fields.delete(String(flat[i]).toLowerCase());
    for (const [name, value] of this.#fields) this.#add(name, value);
    for (let i = 0; i + 1 < flat.length; i += 2) this.#add(String(flat[i]), flat[i + 1]);
    this.headersSent = true;
    return this;
  }

  #add(name: string, value: OutgoingHttpHeader | undefined): void {
    const lower = name.toLowerCase();
    if (value === undefined || CONNECTIONS_OWN.has(lower)) return;
    if (!Array.isArray(value)) this.#head.push(lower, String(value));
    else for (const each of value) this.#head.push(lower, each);
  }

  get #isBodiless(): boolean {
    return this.#req.method === 'HEAD' || BODILESS.has(this.statusCode);
  }

  /** Only now, when it is known whether a body follows. @returns whether one may */
  #begin(isEnd: boolean): boolean {
    const endStream = isEnd || this.#isBodiless;
    if (this.#begun) return !endStream;
    this.#begun = true;
    if (!this.headersSent) this.writeHead(this.statusCode);
    const stream = this.#stream;
    if (stream.closed || stream.destroyed) return false;
    stream.respond([':status', String(this.statusCode), ...this.#head], { endStream });
    this.#head = [];
    return !endStream;
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: () => void): void {
    if (!this.#begin(false)) {
      done();
      return;
    }
    this.#isOffering = true;
    const taken = (error?: Error | null): void => {
      this.#isOffering = false;
      this.#stalledMs = 0;
      if (error && !this.#hasLeft) this.destroy();
      else done();
    };
    // Whoever writes all in one call of `end` has said by then that it was all: head, body and end leave together.
    process.nextTick(() => {
      const isLast = this.writableEnded && this.writableLength === chunk.length;
      if (this.destroyed) done();
      else if (isLast) this.#stream.end(chunk, encoding, taken);
      else this.#stream.write(chunk, encoding, taken);
    });
  }

  override _final(done: () => void): void {
    this.#begin(this.#isBodiless || !this.#begun);
    const stream = this.#stream;
    const ended = (error?: Error | null): void => {
      if (error && !this.#hasLeft) this.destroy();
      else done();
    };
    if (stream.writableFinished || this.#hasLeft) done();
    else stream.end(ended);
  }

  /** A stream that was closed by both ends, in order, has taken everything, although it is too late for it to say so. */
  get #hasLeft(): boolean {
    const { writableEnded, rstCode, aborted, closed } = this.#stream;
    return !this.#isReset && this.writableEnded && writableEnded && closed && !aborted && rstCode === NO_ERROR;
  }

  /** Its caller has reset the stream: with whatever code, even NO_ERROR, it takes nothing more. */
  reset(): void {
    this.#isReset = true;
  }

  /** The stream is closed. */
  left(): void {
    if (!this.#hasLeft) this.destroy();
  }

  /**
   * What broke off is reset (INTERNAL_ERROR): `close` would end the body first, and it would look whole. The rest of a request
   * that was answered is not waited for.
   */
  override _destroy(_error: Error | null, done: () => void): void {
    const stream = this.#stream;
    if (!this.writableFinished) stream.destroy(new Error('the answer broke off'));
    else if (!this.#req.complete) stream.close(NO_ERROR);
    done();
  }

  setTimeout(ms: number, callback: () => void): this {
    this.#stream.setTimeout(ms, callback);
    return this;
  }

  setHeader(name: string, value: OutgoingHttpHeader): this {
    this.#fields.set(name.toLowerCase(), value);
    return this;
  }

  getHeader(name: string): OutgoingHttpHeader | undefined {
    return this.#fields.get(name.toLowerCase());
  }

  getHeaders(): OutgoingHttpHeaders {
    return Object.fromEntries(this.#fields);
  }

  getHeaderNames(): string[] {
    return [...this.#fields.keys()];
  }

  hasHeader(name: string): boolean {
    return this.#fields.has(name.toLowerCase());
  }

  removeHeader(name: string): void {
    this.#fields.delete(name.toLowerCase());
  }
}

function isFlat(headers: readonly string[] | OutgoingHttpHeaders): headers is readonly string[] {
  return Array.isArray(headers);
}
