// Who is looked at: the gateway as a process of its own here, Debian's proxies in peers.ts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, launch } from '../../bench/lib/child.ts';
import { ROOT } from '../support/process.ts';

/** For everybody: how long a region may take, and a caller for its request. Seconds are the peers' unit. */
export const TIME_SECONDS = 1;
/** For callers that are let: as config/gateway.yaml has it. */
export const PATIENT_SECONDS = 30;

export interface Subject extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Whether its process has not ended since. */
  lives(): boolean;
  /** Settles when it has ended. */
  readonly ended: Promise<void>;
  /** TLS, and HTTP/2 by ALPN. */
  readonly speaksHttp2: boolean;
  /** Of who has signed its certificate; empty without TLS. */
  readonly ca: Buffer;
  /** What an honest connection begins with, one character a byte. */
  readonly preface: string;
  /** Where it tells of itself; undefined where it does not. */
  readonly metricsUrl?: string | undefined;
}

/** How a proxy is asked to end by whoever runs it, so that what is under way is not lost. */
export type Stop = 'SIGTERM' | 'SIGQUIT' | 'SIGUSR1';

/** A certificate for localhost: paths of files in PEM, and who has signed it. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
  readonly ca: Buffer;
}

/** A proxy that can be started. */
export interface Startable {
  readonly name: string;
  /**
   * @param folder for its files
   * @param region its port
   * @param variant what it is told beside what all are
   * @param tls for the variant `http2`
   * @param trust of a region that speaks TLS as localhost: the path of a file with who has to have signed its certificate
   */
  start(folder: string, region: number, variant: Variant, tls?: Tls, trust?: string): Promise<Subject>;
  /** Why it cannot be told that; undefined where it can. */
  lacks(variant: Variant): string | undefined;
}

export interface Candidate extends Startable {
  /** The program. */
  readonly command: string;
  /** How to install it where it is missing; undefined: it is there. */
  readonly missing: string | undefined;
  readonly softStop: Stop;
  /** As it names itself. */
  version(): string;
}

/**
 * `limits`: twenty retrievals a minute for each client; `behind`: so, too, of clients that a trusted load balancer names;
 * `patient`: callers have the time that the gateway gives them as shipped; `metrics`: it tells of itself; `proxied`: 127.0.0.1
 * alone is a load balancer, and begins its connections with a PROXY header; `http2`: callers choose it over TLS;
 * `bounded`: it has BOUNDS; `crowded`: it takes eight connections.
 */
export type Variant =
  | 'plain'
  | 'limits'
  | 'behind'
  | 'patient'
  | 'metrics'
  | 'proxied'
  | 'http2'
  | 'bounded'
  | 'crowded';

/** Small enough that each can be reached with a few bytes. */
export const BOUNDS = {
  headerBytes: 1024,
  headerCount: 40,
  targetBytes: 200,
  bodyBytes: 1000,
  requestsAConnection: 3,
  connectionsAnAddress: 4,
  idleSeconds: 1,
  bytesPerSecond: 200,
  connections: 8,
} as const;

function listenOf(variant: Variant, tls: Tls | undefined): string {
  if (variant === 'crowded') return `, maxConnections: ${BOUNDS.connections}`;
  if (variant === 'bounded') {
    const { requestsAConnection, connectionsAnAddress, idleSeconds } = BOUNDS;
    return `, maxRequestsPerConnection: ${requestsAConnection}, maxConnectionsPerAddress: ${connectionsAnAddress}, idleTimeout: ${idleSeconds}s`;
  }
  if (variant === 'proxied') return ', trustProxy: [127.0.0.1], proxyProtocol: true';
  return tls === undefined ? '' : `, tls: { cert: ${tls.cert}, key: ${tls.key} }`;
}

function requestOf(variant: Variant): string {
  if (variant !== 'bounded') return `timeout: ${TIME_SECONDS}s`;
  const { headerBytes, headerCount, targetBytes, bodyBytes, bytesPerSecond } = BOUNDS;
  const head = `headerBytes: ${headerBytes}B, headerCount: ${headerCount}, targetLength: ${targetBytes}B`;
  return `${head}, bodyLimit: ${bodyBytes}B, minRate: ${bytesPerSecond}B/s, minRateAfter: ${TIME_SECONDS}s`;
}

function regionOf(port: number, trust: string | undefined): string {
  if (trust === undefined) return `upstreams: ["http://127.0.0.1:${port}"]`;
  return `upstreams: ["https://localhost:${port}"], tls: { ca: ${trust} }`;
}

/** Of the gateway before one region. @param region its settings @param listen further settings @param request all settings */
const gatewayFile = (
  region: string,
  listen: string,
  request: string,
): string => `listen: { host: 127.0.0.1, port: 0${listen} }
admin: { host: 127.0.0.1, port: 0 }
regions: { us: { ${region} } }
accounts: { unknown: us }
anonymous: { create: us, retrieve: us }
private: { verify: presence, ownership: off }
passthrough: [{ prefix: /help, region: us }]
limits:
  anonymousRetrieval: { mode: off }
  perKey: { mode: off }
  failedAuth: { mode: off }
  account: { mode: off }
upstream: { connectTimeout: ${TIME_SECONDS}s, headersTimeout: ${TIME_SECONDS}s, bodyTimeout: ${TIME_SECONDS}s }
request: { ${request} }
health: { breaker: { mode: off } }
store: "sqlite::memory:"
identityKey: identity.key
audit: { file: null }
`;

/** The PROXY header of a load balancer’s own connection. */
const OWN = 'PROXY UNKNOWN\r\n';

/** Of a program that listens. */
export function subjectOf(
  child: Child,
  { variant, tls }: { readonly variant: Variant; readonly tls: Tls | undefined },
  port: number,
  metricsPort?: number,
): Subject {
  return {
    speaksHttp2: tls !== undefined,
    ca: tls?.ca ?? Buffer.alloc(0),
    preface: variant === 'proxied' ? OWN : '',
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    metricsUrl: metricsPort === undefined ? undefined : `http://127.0.0.1:${metricsPort}/metrics`,
    pid: child.pid,
    lives: () => !child.hasEnded,
    ended: child.ended,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Before one region, as `serve` runs it. */
async function startGateway(
  folder: string,
  region: number,
  variant: Variant,
  tls?: Tls,
  trust?: string,
): Promise<Subject> {
  const file = join(folder, 'gateway.yaml');
  writeFileSync(file, gatewayFile(regionOf(region, trust), listenOf(variant, tls), requestOf(variant)));
  const args = [join(ROOT, 'src/main.ts'), 'serve', '--config', file];
  const child = launch(process.execPath, args, { name: 'gateway', folder, core: undefined });
  try {
    const [, port] = await child.says(/"url":"[^"]*:(\d+)"/);
    return subjectOf(child, { variant, tls }, Number(port));
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}

/** In the variants that cases have; scenarios have a lab. */
export const GATEWAY: Startable = { name: 'gateway', start: startGateway, lacks: () => undefined };
