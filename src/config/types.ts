// The configuration as the gateway uses it: parsed, normalised, with units in the names.
import type { RegionName } from '../domain.ts';

export type LimitMode = 'enforce' | 'shadow' | 'off';
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: 'auto' | 'json' | 'pretty';
  /** Of good and quick requests, from 0 to 1. */
  readonly sample: number;
  readonly slowMs: number;
  /** How the client's address stands in access lines. */
  readonly client: 'none' | 'hash' | 'address';
}

/** `requests` in `perMs`, up to `burst` of them at once. */
export interface LimitConfig {
  readonly perMs: number;
  readonly requests: number;
  readonly burst: number;
  readonly mode: LimitMode;
}

/** Limits of anonymous retrieval also group IPv6 addresses by prefix, and charge more for a miss. */
export interface RetrievalLimitConfig extends LimitConfig {
  readonly missCost: number;
  /** Bits of an IPv6 address that tell clients apart. */
  readonly ipv6Prefix: number;
}

/** A certificate with its chain, and its key: PEM. */
export interface CertificateConfig {
  readonly cert: string;
  readonly key: string;
}

export interface ListenTls extends CertificateConfig {
  /** Whether callers may choose HTTP/2. */
  readonly http2: boolean;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Authorities of which callers need a certificate. */
  readonly clientCa?: string | undefined;
  /** Further ones, chosen by the name that a caller asks for. */
  readonly certificates: readonly CertificateConfig[];
}

/** How a region's servers are known, and how they know the gateway. Certificates and keys are PEM. */
export interface UpstreamTls {
  /** In place of the authorities that Node brings. */
  readonly ca?: string | undefined;
  /** SHA-256 of public keys in base64, of which the server has to have one; empty: any that is trusted. */
  readonly pinSha256: readonly string[];
  readonly clientCert?: string | undefined;
  readonly clientKey?: string | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** An HTTP proxy. */
export interface UpstreamProxy {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The value of Proxy-Authorization. */
  readonly authorization?: string | undefined;
}

export interface RegionConfig {
  readonly name: RegionName;
  /** Origins: scheme, host and port, no path. */
  readonly upstreams: readonly string[];
  /** Host names by which callers choose the region: lower case, no port. */
  readonly hosts: readonly string[];
  /** Base URL of the region's own pages, without a trailing slash: where links to secrets lead. */
  readonly web: string;
  /** `undefined`: as Node has it. */
  readonly tls?: UpstreamTls | undefined;
  /** `undefined`: as `upstream` has it; `null`: none. */
  readonly proxy?: UpstreamProxy | null | undefined;
}

/** Paths outside the API that are passed to a region as they come. */
export interface PassthroughConfig {
  /** `/help`: plain segments, no slash at the end; never a path of the API. */
  readonly prefix: string;
  readonly region: RegionName;
  /** Whether Authorization and cookies travel. */
  readonly credentials: 'drop' | 'forward';
}

/** Answers kept for Idempotency-Key. */
export interface ReplayConfig {
  readonly keepMs: number;
  readonly maxBytes: number;
  readonly shared: boolean;
}

export interface HealthConfig {
  /** Probes of one region are at least so far apart. */
  readonly probeMs: number;
  readonly breaker: { readonly failures: number; readonly openMs: number; readonly mode: LimitMode };
}

/** When a thread turns calls away that it has no time for (docs/overload.md). */
export interface OverloadConfig {
  readonly eventLoopDelayMs: number;
  /** Of the heap that the thread may have, above 0 and up to 1. */
  readonly heap: number;
  /** Of the memory that the process may have, where that is limited; above 0 and up to 1. */
  readonly memory: number;
  readonly mode: LimitMode;
}

/** Where spans go, and of how many requests. */
export interface TracingConfig {
  /** Whole, with its path. */
  readonly url: string;
  /** May hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of requests without a trace of their caller's, from 0 to 1. */
  readonly sample: number;
  readonly service: string;
  readonly timeoutMs: number;
}

export type StoreConfig = SqliteStoreConfig | ValkeyStoreConfig;

export interface SqliteStoreConfig {
  readonly kind: 'sqlite';
  /** Absolute, or `:memory:`. */
  readonly path: string;
}

export interface ValkeyStoreConfig {
  readonly kind: 'valkey';
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** One server; the Sentinels; some nodes of the cluster. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** Name of the master that the Sentinels watch. */
  readonly sentinel?: string;
  readonly sentinelPassword?: string;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls: boolean;
  /** Absolute. */
  readonly caFile?: string;
  /** Before every key. */
  readonly prefix: string;
}

/** A directory of the organisation's own, asked over HTTP. */
export interface SourceConfig {
  readonly url: string;
  readonly token?: string | undefined;
  readonly timeoutMs: number;
  readonly refreshMs: number;
  readonly expireMs: number;
  readonly negativeMs: number;
  /** Absolute. */
  readonly file: string;
}

/** Who says where accounts live. */
export type AccountPlace = 'directory' | 'source' | 'rules';

export interface AdminToken {
  readonly name: string;
  readonly role: 'read' | 'write';
  /** Of the token: 32 bytes. */
  readonly sha256: Buffer;
}

/** First match wins. An account is trimmed, lower case, NFC; a domain is lower case, NFC, without `@`. */
export type AccountRule = ({ readonly account: string } | { readonly domain: string }) & {
  readonly region: RegionName;
  readonly pinned: boolean;
  readonly also: readonly RegionName[];
};

/** What becomes of an account that no rule names. */
export type UnknownAccount =
  | { readonly kind: 'refuse' }
  | { readonly kind: 'named' }
  | { readonly kind: 'region'; readonly region: RegionName };

/** Who asked what of which region, provably (docs/audit.md). */
export interface AuditConfig {
  /** Absolute. */
  readonly file: string;
  /** Of the key that signs; absolute. */
  readonly keyFile: string;
  readonly flushMs: number;
  /** What becomes of requests while nothing can be written. */
  readonly onFailure: 'refuse' | 'continue';
  readonly headsMs: number;
  readonly rotate: { readonly sizeBytes: number; readonly every: 'day' | 'hour' | 'never' };
  readonly keepMs: number;
  readonly compress: boolean;
}

/** What callers may send, and how slowly. */
export interface RequestConfig {
  readonly bodyLimitBytes: number;
  /** For the whole of it. */
  readonly timeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly headerBytes: number;
  readonly headerCount: number;
  /** Of path and query. */
  readonly targetBytes: number;
  /** `undefined`: however slowly. */
  readonly minRate: { readonly bytesPerSecond: number; readonly afterMs: number } | undefined;
}

export interface Config {
  readonly listen: {
    readonly host: string;
    readonly port: number;
    /** CIDRs in canonical text; a single address is /32 or /128. */
    readonly trustProxy: readonly string[];
    /** Connections from there begin with a PROXY header. */
    readonly proxyProtocol: boolean;
    readonly maxConnections: number;
    /** `undefined`: as many as there may be in all. */
    readonly maxConnectionsPerAddress: number | undefined;
    /** `undefined`: any number. */
    readonly maxRequestsPerConnection: number | undefined;
    readonly idleTimeoutMs: number;
    /** `undefined`: it speaks HTTP without TLS. PEM. */
    readonly tls?: ListenTls | undefined;
  };
  readonly admin: {
    readonly host: string;
    readonly port: number;
    /** Host names: lower case, no port. */
    readonly hosts: readonly string[];
    readonly tokens: readonly AdminToken[];
    /** Whether the operators' page is served. */
    readonly console: boolean;
  };
  /** In the order of the file; never empty. */
  readonly regions: readonly RegionConfig[];
  readonly accounts: {
    readonly unknown: UnknownAccount;
    readonly rules: readonly AccountRule[];
    /** Each at most once. */
    readonly order: readonly AccountPlace[];
    readonly leaseMs: number;
    /** `undefined`: there is none. */
    readonly source?: SourceConfig | undefined;
  };
  /** Where a key goes that nothing else locates; `undefined` refuses. */
  readonly anonymous: { readonly create: RegionName | undefined; readonly retrieve: RegionName | undefined };
  readonly private: { readonly verify: 'authcheck' | 'presence'; readonly ownership: 'enforce' | 'off' };
  readonly errors: 'accurate' | 'verbatim';
  /** No prefix covers another. */
  readonly passthrough: readonly PassthroughConfig[];
  readonly limits: {
    readonly anonymousRetrieval: RetrievalLimitConfig;
    readonly perKey: LimitConfig;
    readonly failedAuth: LimitConfig;
    readonly account: LimitConfig;
    readonly regionBudget: LimitConfig;
  };
  readonly upstream: {
    readonly connectTimeoutMs: number;
    readonly headersTimeoutMs: number;
    readonly bodyTimeoutMs: number;
    readonly idleTimeoutMs: number;
    readonly connections: number;
    /** What waits for one of them. */
    readonly queue: { readonly most: number; readonly waitMs: number };
    readonly forwardClientAddress: boolean;
    /** `undefined`: none. */
    readonly proxy?: UpstreamProxy | undefined;
  };
  readonly health: HealthConfig;
  readonly request: RequestConfig;
  readonly overload: OverloadConfig;
  /** `undefined`: off. */
  readonly replay: ReplayConfig | undefined;
  /** What tells callers of the API: /openapi.json and /docs. */
  readonly reference: { readonly openapi: boolean; readonly docs: boolean };
  readonly self: {
    readonly region: RegionName | undefined;
    /** Origin or base URL of each region's own gateway, without a trailing slash. */
    readonly gateways: ReadonlyMap<RegionName, string>;
  };
  /** Threads that answer callers, from 1. */
  readonly workers: number;
  /** Whether a change of the file is enough to have it read again. */
  readonly reload: { readonly watch: boolean };
  readonly store: StoreConfig;
  readonly storeTimeoutMs: number;
  /** Absolute. Not read where GATEWAY_IDENTITY_KEY gives the key. */
  readonly identityKeyFile: string;
  /** `undefined`: off. */
  readonly audit: AuditConfig | undefined;
  readonly log: LogConfig;
  /** `undefined`: no spans are made. */
  readonly tracing: TracingConfig | undefined;
}
