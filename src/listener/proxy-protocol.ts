// Load balancers that say in a PROXY header for whom a connection is: it is taken off before anything else reads, and the
// connection's address from then on is the one that it names.
import type { Socket } from 'node:net';
import { endsOf, type Gate } from './accept.ts';
import { readProxyHeader } from './proxy-protocol-read.ts';

/**
 * What became of a connection that had to begin with a header: one that names its caller, one of the load balancer's own
 * (LOCAL, UNKNOWN); or it was closed, for something else in place of a header, a header that is none, one that did not come
 * in time, or because the peer left before it was whole, as checks do that only connect.
 */
export type ProxyResult = 'named' | 'own' | 'missing' | 'malformed' | 'timeout' | 'unfinished';

export interface ProxyProtocolOptions {
  /** Asked at each connection. @returns whether a peer is a load balancer that sends a header; undefined: nobody does */
  readonly senders: () => ((peer: string) => boolean) | undefined;
  /** Called once for each connection that had to begin with a header. */
  readonly onHeader: (result: ProxyResult) => void;
  /** How long a header may take. Senders write it at once, so this is the time of a bad network. */
  readonly patienceMs?: number;
}

export interface ProxyProtocol {
  /** Whoever sends headers has to send one: to guess would let callers name themselves. To all others a header is no request. */
  readonly gate: Gate;
  /** Where a connection comes from, or one of TLS on it. */
  addressOf(socket: Socket): string;
  /** Ends the connections whose header has not come: the server does not know of them, and would wait for them. */
  cut(): void;
}

const PATIENCE_MS = 5000;
const NOTHING = Buffer.alloc(0);

/**
 * Reads a header, and nothing behind it: that stays in the socket, for whoever reads next, and for TLS.
 * @param done called once, with the named address. The socket may be closed by then, or by an error
 */
function takeHeader(socket: Socket, patienceMs: number, done: (result: ProxyResult, address?: string) => void): void {
  let received: Buffer = NOTHING;
  const timer = setTimeout(() => finish('timeout'), patienceMs);

  // Not `data`: a socket that flows has to be stopped again, and TLS does not start one that was stopped.
  const onReadable = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const found = readProxyHeader(received);
    if (found.kind === 'header') {
      const rest = received.subarray(found.lengthBytes);
      if (rest.length > 0) socket.unshift(rest);
      finish(found.address === undefined ? 'own' : 'named', found.address);
    } else if (found.kind !== 'part') finish(found.kind);
  };
  const onLeft = (): void => finish('unfinished');
  // It is told by `close`, too.
  const onError = (): void => {};

  function finish(result: ProxyResult, address?: string): void {
    clearTimeout(timer);
    socket.off('readable', onReadable).off('end', onLeft).off('close', onLeft);
    if (address === undefined && result !== 'own') socket.destroy();
    else socket.off('error', onError);
    done(result, address);
  }

  socket.on('readable', onReadable).on('end', onLeft).on('close', onLeft).on('error', onError);
}

/** Makes the room. */
export function createProxyProtocol(options: ProxyProtocolOptions): ProxyProtocol {
  const { senders, onHeader, patienceMs = PATIENCE_MS } = options;
  const waiting = new Set<Socket>();
  /** By both ends, while the connection is open. */
  const named = new Map<string, { readonly address: string }>();
  /** What was answered once stays: a socket that is closed does not know its ends any more. */
  const known = new WeakMap<Socket, string>();

  function remember(socket: Socket, ends: string, address: string): void {
    const entry = { address };
    named.set(ends, entry);
    known.set(socket, address);
    socket.once('close', () => {
      // The load balancer may have used its port again by now.
      if (named.get(ends) === entry) named.delete(ends);
    });
  }

  return {
    gate(socket, pass) {
      const sends = senders();
      if (sends === undefined) return pass();
      const { remoteAddress } = socket;
      // Closed already: whose it was cannot be told any more.
      if (remoteAddress === undefined) return void socket.destroy();
      if (!sends(remoteAddress)) return pass();
      const ends = endsOf(socket);
      // Of a connection before, whose end is still to be told.
      named.delete(ends);
      waiting.add(socket);
      takeHeader(socket, patienceMs, (result, address) => {
        waiting.delete(socket);
        onHeader(result);
        if (socket.destroyed) return;
        if (address !== undefined) remember(socket, ends, address);
        pass();
      });
    },

    addressOf(socket) {
      const before = known.get(socket);
      if (before !== undefined) return before;
      const address = named.get(endsOf(socket))?.address ?? socket.remoteAddress ?? '';
      known.set(socket, address);
      return address;
    },

    cut() {
      for (const socket of waiting) socket.destroy();
    },
  };
}
