// One record a request, made once, when its answer has left or its caller has gone: metrics and one log line.
import type { Logger } from 'pino';
import type { Outcome, Patience, Reason, RegionName, Route, Standing, Trace } from '../domain.ts';
import type { RefusalCode } from '../refusal.ts';
import { type AccessLine, accessLines } from './access-line.ts';
import { type AnswerClass, classOf, type Metrics } from './metrics.ts';

/** What the journey learned of a request, filled in on its way. Nothing in it names a key or a path; an account only by its hash. */
export interface Trip {
  readonly requestId: string;
  readonly startedMs: number;
  readonly method: string;
  /** For the store, all questions of this request together. */
  readonly patience: Patience;
  /** Undefined: the caller gave none, and the gateway makes none. */
  trace: Trace | undefined;
  route: Route | undefined;
  reason: Reason | undefined;
  /** The region that answered or was asked. */
  region: RegionName | undefined;
  outcome: Outcome | undefined;
  refusal: RefusalCode | undefined;
  /** The limit that refused. */
  limit: string | undefined;
  /** Answered from the vault: nothing was sent. */
  replayed: boolean;
  /** The account's keyed hash in hex. */
  account: string | undefined;
  standing: Standing | undefined;
  /** Of the directory, when the request began. */
  epoch: number;
  /** `host:port` of the upstream URL that a byte may have been sent to. */
  upstream: string | undefined;
  /** SHA-256 of the certificate which that upstream showed, in hex. */
  certificate: string | undefined;
  /** What the region took, from handing it the call to its whole answer. */
  upstreamMs: number | undefined;
  /** Of the request's body. */
  receivedBytes: number;
  /** Of the answer's body. */
  sentBytes: number;
  /** For the log: why a call failed. Only its name and code are written. */
  cause: unknown;
  status: number;
}

/** @param storeTimeoutMs how long this request may wait for the store in all */
export function beginTrip(requestId: string, method: string, startedMs: number, storeTimeoutMs: number): Trip {
  return {
    requestId,
    startedMs,
    method,
    patience: { leftMs: storeTimeoutMs },
    trace: undefined,
    route: undefined,
    reason: undefined,
    region: undefined,
    outcome: undefined,
    refusal: undefined,
    limit: undefined,
    replayed: false,
    account: undefined,
    standing: undefined,
    epoch: 0,
    upstream: undefined,
    certificate: undefined,
    upstreamMs: undefined,
    receivedBytes: 0,
    sentBytes: 0,
    cause: undefined,
    status: 0,
  };
}

/** Name, code and peer of an error. Its message may quote what was sent, so it stays here. */
export function describeCause(cause: unknown): Record<string, unknown> {
  if (typeof cause !== 'object' || cause === null) return { cause: typeof cause };
  const { name, code, errcode, syscall, address, port } = cause as Record<string, unknown>;
  return { cause: { name, code, errcode, syscall, address, port } };
}

export type Recorder = (trip: Trip, delivered: boolean, endedMs: number) => void;

/** The methods that may stand in a log; any other was the caller's own invention. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

function lineOf(trip: Trip, delivered: boolean, endedMs: number): AccessLine {
  return {
    request_id: trip.requestId,
    method: METHODS.has(trip.method) ? trip.method : 'other',
    route: trip.route?.id ?? 'none',
    region: trip.region,
    reason: trip.reason,
    outcome: trip.outcome,
    replayed: trip.replayed || undefined,
    refusal: trip.refusal,
    limit: trip.limit,
    status: delivered ? trip.status : undefined,
    duration_ms: Math.round((endedMs - trip.startedMs) * 10) / 10,
  };
}

/** @param log access lines go out at level info, failures of a region at warn, our own at error */
export function createRecord(metrics: Metrics, log: Logger): Recorder {
  const access = accessLines(log);
  return function record(trip, delivered, endedMs) {
    const answer: AnswerClass = delivered ? classOf(trip.status) : 'gone';
    metrics.ended(trip.route, trip.region, answer, endedMs - trip.startedMs);
    if (trip.refusal !== undefined) metrics.refused(trip.refusal);
    if (trip.limit !== undefined) metrics.limited(trip.limit, 'enforce');
    if (trip.reason !== undefined) metrics.decided(trip.reason);

    const failed = trip.cause !== undefined;
    const level = trip.refusal === 'internal_error' ? 'error' : failed ? 'warn' : 'info';
    if (!log.isLevelEnabled(level)) return;
    const line = lineOf(trip, delivered, endedMs);
    const message = delivered ? 'answered' : 'caller gone';
    if (level === 'info') access(line, message);
    else log[level]({ ...line, ...(failed ? describeCause(trip.cause) : {}) }, message);
  };
}
