// One request and its answer on a stream of HTTP/2.
import { Refusal } from '../refusal.ts';
import type { HeadBounds, LeastRate } from './bounds.ts';
import { Exchange } from './exchange.ts';
import { fieldsProblem } from './head.ts';
import type { StreamHead } from './http2-head.ts';
import type { StreamRequest } from './http2-request.ts';
import type { StreamResponse } from './http2-response.ts';
import { Pace } from './pace.ts';

/** By the configuration that was in force when it began. */
export interface StreamBounds {
  /** For the request to arrive, and again for each piece of its answer to be taken. */
  readonly timeoutMs: number;
  readonly leastRate?: LeastRate | undefined;
}

export class StreamExchange extends Exchange {
  readonly req: StreamRequest;
  override readonly res: StreamResponse;
  readonly #head: StreamHead;
  readonly #bounds: StreamBounds;
  readonly #over: () => void;
  readonly #pace = new Pace(0);
  #ageMs = 0;
  /** Of its answer, and of whoever serves it. */
  #open = 1;

  /** @param over called when it is recorded and nothing is left of it */
  constructor(
    { req, res, head }: { req: StreamRequest; res: StreamResponse; head: StreamHead },
    address: string,
    bounds: StreamBounds,
    over: () => void,
  ) {
    super(res, address);
    this.req = req;
    this.res = res;
    this.#head = head;
    this.#bounds = bounds;
    this.#over = over;
    res.once('close', () => {
      this.close();
      this.#end();
    });
  }

  /** Whether routers may have it: nothing is wrong with it that no parser of HTTP/1.1 would let through to them. */
  get isRoutable(): boolean {
    return this.#head.problem === undefined;
  }

  headProblem(bounds: HeadBounds): Refusal | undefined {
    return this.#head.problem ?? fieldsProblem(this.req, bounds);
  }

  isGone(): boolean {
    const { req, res } = this;
    return res.destroyed || req.socket.closed || req.socket.destroyed;
  }

  override invite(): void {
    this.req.invite();
  }

  /** @param run serves it; never rejects */
  start(run: (exchange: StreamExchange) => Promise<void>): void {
    this.#open++;
    void run(this).finally(() => this.#end());
  }

  #end(): void {
    if (--this.#open === 0) this.#over();
  }

  /** Holds it against its bounds: what takes too long to arrive is refused, what is not taken is cut. */
  look(passedMs: number): void {
    const { req, res } = this;
    const { timeoutMs, leastRate } = this.#bounds;
    if (res.lookStalled(passedMs) > timeoutMs) {
      res.destroy();
      return;
    }
    if (req.complete || this.trouble !== undefined) return;
    // Of a body that nobody reads just now it is not the caller who is slow: it may be here.
    const isRead = req.readableFlowing === true;
    if (isRead) this.#ageMs += passedMs;
    const isSlow = this.#pace.isSlow(0, req.receivedBytes, isRead, passedMs, leastRate);
    if (this.#ageMs <= timeoutMs && !isSlow) return;
    this.trouble = new Refusal('request_timeout', { outcome: 'not_sent' });
    this.interrupt?.(this.trouble);
  }
}
