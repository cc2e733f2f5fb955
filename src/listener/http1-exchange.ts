// A request of HTTP/1.1 and its answer.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Refusal } from '../refusal.ts';
import type { HeadBounds } from './bounds.ts';
import { Exchange } from './exchange.ts';
import { headProblem } from './head.ts';

/** As Node itself tells it, which ends the connection with an answer that comes in place of the invitation. */
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

export class MessageExchange extends Exchange {
  readonly req: IncomingMessage;
  readonly #res: ServerResponse;
  #invited = false;

  constructor(req: IncomingMessage, res: ServerResponse, address: string) {
    super(res, address);
    this.req = req;
    this.#res = res;
  }

  headProblem(bounds: HeadBounds): Refusal | undefined {
    return headProblem(this.req, bounds);
  }

  /** A caller that has closed its side cannot be answered any more (Node ends the other side then). */
  isGone(): boolean {
    const { req, res } = this;
    return res.closed || res.destroyed || !req.socket.writable;
  }

  /** RFC 9110, 10.1.1: a caller of HTTP/1.0 waits for nothing. */
  override invite(): void {
    const { headers, httpVersionMinor } = this.req;
    if (this.#invited || headers.expect === undefined) return;
    this.#invited = true;
    if (httpVersionMinor === 1 && CONTINUE.test(headers.expect)) this.#res.writeContinue();
  }
}
