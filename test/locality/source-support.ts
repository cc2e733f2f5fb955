// A directory of an organisation, as a real server, and a clock that is moved by hand.
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import type { Found, Locality } from '../../src/domain.ts';
import { accountHash, createKeyedHash } from '../../src/keyed-hash.ts';
import { createSource, type Source, type SourceEvent, type SourceOptions } from '../../src/locality/source.ts';

export const HASH = createKeyedHash(randomBytes(32));
export const NOW = 1_800_000_000_000;
export const MINUTE = 60_000;
export const TOKEN = 'Tq-7h2Xw.long_token~';

export interface Directory {
  readonly url: string;
  /** Every request as it came. */
  readonly asked: { readonly target: string; readonly account: string; readonly headers: IncomingMessage['headers'] }[];
  /** Says what happens to the next requests. */
  answer: (account: string, response: ServerResponse) => void;
  /** Ends the server, connections too: the source is away. */
  stop(): Promise<void>;
}

/** Answers 200 with this value, or text. */
export const says = (value: unknown) => (_account: string, response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(typeof value === 'string' ? value : JSON.stringify(value));
};

export const status =
  (code: number, headers: Record<string, string> = {}) =>
  (_account: string, response: ServerResponse) => {
    response.writeHead(code, headers).end('{}');
  };

/** Never answers. */
export const silence = (): void => {};

/** @param port to come back under the address of one that was stopped */
export async function openDirectory(port = 0, tls?: { key: string; cert: string }): Promise<Directory> {
  const listener: RequestListener = (request, response) => {
    const target = request.url ?? '';
    const account = new URL(target, 'http://x').searchParams.get('account') ?? '';
    directory.asked.push({ target, account, headers: request.headers });
    directory.answer(account, response);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: taken } = server.address() as AddressInfo;
  const directory: Directory = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${taken}/where`,
    asked: [],
    answer: says({ region: 'eu' }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  onTestFinished(() => directory.stop());
  return directory;
}

export interface Opened extends Source {
  readonly events: { readonly event: SourceEvent; readonly cause: unknown }[];
  /** Set by the test. */
  nowMs: number;
}

/** A source with a clock at NOW, refresh after 1 minute, expiry after 10. */
export function openSource(url: string, over: Partial<SourceOptions> = {}): Opened {
  const events: Opened['events'] = [];
  const opened = { nowMs: NOW, events };
  const source = createSource({
    url,
    token: TOKEN,
    timeoutMs: 5000,
    refreshMs: MINUTE,
    expireMs: 10 * MINUTE,
    negativeMs: MINUTE / 2,
    file: undefined,
    entries: 1000,
    hash: HASH,
    regions: new Set(['eu', 'us', 'ca']),
    now: () => opened.nowMs,
    observe: (event, cause) => events.push({ event, cause }),
    ...over,
  });
  onTestFinished(() => source.close());
  return Object.assign(opened, source);
}

/** The code of what made it unavailable. */
export function codeOf(found: Found<Locality>): unknown {
  expect(found.kind).toBe('unavailable');
  return found.kind === 'unavailable' && found.cause instanceof Error && 'code' in found.cause && found.cause.code;
}

/** The answer as text, for short tables: `eu`, `missing`, `unavailable`. */
export function homeOf(found: Found<Locality> | Promise<Found<Locality>>): string {
  if (found instanceof Promise) return 'a promise';
  return found.kind === 'found' ? found.value.home : found.kind;
}

export const idOf = (account: string): string => accountHash(HASH, account).toString('hex');

/** Like expect.poll, with a bound for slow machines. */
export const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 15_000, interval: 10 });
