// What Node's server itself sees to of the bounds in force.
import type { Server } from 'node:http';
import type { Front } from './fronts.ts';
import { CHECK_MS } from './http-server.ts';

interface Bounds {
  /** Within which a request has to come in, and its head. */
  readonly timeoutMs: number;
  readonly headTimeoutMs: number;
  /** Of a head in all. Taken up by connections that are opened from now on. */
  readonly headBytes: number;
  /** After it an unused connection is ended; Node waits for another second, for requests that are on their way. */
  readonly idleMs: number;
}

function bound(server: Server, { timeoutMs, headTimeoutMs, headBytes, idleMs }: Bounds): void {
  server.requestTimeout = timeoutMs;
  server.headersTimeout = headTimeoutMs;
  server.keepAliveTimeout = idleMs;
  // As the option of the same name, which Node keeps here for each new connection's parser; its types do not know it.
  Reflect.set(server, 'maxHeaderSize', headBytes);
}

/** How long a request may take that began under a front. */
type Timed = Pick<Front, 'timeoutMs' | 'head'>;

function isLonger(one: Timed, other: Timed): boolean {
  return one.timeoutMs > other.timeoutMs || one.head.timeoutMs > other.head.timeoutMs;
}

/** The server knows one time for all connections: the longest of those that a request may have begun with. */
function boundsOf(front: Front, longer: Iterable<Timed>): Bounds {
  const all = [front, ...longer];
  return {
    timeoutMs: Math.max(...all.map(({ timeoutMs }) => timeoutMs)),
    headTimeoutMs: Math.max(...all.map(({ head }) => head.timeoutMs)),
    // What is refused for its size exactly is refused in the gateway's own words (head.ts).
    headBytes: front.head.headerBytes + front.head.targetBytes,
    idleMs: front.connections.idleMs,
  };
}

/** The servers of a listener: more than one where its host has several addresses. */
export class BoundServers {
  readonly all: Server[] = [];
  /** Of fronts before: those whose requests may still be coming in, and had longer for that. */
  readonly #longer = new Set<Timed>();
  #front: Front | undefined;

  add(server: Server): void {
    this.all.push(server);
    this.#bound();
  }

  /** From now on this front is in use. */
  use(front: Front): void {
    const before = this.#front;
    this.#front = front;
    if (before !== undefined && isLonger(before, front)) this.#keep(before);
    this.#bound();
  }

  #bound(): void {
    if (this.#front === undefined) return;
    for (const server of this.all) bound(server, boundsOf(this.#front, this.#longer));
  }

  /** Until whatever had begun to come in has come in, or has taken too long. */
  #keep({ timeoutMs, head }: Timed): void {
    const kept = { timeoutMs, head };
    this.#longer.add(kept);
    const over = (): void => {
      this.#longer.delete(kept);
      this.#bound();
    };
    setTimeout(over, timeoutMs + 2 * CHECK_MS).unref();
  }
}
