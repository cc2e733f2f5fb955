// Writes answers: the region's, the gateway's own and refusals. The only place that knows the response headers that
// every answer carries.
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { Outcome, RegionName } from '../domain.ts';
import type { Answer, RegionReply } from '../journey.ts';
import { CHALLENGE, type Refusal, refusalBody } from '../refusal.ts';

type OwnAnswer = Extract<Answer, { kind: 'own' }>;

const JSON_TYPE = 'application/json; charset=utf-8';

/** @param close whether the connection ends after this answer (the gateway is draining) */
function common(requestId: string, close: boolean): string[] {
  const headers = ['Cache-Control', 'no-store', 'X-Request-Id', requestId];
  if (close) headers.push('Connection', 'close');
  return headers;
}

function outcomeHeaders(outcome: Outcome | undefined, region?: RegionName): string[] {
  const headers = outcome === undefined ? [] : ['Onetime-Gateway-Outcome', outcome];
  if (region !== undefined) headers.push('Onetime-Gateway-Region', region);
  return headers;
}

/** Writes a complete answer in one go; to HEAD without its body. */
function write(res: ServerResponse, status: number, headers: string[], body: Buffer | string, head: boolean): void {
  // RFC 9110, 8.6: neither has a length of its own.
  if (status !== 204 && status !== 304) headers.push('Content-Length', String(Buffer.byteLength(body)));
  res.writeHead(status, headers);
  res.end(head ? undefined : body);
}

export interface Respond {
  refuse(res: ServerResponse, refusal: Refusal, requestId: string, head: boolean): void;
  /** An answer of the gateway's own. */
  own(res: ServerResponse, answer: OwnAnswer, requestId: string, head: boolean): void;
  region(res: ServerResponse, reply: RegionReply, requestId: string, head: boolean): void;
}

/** @param isDraining asked for each answer */
export function createRespond(isDraining: () => boolean): Respond {
  return {
    refuse(res, refusal, requestId, head) {
      const headers = common(requestId, isDraining());
      headers.push('Content-Type', JSON_TYPE, ...outcomeHeaders(refusal.outcome));
      if (refusal.details.headers !== undefined) headers.push(...refusal.details.headers);
      write(res, refusal.status, headers, refusalBody(refusal, requestId), head);
    },
    own(res, { status, headers, body }, requestId, head) {
      write(res, status, [...common(requestId, isDraining()), ...headers], body, head);
    },
    region(res, { status, region, headers: crossing, body, lengthBytes }, requestId, head) {
      const headers = common(requestId, isDraining());
      headers.push(...outcomeHeaders('delivered', region), ...crossing);
      if (status === 401) headers.push(...CHALLENGE);
      if (Buffer.isBuffer(body)) {
        write(res, status, headers, body, head);
        return;
      }
      // With its length even a caller of HTTP/1.0 sees that a stream broke off.
      if (lengthBytes !== undefined) headers.push('Content-Length', String(lengthBytes));
      res.writeHead(status, headers);
      // A stream that breaks off cuts the connection, so that what arrived does not look whole.
      pipeline(body, res, () => {});
    },
  };
}
