// How a connection to an upstream is opened, and who answered there: undici's own connector, which verifies TLS against the
// host name of the URL; through a proxy, on the connection that the proxy has made.
import { createHash, X509Certificate } from 'node:crypto';
import type { LookupFunction, Socket } from 'node:net';
import { checkServerIdentity, type TLSSocket } from 'node:tls';
import type { buildConnector as BuildConnector } from 'undici';
import buildConnector from 'undici/lib/core/connect.js';
import { type Answers, readStrictly } from './answer-socket.ts';
import { codeOf } from './failure.ts';
import { createTunnel, type ProxyServer } from './tunnel.ts';
import { ProxyError, type ProxyReason } from './tunnel-fault.ts';

/** What is asked of a region's servers beyond Node's own authorities, and what they are shown. PEM; pins as in config/types.ts. */
export interface UpstreamTls {
  readonly ca?: string | undefined;
  readonly pinSha256: readonly string[];
  readonly clientCert?: string | undefined;
  readonly clientKey?: string | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

export interface DialOptions {
  readonly connectTimeoutMs: number;
  readonly tls?: UpstreamTls | undefined;
  readonly proxy?: ProxyServer | undefined;
  /** In place of the system's (lookup.ts). Of a region behind a proxy it is the proxy's matter. */
  readonly lookup?: LookupFunction | undefined;
  /** Told what became of every connection, whoever wanted it. */
  readonly dialled?: ((result: Dialled) => void) | undefined;
}

/** `other`: nothing listens, nobody answers, the name is not found. */
export type Dialled =
  | { readonly kind: 'opened' }
  | { readonly kind: 'tls'; readonly reason: TlsReason }
  | { readonly kind: 'proxy'; readonly reason: ProxyReason }
  | { readonly kind: 'other' };

/** Why a server was not spoken to: a closed list, for metrics. */
export type TlsReason = 'untrusted' | 'expired' | 'name' | 'pin' | 'protocol';

const PIN_MISMATCH = 'ERR_TLS_PIN_MISMATCH';
const REASONS: Readonly<Record<string, TlsReason>> = {
  [PIN_MISMATCH]: 'pin',
  ERR_TLS_CERT_ALTNAME_INVALID: 'name',
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'untrusted',
  CERT_UNTRUSTED: 'untrusted',
  CERT_REVOKED: 'untrusted',
  INVALID_PURPOSE: 'untrusted',
  INVALID_CA: 'untrusted',
};

/** @returns undefined where a failure has nothing to do with TLS */
export function tlsReasonOf(cause: unknown): TlsReason | undefined {
  const code = codeOf(cause);
  return REASONS[code] ?? (/^(ERR_SSL_|EPROTO$)/.test(code) ? 'protocol' : undefined);
}

const OPENED: Dialled = { kind: 'opened' };

function faultOf(cause: unknown): Dialled {
  if (cause instanceof ProxyError) return { kind: 'proxy', reason: cause.reason };
  const reason = tlsReasonOf(cause);
  return reason === undefined ? { kind: 'other' } : { kind: 'tls', reason };
}

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
export function openConnector(options: DialOptions): BuildConnector.connector {
  const { connectTimeoutMs: timeoutMs, proxy, dialled } = options;
  const secure = openDirect(options);
  if (proxy === undefined) return telling(secure, dialled);
  return telling(
    createTunnel({ proxy, timeoutMs, reach: openDirect({ ...options, tls: undefined }), secure }),
    dialled,
  );
}

/** Why connections could not be opened. What becomes of one that was open can have the same code. */
const unopened = new WeakSet<Error>();

/** Whether it says that a connection could not be opened, and not what became of one that was. */
export function isUnopened(cause: unknown): boolean {
  return cause instanceof Error && unopened.has(cause);
}

function telling(connector: BuildConnector.connector, dialled: DialOptions['dialled']): BuildConnector.connector {
  return (target, done) =>
    connector(target, (...result) => {
      if (result[0] !== null) unopened.add(result[0]);
      dialled?.(result[0] === null ? OPENED : faultOf(result[0]));
      done(...result);
    });
}

/** Of several addresses each gets its part of the time, and not only the quarter of a second that Node gives it. */
const ADDRESSES = 4;

function openDirect({ connectTimeoutMs, tls, lookup }: DialOptions): BuildConnector.connector {
  const common = {
    allowH2: false,
    timeout: connectTimeoutMs,
    maxCachedSessions: 0,
    autoSelectFamilyAttemptTimeout: Math.max(10, Math.ceil(connectTimeoutMs / ADDRESSES)),
    ...(lookup && { lookup }),
  };
  if (tls === undefined) return buildConnector(common);
  const { ca, clientCert: cert, clientKey: key, minVersion, pinSha256 } = tls;
  const pins = new Set(pinSha256);
  return buildConnector({
    ...common,
    minVersion,
    ...(ca && { ca }),
    ...(cert && { cert, key }),
    checkServerIdentity: (host, peer) => checkServerIdentity(host, peer) ?? pinProblem(peer.raw, pins),
  });
}

/** Of the public key, not of the certificate: a renewed one may keep its key. */
function pinProblem(certificate: Buffer, pins: ReadonlySet<string>): Error | undefined {
  if (pins.size === 0) return undefined;
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  if (pins.has(createHash('sha256').update(key).digest('base64'))) return undefined;
  return Object.assign(new Error('the server has none of the pinned public keys'), { code: PIN_MISMATCH });
}

/** A connection that has been opened. */
export interface Reached {
  /** SHA-256 of the certificate that the peer showed, in hex; undefined without TLS. */
  readonly certificate: string | undefined;
  readonly answers: Answers;
}

/** @returns a connector that tells whom it has reached, whenever it has opened a connection; answers on it are read strictly */
export function createDial(options: DialOptions): (note: (reached: Reached) => void) => BuildConnector.connector {
  const connector = openConnector(options);
  return (note) => (options, done) =>
    connector(options, (...result) => {
      // The error tells: where there is one, undici leaves out the socket, whatever its types say.
      if (result[0] === null) note({ certificate: certificateOf(result[1]), answers: readStrictly(result[1]) });
      done(...result);
    });
}
