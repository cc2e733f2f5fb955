// Requests of callers that are hostile or broken, and the two ways in which one is refused.
import type { Case } from './case.ts';
import { FOLLOWING, isRefused } from './judge.ts';

export const KEY = 'abcdefghij0123456789abcdefghij0';
export const SECRET = `/api/v1/secret/${KEY}`;
/** A GET that reaches the region. */
export const LOOK = `/api/v2/secret/${KEY}`;
export const HOST = 'Host: gateway';
export const CLOSE = 'Connection: close';
export const FORM = 'Content-Type: application/x-www-form-urlencoded';
const EMPTY = 'Content-Length: 0';
export const CREDENTIALS = 'Authorization: Basic eDp5';
export const BODY = 'secret=x';
export const CHUNKED = 'Transfer-Encoding: chunked';
export const CHUNKS = `8\r\n${BODY}\r\n0\r\n\r\n`;

export const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
export const get = (...lines: string[]): string => head(`GET ${LOOK} HTTP/1.1`, ...lines);
export const create = (...lines: string[]): string => head('POST /api/v1/share HTTP/1.1', HOST, FORM, ...lines);

function refused(name: string, sent: string, bytes: string, judge: Case['judge'], status: number): Case {
  return { name, sent, by: 'caller', bytes, judge, gateway: { status, outcome: 'not_sent', requests: 0 } };
}

/** Refused. Two readers could find its end at two places: nothing behind it on the connection may be believed. */
export function doubtful(name: string, sent: string, bytes: string, odd?: RegExp, status = 400): Case {
  return refused(name, sent, bytes + FOLLOWING, isRefused(odd, 'doubtful'), status);
}

/** Refused. It is clear where it ends, so that what comes behind it may be served. */
export function unwanted(name: string, sent: string, bytes: string, odd?: RegExp, status = 400): Case {
  return refused(name, sent, bytes + FOLLOWING, isRefused(odd), status);
}

/** Refused: well-formed, and none of the API's. */
export function foreign(name: string, sent: string, line: string, odd?: RegExp, status = 400): Case {
  return refused(name, sent, head(line, HOST, CLOSE, EMPTY), isRefused(odd), status);
}
