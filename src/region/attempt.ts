// One attempt: a complete request to one connection, the answer collected whole. Tells exactly whether a byte may have
// been sent.
import { PassThrough, type Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { Pieces } from '../pieces.ts';
import type { Borrowed } from './connections.ts';
import { isStale } from './failure.ts';
import type { Ticket } from './guard.ts';
import { type AnswerHead, readAnswerHead } from './headers.ts';

export interface AttemptRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query as decided on. */
  readonly target: string;
  /** Flat header list. */
  readonly headers: string[];
  /** Undefined for GET: no body, no Content-Length. Empty for a POST: `Content-Length: 0`. */
  readonly body: Buffer | undefined;
}

export interface AttemptOptions {
  /** Answers up to this size are collected before they leave; longer ones stream. */
  readonly collectBytes: number;
  /**
   * For an answer's body: the longest pause of the region, and, while a long one streams, of its reader. While it is
   * collected it may take as long altogether, and longer only as it grows (SLOWEST_BYTES_PER_MS).
   */
  readonly bodyTimeoutMs: number;
}

/** A region's whole answer. `body` is a stream only when the answer is longer than `collectBytes`. */
export interface RegionAnswer {
  readonly status: number;
  readonly head: AnswerHead;
  readonly body: Buffer | Readable;
}

export type AttemptResult =
  | { readonly kind: 'answered'; readonly answer: RegionAnswer }
  /** `sent` is false only when surely no byte was sent. */
  | { readonly kind: 'failed'; readonly sent: boolean; readonly cause: unknown }
  /** The caller left before anything was sent. */
  | { readonly kind: 'gone' }
  /** The connection's guard did not let it out. */
  | { readonly kind: 'stopped'; readonly problem: string };

/** 64 kB a second: an honest answer over a slow line is let through, a dribble is not. */
const SLOWEST_BYTES_PER_MS = 64;

const EMPTY = Buffer.alloc(0);
const NO_HEAD: AnswerHead = {
  crossing: [],
  lengthBytes: undefined,
  intended: undefined,
  leading: undefined,
};

const INTERRUPTED = new Error('the caller has gone');
const TWICE = new Error('a second send of one request was refused');
const STALLED_READER = new Error('the caller does not take its answer');
const TOO_SLOW = Object.assign(new Error('the answer did not arrive in time'), { code: 'UND_ERR_BODY_TIMEOUT' });

/** Dispatches, and collects the answer; settles exactly once. */
class Collector implements Dispatcher.DispatchHandler {
  #sent = false;
  /** Whether the connection was found closed before. */
  #again = false;
  #status = 0;
  #head = NO_HEAD;
  /** Nearly every answer is one chunk. */
  #first: Buffer | undefined;
  #more: Pieces | undefined;
  #size = 0;
  #bodySinceMs = 0;
  #stream: PassThrough | undefined;
  readonly #options: AttemptOptions;
  readonly #whose: Attempting;
  readonly #connection: Borrowed;
  readonly #ticket: Ticket | 'probe';
  readonly #request: AttemptRequest;

  constructor(
    connection: Borrowed,
    ticket: Ticket | 'probe',
    request: AttemptRequest,
    options: AttemptOptions,
    whose: Attempting,
  ) {
    this.#connection = connection;
    this.#ticket = ticket;
    this.#request = request;
    this.#options = options;
    this.#whose = whose;
  }

  begin(): void {
    const { method, target: path, headers, body = null } = this.#request;
    const problem = this.#connection.dispatch(this.#ticket, { method, path, headers, body }, this);
    if (problem === undefined) return;
    this.#connection.giveBack();
    this.#whose.settle({ kind: 'stopped', problem });
  }

  /** Undici calls this right before it writes: the last moment at which nothing has been sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#sent) controller.abort(TWICE);
    else if (this.#whose.isGone()) controller.abort(INTERRUPTED);
    else {
      this.#sent = true;
      this.#connection.begin();
    }
  }

  /** Only of answers that answer-reader.ts takes: their status is none of 1xx, and where their body ends is known. */
  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const raw = controller.rawHeaders;
    this.#status = status;
    this.#head = readAnswerHead(Array.isArray(raw) ? raw : []);
    this.#bodySinceMs = performance.now();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream !== undefined) {
      if (!this.#stream.write(chunk)) this.#pause(controller, this.#stream);
      return;
    }
    if (this.#first === undefined) this.#first = chunk;
    else {
      if (this.#more === undefined) {
        this.#more = new Pieces();
        this.#more.add(this.#first);
      }
      this.#more.add(chunk);
    }
    this.#size += chunk.length;
    if (this.#size > this.#options.collectBytes) this.#startStream(controller);
    else if (this.#size !== this.#head.lengthBytes && this.#isTooSlow()) controller.abort(TOO_SLOW);
  }

  /** By a clock that nobody sets. Not asked of the last bytes: they are never too late. */
  #isTooSlow(): boolean {
    const allowedMs = this.#options.bodyTimeoutMs + this.#size / SLOWEST_BYTES_PER_MS;
    return performance.now() - this.#bodySinceMs > allowedMs;
  }

  #startStream(controller: Dispatcher.DispatchController): void {
    const stream = new PassThrough({ highWaterMark: this.#options.collectBytes });
    this.#stream = stream;
    // Whoever reads it hears of its end by `close`; nobody may be there to read it.
    stream.on('error', () => {});
    stream.on('close', () => {
      if (!stream.writableFinished) controller.abort(INTERRUPTED);
    });
    for (const chunk of this.#more ?? [this.#first]) stream.write(chunk);
    this.#first = undefined;
    this.#more = undefined;
    if (stream.writableNeedDrain) this.#pause(controller, stream);
    this.#whose.settle({ kind: 'answered', answer: { status: this.#status, head: this.#head, body: stream } });
  }

  /** Undici's own timeout does not run while it is paused: a reader that stalls would hold the connection for ever. */
  #pause(controller: Dispatcher.DispatchController, stream: PassThrough): void {
    if (controller.paused) return;
    controller.pause();
    const stalled = setTimeout(() => stream.destroy(STALLED_READER), this.#options.bodyTimeoutMs).unref();
    stream.once('drain', () => {
      clearTimeout(stalled);
      controller.resume();
    });
    stream.once('close', () => clearTimeout(stalled));
  }

  onResponseEnd(): void {
    this.#connection.giveBack();
    if (this.#stream !== undefined) {
      this.#stream.end();
      return;
    }
    const body = this.#more === undefined ? (this.#first ?? EMPTY) : this.#more.whole();
    this.#whose.settle({ kind: 'answered', answer: { status: this.#status, head: this.#head, body } });
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    // A kept connection that the region had closed meanwhile, noticed before a byte was written: it is opened anew, for this call
    // and no other. Not from within undici's callback: there it is still being cleared, and what it is given would end the process.
    if (!this.#sent && !this.#again && isStale(error)) {
      this.#again = true;
      queueMicrotask(() => this.begin());
      return;
    }
    this.#connection.giveBack();
    if (this.#stream !== undefined) this.#stream.destroy(error);
    else if (error === INTERRUPTED && !this.#sent) this.#whose.settle({ kind: 'gone' });
    else this.#whose.settle({ kind: 'failed', sent: this.#sent, cause: error });
  }
}

/** Whose attempt it is. */
export interface Attempting {
  /** Asked right before the first byte would be written: whether the caller has hung up, or it must not be sent any more. */
  isGone(): boolean;
  /** Told once what became of it. */
  settle(result: AttemptResult): void;
}

/**
 * Sends one request once: on the connection as it was kept, or, where that proves closed before a byte is written, as it is
 * opened anew. It is given back when the exchange is over, whatever became of it.
 */
export function attempt(
  connection: Borrowed,
  ticket: Ticket | 'probe',
  request: AttemptRequest,
  options: AttemptOptions,
  whose: Attempting,
): void {
  new Collector(connection, ticket, request, options, whose).begin();
}
