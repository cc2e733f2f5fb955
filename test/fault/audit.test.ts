// Regions that fail in the middle and callers that hang up: whatever a region received has a record that says so, and what a
// record says was not sent was not.
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import type { AuditRecord } from '../../src/audit/record.ts';
import { type AuditedLab, openAudited } from '../support/audited.ts';
import { openBrokenRegion } from '../support/broken-region.ts';
import { basic, type Reply } from '../support/http.ts';
import { BRUNO } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';

const CALLS = 400;
const CALLERS = 10;
const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };
const PASSTHROUGH = [{ prefix: '/app', region: 'eu', credentials: 'forward' }];

/** The same numbers each time: mulberry32. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pick<T>(of: readonly [T, ...T[]], random: () => number): T {
  return of[Math.floor(random() * of.length)] ?? of[0];
}

function head(body: string, more = ''): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
}

/** What a region does once it has received a request. */
const FAULTS: readonly [(socket: Socket, answer: string) => void, ...((socket: Socket, answer: string) => void)[]] = [
  (socket, answer) => socket.write(answer),
  (socket, answer) => socket.write(answer),
  (socket, answer) => socket.write(answer),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.end(),
  (socket, answer) => socket.end(answer.slice(0, -1)),
  // It closes, and does not say that it will: the connection that is kept is stale.
  (socket, answer) => socket.end(answer),
  (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'),
  (socket) => socket.end('no answer at all\r\n\r\n'),
];

const traceOf = (number: number): string => (number + 1).toString(16).padStart(32, '0');

const KINDS: readonly [readonly [string, string, string], ...(readonly [string, string, string])[]] = [
  ['POST', '/api/v1/share', 'secret=x'],
  ['GET', '/eu/api/v1/status', ''],
  ['GET', '/api/v1/private/recent', ''],
  ['GET', '/app/page', ''],
  ['POST', '/app/form', 'a=b'],
];

/** @returns undefined where the caller has hung up */
async function make(lab: AuditedLab, number: number, random: () => number): Promise<Reply | undefined> {
  const [method, path, body] = pick(KINDS, random);
  const traceparent = `00-${traceOf(number)}-00f067aa0ba902b7-01`;
  if (random() > 0.2) {
    const sent = { as: BRUNO, headers: { traceparent }, ...(body === '' ? {} : { body }) };
    return lab.call(method, path, sent).catch(() => undefined);
  }
  const caller = rawCaller(lab.gateway.url);
  const headers = `Host: x\r\nAuthorization: ${basic(BRUNO)}\r\ntraceparent: ${traceparent}\r\n`;
  caller.send(`${method} ${path} HTTP/1.1\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`);
  setTimeout(() => caller.socket.destroy(), random() * 4);
  await caller.closed;
  return undefined;
}

/** What is wrong with a record of a call that its region received so often. */
function wrongWith({ upstream, outcome, region }: AuditRecord, received: number, host: string): string | undefined {
  if (received > 1) return 'received twice';
  const isSaid = upstream === host && region === 'eu' && (outcome === 'unknown' || outcome === 'delivered');
  if (received === 1) return isSaid ? undefined : `received, and said to be ${outcome}`;
  if (outcome === 'delivered') return upstream === null && region === null ? undefined : 'said to be delivered';
  return outcome === 'not_sent' && upstream !== null ? 'not sent, to somebody' : undefined;
}

it.each([1, 2, 3])(
  'every record says what its region knows (seed %i)',
  async (seed) => {
    const random = chance(seed);
    const region = await openBrokenRegion((socket, request) => {
      if (request.includes('/authcheck')) socket.write(head('{"status":"nominal"}'));
      else pick(FAULTS, random)(socket, head('[]'));
    });
    const host = new URL(region.url).host;
    // Its breaker would let nothing go.
    const config = { passthrough: PASSTHROUGH, limits: LIMITS, health: { breaker: { failures: 100_000 } } };
    await using lab = await openAudited({ upstreams: { eu: [region.url] }, config });
    const replies = new Map<number, Reply>();
    let next = 0;
    const callers = Array.from({ length: CALLERS }, async () => {
      for (let number = next++; number < CALLS; number = next++) {
        const reply = await make(lab, number, random);
        if (reply !== undefined) replies.set(number, reply);
      }
    });
    await Promise.all(callers);
    await lab.end();
    await region.close();

    const records = lab.records();
    const byRequest = new Map(records.map((record) => [record.request, record]));
    // The gateway's own question carries no trace, and has no record.
    const received = region.received.filter((request) => /\ntraceparent: /i.test(request));
    expect(
      region.received
        .filter((request) => !received.includes(request))
        .every((request) => request.startsWith('GET /api/v1/status ')),
    ).toBe(true);
    const calls = received.filter((request) => !request.includes('/authcheck'));
    const wrong = [...replies].flatMap(([number, { headers }]) => {
      const record = byRequest.get(headers['x-request-id']);
      const received = calls.filter((request) => request.includes(traceOf(number))).length;
      return record === undefined ? ['no record'] : (wrongWith(record, received, host) ?? []);
    });
    expect(wrong).toEqual([]);
    // Also of those who had hung up.
    const sent = records.filter(({ kind, upstream }) => kind === 'request' && upstream === host);
    expect(sent.length).toBeGreaterThanOrEqual(calls.length);
    const asked = records.filter(({ kind, upstream }) => kind === 'verify' && upstream === host);
    expect(asked).toHaveLength(received.length - calls.length);
    expect(records.filter(({ kind }) => kind === 'request')).toHaveLength(
      new Set(records.filter(({ kind }) => kind === 'request').map(({ request }) => request)).size,
    );
    const outcomes = Map.groupBy(sent, ({ outcome }) => outcome);
    for (const outcome of ['delivered', 'unknown']) expect(outcomes.get(outcome)?.length).toBeGreaterThan(20);
    expect(records.filter(({ kind }) => kind === 'gap')).toEqual([]);
    expect(await lab.verify()).toMatchObject({ good: true });
  },
  60_000,
);
