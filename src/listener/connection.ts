// What is known of one connection of a caller.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Refusal } from '../refusal.ts';
import type { Exchange } from './exchange.ts';
import type { Incoming } from './message.ts';
import { Pace } from './pace.ts';

export interface Connection {
  readonly address: string;
  /** At most one is served at a time; later requests of a pipelining caller wait for its answer. */
  current: Exchange | undefined;
  readonly waiting: (() => void)[];
  /** Of the heads of these. */
  waitingBytes: number;
  /** The last request that was answered, while its body is still coming in. */
  answered: Incoming | undefined;
  /** Requests that came so far. */
  turn: number;
  /** The number of the last one that is served. */
  lastTurn: number;
  /** What came before it was opened, such as a load balancer's own header. */
  readonly bytesBefore: number;
  /** How long a head may take. */
  headMs: number;
  /** How long there has been no request. */
  betweenMs: number;
  readonly pace: Pace;
  /** Nothing more is served here; it ends with the current answer. */
  ending: boolean;
  /** What is wrong with the last request, whose turn has not come yet: its body is not going to arrive. */
  trouble: Refusal | undefined;
}

export function openConnection({ bytesRead, readableLength }: Socket, address: string, headMs: number): Connection {
  // What is still to be read came with it, and is the caller's.
  const bytesBefore = bytesRead - readableLength;
  return {
    address,
    current: undefined,
    waiting: [],
    waitingBytes: 0,
    answered: undefined,
    turn: 0,
    lastTurn: Number.POSITIVE_INFINITY,
    bytesBefore,
    headMs,
    betweenMs: 0,
    pace: new Pace(bytesBefore),
    ending: false,
    trouble: undefined,
  };
}

/** Requests that one connection may have waiting, and bytes of their heads where there are more than one. */
const MOST_WAITING = 32;
const MOST_WAITING_BYTES = 64 * 1024;

/** Has a request wait for its turn. @returns whether there is room for it */
export function wait(connection: Connection, { url = '', rawHeaders }: IncomingMessage, start: () => void): boolean {
  const { waiting } = connection;
  const bytes = rawHeaders.reduce((sum, text) => sum + text.length, url.length);
  const isTooMuch = waiting.length > 0 && connection.waitingBytes + bytes > MOST_WAITING_BYTES;
  if (isTooMuch || waiting.length >= MOST_WAITING) return false;
  connection.waitingBytes += bytes;
  waiting.push(() => {
    connection.waitingBytes -= bytes;
    start();
  });
  return true;
}

/** Whether nothing has ever come on it. */
export function isSilent({ turn, bytesBefore }: Connection, { bytesRead }: Socket): boolean {
  return turn === 0 && bytesRead === bytesBefore;
}

/** For a request that is on its way, Node keeps an unused connection for as long beyond its time. */
const ON_ITS_WAY_MS = 1000;

/**
 * Whether a connection has been without a request for too long. Node's own times begin anew with each empty line, and end with
 * none before the first request.
 */
export function isOver(connection: Connection, socket: Socket, idleMs: number): boolean {
  const { pace, betweenMs, headMs } = connection;
  if (pace.hasBegun(socket.bytesRead)) return pace.comingMs > headMs + ON_ITS_WAY_MS;
  return betweenMs > idleMs + (isSilent(connection, socket) ? 0 : ON_ITS_WAY_MS);
}

/** Whether a request comes in; of a body that nobody reads just now it is not the caller who is slow. */
export function receiving({ current, answered }: Connection): boolean | 'between' {
  const coming = current?.req ?? answered;
  if (coming === undefined || (current === undefined && coming.complete)) return 'between';
  return !coming.complete && coming.readableFlowing === true;
}

/** What has arrived whole is still served; what comes behind it is not. */
export function stopAfterAnswer(connection: Connection): void {
  connection.ending = true;
  const { current, waiting } = connection;
  if (current !== undefined && waiting.length === 0) current.res.shouldKeepAlive = false;
}
