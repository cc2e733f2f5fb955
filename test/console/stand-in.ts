// A stand-in for the gateway behind the page, for states that no real one can be brought into: a pin violation, an audit
// that cannot be written, a chain with faults. The page's files and headers are the real ones; the answers are scripted.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openPageFiles } from '../../src/console/files.ts';
import { CONSOLE_HEADERS, CONSOLE_PREFIX } from '../../src/listener/admin-console.ts';
import type { LiveState } from '../../src/listener/admin-live-types.ts';

export interface Asked {
  readonly method: string;
  /** Below /admin/v1. */
  readonly path: string;
  readonly body: unknown;
  readonly authorization: string | undefined;
}

export interface StandIn {
  readonly url: string;
  /** Every call but those for the live feed. */
  readonly asked: Asked[];
  /** Sends a state to whoever listens now, and to whoever comes later. */
  send(state: LiveState): void;
  /** Scripts an answer: `GET /config`. Without one, 404. */
  answer(call: string, body: object, status?: number): void;
  /** Cuts every live feed, and refuses new ones until `send`. */
  cut(): void;
  /** Refuses new ones alone: those that are there go on, and hear nothing. */
  cutNew(): void;
  close(): Promise<void>;
}

const PREFIX = '/admin/v1';

/** A gateway that is well, with two regions. */
export function goodState(change: Partial<LiveState> = {}): LiveState {
  const region = (name: string, requestsPerSecond: number, share: number): LiveState['regions'][number] => ({
    name,
    up: true,
    breaker: 'closed',
    failures: 0,
    drained: false,
    inUse: 3,
    waiting: 0,
    requestsPerSecond,
    share,
    latencyMs: { p50: 4.2, p95: 11.8, p99: 34.5 },
    outcomes: { delivered: requestsPerSecond, unknown: 0, not_sent: 0 },
    budgetUsed: 0.21,
    turnedAway: { full: 0, share: 0, late: 0 },
    proxyFault: null,
  });
  return {
    time: new Date().toISOString(),
    version: '1.2.3',
    uptimeSeconds: 93_784,
    intervalMs: 1000,
    workers: { listening: 1, restarts: 0 },
    requests: { total: 48_211, perSecond: 120, inFlight: 4, byClass: { '2xx': 110, '4xx': 10 } },
    regions: [region('us', 74, 0.64), region('eu', 42, 0.36)],
    overload: {
      pressure: { event_loop: 0.01, heap: 0.32 },
      refused: { anonymous: 0, authenticated: 0 },
      shadow: { anonymous: 0, authenticated: 0 },
      connections: { open: 61, refused: { all: 0, address: 0 }, reclaimed: 0 },
    },
    limits: [{ name: 'client', entries: 14, refusedPerSecond: 0.4, shadowPerSecond: 0 }],
    refusals: { rate_limited: 0.4 },
    moves: [],
    store: { engine: 'sqlite', up: true },
    audit: null,
    reload: null,
    violations: 0,
    routes: [{ route: 'v1.share', perSecond: 61, p95Ms: 12 }],
    ...change,
  };
}

async function read(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? undefined : JSON.parse(text);
}

export async function startStandIn(): Promise<StandIn> {
  const files = openPageFiles();
  const feeds = new Set<ServerResponse>();
  const answers = new Map<string, { readonly status: number; readonly body: object }>();
  const asked: Asked[] = [];
  let state: LiveState | undefined = goodState();
  const event = (of: LiveState): string => `event: state\ndata: ${JSON.stringify(of)}\n\n`;

  function servePage(path: string, response: ServerResponse): void {
    const file = path === '/' ? files.page() : files.find(path.slice(CONSOLE_PREFIX.length));
    if (file === undefined) response.writeHead(404).end();
    else response.writeHead(200, { ...CONSOLE_HEADERS, 'content-type': file.type }).end(file.body);
  }

  async function serveApi(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', headers } = request;
    if (path === '/live') {
      if (state === undefined) return void response.destroy();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(event(state));
      feeds.add(response);
      response.on('close', () => feeds.delete(response));
      return;
    }
    asked.push({ method, path, body: await read(request), authorization: headers.authorization });
    const known = answers.get(`${method} ${path}`) ?? answers.get(`${method} ${path.split('?')[0]}`);
    const { status, body } = known ?? { status: 404, body: { error: 'no_such_endpoint', message: 'Not scripted.' } };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  const server = createServer((request, response) => {
    const { url = '/' } = request;
    if (url.startsWith(PREFIX)) void serveApi(url.slice(PREFIX.length), request, response);
    else servePage(url, response);
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    send(next) {
      state = next;
      for (const feed of feeds) feed.write(event(next));
    },
    answer: (call, body, status = 200) => void answers.set(call, { status, body }),
    cutNew() {
      state = undefined;
    },
    cut() {
      state = undefined;
      for (const feed of feeds) feed.destroy();
    },
    close: () =>
      new Promise((settle) => {
        server.close(() => settle());
        server.closeAllConnections();
      }),
  };
}
