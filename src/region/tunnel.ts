// A connection to a region through an HTTP proxy: the proxy is asked to connect (RFC 9110, 9.3.6), and what follows on that
// connection is as if there were none. Its credentials go to it alone, and what it says goes to nobody.
import { isIP, type Socket } from 'node:net';
import type { buildConnector as BuildConnector } from 'undici';
import { codeOf, isStale } from './failure.ts';
import { ProxyError } from './tunnel-fault.ts';
import { headFault } from './tunnel-head.ts';

export interface ProxyServer {
  /** `http://host:port` or `https://host:port`; over https its certificate is verified against its host name. */
  readonly origin: string;
  /** The value of Proxy-Authorization, or none. */
  readonly authorization?: string | undefined;
}

export interface TunnelOptions {
  readonly proxy: ProxyServer;
  /** For all of it: to reach the proxy, its answer, and TLS with the region. */
  readonly timeoutMs: number;
  /** Opens the connection to the proxy. */
  readonly reach: BuildConnector.connector;
  /** Speaks TLS with the region, on the connection that it is given as `httpSocket`. */
  readonly secure: BuildConnector.connector;
}

/** What a region is asked for by, in the words of CONNECT: a port is always there. */
function authorityOf({ hostname, port, protocol }: BuildConnector.Options): string {
  const host = isIP(hostname) === 6 ? `[${hostname}]` : hostname;
  return `${host}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

function connectHead(authority: string, { authorization }: ProxyServer): string {
  const credentials = authorization === undefined ? '' : `Proxy-Authorization: ${authorization}\r\n`;
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`;
}

/** A tunnel that is being opened: what became of it is told once, and in time. */
class Opening {
  /** What it is that takes too long. */
  waitsFor: 'timeout' | 'stalled' = 'timeout';
  /** The connection to the proxy. */
  #raw: Socket | undefined;
  #over = false;
  readonly #timer: NodeJS.Timeout;
  readonly #done: BuildConnector.Callback;

  constructor(timeoutMs: number, done: BuildConnector.Callback) {
    this.#done = done;
    this.#timer = setTimeout(() => this.fail(new ProxyError(this.waitsFor)), timeoutMs);
  }

  reached(raw: Socket): void {
    this.#raw = raw;
    // Who uses the connection afterwards hears of its errors too; until then a close is enough.
    raw.on('error', () => {});
    raw.once('close', () => this.fail(new ProxyError(this.waitsFor === 'stalled' ? 'stalled' : 'closed')));
    if (this.#over) raw.destroy();
  }

  fail(error: Error): void {
    if (!this.#end()) return;
    this.#raw?.destroy();
    this.#done(error, null);
  }

  succeed(socket: Socket): void {
    if (this.#end()) this.#done(null, socket);
  }

  /** @returns false: it was over before */
  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    return true;
  }
}

/** @returns a connector like undici's own. Its errors have the codes of tunnel-fault.ts, or those of TLS with the region. */
export function createTunnel({ proxy, timeoutMs, reach, secure }: TunnelOptions): BuildConnector.connector {
  const { hostname, host, protocol, port } = new URL(proxy.origin);
  const place = { hostname: hostname.replace(/^\[|\]$/g, ''), host, protocol, port };

  function ask(socket: Socket, target: BuildConnector.Options, opening: Opening): void {
    opening.reached(socket);
    headFault(socket, (refused) => {
      if (refused !== undefined) opening.fail(refused);
      else if (target.protocol !== 'https:') opening.succeed(socket);
      else {
        opening.waitsFor = 'stalled';
        secure({ ...target, httpSocket: socket }, (...[untrusted, secured]) => {
          if (untrusted === null) opening.succeed(secured);
          // Cut, by whichever of the two.
          else opening.fail(isStale(untrusted) ? new ProxyError('stalled', codeOf(untrusted)) : untrusted);
        });
      }
    });
    socket.write(connectHead(authorityOf(target), proxy), 'latin1');
  }

  return (target, done) => {
    const opening = new Opening(timeoutMs, done);
    reach(place, (...[unreached, socket]) => {
      if (unreached === null) ask(socket, target, opening);
      else opening.fail(new ProxyError('unreachable', codeOf(unreached)));
    });
  };
}
