// Regions that break off or fall silent, at each stage of an answer.
import type { Case, Section } from './case.ts';
import { isTold } from './judge.ts';
import { dribbles, HEAD, writes, writesAndEnds, writesAndResets } from './region-acts.ts';
import { broken, REVEAL } from './region-cases.ts';
import type { Behave } from './witness.ts';

const HALF_A_HEAD = 'HTTP/1.1 200 OK\r\nConte';
const WHOLE_HEAD = `${HEAD}Content-Length: 9\r\n\r\n`;
const HALF_A_BODY = `${WHOLE_HEAD}{"a"`;
const HALF_A_CHUNK = `${HEAD}Transfer-Encoding: chunked\r\n\r\n9\r\n{"a"`;

const silent = (name: string, sent: string, region: Behave): Case => broken(name, sent, region, isTold, 504);

/** Of a connection that has served before: a proxy may take it for one that was just closed, and send again. */
const used = (name: string, sent: string, bytes: string, region: Behave): Case => ({
  ...broken(name, sent, region),
  bytes,
  isWarm: true,
});
const resets: Behave = (socket) => socket.resetAndDestroy();
const LOOK_AT = `GET /api/v1/private/abcdefghij0123456789abcdefghij0 HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Basic eDp5\r\n\r\n`;

const USED: readonly Case[] = [
  used(
    'reset on a used connection',
    'a reset when the request has arrived on a connection that was kept',
    REVEAL,
    resets,
  ),
  used(
    'reset on a used connection, with Idempotency-Key',
    'the same; the caller has sent `Idempotency-Key`',
    REVEAL.replace('\r\n\r\n', '\r\nIdempotency-Key: 5b0f2a1c-7c2e-4d0b-9c3a-2f4f6a1d9e10\r\n\r\n'),
    resets,
  ),
  used(
    'reset on a used connection, GET',
    'the same, of `GET /api/v1/private/KEY`, which shows a new secret once',
    LOOK_AT,
    resets,
  ),
  used(
    'half close on a used connection, GET',
    'the same, and the region ends its side',
    LOOK_AT,
    (socket) => void socket.end(),
  ),
];

const STAGES: readonly Case[] = [
  broken('reset before the head of a reveal', 'a reset when the request has arrived', (socket) =>
    socket.resetAndDestroy(),
  ),
  broken('reset in the head', 'a reset in the middle of the head', writesAndResets(HALF_A_HEAD)),
  broken('reset behind the head', 'a reset when the head has left', writesAndResets(WHOLE_HEAD)),
  broken('reset in the body', 'a reset in the middle of the body', writesAndResets(HALF_A_BODY)),
  broken('reset in a chunk', 'a reset in the middle of a chunk', writesAndResets(HALF_A_CHUNK)),
  broken('half close before the head', 'the region ends its side, and says nothing', (socket) => void socket.end()),
  broken('half close in the head', 'the region ends its side in the head', writesAndEnds(HALF_A_HEAD)),
  broken('half close in the body', 'the region ends its side in the body', writesAndEnds(HALF_A_BODY)),
  silent('silence', 'nothing, on an open connection', () => {}),
  silent('silence in the body', 'half a body, then nothing', writes(HALF_A_BODY)),
  silent('dribbled head', 'a byte of the head every 100 ms', dribbles('HTTP/1.1 200 OK\r\nX-A: ')),
  silent('dribbled body', 'a byte of the body every 100 ms', dribbles(`${HEAD}Content-Length: 9000\r\n\r\n`)),
  {
    name: 'refused connections',
    by: 'region',
    sent: 'nothing: it cannot be reached',
    bytes: REVEAL,
    isAway: true,
    judge: isTold,
    gateway: { status: 502, outcome: 'not_sent', requests: 0 },
  },
];

export const BROKEN_OFF: readonly Section[] = [
  { title: 'Breaking off, and silence', cases: STAGES },
  { title: 'Connections that were kept', cases: USED },
];
