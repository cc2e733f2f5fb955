// What connections pass, and who knows them, before and between their requests: gates, then HTTP/1.1 or HTTP/2.
import type { TLSSocket } from 'node:tls';
import type { RefusalCode } from '../refusal.ts';
import type { Gate } from './accept.ts';
import { createCapacity, type Held } from './capacity.ts';
import type { Front } from './fronts.ts';
import type { createHttp2 } from './http2.ts';
import type { StreamExchange } from './http2-exchange.ts';
import { createProxyProtocol, type ProxyResult } from './proxy-protocol.ts';
import { createSockets, type Sockets } from './sockets.ts';

export interface EntranceOptions {
  /** In use; undefined: there is none yet. */
  readonly front: () => Front | undefined;
  readonly isSecure: boolean;
  /** Handed in, since it is loaded for listeners that speak TLS alone; left out: none of its connections is taken. */
  readonly http2?: typeof createHttp2 | undefined;
  /** Requests of HTTP/2. */
  readonly serveStream: (exchange: StreamExchange) => void;
  /** Refusals of requests that never became one: counted by code. */
  readonly onUnparsed: (code: RefusalCode) => void;
  /** Open connections of all threads, and what is told of this one's; left out: there may be any number. */
  readonly capacity?: Held;
  /** What became of a connection that a load balancer opened for somebody; left out: nobody asks. */
  readonly onProxyHeader?: (result: ProxyResult) => void;
}

export interface Entrance {
  readonly gates: readonly Gate[];
  /** Of HTTP/1.1. */
  readonly sockets: Sockets;
  /** Takes a connection of which HTTP/2 was chosen. */
  readonly openHttp2: (socket: TLSSocket) => void;
  /** Ends connections of which the server does not know yet. */
  cutUnknown(): void;
  /** Ends what comes too slowly, or is unused for too long. @param passedMs since the last look */
  look(passedMs: number): void;
  /** Ends connections without a request, and the others with their answers. */
  drain(): void;
  /** Ends all at once. */
  cut(): void;
}

export function createEntrance(options: EntranceOptions): Entrance {
  const { front, isSecure, serveStream, onUnparsed, capacity: held, onProxyHeader = () => {} } = options;
  const proxies = createProxyProtocol({ senders: () => front()?.proxied, onHeader: onProxyHeader });
  const { addressOf } = proxies;

  function inUse(): Front {
    const used = front();
    if (used === undefined) throw new Error('the listener has no front');
    return used;
  }

  const sockets = createSockets({ count: onUnparsed, addressOf, bounds: inUse });
  const streams = options.http2?.({ bounds: inUse, addressOf, serve: serveStream, count: onUnparsed });
  const capacity =
    held &&
    createCapacity({
      ...held,
      bounds: () => inUse().connections,
      addressOf,
      reclaim: () => sockets.reclaim() || streams?.reclaim() === true,
      refuse: isSecure ? undefined : sockets.refuse,
    });

  return {
    gates: capacity === undefined ? [proxies.gate] : [capacity.all, proxies.gate, capacity.byAddress],
    sockets,
    openHttp2: (socket) => (streams === undefined ? socket.destroy() : streams.opened(socket)),
    cutUnknown: proxies.cut,
    look(passedMs) {
      sockets.look(passedMs);
      streams?.look(passedMs);
    },
    drain() {
      sockets.drain();
      streams?.drain();
    },
    cut() {
      streams?.cut();
      sockets.cut();
    },
  };
}
