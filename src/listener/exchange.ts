// One request and its answer.
import type { Refusal } from '../refusal.ts';
import type { HeadBounds } from './bounds.ts';
import type { Incoming, Outgoing } from './message.ts';

export abstract class Exchange {
  abstract readonly req: Incoming;
  readonly res: Outgoing;
  /** Where it comes from: the peer of its connection, or whom a load balancer names for it. */
  readonly address: string;
  /** Set while the body is being received: ends that with a refusal. */
  interrupt: ((refusal: Refusal) => void) | undefined;
  /** Trouble that came before the body was asked for. */
  trouble: Refusal | undefined;
  /** One listener of the response's `close` for all who wait for it: each further one costs a microsecond a request. */
  readonly #callbacks: (() => void)[] = [];

  constructor(res: Outgoing, address: string) {
    this.res = res;
    this.address = address;
  }

  /** What is wrong with the head, that the parser has let pass. */
  abstract headProblem(bounds: HeadBounds): Refusal | undefined;

  /** Whether nobody is there any more who could be answered. */
  abstract isGone(): boolean;

  /** The body is going to be read: whoever waits to be asked for it is. A request that is refused before is not invited. */
  invite(): void {}

  /** Registers what is to be called when the answer has left, or its caller. */
  onGone(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  /** The response is closed. */
  close(): void {
    for (const callback of this.#callbacks) callback();
  }
}
