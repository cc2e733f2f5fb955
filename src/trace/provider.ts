// OpenTelemetry, of which nothing is loaded where tracing is not configured: this file and export.ts alone import it, and
// come in by the one dynamic import in rooms-trace.ts. Nothing global of it is used or set.
import { randomUUID } from 'node:crypto';
import { type HrTime, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { type Position, SAMPLED } from './context.ts';
import { createExport, type ExportOptions } from './export.ts';
import type { Kind, Maker } from './span.ts';
import type { TracingReading } from './trace.ts';

export interface ProviderOptions extends Pick<ExportOptions, 'onLost' | 'timeoutMs'> {
  /** Of the collector, whole. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly service: string;
  readonly version: string;
  /** From 0 to 1. */
  readonly sample: number;
}

export interface Provider extends Maker {
  /** A request's own span; it may be one that is not recorded. */
  root(parent: Position | undefined, at: HrTime): Span;
  readings(): TracingReading;
  /** Sends what waits; rejects where the collector does not take it. */
  shutdown(): Promise<void>;
}

const KINDS: Readonly<Record<Kind, SpanKind>> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
};
const SCOPE = 'onetime-gateway';
/** Batches on their way at once: one, and at the end what waits. */
const MOST_EXPORTS = 8;

/** Without the caller's tracestate: what is in it is the caller's own. */
function contextOf(parent: Position | undefined) {
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, flags } = parent;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: flags & SAMPLED, isRemote: true });
}

/** @throws Error for a URL that is none */
export function openProvider(options: ProviderOptions): Provider {
  const { url, headers, service, version, sample, timeoutMs, onLost } = options;
  const exporter = new OTLPTraceExporter({
    url,
    headers: { ...headers },
    timeoutMillis: timeoutMs,
    concurrencyLimit: MOST_EXPORTS,
    // Said here so that NODE_TLS_REJECT_UNAUTHORIZED cannot say otherwise.
    httpAgentOptions: { keepAlive: true, rejectUnauthorized: true },
  });
  const { processor, readings } = createExport({ exporter, timeoutMs, onLost });
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sample) }),
    // Not the process's command line or the host's name, as its detectors would have it.
    resource: defaultResource().merge(
      resourceFromAttributes({
        'service.name': service,
        'service.version': version,
        // One for each thread.
        'service.instance.id': randomUUID(),
      }),
    ),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer(SCOPE, version);

  return {
    root: (parent, startTime) => tracer.startSpan('request', { kind: SpanKind.SERVER, startTime }, contextOf(parent)),
    child: (parent, name, kind, startTime) =>
      tracer.startSpan(name, { kind: KINDS[kind], startTime }, trace.setSpan(ROOT_CONTEXT, parent)),
    fail: (span) => void span.setStatus({ code: SpanStatusCode.ERROR }),
    readings,
    shutdown: () => provider.shutdown(),
  };
}
