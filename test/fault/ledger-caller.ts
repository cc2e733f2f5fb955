// A caller with bad habits: one request on a connection of its own, hung up at a chosen moment, and what was seen until then.
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

export const HABITS = [
  'stays',
  'leaves within the head',
  'leaves within the body',
  'leaves after sending',
  'leaves while waiting',
  'leaves within the answer',
] as const;
export type Habit = (typeof HABITS)[number];
/** Leaves before its request is complete. */
export const isHalfSent = (habit: Habit): boolean => habit.endsWith('head') || habit.endsWith('body');

export interface Told {
  readonly kind: 'told';
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export type Seen =
  | Told
  /** The caller's own doing. */
  | { readonly kind: 'hung up' }
  /** The connection could not be opened, so nothing was sent on it. */
  | { readonly kind: 'refused' }
  /** The connection ended, or 20 s passed, without a whole answer. */
  | { readonly kind: 'broken'; readonly received: number };

export interface Ask {
  /** Base URL of the gateway. */
  readonly url: string;
  readonly path: string;
  /** Whole lines, without Host and Content-Length. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly habit: Habit;
  /** Whether it leaves with a reset. */
  readonly resets: boolean;
  /** Settles when the region's side has seen the request: time to leave, for those that leave while waiting. */
  readonly arrived?: Promise<unknown>;
  /** Turns of the event loop between the end of the request and leaving, for those that leave after sending. */
  readonly turns: number;
}

const PATIENCE_MS = 20_000;

/** The answer, once it is whole: every answer of the gateway's to a POST has a Content-Length. */
function wholeAnswer(received: Buffer): Told | undefined {
  const blank = received.indexOf('\r\n\r\n');
  if (blank < 0) return undefined;
  const [statusLine = '', ...lines] = received.toString('latin1', 0, blank).split('\r\n');
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const end = blank + 4 + Number(headers.get('content-length') ?? Number.NaN);
  if (!(received.length >= end)) return undefined;
  const body = received.toString('utf8', blank + 4, end);
  return { kind: 'told', status: Number(statusLine.split(' ')[1]), headers, body };
}

/** What is written before the caller leaves, or waits. */
function bytesOf({ url, path, headers, body, habit }: Ask): Buffer {
  const length = Buffer.byteLength(body);
  const lines = [`POST ${path} HTTP/1.1`, `Host: ${new URL(url).host}`, `Content-Length: ${length}`, ...headers];
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
  const head = bytes.length - length;
  if (habit === 'leaves within the head') return bytes.subarray(0, Math.floor(head / 2));
  if (habit === 'leaves within the body') return bytes.subarray(0, head + Math.floor(length / 2));
  return bytes;
}

async function turnsOf(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await turn();
}

/** Makes one call; never rejects. */
export function ask(request: Ask): Promise<Seen> {
  const { hostname, port } = new URL(request.url);
  const { habit } = request;
  return new Promise((settle) => {
    let received: Buffer = Buffer.alloc(0);
    let connected = false;
    const socket: Socket = connect(Number(port), hostname);
    const finish = (seen: Seen): void => {
      clearTimeout(timer);
      if (seen.kind === 'hung up' && request.resets) socket.resetAndDestroy();
      else socket.destroy();
      settle(seen);
    };
    const leave = (): void => finish({ kind: 'hung up' });
    const end = (): void => finish(connected ? { kind: 'broken', received: received.length } : { kind: 'refused' });
    const timer = setTimeout(end, PATIENCE_MS);

    socket.on('connect', () => {
      connected = true;
      socket.write(bytesOf(request), () => {
        if (isHalfSent(habit)) leave();
        if (habit === 'leaves after sending') void turnsOf(request.turns).then(leave);
      });
      if (habit === 'leaves while waiting') void request.arrived?.then(leave);
    });
    socket.on('data', (chunk: Buffer) => {
      if (habit === 'leaves within the answer') {
        leave();
        return;
      }
      received = Buffer.concat([received, chunk]);
      const told = wholeAnswer(received);
      if (told !== undefined) finish(told);
    });
    socket.on('error', () => {});
    socket.on('close', end);
  });
}

/** Runs `work` for each item, at most `width` at a time, in order. */
export async function inParallel<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
