// One record a request, made once, when its answer has left or its caller has gone: metrics and one log line.
import type { Logger } from 'pino';
import type { Outcome, Patience, Reason, RegionName, Route, Standing, Trace } from '../domain.ts';
import type { RefusalCode } from '../refusal.ts';
import { type AccessLine, accessLines } from './access-line.ts';
import { type AnswerClass, classOf } from './metric-labels.ts';
import type { Metrics } from './metrics.ts';
import { createSample, isOrdinary, type SamplingOptions } from './sampling.ts';

/** What the journey learned of a request, filled in on its way. Nothing in it names a key or a path; an account only by its hash. */
export interface Trip {
  readonly requestId: string;
  readonly startedMs: number;
  readonly method: string;
  /** For the store, all questions of this request together. */
  readonly patience: Patience;
  /** Undefined: the caller gave none, and the gateway makes none. */
  trace: Trace | undefined;
  /** The client's address (domain.ts, Caller), once it is known. In the log it stands as client.ts has it. */
  client: string | undefined;
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
    client: undefined,
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

/** Of a keyed hash in hex: as much of it as tells accounts apart. */
const SHORT_DIGITS = 16;

export interface AccessLogOptions extends SamplingOptions {
  /** From a client's address to its text (client.ts); undefined: none is written. */
  readonly client: ((address: string) => string) | undefined;
}

const EVERYTHING: AccessLogOptions = { sample: 1, slowMs: Number.POSITIVE_INFINITY, client: undefined };

const tenths = (ms: number): number => Math.round(ms * 10) / 10;

function lineOf(
  trip: Trip,
  delivered: boolean,
  durationMs: number,
  client: string | undefined,
  sample: number | undefined,
): AccessLine {
  return {
    request_id: trip.requestId,
    trace_id: trip.trace?.id,
    method: METHODS.has(trip.method) ? trip.method : 'other',
    route: trip.route?.id ?? 'none',
    account: trip.account?.slice(0, SHORT_DIGITS),
    client,
    region: trip.region,
    reason: trip.reason,
    upstream: trip.upstream,
    upstream_ms: trip.upstreamMs === undefined ? undefined : tenths(trip.upstreamMs),
    outcome: trip.outcome,
    replayed: trip.replayed || undefined,
    refusal: trip.refusal,
    limit: trip.limit,
    status: delivered ? trip.status : undefined,
    duration_ms: tenths(durationMs),
    request_bytes: trip.receivedBytes,
    response_bytes: trip.sentBytes,
    sample,
  };
}

/** What of the metrics it counts in. */
type Counters = Pick<Metrics, 'ended' | 'refused' | 'limited' | 'decided'>;

/**
 * @param log access lines go out at level info, failures of a region at warn, our own at error
 * @param options which of them, and what of the client; without: all, and nothing
 */
export function createRecord(metrics: Counters, log: Logger, options: AccessLogOptions = EVERYTHING): Recorder {
  const { sample, slowMs, client } = options;
  const access = accessLines(log);
  const isSampled = createSample(sample);
  const isOneOfAll = sample >= 1;

  function write(trip: Trip, delivered: boolean, durationMs: number): void {
    const failed = trip.cause !== undefined;
    const level = trip.refusal === 'internal_error' ? 'error' : failed ? 'warn' : 'info';
    if (!log.isLevelEnabled(level)) return;
    const ordinary = !isOneOfAll && isOrdinary(trip, delivered, durationMs, slowMs);
    if (ordinary && !isSampled(trip.requestId)) return;
    const address = client === undefined || !trip.client ? undefined : client(trip.client);
    const line = lineOf(trip, delivered, durationMs, address, ordinary ? sample : undefined);
    const message = delivered ? 'answered' : 'caller gone';
    if (level === 'info') access(line, message);
    else log[level]({ ...line, ...(failed ? describeCause(trip.cause) : {}) }, message);
  }

  return function record(trip, delivered, endedMs) {
    const durationMs = endedMs - trip.startedMs;
    const answer: AnswerClass = delivered ? classOf(trip.status) : 'gone';
    metrics.ended(trip.route, trip.region, answer, durationMs);
    if (trip.refusal !== undefined) metrics.refused(trip.refusal);
    if (trip.limit !== undefined) metrics.limited(trip.limit, 'enforce');
    if (trip.reason !== undefined) metrics.decided(trip.reason);
    write(trip, delivered, durationMs);
  };
}
