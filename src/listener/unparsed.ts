// The answer to bytes that were no request, and to connections that are not taken: no response of Node's belongs to these.
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { type Refusal, refusalBody } from '../refusal.ts';
import { STATUS_CODES } from './http.ts';
import { linger } from './linger.ts';

/** @param headers flat */
function headerLines(headers: readonly string[]): string[] {
  return headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${headers[at + 1]}`] : []));
}

/** Answers, and ends the connection. */
export function answerUnparsed(socket: Duplex, refusal: Refusal): void {
  const requestId = randomUUID();
  const body = refusalBody(refusal, requestId);
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    'Cache-Control: no-store',
    `X-Request-Id: ${requestId}`,
    'Onetime-Gateway-Outcome: not_sent',
    ...headerLines(refusal.details.headers ?? []),
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  linger(socket);
}
