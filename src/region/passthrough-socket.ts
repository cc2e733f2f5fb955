// WebSockets under a prefix. @fastify/http-proxy carries the messages; the connection to the region is opened here before
// the caller is told that it has one, and both sides are held to account: what waits is bounded, and one end ends both.
import { randomUUID } from 'node:crypto';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Permit, RegionName } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import { certificateOf, type DialOptions, openConnector } from './dial.ts';
import type { LineObserver } from './forward.ts';
import type { Passage } from './passthrough-enter.ts';
import { objectOf } from './passthrough-handshake.ts';
import type { Upstream } from './passthrough-upstream.ts';

/** What is used of the `ws` package, which has no types here. */
interface Peer {
  readonly isPaused: boolean;
  pause(): void;
  resume(): void;
  close(code: number): void;
  once(event: 'open', listener: () => void): void;
  prependListener(event: 'error', listener: (error: Error) => void): void;
}

interface Link {
  readonly passage: Passage;
  readonly caller: Duplex;
  readonly region: Socket;
  readonly host: string;
  open: boolean;
}

export interface SocketOptions {
  /** How each region is reached. */
  readonly dialOf: (region: RegionName) => DialOptions;
  readonly headersTimeoutMs: number;
  /** At most so many at a time, to all regions. */
  readonly connections: number;
  /** Longest message. */
  readonly messageBytes: number;
  /** Undefined while what the permit rests on still holds (forward.ts). */
  readonly lapsed: (permit: Permit, region: RegionName) => Refusal | undefined;
  /** Told of who finds as many WebSockets open as may be. */
  readonly line: Pick<LineObserver, 'turnedAway'>;
}

export interface WebSockets {
  /** Connects to the region. Undefined when the handshake may go on. */
  connect(passage: Passage): Promise<Refusal | undefined>;
  /** For @fastify/http-proxy. */
  readonly serverOptions: object;
  readonly clientOptions: object;
  readonly hooks: object;
  /** Asks every caller to close, also those whose handshake is under way; no more are let in. */
  goAway(): void;
  /** Cuts every connection, both ways. */
  cut(): void;
}

/** Names a link from the headers that are meant for the region to its connection; never sent. */
const LINK = 'x-passthrough-link';
const GOING_AWAY = 1001;
const CLOSE_TIMEOUT_MS = 3000;

function busy(hint?: string): Refusal {
  return new Refusal('region_busy', { outcome: 'not_sent', headers: ['Retry-After', '1'], ...(hint && { hint }) });
}

/** Stops reading from one side while the other has not taken what it was given. */
function throttle(from: Peer, to: Duplex): void {
  if (from.isPaused || !to.writableNeedDrain) return;
  from.pause();
  to.once('drain', () => from.resume());
}

/** @param passageOf the passage of a request that was let in */
export function createWebSockets(
  upstream: Upstream,
  passageOf: (req: IncomingMessage) => Passage | undefined,
  options: SocketOptions,
): WebSockets {
  const connectors = new Map<RegionName, ReturnType<typeof openConnector>>();
  const links = new Map<string, Link>();
  const linkOfTarget = new WeakMap<Peer, Link>();
  const idOf = new WeakMap<Passage, string>();
  const sources = new Set<Peer>();
  /** Those whose connection to the region is being opened: each of them will be a link, and takes its place from the start. */
  let opening = 0;
  let isGoingAway = false;

  function dial(region: RegionName, origin: string): Promise<Socket> {
    const connector = connectors.get(region) ?? openConnector(options.dialOf(region));
    connectors.set(region, connector);
    const { hostname, host, protocol, port } = new URL(origin);
    return new Promise((settle, reject) => {
      connector({ hostname: hostname.replace(/^\[|\]$/g, ''), host, protocol, port }, (error, socket) => {
        if (error === null) settle(socket);
        else reject(error);
      });
    });
  }

  function link(passage: Passage, origin: string, region: Socket): void {
    const id = randomUUID();
    const caller = passage.exchange.req.socket;
    const made: Link = { passage, caller, region, host: new URL(origin).host, open: false };
    links.set(id, made);
    idOf.set(passage, id);
    // Both ends are closed by the proxy once they are open; before, nobody would close the region's.
    const end = (): void => {
      links.delete(id);
      if (!made.open) region.destroy();
    };
    region.on('error', () => {});
    if (caller.destroyed) end();
    else caller.once('close', end);
  }

  /** Before the handshake goes to the region: what the proxy's own request is not to be trusted with. */
  function finish(request: ClientRequest, target: Peer): void {
    const found = links.get(String(request.getHeader(LINK)));
    if (found === undefined) throw new Error('a WebSocket without a permit');
    const { passage } = found;
    request.removeHeader(LINK);
    // The proxy's URL has been through a parser; what was matched is what is sent.
    request.path = passage.target;
    linkOfTarget.set(target, found);
    const written = request.getRawHeaderNames().flatMap((name) => [name, String(request.getHeader(name))]);
    if (upstream.check(passage, written) ?? options.lapsed(passage.permit, passage.row.region)) {
      request.destroy(new Error('what the permit rests on has ended, or the guard stopped it'));
      return;
    }
    passage.sent = true;
    passage.release();
    passage.trip.outcome = 'unknown';
    passage.trip.upstream = found.host;
    passage.trip.certificate = certificateOf(found.region);
    // The proxy closes the caller's side with the message, which names the upstream and may be too long for a close frame.
    target.prependListener('error', (error) => {
      passage.trip.cause ??= { name: error.name, code: 'code' in error ? error.code : undefined };
      error.message = '';
    });
    target.once('open', () => {
      found.open = true;
      passage.trip.outcome = 'delivered';
    });
    request.end();
  }

  /** Opens the connection to the region. Undefined: it is linked. */
  async function reach(passage: Passage, order: readonly string[]): Promise<Refusal | undefined> {
    let refusal = new Refusal('region_unreachable', { outcome: 'not_sent' });
    for (const origin of order) {
      try {
        const region = await dial(passage.row.region, origin);
        const lapsed = options.lapsed(passage.permit, passage.row.region);
        if (lapsed !== undefined) {
          region.destroy();
          return lapsed;
        }
        link(passage, origin, region);
        return undefined;
      } catch (cause) {
        refusal = upstream.unreachable(passage, origin, cause);
      }
    }
    return refusal;
  }

  return {
    async connect(passage) {
      if (isGoingAway) return busy('Connect again: the gateway is changing its configuration.');
      const order = upstream.open(passage);
      if (order instanceof Refusal) return order;
      if (links.size + opening >= options.connections) {
        options.line.turnedAway(passage.row.region, 'full');
        return busy();
      }
      opening++;
      try {
        return await reach(passage, order);
      } finally {
        opening--;
      }
    },
    serverOptions: { maxPayload: options.messageBytes, closeTimeout: CLOSE_TIMEOUT_MS },
    clientOptions: {
      maxPayload: options.messageBytes,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handshakeTimeout: options.headersTimeoutMs,
      perMessageDeflate: false,
      rewriteRequestHeaders(_headers: unknown, request: { raw: IncomingMessage }) {
        const passage = passageOf(request.raw);
        const id = passage === undefined ? '' : (idOf.get(passage) ?? '');
        const host = links.get(id)?.host;
        return passage && host ? { ...objectOf(passage.headers), host, [LINK]: id } : {};
      },
      createConnection({ headers }: { headers: Record<string, string> }) {
        const found = links.get(headers[LINK] ?? '');
        if (found === undefined) throw new Error('a WebSocket without a permit');
        // Nobody else would notice that it was closed between the connect and now.
        if (found.region.destroyed) found.caller.destroy();
        return found.region;
      },
      finishRequest: finish,
    },
    hooks: {
      onConnect(_context: unknown, source: Peer) {
        sources.add(source);
        if (isGoingAway) source.close(GOING_AWAY);
      },
      onDisconnect: (_context: unknown, source: Peer) => sources.delete(source),
      onIncomingMessage(_context: unknown, source: Peer, target: Peer) {
        const found = linkOfTarget.get(target);
        if (found === undefined) return;
        if (found.open) throttle(source, found.region);
        else if (!source.isPaused) {
          source.pause();
          target.once('open', () => source.resume());
        }
      },
      onOutgoingMessage(_context: unknown, _source: Peer, target: Peer) {
        const found = linkOfTarget.get(target);
        if (found !== undefined) throttle(target, found.caller);
      },
    },
    goAway() {
      isGoingAway = true;
      for (const source of sources) source.close(GOING_AWAY);
    },
    cut() {
      for (const { caller, region } of links.values()) {
        caller.destroy();
        region.destroy();
      }
    },
  };
}
