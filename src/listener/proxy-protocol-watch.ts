// What operators are told of PROXY headers: each connection is counted, and now and then there is a line on those that were closed.
import type { ProxyResult } from './proxy-protocol.ts';

/** A load balancer that is set up wrongly opens many connections: of each problem there is a line a minute. */
const EVERY_MS = 60_000;

/** What an operator can do about it. A peer that leaves by itself is an ordinary check, and no problem. */
const ADVICE: Readonly<Partial<Record<ProxyResult, string>>> = {
  missing: 'listen.proxyProtocol is on, and a peer of listen.trustProxy sends no PROXY header: closed',
  malformed: 'a peer of listen.trustProxy sends a PROXY header that is none: closed',
  timeout: 'a peer of listen.trustProxy did not send its PROXY header in time: closed',
};

export interface Warn {
  warn(facts: Readonly<Record<string, unknown>>, message: string): void;
}

/**
 * @param count every connection
 * @param steady milliseconds of a clock that nobody sets
 * @returns to be called with each connection's result
 */
export function watchProxyHeaders(
  count: (result: ProxyResult) => void,
  log: Warn,
  steady: () => number,
): (result: ProxyResult) => void {
  const quiet = new Map<ProxyResult, { readonly untilMs: number; connections: number }>();
  return (result) => {
    count(result);
    const advice = ADVICE[result];
    if (advice === undefined) return;
    const nowMs = steady();
    const before = quiet.get(result);
    if (before !== undefined && nowMs < before.untilMs) {
      before.connections++;
      return;
    }
    // Those that were passed over in silence, and this one.
    const connections = (before?.connections ?? 0) + 1;
    quiet.set(result, { untilMs: nowMs + EVERY_MS, connections: 0 });
    log.warn({ problem: result, connections }, advice);
  };
}
