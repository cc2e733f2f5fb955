// Tracing where it is configured: which requests leave spans, and what their rooms say.
import type { Trip } from '../record/record.ts';
import type { Forward, Forwarded } from '../region/forward.ts';
import { headersAt, RANDOM, readPosition, SAMPLED } from './context.ts';
import { openProvider, type ProviderOptions } from './provider.ts';
import { spanned } from './rooms.ts';
import { type Attributes, SpanTrace, timeOf } from './span.ts';
import { type Tracing, UNTRACED } from './trace.ts';

export interface TracingOptions extends ProviderOptions {
  /** The day's clock, and one that nobody sets: milliseconds. */
  readonly now: () => number;
  readonly steady: () => number;
}

/** The end waits no longer than this for the collector: shorter than a worker may take to close. */
const CLOSE_MS = 2000;

/** The methods that OpenTelemetry knows; another one is the caller's own word. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

/** `host:port`, or a host alone where the port is its scheme's own. */
function addressOf(upstream: string | undefined): Attributes {
  if (upstream === undefined) return {};
  const [, host, port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(upstream) ?? [];
  return { 'server.address': host, 'server.port': port === undefined ? undefined : Number(port) };
}

function ofForwarded(forwarded: Forwarded): Attributes {
  if (forwarded.kind === 'gone') return { 'onetime.outcome': 'not_sent' };
  if (forwarded.kind === 'refused') {
    const { code, outcome } = forwarded.refusal;
    return { 'onetime.outcome': outcome, 'onetime.refusal': code, 'error.type': code };
  }
  const { status } = forwarded.answer;
  return {
    'onetime.outcome': 'delivered',
    'http.response.status_code': status,
    'error.type': status >= 400 ? String(status) : undefined,
  };
}

/** A request is over: what its own span says. */
function ofTrip(trip: Trip, delivered: boolean): Attributes {
  const { status, refusal } = trip;
  const failed = delivered ? (status >= 500 ? (refusal ?? String(status)) : undefined) : 'caller_gone';
  return {
    'http.request.method': METHODS.has(trip.method) ? trip.method : '_OTHER',
    'http.route': trip.route?.id,
    'http.response.status_code': delivered ? status : undefined,
    'error.type': failed,
    'onetime.request_id': trip.requestId,
    'onetime.region': trip.region,
    'onetime.reason': trip.reason,
    'onetime.outcome': trip.outcome,
    'onetime.refusal': refusal,
    'onetime.limit': trip.limit,
    'onetime.replay': trip.replayed ? 'replayed' : undefined,
  };
}

function nameOf({ method, route }: Trip): string {
  const verb = METHODS.has(method) ? method : 'HTTP';
  return route === undefined ? verb : `${verb} ${route.id}`;
}

/** Calls to a region as spans of kind client: `forward`, and `ask` for the question whether credentials are good. */
function traceForward(forward: Forward): Forward {
  const carried = UNTRACED.forward(forward);
  return (permit, to, purpose, effect, request, downstream, egress) => {
    const { trace } = egress;
    if (!(trace instanceof SpanTrace)) return carried(permit, to, purpose, effect, request, downstream, egress);
    const span = trace.child(purpose === 'verify' ? 'ask' : 'forward', 'client');
    request.headers.push(...span.headers);
    const end = (attributes: Attributes): void =>
      span.end({
        'http.request.method': request.method,
        'onetime.region': to,
        ...addressOf(egress.upstream),
        ...attributes,
      });
    const forwarded = forward(permit, to, purpose, effect, request, downstream, egress);
    forwarded.then(
      (result) => end(ofForwarded(result)),
      () => end({ 'error.type': 'internal_error' }),
    );
    return forwarded;
  };
}

/** Waits no longer than `boundMs`. */
async function within(boundMs: number, work: Promise<void>): Promise<void> {
  const over = Promise.withResolvers<void>();
  const bound = setTimeout(over.resolve, boundMs);
  await Promise.race([work, over.promise]).finally(() => clearTimeout(bound));
}

/** Opens tracing: nothing is sent before the first span. */
export function openTracing(options: TracingOptions): Tracing {
  const { now, steady } = options;
  const provider = openProvider(options);

  const begin: Tracing['begin'] = (headers) => {
    const given = readPosition(headers);
    const aheadMs = now() - steady();
    const nowMs = (): number => aheadMs + steady();
    const span = provider.root(given, timeOf(nowMs()));
    const state = given?.state;
    const random = given !== undefined && (given.flags & RANDOM) !== 0;
    if (span.isRecording()) return new SpanTrace(span, { maker: provider, nowMs, random, state });
    const { traceId, spanId, traceFlags } = span.spanContext();
    const flags = (traceFlags & SAMPLED) | (random ? RANDOM : 0);
    return { id: traceId, headers: headersAt({ traceId, spanId, flags, state }) };
  };

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    // What was lost has been told (onLost).
    closing ??= within(Math.min(options.timeoutMs, CLOSE_MS), provider.shutdown()).catch(() => {});
    return closing;
  };

  return {
    begin,
    journey(rooms, create) {
      const plain = create(rooms);
      return (arrival, trip) => {
        const { trace } = trip;
        return (trace instanceof SpanTrace ? create(spanned(rooms, trace)) : plain)(arrival, trip);
      };
    },
    forward: traceForward,
    learn: (learn) => (call, body) => {
      const { trace } = call.trip;
      return trace instanceof SpanTrace
        ? trace.within(
            'learn',
            () => learn(call, body),
            () => ({}),
          )
        : learn(call, body);
    },
    record: (record) => (trip, delivered, endedMs) => {
      record(trip, delivered, endedMs);
      const { trace } = trip;
      if (!(trace instanceof SpanTrace)) return;
      trace.rename(nameOf(trip));
      trace.end(ofTrip(trip, delivered));
    },
    readings: provider.readings,
    close,
  };
}
