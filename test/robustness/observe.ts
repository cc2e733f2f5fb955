// One case at one proxy: what came back, what the region saw, and whether the next caller noticed anything.
import type { Socket } from 'node:net';
import { head, headers } from '../support/http2-frames.ts';
import { rawCaller } from '../support/raw.ts';
import { type Answer, readAnswers } from './answers.ts';
import type { Case, Observation } from './case.ts';
import { exchangeFrames } from './http2-exchange.ts';
import { ok } from './region-acts.ts';
import type { Subject } from './subjects.ts';
import type { Witness } from './witness.ts';

/** Longer than the longest time that any proxy here is given, but for what a case says. */
const BOUND_MS = 4000;
const DRIP_MS = 100;
const NEXT_KEY = 'nextcallerskey0123456789abcdef0';
const NEXT_BODY = '{"of":"the next caller"}';
const NEXT =
  `POST /api/v1/secret/${NEXT_KEY} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n` +
  'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\r\n';

const NEXT_FRAMED = { frames: [headers(1, head('POST', `/api/v1/secret/${NEXT_KEY}`, 'content-length', '0'))] };

function answersOk(socket: Socket): void {
  socket.write(ok(), 'latin1');
}

type Sending = Pick<Case, 'bytes' | 'behind100' | 'ends' | 'drips' | 'from' | 'boundMs' | 'framed' | 'isFlood'>;

interface Exchanged {
  readonly received: string;
  readonly closed: boolean;
}

/** Until the proxy ends the connection, or the bound. */
async function exchange(
  url: string,
  { bytes, behind100, ends, drips, from, boundMs = BOUND_MS }: Sending,
): Promise<Exchanged> {
  const caller = rawCaller(url, { allowHalfOpen: true, ...(from !== undefined && { localAddress: from }) });
  const { socket } = caller;
  socket.setDefaultEncoding('latin1');
  socket.on('end', () => socket.end());
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((settle) => {
    timer = setTimeout(() => settle(false), boundMs);
  });
  if (behind100 !== undefined) void caller.sees(/^HTTP\/1\.1 100 /).then(() => caller.send(behind100));
  caller.send(bytes);
  if (ends) socket.end();
  const dripping = drips && setInterval(() => socket.writable && caller.send('a'), DRIP_MS);
  const closed = await Promise.race([caller.closed.then(() => true), late]);
  clearTimeout(timer);
  clearInterval(dripping);
  const received = caller.received();
  socket.destroy();
  return { received, closed };
}

interface Heard extends Exchanged {
  readonly answers: readonly Answer[];
  readonly errors: readonly string[];
}

async function heard({ url, ca }: Subject, sending: Sending): Promise<Heard> {
  const { framed, isFlood, boundMs = BOUND_MS } = sending;
  if (framed !== undefined) {
    const exchanged = await exchangeFrames(url, ca, framed, boundMs);
    return isFlood ? { ...exchanged, errors: [] } : exchanged;
  }
  const exchanged = await exchange(url, sending);
  return { ...exchanged, answers: readAnswers(exchanged.received, sending.bytes.startsWith('HEAD ')), errors: [] };
}

/** Whoever comes next, on another connection, has an answer of its own to expect. */
async function isNextServed(subject: Subject, witness: Witness): Promise<boolean> {
  witness.forget();
  witness.behave = (socket, request) => socket.write(request.includes(NEXT_KEY) ? ok(NEXT_BODY) : ok());
  const next = subject.speaksHttp2 ? { bytes: '', framed: NEXT_FRAMED } : { bytes: subject.preface + NEXT };
  const [answer, ...more] = (await heard(subject, next)).answers;
  const own = answer?.status === 200 && answer.body === NEXT_BODY && more.length === 0;
  return own && witness.requests.length === 1 && witness.requests[0]?.includes(NEXT_KEY) === true;
}

export async function observe(one: Case, subject: Subject, witness: Witness): Promise<Observation> {
  if (one.isWarm) await isNextServed(subject, witness);
  witness.forget();
  witness.behave = one.region ?? answersOk;
  if (one.isAway) await witness.leave();
  const { answers, received, closed, errors } = await heard(subject, one);
  const requests = [...witness.requests];
  const unfinished = witness.unfinished();
  if (one.isAway) await witness.comeBack();
  const nextIsServed = await isNextServed(subject, witness);
  return { answers, received, closed, errors, requests, unfinished, nextIsServed, lives: subject.lives() };
}
