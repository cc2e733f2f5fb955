// A collector: takes OTLP over HTTP as protobuf, reads it, and keeps every byte that came.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { takePort } from '../support/ports.ts';
import { Message } from './protobuf.ts';

export interface ReceivedSpan {
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'other';
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for one without a parent. */
  readonly parentId: string;
  readonly traceState: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly failed: boolean;
  readonly statusMessage: string;
  readonly events: number;
  readonly links: number;
  /** Of the process or thread that it comes from. */
  readonly resource: Readonly<Record<string, string | number>>;
}

const KINDS = ['other', 'internal', 'server', 'client'] as const;

function attributesOf(attributes: readonly Message[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map((attribute) => {
      const value = attribute.message(2);
      return [attribute.text(1), value.has(1) ? value.text(1) : Number(value.number(3))];
    }),
  );
}

function spanOf(span: Message, resource: ReceivedSpan['resource']): ReceivedSpan {
  const status = span.message(15);
  return {
    name: span.text(5),
    kind: KINDS[Number(span.number(6))] ?? 'other',
    traceId: span.hex(1),
    spanId: span.hex(2),
    parentId: span.hex(4),
    traceState: span.text(3),
    startNs: span.number(7),
    endNs: span.number(8),
    attributes: attributesOf(span.messages(9)),
    failed: status.number(3) === 2n,
    statusMessage: status.text(2),
    events: span.all(11).length,
    links: span.all(13).length,
    resource,
  };
}

/** Of an ExportTraceServiceRequest (opentelemetry-proto, trace/v1). */
export function spansOf(body: Buffer): ReceivedSpan[] {
  return new Message(body).messages(1).flatMap((ofResource) => {
    const resource = attributesOf(ofResource.message(1).messages(1));
    return ofResource.messages(2).flatMap((ofScope) => ofScope.messages(2).map((span) => spanOf(span, resource)));
  });
}

export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  /** Bodies as they came. */
  readonly bodies: Buffer[];
  readonly headers: IncomingMessage['headers'][];
  /** Answers from now on in place of 200. */
  answer: (res: ServerResponse) => void;
  /** Resolves when what has come is enough, by events; the test's own timeout bounds it. */
  until(enough: (spans: readonly ReceivedSpan[]) => boolean): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const watchers = new Set<() => void>();
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks);
      collector.bodies.push(body);
      collector.headers.push(req.headers);
      collector.spans.push(...spansOf(body));
      collector.answer(res);
      for (const watcher of watchers) watcher();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    bodies: [],
    headers: [],
    answer: (res) => void res.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(),
    until: (enough) =>
      new Promise((done) => {
        const watcher = (): void => {
          if (!enough(collector.spans)) return;
          watchers.delete(watcher);
          done();
        };
        watchers.add(watcher);
        watcher();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return collector;
}

/** The URL of one that is away: nobody listens there. */
export async function nowhere(): Promise<string> {
  const { port, [Symbol.asyncDispose]: free } = await takePort();
  await free();
  return `http://127.0.0.1:${port}`;
}
