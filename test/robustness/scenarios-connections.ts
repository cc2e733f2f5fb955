// Scenarios about how many connections there may be: below the bound, at it and above it.
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type RawCaller, rawCaller } from '../support/raw.ts';
import { readAnswers } from './answers.ts';
import { asked, GET, seen, soon } from './bounded.ts';
import { CLOSE, HOST, head, LOOK } from './caller-acts.ts';
import { ok, writes } from './region-acts.ts';
import { SAFE, type Scenario, type Told, weak } from './scenario.ts';
import { BOUNDS } from './subjects.ts';
import type { Witness } from './witness.ts';

/** How soon an honest call has to be answered. */
const HONEST_MS = 400;
/** How long the others have been unused by then: less than anybody lets them. */
const UNUSED_MS = 400;
const ADDRESS = BOUNDS.connectionsAnAddress;
const ALL = BOUNDS.connections;

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

const NO_BOUND = 'it has no bound for that';
const NGINX_COUNTS = 'its bound counts connections to regions, too';

export const MANY_CONNECTIONS: readonly Scenario[] = [
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
];
