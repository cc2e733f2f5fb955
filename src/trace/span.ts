// One span: its place in the trace, what it says, and the spans below it. What it can say is a closed list of names, with
// words of the gateway's own: never anything that a caller wrote.
import type { HrTime, Span } from '@opentelemetry/api';
import type { Trace } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import { headersAt, RANDOM, SAMPLED } from './context.ts';

/** The spans below a request's own, which is called by its method and route (docs/tracing.md). */
export const SPANS = ['identify', 'admit', 'locate', 'decide', 'verify', 'ask', 'replay', 'forward', 'learn'] as const;
export type SpanName = (typeof SPANS)[number];

/** Everything that a span may say (docs/tracing.md). Names without `onetime.` are OpenTelemetry's semantic conventions. */
export const ATTRIBUTES = [
  'error.type',
  'http.request.method',
  'http.response.status_code',
  'http.route',
  'server.address',
  'server.port',
  'onetime.found',
  'onetime.limit',
  'onetime.lookup',
  'onetime.outcome',
  'onetime.reason',
  'onetime.refusal',
  'onetime.region',
  'onetime.replay',
  'onetime.request_id',
] as const;
export type Attributes = { readonly [Name in (typeof ATTRIBUTES)[number]]?: string | number | undefined };

/** The kinds of spans that there are here. */
export type Kind = 'server' | 'client' | 'internal';

/** Makes OpenTelemetry's own spans (provider.ts). */
export interface Maker {
  /** Begins one below `parent`. */
  child(parent: Span, name: SpanName, kind: Kind, at: HrTime): Span;
  /** Marks it as failed. */
  fail(span: Span): void;
}

/** What all spans of one request have in common. */
export interface RequestFacts {
  readonly maker: Maker;
  /** Milliseconds of the day's clock, for all of the request by the same steps: a change of that clock distorts no span. */
  readonly nowMs: () => number;
  /** Whether the caller said of its trace id that it is random. */
  readonly random: boolean;
  /** The caller's `tracestate`: for the region, and for no span. */
  readonly state: string | undefined;
}

/** As seconds and nanoseconds. A tenth of a microsecond is what doubles of this size can tell. */
export function timeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** Of a refusal what it is called; of any other answer of a room nothing. */
export function ofRefusal(answer: unknown): Attributes {
  if (!(answer instanceof Refusal)) return {};
  return { 'onetime.refusal': answer.code, 'error.type': answer.status >= 500 ? answer.code : undefined };
}

/** A trace whose position is a span of this gateway, which will be exported. */
export class SpanTrace implements Trace {
  readonly id: string;
  readonly headers: readonly string[];
  readonly #span: Span;
  readonly #facts: RequestFacts;

  constructor(span: Span, facts: RequestFacts) {
    this.#span = span;
    this.#facts = facts;
    const { traceId, spanId } = span.spanContext();
    this.id = traceId;
    this.headers = headersAt({ traceId, spanId, flags: SAMPLED | (facts.random ? RANDOM : 0), state: facts.state });
  }

  /** Begins a span below this one. */
  child(name: SpanName, kind: Kind = 'internal'): SpanTrace {
    const { maker, nowMs } = this.#facts;
    return new SpanTrace(maker.child(this.#span, name, kind, timeOf(nowMs())), this.#facts);
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  /** Ends it. With an `error.type` it has failed. */
  end(attributes: Attributes): void {
    for (const name of ATTRIBUTES) {
      const value = attributes[name];
      if (value !== undefined) this.#span.setAttribute(name, value);
    }
    if (attributes['error.type'] !== undefined) this.#facts.maker.fail(this.#span);
    this.#span.end(timeOf(this.#facts.nowMs()));
  }

  /**
   * Has a room answer within a span of its own, at once where it answers at once. What it throws passes through.
   * @param tell what the span says of the answer
   */
  within<T, R extends T | Promise<T>>(
    name: SpanName,
    room: (span: SpanTrace) => R,
    tell: (answer: T) => Attributes,
  ): R {
    const span = this.child(name);
    const failed = (): void => span.end({ 'error.type': 'internal_error' });
    let answer: R;
    try {
      answer = room(span);
    } catch (error) {
      failed();
      throw error;
    }
    const settled: T | Promise<T> = answer;
    if (settled instanceof Promise) settled.then((value) => span.end(tell(value)), failed);
    else span.end(tell(settled));
    return answer;
  }
}
