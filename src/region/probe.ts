// What an exchange with a region says of its health: of a caller's call (signalOf), and of the gateway's own question
// (createProbe).
import type { RegionName } from '../domain.ts';
import { type AttemptOptions, type AttemptResult, attempt } from './attempt.ts';
import { codeOf, isSpent } from './failure.ts';
import { meaningOfAnswer } from './interpret.ts';
import { borrow, type Region } from './region.ts';

/**
 * `success`: a whole answer. `failure`: connect, TLS, reset, timeout, or a failed probe. `suspicious`: what callers can
 * provoke, a 5xx for example; it never counts by itself, and only makes the gateway ask.
 */
export type Signal = 'success' | 'failure' | 'suspicious';

/** `nothing`: the answer does not tell. */
export type ProbeAnswer = 'up' | 'down' | 'nothing';

/** Asks one upstream URL of a region how it is; never rejects. */
export type Probe = (region: RegionName, origin: string) => Promise<ProbeAnswer>;

export interface ProbeOptions extends Pick<AttemptOptions, 'bodyTimeoutMs'> {
  /** How long the probe may wait for a free connection. */
  readonly patienceMs: number;
}

/** A probe is nobody's call: it waits its time. */
const NOBODY = { onGone(): void {} };
/** An answer of /api/v1/status has 35 bytes; one that is longer than this is not read to its end. */
const STATUS_BYTES = 16 * 1024;
const STATUS = {
  method: 'GET',
  target: '/api/v1/status',
  headers: ['accept', 'application/json', 'user-agent', 'onetime-gateway'],
  body: undefined,
} as const;

/** The gateway's own doing, a request that cannot be written or connections that it closes: says nothing of the region. */
const OWN = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED']);
/**
 * Trouble of the transport, after the request was sent. All else is suspicious only: an odd request can bring an answer
 * without Content-Length (a malformed URL does with 0.20, UPSTREAM.md) or one that is no HTTP, and must not shut a region.
 */
const TRANSPORT = /^(E[A-Z]+|ERR_(SSL|TLS)_\w+|UND_ERR_(SOCKET|CONNECT_TIMEOUT|HEADERS_TIMEOUT|BODY_TIMEOUT))$/;

/**
 * @param result of a caller's call, or of the question whether its credentials are good
 * @returns what to report of the upstream that it went to; undefined for nothing: the caller left, or the fault was ours
 */
export function signalOf(result: AttemptResult): Signal | undefined {
  if (result.kind === 'gone' || result.kind === 'stopped') return undefined;
  if (result.kind === 'answered') return meaningOfAnswer(result.answer) === 'fault' ? 'suspicious' : 'success';
  const code = codeOf(result.cause);
  if (OWN.has(code) || (!result.sent && isSpent(result.cause))) return undefined;
  return !result.sent || TRANSPORT.test(code) ? 'failure' : 'suspicious';
}

/**
 * Nobody provoked this answer, so a fault of the service, and an answer that cannot be read, mean down. Rate limited says
 * nothing (UPSTREAM.md: status and authcheck together 25 in 20 minutes). Every other answer is up, not `nominal` alone: the
 * breaker guards against calls that get no answer, and a region whose status page is moved, guarded or says another word
 * would otherwise stay shut for good once it had opened. A caller's call with such an answer is a success, too.
 */
function judge(result: AttemptResult): ProbeAnswer {
  const signal = signalOf(result);
  if (result.kind !== 'answered') return signal === undefined ? 'nothing' : 'down';
  if (!Buffer.isBuffer(result.answer.body)) result.answer.body.destroy();
  if (signal === 'suspicious') return 'down';
  return meaningOfAnswer(result.answer) === 'rate_limited' ? 'nothing' : 'up';
}

/**
 * GET /api/v1/status, one attempt, within the connections' own timeouts. It needs no permit: nothing of a caller travels,
 * neither address, credentials, path nor body, so there is nobody whose region could be the wrong one (guard.ts).
 */
export function createProbe(regions: ReadonlyMap<RegionName, Region>, options: ProbeOptions): Probe {
  const attemptOptions = { ...options, collectBytes: STATUS_BYTES };
  return async (region, origin) => {
    const upstream = regions.get(region)?.upstreams.find((candidate) => candidate.origin === origin);
    if (upstream === undefined) return 'nothing';
    const connection = await borrow(upstream, options.patienceMs, NOBODY);
    // All in use: its calls will tell.
    if (typeof connection === 'string') return 'nothing';
    const result = await new Promise<AttemptResult>((settle) => {
      const request = { ...STATUS, headers: [...STATUS.headers] };
      attempt(connection, 'probe', request, attemptOptions, { isGone: () => false, settle });
    });
    return judge(result);
  };
}
