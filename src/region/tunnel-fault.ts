// What can go wrong with a proxy, as errors. Nothing that a proxy said is in them, nor where it is.

const FAULTS = {
  unreachable: ['ERR_PROXY_UNREACHABLE', 'no connection to the proxy could be opened'],
  timeout: ['ERR_PROXY_TIMEOUT', 'the proxy did not connect in time'],
  stalled: ['ERR_PROXY_STALLED', 'TLS with the region did not begin, or not in time, through the proxy'],
  closed: ['ERR_PROXY_CLOSED', 'the proxy ended the connection before it was of use'],
  garbled: ['ERR_PROXY_ANSWER', 'what the proxy answered is no head of HTTP/1, too long, or more than a head'],
  authentication: ['ERR_PROXY_AUTHENTICATION', 'the proxy does not take the credentials, or wants some'],
  refused: ['ERR_PROXY_REFUSED', 'the proxy does not connect to the region'],
  no_route: ['ERR_PROXY_NO_ROUTE', 'the proxy could not connect to the region'],
} as const satisfies Record<string, readonly [code: string, sentence: string]>;

/** A closed list, for metrics. `stalled` and `no_route` may be the region's doing; all others are the proxy's. */
export type ProxyReason = keyof typeof FAULTS;

export class ProxyError extends Error {
  readonly reason: ProxyReason;
  readonly code: string;
  /** What lies beneath, for the log: a code of the system, or the status of the proxy's answer. */
  readonly errcode: string | number | undefined;

  constructor(reason: ProxyReason, errcode?: string | number) {
    const [code, sentence] = FAULTS[reason];
    super(sentence);
    this.reason = reason;
    this.code = code;
    this.errcode = errcode;
  }
}
