// Scenarios about what one connection may do: below each bound, at it and above it.
import { once } from 'node:events';
import { rawCaller } from '../support/raw.ts';
import { readAnswers } from './answers.ts';
import { asked, GET, seen, soon } from './bounded.ts';
import { CLOSE, FORM, HOST, head } from './caller-acts.ts';
import { SAFE, type Scenario, type Told, weak } from './scenario.ts';
import { MANY_CONNECTIONS } from './scenarios-connections.ts';
import { BOUNDS } from './subjects.ts';
import type { Witness } from './witness.ts';

const MOST = BOUNDS.requestsAConnection;

/** Connections with one request less than one may have, as many, and one more: each behind the other. */
async function requestsAConnection(url: string, region: Witness): Promise<Told> {
  const told: string[] = [];
  for (const count of [MOST - 1, MOST, MOST + 1]) {
    const caller = rawCaller(url);
    caller.send(GET.repeat(count));
    await soon(caller.closed);
    const served = readAnswers(caller.received(), false).filter(({ status }) => status === 200).length;
    caller.socket.destroy();
    told.push(`${served} of ${count}`);
  }
  const back = told.join(', ');
  const saw = region.requests.length;
  const right =
    back === `${MOST - 1} of ${MOST - 1}, ${MOST} of ${MOST}, ${MOST} of ${MOST + 1}` && saw === 3 * MOST - 1;
  return { back, saw: seen(region), judgement: right ? SAFE : weak('not what was configured') };
}

const IDLE_MS = BOUNDS.idleSeconds * 1000;

/** A connection that has been used, and is not any more. */
async function idle(url: string, region: Witness): Promise<Told> {
  const caller = rawCaller(url);
  caller.send(GET);
  await once(caller.socket, 'data');
  const isEarly = await soon(caller.closed, IDLE_MS / 2);
  const isEnded = isEarly || (await soon(caller.closed, 3 * IDLE_MS));
  caller.socket.destroy();
  const kept = isEarly ? 'ended at once' : 'kept for half a second';
  return {
    back: isEarly ? kept : `${kept}, ${isEnded ? 'ended within three' : 'still there after three'}`,
    saw: seen(region),
    judgement: !isEarly && isEnded ? SAFE : weak('not what was configured'),
  };
}

const PART = 'x'.repeat(100);
const PARTS = 9;

/** A body of 900 bytes in parts of 100. @returns the status that came of it */
async function bodyAt(url: string, bytesPerSecond: number): Promise<number> {
  const caller = rawCaller(url);
  caller.send(head('POST /api/v1/share HTTP/1.1', HOST, CLOSE, FORM, `Content-Length: ${PARTS * PART.length}`));
  for (let part = 0; part < PARTS && caller.received() === '' && !caller.socket.destroyed; part++) {
    caller.send(PART);
    await soon(caller.closed, (PART.length / bytesPerSecond) * 1000);
  }
  await soon(caller.closed);
  caller.socket.destroy();
  return readAnswers(caller.received(), false)[0]?.status ?? 0;
}

async function leastRate(url: string, region: Witness): Promise<Told> {
  const rates = [2 * BOUNDS.bytesPerSecond, BOUNDS.bytesPerSecond / 2];
  const [fast, slow] = await Promise.all(rates.map((rate) => bodyAt(url, rate)));
  return {
    back: `${fast}, ${slow}`,
    saw: seen(region),
    judgement: fast === 200 && slow === 408 ? SAFE : weak('not what was configured'),
  };
}

const NO_BOUND = 'it has no bound for that';
const NO_RATE = 'it has no least rate';

export const CONNECTION_BOUNDS: readonly Scenario[] = [
  {
    name: 'requests a connection',
    sent: `${MOST - 1}, ${MOST} and ${MOST + 1} requests on a connection, of ${MOST}`,
    back: `${MOST - 1} of ${MOST - 1}, ${MOST} of ${MOST}, ${MOST} of ${MOST + 1}`,
    saw: `${3 * MOST - 1} requests`,
    ...asked('bounded', requestsAConnection, {
      HAProxy: NO_BOUND,
      Caddy: NO_BOUND,
    }),
  },
  ...MANY_CONNECTIONS,
  {
    name: 'idle time',
    sent: `a request, and nothing more; unused connections are kept for ${BOUNDS.idleSeconds} s`,
    back: 'kept for half a second, ended within three',
    saw: 'one request',
    ...asked('bounded', idle),
  },
  {
    name: 'least rate',
    sent: `bodies that come twice as fast as ${BOUNDS.bytesPerSecond} B/s, and half as fast`,
    back: '200, 408',
    saw: 'one request',
    ...asked('bounded', leastRate, { nginx: NO_RATE, HAProxy: NO_RATE, Caddy: NO_RATE }),
  },
];
