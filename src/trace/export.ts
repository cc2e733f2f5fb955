// From ended spans to the collector: in batches, with a bound on all that is not yet there, and a count of what became of
// them. A collector that is slow or away costs spans, and nobody else anything.
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';
import type { TracingReading } from './trace.ts';

/** Spans that wait or are on their way: about 2 MB. Further ones are dropped. */
export const MOST_WAITING = 2048;
const BATCH_SPANS = 512;
/** Until a batch leaves that is not full. */
const DELAY_MS = 1000;
/** ExportResultCode.SUCCESS of @opentelemetry/core. */
const SUCCESS = 0;

export interface ExportOptions {
  readonly exporter: SpanExporter;
  /** The exporter's own time for a batch with all its attempts. */
  readonly timeoutMs: number;
  /** Called for each batch that the collector did not take. */
  readonly onLost: (cause: unknown, spans: number) => void;
}

export interface Export {
  readonly processor: SpanProcessor;
  readings(): TracingReading;
}

/** The batch processor bounds its queue alone, and tells nobody what it drops: here every span is counted, in and out. */
export function createExport({ exporter, timeoutMs, onLost }: ExportOptions): Export {
  let waiting = 0;
  let exported = 0;
  let dropped = 0;

  const counting: SpanExporter = {
    export(spans, done) {
      exporter.export(spans, (result) => {
        waiting -= spans.length;
        if (result.code === SUCCESS) exported += spans.length;
        else {
          dropped += spans.length;
          onLost(result.error, spans.length);
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
  const batches = new BatchSpanProcessor({
    exporter: counting,
    maxQueueSize: MOST_WAITING,
    maxExportBatchSize: BATCH_SPANS,
    scheduledDelayMillis: DELAY_MS,
    // The exporter keeps its own time; this is for one that never comes back.
    exportTimeoutMillis: 2 * timeoutMs,
  });

  return {
    processor: {
      onStart: (span, context) => batches.onStart(span, context),
      onEnd(span: ReadableSpan) {
        if (waiting >= MOST_WAITING) {
          dropped++;
          return;
        }
        waiting++;
        batches.onEnd(span);
      },
      forceFlush: () => batches.forceFlush(),
      shutdown: () => batches.shutdown(),
    },
    readings: () => ({ exported, dropped }),
  };
}
