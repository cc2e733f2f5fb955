// What one request may be: below each bound, at it and above it.
import { BODY, CLOSE, FORM, HOST, head, LOOK } from './caller-acts.ts';
import type { Case, Section } from './case.ts';
import { isRefused, isServed } from './judge.ts';
import { BOUNDS } from './subjects.ts';

const BUFFER = 'its bound is the size of a buffer';
const SERVED = { status: 200, outcome: 'delivered', requests: 1 } as const;

/** @param bytesOf a request of that size @param status above the bound */
function around(
  what: string,
  bound: number,
  bytesOf: (size: number) => string,
  status: number,
  lacking: Case['lacking'] = {},
): Case[] {
  const common = { by: 'caller', variant: 'bounded', lacking } as const;
  const refused = { status, outcome: 'not_sent', requests: 0 } as const;
  return [bound - 1, bound, bound + 1].map((size): Case => {
    const where = size < bound ? 'below' : size > bound ? 'above' : 'at';
    const named = {
      ...common,
      name: `${what}: ${where} the bound`,
      sent: `${size.toLocaleString('en')} ${what}, of ${bound.toLocaleString('en')} at most`,
    };
    const bytes = bytesOf(size);
    return size > bound
      ? { ...named, bytes, judge: isRefused(), gateway: refused }
      : { ...named, bytes, judge: isServed, gateway: SERVED };
  });
}

const get = (target: string, ...lines: string[]): string => head(`GET ${target} HTTP/1.1`, HOST, CLOSE, ...lines);
const withTarget = (length: number): string => get(`${LOOK}?`.padEnd(length, 'x'));
/** Host and Connection are two of them. */
const withHeaders = (count: number): string => get(LOOK, ...Array.from({ length: count - 2 }, (_, at) => `X-${at}: y`));
/** As they stand on the wire, each with its line end. */
const withHeaderBytes = (bytes: number): string =>
  get(LOOK, `X: ${'x'.repeat(bytes - `${HOST}\r\n${CLOSE}\r\nX: \r\n`.length)}`);
const withBody = (length: number): string =>
  head('POST /api/v1/share HTTP/1.1', HOST, CLOSE, FORM, `Content-Length: ${length}`) + BODY.padEnd(length, 'x');

export const REQUEST_BOUNDS: readonly Section[] = [
  {
    title: 'Bounds of a request',
    cases: [
      ...around('characters of path and query', BOUNDS.targetBytes, withTarget, 414, {
        nginx: BUFFER,
        Caddy: 'it has no bound for that',
      }),
      ...around('headers', BOUNDS.headerCount, withHeaders, 431, {
        nginx: 'it has no bound for that',
        Caddy: 'it has no bound for that',
      }),
      ...around('bytes of headers', BOUNDS.headerBytes, withHeaderBytes, 431, {
        nginx: BUFFER,
        HAProxy: BUFFER,
        Caddy: 'it takes 4 kB more than its bound',
      }),
      ...around('bytes of a body', BOUNDS.bodyBytes, withBody, 413),
    ],
  },
];
