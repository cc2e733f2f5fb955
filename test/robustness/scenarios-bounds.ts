// Scenarios about what one connection may do, and one address: below each bound, at it and above it.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { openFolder } from '../support/folder.ts';
import { type RawCaller, rawCaller } from '../support/raw.ts';
import { readAnswers } from './answers.ts';
import { CLOSE, FORM, HOST, head, LOOK } from './caller-acts.ts';
import { ok, writes } from './region-acts.ts';
import { SAFE, type Scenario, type Told, weak } from './scenario.ts';
import { BOUNDS, GATEWAY, type Startable, type Variant } from './subjects.ts';
import { openWitness, type Witness } from './witness.ts';

/** Longer than any of them takes to answer. */
const SOON_MS = 1500;
const GET = head(`GET ${LOOK} HTTP/1.1`, HOST);

async function before(
  proxy: Startable,
  variant: Variant,
  ask: (url: string, region: Witness) => Promise<Told>,
): Promise<Told> {
  using folder = openFolder();
  await using region = await openWitness();
  region.behave = writes(ok());
  await using subject = await proxy.start(folder.path, region.port, variant);
  return await ask(subject.url, region);
}

function asked(
  variant: Variant,
  ask: (url: string, region: Witness) => Promise<Told>,
  lacking: Readonly<Record<string, string>> = {},
): Pick<Scenario, 'run' | 'at'> {
  return {
    run: () => before(GATEWAY, variant, ask),
    at: (peer) => lacking[peer.name] ?? before(peer, variant, ask),
  };
}

const seen = ({ requests }: Witness): string => (requests.length === 1 ? 'one request' : `${requests.length} requests`);

/** Waits for an event, but not for ever. @returns whether it came */
async function soon(event: Promise<unknown>, withinMs = SOON_MS): Promise<boolean> {
  const bound = new AbortController();
  const late = delay(withinMs, false, { signal: bound.signal }).catch(() => false);
  const came = await Promise.race([event.then(() => true), late]);
  bound.abort();
  return came;
}

/** How soon an honest call has to be answered. */
const HONEST_MS = 400;
/** How long the others have been unused by then: less than anybody lets them. */
const UNUSED_MS = 400;
const MOST = BOUNDS.requestsAConnection;
const ADDRESS = BOUNDS.connectionsAnAddress;
const ALL = BOUNDS.connections;

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

/** Many connections, each with a request that the region holds; then it answers. @returns whose answer was 200 */
async function atOnce(
  url: string,
  region: Witness,
  from: readonly string[],
): Promise<{ served: number; told: number }> {
  const held: Socket[] = [];
  region.behave = (socket) => held.push(socket);
  const callers: RawCaller[] = [];
  for (const localAddress of from) {
    const sent = region.requests.length;
    const caller = rawCaller(url, { localAddress });
    caller.send(head(`GET ${LOOK} HTTP/1.1`, HOST, CLOSE));
    callers.push(caller);
    // The next one comes when this one is held, or refused.
    const isHeld = async (): Promise<void> => {
      while (region.requests.length === sent && caller.received() === '' && !caller.socket.destroyed) await delay(5);
    };
    await soon(isHeld(), 500);
  }
  for (const socket of held) socket.write(ok());
  await Promise.all(callers.map((caller) => soon(caller.closed)));
  const statuses = callers.map((caller) => readAnswers(caller.received(), false)[0]?.status);
  for (const { socket } of callers) socket.destroy();
  region.behave = writes(ok());
  const refused = statuses.filter((status) => status === 503).length;
  return { served: statuses.filter((status) => status === 200).length, told: refused };
}

/** @param addressOf of the connection of that number */
async function connections(
  url: string,
  region: Witness,
  most: number,
  addressOf: (at: number) => string,
): Promise<Told> {
  const back: string[] = [];
  let isRight = true;
  let told = 0;
  for (const count of [most - 1, most, most + 1]) {
    const from = Array.from({ length: count }, (_, at) => addressOf(at));
    const found = await atOnce(url, region, from);
    back.push(`${found.served} of ${count}`);
    told += found.told;
    isRight &&= found.served === Math.min(count, most);
  }
  const rest = told === 1 ? '; 503 for the other' : '; the other is not told';
  const saw = seen(region);
  return {
    back: isRight ? back.join(', ') + rest : back.join(', '),
    saw,
    judgement: isRight ? SAFE : weak('not what was configured'),
  };
}

/** As many as there may be, each unused after its first request; and a call of somebody else. */
async function unusedCrowd(url: string, region: Witness): Promise<Told> {
  const crowd: RawCaller[] = [];
  for (let at = 0; at < ALL; at++) {
    const caller = rawCaller(url, { localAddress: `127.0.1.${at + 1}` });
    caller.send(GET);
    await caller.sees(/\r\n\r\n/);
    crowd.push(caller);
  }
  await delay(UNUSED_MS);
  const honest = rawCaller(url, { localAddress: '127.0.2.1' });
  honest.send(head(`GET ${LOOK} HTTP/1.1`, HOST, CLOSE));
  const isServed = (await soon(honest.closed, HONEST_MS)) && readAnswers(honest.received(), false)[0]?.status === 200;
  for (const { socket } of [...crowd, honest]) socket.destroy();
  return {
    back: isServed ? `200 within ${HONEST_MS} ms` : `nothing within ${HONEST_MS} ms`,
    saw: seen(region),
    judgement: isServed ? SAFE : weak('who holds connections keeps others out'),
  };
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
const NGINX_COUNTS = 'its bound counts connections to regions, too';
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
  {
    name: 'connections of one address',
    sent: `${ADDRESS - 1}, ${ADDRESS} and ${ADDRESS + 1} at once, of ${ADDRESS}, each with a request`,
    back: `${ADDRESS - 1} of ${ADDRESS - 1}, ${ADDRESS} of ${ADDRESS}, ${ADDRESS} of ${ADDRESS + 1}; 503 for the other`,
    saw: `${3 * ADDRESS - 1} requests`,
    ...asked('bounded', (url, region) => connections(url, region, ADDRESS, () => '127.0.0.5'), {
      Caddy: 'Debian’s build has no bound for that',
    }),
  },
  {
    name: 'connections in all',
    sent: `${ALL - 1}, ${ALL} and ${ALL + 1} at once, of ${ALL}, each with a request and from another address`,
    back: `${ALL - 1} of ${ALL - 1}, ${ALL} of ${ALL}, ${ALL} of ${ALL + 1}; 503 for the other`,
    saw: `${3 * ALL - 1} requests`,
    ...asked('crowded', (url, region) => connections(url, region, ALL, (at) => `127.0.1.${at + 1}`), {
      nginx: NGINX_COUNTS,
      Caddy: NO_BOUND,
    }),
  },
  {
    name: 'unused connections, as many as there may be',
    sent: `${ALL} connections, of ${ALL}, that have been used once and are not any more; and a call on another one`,
    back: `200 within ${HONEST_MS} ms`,
    saw: `${ALL + 1} requests`,
    ...asked('crowded', unusedCrowd, { nginx: NGINX_COUNTS, Caddy: NO_BOUND }),
  },
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
