// What Node's server itself sees to of the bounds in force.
import type { Server } from 'node:http';
import type { Front } from './fronts.ts';

export interface ServerBounds {
  /** Within which a request has to come in, and its head. */
  readonly timeoutMs: number;
  readonly headTimeoutMs: number;
  /** Of a head in all. Taken up by connections that are opened from now on. */
  readonly headBytes: number;
  /** After it an unused connection is ended; Node waits for another second, for requests that are on their way. */
  readonly idleMs: number;
}

export function bound(server: Server, { timeoutMs, headTimeoutMs, headBytes, idleMs }: ServerBounds): void {
  server.requestTimeout = timeoutMs;
  server.headersTimeout = headTimeoutMs;
  server.keepAliveTimeout = idleMs;
  // As the option of the same name, which Node keeps here for each new connection's parser; its types do not know it.
  Reflect.set(server, 'maxHeaderSize', headBytes);
}

/** How long a request may take that began under a front. */
export type Timed = Pick<Front, 'timeoutMs' | 'head'>;

export function isLonger(one: Timed, other: Timed): boolean {
  return one.timeoutMs > other.timeoutMs || one.head.timeoutMs > other.head.timeoutMs;
}

export function serverBounds(front: Front, longer: Iterable<Timed>): ServerBounds {
  const all = [front, ...longer];
  return {
    timeoutMs: Math.max(...all.map(({ timeoutMs }) => timeoutMs)),
    headTimeoutMs: Math.max(...all.map(({ head }) => head.timeoutMs)),
    // What is refused for its size exactly is refused in the gateway's own words (head.ts).
    headBytes: front.head.headerBytes + front.head.targetBytes,
    idleMs: front.connections.idleMs,
  };
}
