// What the regression tests run against: the gateway before us, a twin, which has the API and a passed-through prefix, and eu, a
// region with pages and WebSockets.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect } from 'vitest';
import { type Lab, openLab } from '../../support/lab.ts';
import { openPageRegion, type PageRegion, type Peer } from '../../support/page-region.ts';
import { type RawCaller, rawCaller } from '../../support/raw.ts';

/** Every request below comes from one address, and many are refused: neither is what is tested here. */
export const UNLIMITED = Object.fromEntries(
  ['anonymousRetrieval', 'perKey', 'failedAuth'].map((name) => [name, { mode: 'off' }]),
);
/** `/app` takes credentials and cookies along, the others do not. */
export const PREFIXES = [
  { prefix: '/us-help', region: 'us' },
  { prefix: '/help', region: 'eu' },
  { prefix: '/app', region: 'eu', credentials: 'forward' },
];
/** A path of the API that asks nothing of the caller, and one that is passed through: both reach us. */
export const API = '/us/api/v1/status';
export const PASSED = '/us-help/page';
/** What takes longer is not linear in what was sent: a hang is found without depending on the machine. */
export const AT_ONCE_MS = 2000;

export interface World {
  readonly lab: Lab;
  readonly eu: PageRegion;
  /** What eu answers; `ok` at first. */
  serve: (req: IncomingMessage, res: ServerResponse) => void;
  /** What eu does with a WebSocket; sends back what it gets at first. */
  onPeer: (peer: Peer) => void;
  /** Forgets what the regions saw. */
  clear(): void;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  /** In place of the twin and the pages. */
  readonly upstreams?: { readonly us?: string; readonly eu?: string };
}

export async function openWorld({ config, upstreams }: WorldOptions = {}): Promise<World> {
  const eu = await openPageRegion(
    (req, res) => world.serve(req, res),
    (peer) => world.onPeer(peer),
  );
  const lab = await openLab({
    upstreams: { eu: [upstreams?.eu ?? eu.url], ...(upstreams?.us !== undefined && { us: [upstreams.us] }) },
    config: { passthrough: PREFIXES, limits: UNLIMITED, ...config },
  });
  const world: World = {
    lab,
    eu,
    serve: (req, res) => {
      req.resume();
      req.on('end', () => res.setHeader('Content-Length', 2).end('ok'));
    },
    onPeer: (peer) => peer.on('message', (data, binary) => peer.send(data, { binary })),
    clear() {
      lab.clearLedgers();
      eu.requests.length = 0;
    },
    async close() {
      await lab.close();
      await eu.close();
    },
  };
  return world;
}

/** The statuses of the answers in what came back. */
export function statusesOf(received: string): number[] {
  return [...received.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
}

/** Sends bytes as they are; resolves with all that came back when the gateway has closed the connection. */
export function exchange(url: string, bytes: string): Promise<string> {
  const caller = latin1Caller(url);
  caller.send(bytes);
  return caller.closed;
}

/** Like rawCaller; every character is one byte. */
export function latin1Caller(url: string): RawCaller {
  const caller = rawCaller(url);
  caller.socket.setDefaultEncoding('latin1');
  return caller;
}

/** That the gateway still serves, and no region has seen anything but this. */
export async function expectServing(world: World): Promise<void> {
  const { lab } = world;
  world.clear();
  expect((await lab.call('GET', API)).status).toBe(200);
  expect(lab.us.requests.map(({ path }) => path)).toEqual(['/api/v1/status']);
}

/**
 * Sends bytes that must not pass, and another request behind them: one refusal comes back, the connection ends, and no region
 * has received a whole request.
 * @returns the refusal's status
 */
export async function expectRefused(world: World, bytes: string): Promise<number> {
  world.clear();
  const received = await exchange(world.lab.gateway.url, `${bytes}GET ${API} HTTP/1.1\r\nHost: g\r\n\r\n`);
  const statuses = statusesOf(received);
  expect(statuses).toHaveLength(1);
  expect(world.lab.us.requests).toEqual([]);
  expect(world.eu.requests).toEqual([]);
  return statuses[0] ?? 0;
}
