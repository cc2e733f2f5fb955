// One attempt: a complete request to one connection, the answer collected whole. Tells exactly whether a byte may have
// been sent.
import { PassThrough, type Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Borrowed } from './connections.ts';

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
  /** Most time for an answer's body, from its head to its end, while it is collected. */
  readonly bodyTimeoutMs: number;
  readonly now: () => number;
}

/** A region's whole answer. `body` is a stream only when the answer is longer than `collectBytes`. */
export interface RegionAnswer {
  readonly status: number;
  /** Flat, as received. */
  readonly headers: readonly (Buffer | string)[];
  readonly body: Buffer | Readable;
}

export type AttemptResult =
  | { readonly kind: 'answered'; readonly answer: RegionAnswer }
  /** `sent` is false only when surely no byte was sent. */
  | { readonly kind: 'failed'; readonly sent: boolean; readonly cause: unknown }
  /** The caller left before anything was sent. */
  | { readonly kind: 'gone' };

const INTERRUPTED = new Error('the caller has gone');
const TWICE = new Error('a second send of one request was refused');
const UNDELIMITED = new Error(
  'the answer has neither Content-Length nor chunked encoding: whether it is whole cannot be told',
);
const TOO_SLOW = Object.assign(new Error('the answer did not arrive in time'), { code: 'UND_ERR_BODY_TIMEOUT' });

/** Whether the length of an answer's body can be known, so that a cut one does not look whole (RFC 9112, 6.3). */
function isDelimited(status: number, raw: readonly (Buffer | string)[]): boolean {
  if (status === 204 || status === 304) return true;
  for (let i = 0; i < raw.length; i += 2) {
    const name = String(raw[i]).toLowerCase();
    if (name === 'content-length') return true;
    if (name === 'transfer-encoding') return /(^|,)\s*chunked\s*$/i.test(String(raw[i + 1]));
  }
  return false;
}

/** Collects the answer of one dispatch; settles `done` exactly once. */
class Collector implements Dispatcher.DispatchHandler {
  #sent = false;
  #status = 0;
  #headers: (Buffer | string)[] = [];
  #chunks: Buffer[] = [];
  #size = 0;
  #bodySinceMs = 0;
  #stream: PassThrough | undefined;
  readonly #options: AttemptOptions;
  readonly #isGone: () => boolean;
  readonly #settle: (result: AttemptResult) => void;
  readonly #release: () => void;

  constructor(
    options: AttemptOptions,
    isGone: () => boolean,
    settle: (result: AttemptResult) => void,
    release: () => void,
  ) {
    this.#options = options;
    this.#isGone = isGone;
    this.#settle = settle;
    this.#release = release;
  }

  /** Undici calls this right before it writes: the last moment at which nothing has been sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#sent) controller.abort(TWICE);
    else if (this.#isGone()) controller.abort(INTERRUPTED);
    else this.#sent = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    const raw = controller.rawHeaders;
    this.#status = status;
    this.#headers = Array.isArray(raw) ? raw : [];
    this.#bodySinceMs = this.#options.now();
    if (!isDelimited(status, this.#headers)) controller.abort(UNDELIMITED);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream !== undefined) {
      if (!this.#stream.write(chunk)) controller.pause();
      return;
    }
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > this.#options.collectBytes) this.#startStream(controller);
    else if (this.#options.now() - this.#bodySinceMs > this.#options.bodyTimeoutMs) controller.abort(TOO_SLOW);
  }

  #startStream(controller: Dispatcher.DispatchController): void {
    const stream = new PassThrough({ highWaterMark: this.#options.collectBytes });
    this.#stream = stream;
    stream.on('drain', () => controller.resume());
    stream.on('close', () => {
      if (!stream.writableFinished) controller.abort(INTERRUPTED);
    });
    for (const chunk of this.#chunks) stream.write(chunk);
    this.#chunks = [];
    if (stream.writableNeedDrain) controller.pause();
    this.#settle({ kind: 'answered', answer: { status: this.#status, headers: this.#headers, body: stream } });
  }

  onResponseEnd(): void {
    this.#release();
    if (this.#stream !== undefined) {
      this.#stream.end();
      return;
    }
    const [only] = this.#chunks;
    const body = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks, this.#size);
    this.#settle({ kind: 'answered', answer: { status: this.#status, headers: this.#headers, body } });
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#release();
    if (this.#stream !== undefined) this.#stream.destroy(error);
    else if (error === INTERRUPTED && !this.#sent) this.#settle({ kind: 'gone' });
    else this.#settle({ kind: 'failed', sent: this.#sent, cause: error });
  }
}

/**
 * Sends one request once. The connection is given back when the exchange is over, whatever became of it.
 * @param isGone whether the caller has hung up: asked right before the first byte would be written
 */
export function attempt(
  connection: Borrowed,
  request: AttemptRequest,
  options: AttemptOptions,
  isGone: () => boolean,
): Promise<AttemptResult> {
  return new Promise((settle) => {
    const collector = new Collector(options, isGone, settle, () => connection.giveBack());
    connection.dispatch(
      { method: request.method, path: request.target, headers: request.headers, body: request.body ?? null },
      collector,
    );
  });
}
