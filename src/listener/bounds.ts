// How much callers may send, how slowly, and over how many connections.

/** Of request line and headers. */
export interface HeadBounds {
  /** They must have arrived within this time. */
  readonly timeoutMs: number;
  /** All headers as they stand on the wire, with one space before each value. */
  readonly headerBytes: number;
  readonly headerCount: number;
  /** Path and query. */
  readonly targetBytes: number;
}

/** What a request must come with on average, once it has taken `afterMs`. */
export interface LeastRate {
  readonly bytesPerSecond: number;
  readonly afterMs: number;
}

export interface ConnectionBounds {
  /** On one connection; infinite: any number. */
  readonly requests: number;
  /** How long an unused one is kept. */
  readonly idleMs: number;
  /** Open ones of one client address; infinite: as many as there may be in all. */
  readonly perAddress: number;
  /** By so many bits IPv6 addresses count as one. */
  readonly ipv6Prefix: number;
  /** Whether an address is not one client's. */
  readonly isExempt: (address: string) => boolean;
}
