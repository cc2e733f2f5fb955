// The bound on what is not yet at the collector: with real spans, and an exporter that answers when it is told to.
import { type ReadableSpan, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createExport, MOST_WAITING } from '../../src/trace/export.ts';

type Done = Parameters<SpanExporter['export']>[1];

interface Held {
  readonly spans: readonly ReadableSpan[];
  readonly done: Done;
}

function open() {
  const held: Held[] = [];
  const lost: [unknown, number][] = [];
  const exporter: SpanExporter = {
    export: (spans, done) => void held.push({ spans, done }),
    shutdown: async () => {},
  };
  const { processor, readings } = createExport({
    exporter,
    timeoutMs: 60_000,
    onLost: (cause, spans) => void lost.push([cause, spans]),
  });
  const tracer = new TracerProvider({ spanProcessors: [processor] }).getTracer('test');
  const make = (count: number): void => {
    for (let made = 0; made < count; made++) tracer.startSpan('span').end();
  };
  return { held, lost, processor, readings, make };
}

describe('export', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('keeps no more than its bound while a collector does not answer, and counts what it drops', () => {
    const { held, make, readings } = open();
    make(50_000);
    expect(held.map(({ spans }) => spans.length)).toEqual([512]);
    expect(readings()).toEqual({ exported: 0, dropped: 50_000 - MOST_WAITING });
    // Also when the batch processor no longer waits for the batch: it is still held.
    vi.advanceTimersByTime(10 * 60_000);
    make(10);
    expect(readings().dropped).toBe(50_010 - MOST_WAITING);
  });

  it('takes spans again when the collector does, and loses none of those that waited', async () => {
    const { held, make, readings } = open();
    make(3_000);
    const dropped = readings().dropped;
    for (let batch = 0; batch < MOST_WAITING / 512; batch++) {
      held[batch]?.done({ code: 0 });
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(readings()).toEqual({ exported: MOST_WAITING, dropped });
    make(5);
    await vi.advanceTimersByTimeAsync(1000);
    held.at(-1)?.done({ code: 0 });
    expect(readings()).toEqual({ exported: MOST_WAITING + 5, dropped });
  });

  it('counts a batch that was refused as dropped, and says why', async () => {
    const { held, lost, make, readings } = open();
    make(3);
    await vi.advanceTimersByTimeAsync(1000);
    const error = new Error('refused');
    held[0]?.done({ code: 1, error });
    expect(readings()).toEqual({ exported: 0, dropped: 3 });
    expect(lost).toEqual([[error, 3]]);
  });

  it('sends what waits when it is shut down', async () => {
    const { held, make, processor, readings } = open();
    make(700);
    const over = processor.shutdown();
    await vi.advanceTimersByTimeAsync(0);
    for (const { done } of held) done({ code: 0 });
    await over;
    expect(readings()).toEqual({ exported: 700, dropped: 0 });
  });
});
