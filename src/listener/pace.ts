// How fast what a caller sends comes in. Looked at now and then, for all connections together: a timer for each of them would
// cost more than the requests that it watches.
import type { LeastRate } from './bounds.ts';

/** Of one connection. Empty lines between requests are none of the next one (RFC 9112, 2.2). */
const STRAY_BYTES = 4;

export class Pace {
  /** Where the connection stood when it was last seen without anything coming in. */
  #bytes: number;
  #turn = 0;
  /** How long something has been coming in since. */
  #forMs = 0;

  /** @param bytes received on the connection so far */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get comingMs(): number {
    return this.#forMs;
  }

  /** Whether what comes now has begun since it was last seen quiet. @param bytes received on the connection in all */
  hasBegun(bytes: number): boolean {
    return bytes - this.#bytes > STRAY_BYTES;
  }

  /**
   * @param turn how many requests there were so far: another one begins anew
   * @param bytes received on the connection in all
   * @param receiving whether a request comes in; `between`: none that is known of, so bytes are those of the next head
   * @param passedMs since the last look
   * @param rate undefined: nothing is too slow
   */
  isSlow(turn: number, bytes: number, receiving: boolean | 'between', passedMs: number, rate?: LeastRate): boolean {
    const comes = receiving === 'between' ? this.hasBegun(bytes) : receiving;
    if (turn !== this.#turn || !comes) {
      this.#turn = turn;
      this.#bytes = bytes;
      this.#forMs = 0;
      return false;
    }
    this.#forMs += passedMs;
    if (rate === undefined) return false;
    const overMs = this.#forMs - rate.afterMs;
    return overMs > 0 && bytes - this.#bytes < (rate.bytesPerSecond * overMs) / 1000;
  }
}

/** Calls `look` now and then, until what is returned is called. A pause of the process is nobody's slowness. */
export function watchPace(now: () => number, everyMs: number, look: (passedMs: number) => void): () => void {
  let lastMs = now();
  const timer = setInterval(() => {
    const nowMs = now();
    look(Math.min(Math.max(0, nowMs - lastMs), 2 * everyMs));
    lastMs = nowMs;
  }, everyMs).unref();
  return () => clearInterval(timer);
}
