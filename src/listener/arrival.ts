// A request of the public listener as the journey takes it.
import type { Arrival } from '../journey.ts';
import type { Refusal } from '../refusal.ts';
import type { Exchange } from './exchange.ts';
import { receive } from './receive.ts';

/** A request as it came in over HTTP. */
export class HttpArrival implements Arrival {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly socketAddress: string;
  readonly downstream: Exchange;
  readonly #bodyLimitBytes: number;

  constructor(exchange: Exchange, bodyLimitBytes: number) {
    const { req } = exchange;
    this.method = req.method ?? '';
    this.target = req.url ?? '';
    this.headers = req.rawHeaders;
    this.socketAddress = exchange.address;
    this.downstream = exchange;
    this.#bodyLimitBytes = bodyLimitBytes;
  }

  get bodyBytes(): number {
    const declared = Number(this.downstream.req.headers['content-length']);
    return Number.isNaN(declared) ? this.#bodyLimitBytes : Math.min(declared, this.#bodyLimitBytes);
  }

  interrupt(refusal: Refusal): void {
    this.downstream.interrupt?.(refusal);
  }

  receive(): ReturnType<typeof receive> {
    return receive(this.downstream, this.#bodyLimitBytes);
  }
}
