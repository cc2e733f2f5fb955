// TLS on the public listener: which certificate a caller is shown, new ones for old while
// callers stay connected, and which version of HTTP is spoken.
import { constants, X509Certificate } from 'node:crypto';
import type { Server } from 'node:http';
import type { Server as HttpsServer, ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { endsOf } from './accept.ts';

/** A certificate with its chain, and its key: PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface ListenTls extends Certificate {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Authorities of which callers need a certificate; undefined: they need none. */
  readonly clientCa?: string | undefined;
  /** Whether callers may choose HTTP/2. */
  readonly http2: boolean;
  /** Further ones, for callers that ask for a name which one of these has. */
  readonly certificates: readonly Certificate[];
}

/** As handshakes name them. */
const HTTP1 = 'http/1.1';
const H2 = 'h2';

/** A caller that opens a connection and says nothing does not hold it for longer. */
const HANDSHAKE_MS = 10_000;

interface Named {
  readonly x509: X509Certificate;
  readonly context: SecureContext;
}

/** Those of the configuration in force: asked for at each handshake. */
export class Certificates {
  #named: readonly Named[] = [];
  #http2 = false;

  /**
   * @throws what OpenSSL has against them
   * @returns shows them to those who connect from now on; connections that there are go on
   */
  prepare(tls: ListenTls): (servers: readonly Server[]) => void {
    const first = contextOptions(tls);
    createSecureContext(first);
    const named = tls.certificates.map(({ cert, key }): Named => {
      return { x509: new X509Certificate(cert), context: createSecureContext(contextOptions({ ...tls, cert, key })) };
    });
    return (servers) => {
      this.#named = named;
      this.#http2 = tls.http2;
      for (const server of servers) if (isSecure(server)) server.setSecureContext(first);
    };
  }

  /**
   * RFC 7301, 3.2.
   * @param offered by a caller, in its order; it does not have to
   * @returns what is spoken; undefined: nothing, and the handshake fails
   */
  choose(offered: readonly string[]): string | undefined {
    if (this.#http2 && offered.includes(H2)) return H2;
    return offered.includes(HTTP1) ? HTTP1 : undefined;
  }

  /** @returns undefined: the first one */
  contextFor(name: string): SecureContext | undefined {
    return this.#named.find(({ x509 }) => x509.checkHost(name) !== undefined)?.context;
  }
}

/**
 * RFC 9113, 9.2.1: what was agreed at first holds for the whole connection. And who has to show a certificate shows it each
 * time: a session that is taken up again would be believed without one, by another name or other authorities than before.
 */
function contextOptions({ cert, key, minVersion, clientCa }: ListenTls): SecureContextOptions {
  const { SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET } = constants;
  if (clientCa === undefined) return { cert, key, minVersion, secureOptions: SSL_OP_NO_RENEGOTIATION };
  return { cert, key, minVersion, ca: clientCa, secureOptions: SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET };
}

/** For a server that is to speak TLS. */
export function serverOptions(tls: ListenTls, certificates: Certificates): ServerOptions {
  return {
    ...contextOptions(tls),
    requestCert: tls.clientCa !== undefined,
    rejectUnauthorized: true,
    ALPNCallback: ({ protocols }) => certificates.choose(protocols),
    handshakeTimeout: HANDSHAKE_MS,
    SNICallback: (name, done) => done(null, certificates.contextFor(name)),
  };
}

/** Hands those who have chosen HTTP/2 to `opened`; all others stay with the server, which hears nothing of these. */
export function divertHttp2(server: Server, opened: (socket: TLSSocket) => void): void {
  const inner = server.listeners('secureConnection');
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === H2) opened(socket);
    else for (const listener of inner) Reflect.apply(listener, server, [socket]);
  });
}

/** Whether a server speaks TLS. */
export function isSecure(server: Server): server is HttpsServer {
  return 'setSecureContext' in server;
}

/**
 * Connections on which the handshake is under way: the server does not know of them, and would wait for them when it closes.
 * @returns cuts them
 */
export function watchHandshakes(server: Server): () => void {
  // Without TLS there are none, and every connection would be taken for one: a drain would cut what is under way.
  if (!isSecure(server)) return () => {};
  const open = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const ends = endsOf(socket);
    open.set(ends, socket);
    socket.once('close', () => {
      // The peer may have used its port again by now.
      if (open.get(ends) === socket) open.delete(ends);
    });
  });
  server.on('secureConnection', (socket: Socket) => open.delete(endsOf(socket)));
  return () => {
    for (const socket of open.values()) socket.destroy();
  };
}
