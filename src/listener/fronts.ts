// Which configuration answers callers: the front in use, and those before it until the last of their requests is over.
import type { Journey } from '../journey.ts';
import type { Recorder } from '../record/record.ts';
import type { Passthrough } from '../region/passthrough.ts';
import type { ConnectionBounds, HeadBounds, LeastRate } from './bounds.ts';
import type { PassthroughApp } from './passthrough-app.ts';
import type { ListenTls } from './tls.ts';

/** What answers callers by one configuration. */
export interface Front {
  readonly journey: Journey;
  readonly record: Recorder;
  /** The prefixes that are proxied as they come. */
  readonly passthrough: Passthrough;
  /** Largest request body. */
  readonly bodyLimitBytes: number;
  /** A request, head and body, must have arrived within this time, and its answer must have been taken in as long. */
  readonly timeoutMs: number;
  /** What the head of a request may be. */
  readonly head: HeadBounds;
  /** How slowly a request may come in; undefined: however slowly, within its time. */
  readonly leastRate?: LeastRate | undefined;
  readonly connections: ConnectionBounds;
  /** Whether a peer is a load balancer whose connections begin with a PROXY header; undefined: nobody's do. */
  readonly proxied?: ((peer: string) => boolean) | undefined;
  /** What callers are shown, where the listener speaks TLS. */
  readonly tls?: ListenTls | undefined;
  /** How long one request may wait for the store in all. */
  readonly storeTimeoutMs: number;
}

/** A front and the requests that it has under way. */
export class FrontInUse {
  readonly front: Front;
  /** Undefined where nothing is passed through. */
  app: PassthroughApp | undefined;
  #requests = 0;
  readonly #over = Promise.withResolvers<void>();
  #retired = false;

  constructor(front: Front) {
    this.front = front;
  }

  enter(): void {
    this.#requests++;
  }

  leave(): void {
    this.#requests--;
    this.#settle();
  }

  /** No new requests come. @returns resolves when the last one is over */
  retire(): Promise<void> {
    this.#retired = true;
    this.#settle();
    return this.#over.promise;
  }

  #settle(): void {
    if (this.#retired && this.#requests === 0) this.#over.resolve();
  }
}
