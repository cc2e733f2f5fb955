// The connections to one upstream URL: a last-in-first-out list of undici Clients, one request at a time each. The most
// recently used connection is taken first, so that the others grow idle and close before the region closes them.
import type { Dispatcher } from 'undici';
import Client from 'undici/lib/dispatcher/client.js';

export interface ConnectionOptions {
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  /** How long an unused connection is kept. Short: a request on a connection that is just closing has an unknown outcome. */
  readonly idleTimeoutMs: number;
  /** Most connections to this upstream; further requests wait. */
  readonly connections: number;
}

/** A borrowed connection; given back exactly once. */
export interface Borrowed {
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void;
  giveBack(): void;
}

/** A place in the line for a connection. */
export interface Waiter {
  /** Called at most once, with a connection. */
  readonly ready: (connection: Borrowed) => void;
}

export interface Connections {
  readonly origin: string;
  /** A free or new connection now, or undefined when all are in use. */
  take(): Borrowed | undefined;
  /** Queues for the next connection that is given back; false when the line is full, or closed. */
  wait(waiter: Waiter): boolean;
  /** Leaves the line, for example because the caller has gone. */
  leave(waiter: Waiter): void;
  /** Connections lent out now. */
  readonly inUse: number;
  readonly waiting: number;
  /** Ends all connections; those in use are cut. */
  close(): Promise<void>;
}

/** Requests that may wait for a connection; further ones are told at once. */
const LONGEST_LINE = 1024;

/** @param origin scheme, host and port of one upstream URL; TLS is always verified against its host name */
export function createConnections(origin: string, options: ConnectionOptions): Connections {
  const free: Client[] = [];
  const all = new Set<Client>();
  const line = new Set<Waiter>();
  let inUse = 0;
  let closed = false;

  function open(): Client {
    const client = new Client(origin, {
      allowH2: false,
      pipelining: 1,
      headersTimeout: options.headersTimeoutMs,
      bodyTimeout: options.bodyTimeoutMs,
      keepAliveTimeout: options.idleTimeoutMs,
      keepAliveMaxTimeout: options.idleTimeoutMs,
      connectTimeout: options.connectTimeoutMs,
    });
    all.add(client);
    return client;
  }

  function lend(client: Client): Borrowed {
    inUse++;
    let returned = false;
    return {
      dispatch: (request, handler) => void client.dispatch(request, handler),
      giveBack() {
        if (returned) return;
        returned = true;
        inUse--;
        const [next] = line;
        if (next === undefined) {
          free.push(client);
          return;
        }
        line.delete(next);
        next.ready(lend(client));
      },
    };
  }

  return {
    origin,
    take() {
      if (closed) return undefined;
      const client = free.pop() ?? (all.size < options.connections ? open() : undefined);
      return client === undefined ? undefined : lend(client);
    },
    wait(waiter) {
      if (closed || line.size >= LONGEST_LINE) return false;
      line.add(waiter);
      return true;
    },
    leave: (waiter) => void line.delete(waiter),
    get inUse() {
      return inUse;
    },
    get waiting() {
      return line.size;
    },
    async close() {
      closed = true;
      await Promise.all([...all].map((client) => client.destroy()));
    },
  };
}
