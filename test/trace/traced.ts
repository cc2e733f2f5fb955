// The lab before a collector, and ways to look at what a request left there.
import type { TwinRequest } from '../../src/twin/ledger.ts';
import { type Lab, type LabOptions, openLab } from '../support/lab.ts';
import { type Collector, type ReceivedSpan, startCollector } from './otlp.ts';

/** Of a caller. */
export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
export const PARENT = '00f067aa0ba902b7';

export interface Traced extends AsyncDisposable {
  readonly lab: Lab;
  readonly collector: Collector;
  /** The spans of the one request with this name: the gateway is closed, since what it has is sent before. */
  spansOf(server: string): Promise<ReceivedSpan[]>;
}

/** @param tracing in place of all requests being recorded */
export async function openTraced(tracing: Record<string, unknown> = {}, options: LabOptions = {}): Promise<Traced> {
  const collector = await startCollector();
  const config = { ...options.config, tracing: { otlp: collector.url, sample: 1, ...tracing } };
  const lab = await openLab({ ...options, config });
  return {
    lab,
    collector,
    async spansOf(server) {
      await lab.gateway.close();
      const root = one(collector.spans, server);
      return collector.spans.filter(({ traceId }) => traceId === root.traceId);
    },
    async [Symbol.asyncDispose]() {
      await lab.close();
      await collector[Symbol.asyncDispose]();
    },
  };
}

/** The span of this name. @throws Error where there is not exactly one */
export function one(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.filter((span) => span.name === name);
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`${found.length} spans of the name ${name}`);
  return first;
}

/** `parent > child` for each span below its parent's, in the order in which they came to an end. */
export function treeOf(spans: readonly ReceivedSpan[]): string[] {
  const below = (parent: ReceivedSpan): string[] =>
    spans
      .filter(({ parentId }) => parentId === parent.spanId)
      .flatMap((child) => [`${parent.name} > ${child.name}`, ...below(child)]);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentId }) => !ids.has(parentId)).flatMap((root) => [root.name, ...below(root)]);
}

/** What a region received. */
export function headerOf(request: TwinRequest | undefined, name: string): string | undefined {
  return request?.headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

/** The `traceparent` of a call that a span makes. */
export function at({ traceId, spanId }: ReceivedSpan, flags = '01'): string {
  return `00-${traceId}-${spanId}-${flags}`;
}

export function addressOf(url: string): Record<string, string | number> {
  const { hostname, port } = new URL(url);
  return { 'server.address': hostname, 'server.port': Number(port) };
}
