// The connections to one upstream URL: a last-in-first-out list of undici Clients, one request at a time each. The most
// recently used connection is taken first, so that the others grow idle and close before the region closes them. Each knows
// the region it leads to, and lets nothing out that the guard does not let pass.
import type { Dispatcher } from 'undici';
import Client from 'undici/lib/dispatcher/client.js';
import type { RegionName } from '../domain.ts';
import { createDial, type DialOptions, type Reached } from './dial.ts';
import { probeViolation, type Ticket, violation } from './guard.ts';
import { createQueue, type Joined, type Queued } from './queue.ts';

export interface ConnectionOptions extends DialOptions {
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  /** How long an unused connection is kept. Short: a request on a connection that is just closing has an unknown outcome. */
  readonly idleTimeoutMs: number;
  /** Most connections to this upstream; further requests wait. */
  readonly connections: number;
  /** How many may wait; further ones are told at once. */
  readonly queue: { readonly most: number };
}

/** What is to be written. */
export interface Dispatched {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Flat. */
  readonly headers: string[];
  readonly body: Buffer | null;
}

/** A borrowed connection; given back exactly once. */
export interface Borrowed {
  /** `host:port` of the upstream URL. */
  readonly host: string;
  /** SHA-256 of the certificate that the peer showed, in hex; undefined without TLS, or before it is connected. */
  readonly certificate: string | undefined;
  /**
   * Sends, unless the guard finds something wrong.
   * @param ticket `probe`: the gateway's own question, with nothing of a caller
   * @returns what is wrong, in words for the log: then nothing is sent, and the handler hears nothing
   */
  dispatch(ticket: Ticket | 'probe', request: Dispatched, handler: Dispatcher.DispatchHandler): string | undefined;
  /** To be called right before a byte is written: what comes from now on is the answer (answer-socket.ts). */
  begin(): void;
  giveBack(): void;
}

/** A place in the line for a connection. */
export interface Waiter extends Queued {
  /** Called at most once, with a connection. */
  readonly ready: (connection: Borrowed) => void;
}

export interface Connections {
  readonly origin: string;
  /** `host:port` of it. */
  readonly host: string;
  /** A free or new connection now, or undefined when all are in use. */
  take(): Borrowed | undefined;
  /** Queues for the next connection that is given back, where there is a place in the line; once it is closed, there is none. */
  wait(waiter: Waiter): Joined;
  /** Leaves the line, for example because the caller has gone. */
  leave(waiter: Waiter): void;
  /** Connections lent out now. */
  readonly inUse: number;
  readonly waiting: number;
  /** Ends all connections; those in use are cut. */
  close(): Promise<void>;
}

/** A connection, or the intent to open one. */
interface Line {
  readonly client: Client;
  reached: Reached | undefined;
  /** An exchange on it has just ended, and what the region sent behind that, the end of the connection maybe, is not read yet. */
  rests: boolean;
}

function wake(line: Line): void {
  line.rests = false;
}

/**
 * @param region to which they lead
 * @param origin scheme, host and port of one of its upstream URLs; TLS is always verified against its host name
 */
export function createConnections(region: RegionName, origin: string, options: ConnectionOptions): Connections {
  const { host } = new URL(origin);
  const dial = createDial(options);
  const free: Line[] = [];
  const all = new Set<Line>();
  const queue = createQueue<Waiter>(options.queue.most);
  let inUse = 0;
  let closed = false;

  function open(): Line {
    const line: Line = {
      reached: undefined,
      rests: false,
      client: new Client(origin, {
        pipelining: 1,
        headersTimeout: options.headersTimeoutMs,
        bodyTimeout: options.bodyTimeoutMs,
        keepAliveTimeout: options.idleTimeoutMs,
        keepAliveMaxTimeout: options.idleTimeoutMs,
        connect: dial((reached) => {
          line.reached = reached;
        }),
      }),
    };
    all.add(line);
    return line;
  }

  function lend(line: Line): Borrowed {
    inUse++;
    let returned = false;
    return {
      host,
      get certificate() {
        return line.reached?.certificate;
      },
      dispatch(ticket, request, handler) {
        const { method, path, headers } = request;
        const problem = ticket === 'probe' ? probeViolation(method, path, headers) : violation(ticket, region, headers);
        if (problem !== undefined) return problem;
        // Undici waits until this turn of the event loop ends, and reads nothing before it writes: a region that closes behind
        // its answer without a word of it would get the next call, whose outcome nobody knew.
        if (line.rests) setImmediate(() => line.client.dispatch(request, handler));
        else line.client.dispatch(request, handler);
        return undefined;
      },
      begin: () => line.reached?.answers.begin(false),
      giveBack() {
        if (returned) return;
        returned = true;
        inUse--;
        line.rests = true;
        setImmediate(wake, line);
        const next = queue.next();
        if (next === undefined) free.push(line);
        else next.ready(lend(line));
      },
    };
  }

  return {
    origin,
    host,
    take() {
      if (closed) return undefined;
      const line = free.pop() ?? (all.size < options.connections ? open() : undefined);
      return line === undefined ? undefined : lend(line);
    },
    wait: (waiter) => (closed ? 'full' : queue.join(waiter)),
    leave: queue.leave,
    get inUse() {
      return inUse;
    },
    get waiting() {
      return queue.size;
    },
    async close() {
      closed = true;
      await Promise.all([...all].map(({ client }) => client.destroy()));
    },
  };
}
