// One request and its answer on a stream of HTTP/2.
import { Refusal } from '../refusal.ts';
import type { HeadBounds } from './bounds.ts';
import { Exchange } from './exchange.ts';
import { fieldsProblem } from './head.ts';
import type { StreamHead } from './http2-head.ts';
import type { StreamRequest } from './http2-request.ts';
import type { StreamResponse } from './http2-response.ts';

/** Of the connection that it came by. */
export interface StreamBounds {
  /** Of names and values. */
  readonly headerBytes: number;
  /** For the request to arrive, and again for its answer to be taken. */
  readonly timeoutMs: number;
}

export class StreamExchange extends Exchange {
  readonly req: StreamRequest;
  override readonly res: StreamResponse;
  readonly #head: StreamHead;
  readonly #bounds: StreamBounds;
  readonly #begunMs: number;
  #open = 2;
  #over: () => void;

  /** @param over called once, when it is recorded and nothing is left of it */
  constructor(
    { req, res, head }: { req: StreamRequest; res: StreamResponse; head: StreamHead },
    address: string,
    bounds: StreamBounds,
    nowMs: number,
    over: () => void,
  ) {
    super(res, address);
    this.req = req;
    this.res = res;
    this.#head = head;
    this.#bounds = bounds;
    this.#begunMs = nowMs;
    this.#over = over;
    res.once('close', () => {
      this.close();
      this.#end();
    });
  }

  headProblem(bounds: HeadBounds): Refusal | undefined {
    if (this.#head.bytes > this.#bounds.headerBytes) {
      const hint = `At most ${this.#bounds.headerBytes} bytes.`;
      return new Refusal('headers_too_large', { hint, outcome: 'not_sent' });
    }
    return this.#head.problem ?? fieldsProblem(this.req, bounds);
  }

  isGone(): boolean {
    const { req, res } = this;
    return res.destroyed || req.socket.closed || req.socket.destroyed;
  }

  /** @param run serves it; never rejects */
  start(run: (exchange: StreamExchange) => Promise<void>): void {
    void run(this).finally(() => this.#end());
  }

  #end(): void {
    if (--this.#open === 0) this.#over();
  }

  /** Holds it against its bounds: what takes too long to arrive is refused, what is not taken is cut. */
  check(nowMs: number): void {
    const { req, res } = this;
    const { timeoutMs } = this.#bounds;
    if (res.stalledMs(nowMs) > timeoutMs) {
      res.destroy();
      return;
    }
    if (req.complete || this.trouble !== undefined || nowMs - this.#begunMs <= timeoutMs) return;
    this.trouble = new Refusal('request_timeout', { outcome: 'not_sent' });
    this.interrupt?.(this.trouble);
  }
}
