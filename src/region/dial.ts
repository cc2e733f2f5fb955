// How a connection to an upstream is opened, and who answered there: undici's own connector, which verifies TLS against the
// host name of the URL.
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { buildConnector as BuildConnector } from 'undici';
import buildConnector from 'undici/lib/core/connect.js';
import type { ConnectionOptions } from './connections.ts';

/** SHA-256 of the certificate that the peer showed, in lower-case hex; undefined without TLS. */
export function certificateOf(socket: Socket | TLSSocket): string | undefined {
  if (!('getPeerX509Certificate' in socket)) return undefined;
  const raw = socket.getPeerX509Certificate()?.raw;
  return raw && createHash('sha256').update(raw).digest('hex');
}

/**
 * Whoever is reached shows a certificate each time, and it is verified each time: on a session that was resumed, Node would
 * neither look at the name again nor have a certificate to tell of.
 */
export function openConnector(connectTimeoutMs: number): BuildConnector.connector {
  return buildConnector({ allowH2: false, timeout: connectTimeoutMs, maxCachedSessions: 0 });
}

/** @returns a connector that tells whom it has reached, whenever it has opened a connection */
export function createDial({
  connectTimeoutMs,
}: Pick<ConnectionOptions, 'connectTimeoutMs'>): (
  note: (certificate: string | undefined) => void,
) => BuildConnector.connector {
  const connector = openConnector(connectTimeoutMs);
  return (note) => (options, done) =>
    connector(options, (...result) => {
      // The error tells: where there is one, undici leaves out the socket, whatever its types say.
      if (result[0] === null) note(certificateOf(result[1]));
      done(...result);
    });
}
