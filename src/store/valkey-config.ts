// Where the distributed engine is, as the configuration says it (`store: valkey://...`).

export interface ValkeyNode {
  readonly host: string;
  readonly port: number;
}

export interface ValkeyConfig {
  readonly kind: 'valkey';
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** The server; or Sentinels; or some of the cluster's nodes. */
  readonly nodes: readonly ValkeyNode[];
  /** Of Sentinel: the name of the master. */
  readonly sentinel?: string;
  /** Always 0 in a cluster. */
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly sentinelPassword?: string;
  /** Certificates are always verified. */
  readonly tls: boolean;
  /** PEM, in place of the system's authorities. */
  readonly caFile?: string;
  /** Before every key: `otgw:` unless said otherwise. Without braces, which name slots of a cluster. */
  readonly prefix: string;
}
