// Writes answers: the region's, the gateway's own and refusals. The only place that knows the response headers that
// every answer carries.
import { pipeline } from 'node:stream';
import type { OwnAnswer, RegionReply } from '../journey.ts';
import type { Trip } from '../record/record.ts';
import { CHALLENGE, type Refusal, refusalBody } from '../refusal.ts';
import type { Outgoing } from './message.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Up to here an answer leaves as one string: head and body in one piece cost less than two, a copy of more would not. */
const ONE_PIECE_BYTES = 16 * 1024;

/** @param close whether the connection ends after this answer (the gateway is draining) */
function common(requestId: string, close: boolean, caching = 'no-store'): string[] {
  const headers = ['Cache-Control', caching, 'X-Request-Id', requestId];
  if (close) headers.push('Connection', 'close');
  return headers;
}

/** Appends without a spread: these run for every answer. */
function append(headers: string[], more: readonly string[]): void {
  for (const item of more) headers.push(item);
}

/** Whose answer it is, and how long its body was. */
type Answered = Pick<Trip, 'requestId' | 'sentBytes'>;

/** Writes a complete answer in one go; to HEAD without its body. @returns the bytes of the body */
function write(res: Outgoing, status: number, headers: string[], body: Buffer | string, head: boolean): number {
  const bytes = Buffer.byteLength(body);
  // RFC 9110, 8.6: neither has a length of its own.
  if (status !== 204 && status !== 304) headers.push('Content-Length', String(bytes));
  res.writeHead(status, headers);
  if (head) {
    res.end();
    return 0;
  }
  // As one character a byte what is written are the bytes as they came, and ASCII costs half of what UTF-8 does.
  if (typeof body === 'string') res.end(body, bytes === body.length ? 'latin1' : 'utf8');
  else if (bytes <= ONE_PIECE_BYTES) res.end(body.toString('latin1'), 'latin1');
  else res.end(body);
  return bytes;
}

export interface Respond {
  refuse(res: Outgoing, refusal: Refusal, trip: Answered, head: boolean): void;
  /** An answer of the gateway's own. */
  own(res: Outgoing, answer: OwnAnswer, trip: Answered, head: boolean): void;
  region(res: Outgoing, reply: RegionReply, trip: Answered, head: boolean): void;
}

/** @param isDraining asked for each answer */
export function createRespond(isDraining: () => boolean): Respond {
  return {
    refuse(res, refusal, trip, head) {
      const headers = common(trip.requestId, isDraining());
      headers.push('Content-Type', JSON_TYPE, 'Onetime-Gateway-Outcome', refusal.outcome);
      if (refusal.details.headers !== undefined) append(headers, refusal.details.headers);
      trip.sentBytes = write(res, refusal.status, headers, refusalBody(refusal, trip.requestId), head);
    },
    own(res, { status, headers, body, caching }, trip, head) {
      trip.sentBytes = write(res, status, [...common(trip.requestId, isDraining(), caching), ...headers], body, head);
    },
    region(res, { status, region, headers: crossing, body, lengthBytes }, trip, head) {
      const headers = common(trip.requestId, isDraining());
      headers.push('Onetime-Gateway-Outcome', 'delivered', 'Onetime-Gateway-Region', region);
      append(headers, crossing);
      if (status === 401) append(headers, CHALLENGE);
      if (Buffer.isBuffer(body)) {
        trip.sentBytes = write(res, status, headers, body, head);
        return;
      }
      // With its length even a caller of HTTP/1.0 sees that a stream broke off.
      if (lengthBytes !== undefined) headers.push('Content-Length', String(lengthBytes));
      res.writeHead(status, headers);
      body.on('data', (chunk: Buffer) => {
        if (!head) trip.sentBytes += chunk.length;
      });
      // A stream that breaks off cuts the connection, so that what arrived does not look whole.
      pipeline(body, res, () => {});
    },
  };
}
