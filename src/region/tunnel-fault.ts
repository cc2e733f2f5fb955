// What can go wrong with a proxy, as errors. Nothing that a proxy said is in them, nor where it is.

const FAULTS = {
  unreachable: ['ERR_PROXY_UNREACHABLE', 'no connection to the proxy could be opened'],
  timeout: ['ERR_PROXY_TIMEOUT', 'the proxy did not connect in time'],
  stalled: ['ERR_PROXY_STALLED', 'TLS with the region did not begin in time, through the proxy'],
  closed: ['ERR_PROXY_CLOSED', 'the proxy ended the connection before it was of use'],
  garbled: ['ERR_PROXY_ANSWER', 'what the proxy answered is no head of HTTP/1, too long, or more than a head'],
  authentication: ['ERR_PROXY_AUTHENTICATION', 'the proxy does not take the credentials, or wants some'],
  refused: ['ERR_PROXY_REFUSED', 'the proxy does not connect to the region'],
} as const satisfies Record<string, readonly [code: string, sentence: string]>;

export type ProxyFault = keyof typeof FAULTS;

/** @param errcode for the log: what lies beneath, a code of the system or the status of the proxy's answer */
export function proxyFault(fault: ProxyFault, errcode?: string | number): Error {
  const [code, sentence] = FAULTS[fault];
  return Object.assign(new Error(sentence), { code, ...(errcode !== undefined && { errcode }) });
}
