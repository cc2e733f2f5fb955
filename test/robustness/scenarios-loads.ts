// Scenarios of many connections and many paths.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { sendMadeUp } from '../security/made-up.ts';
import { call } from '../support/http.ts';
import { rawCaller } from '../support/raw.ts';
import { beforeTwin, inLab, SAFE, type Scenario, type Told, weak } from './scenario.ts';
import type { Variant } from './subjects.ts';

const HONEST = 50;
const SOON_MS = 500;
const DROP_MS = 100;
const SLOW = 200;
const IDLE = 5000;
/** Connections that are opened at a time, so that no queue of a listener is full. */
const AT_A_TIME = 200;
/** Between honest calls, so that they last for a second. */
const PAUSE_MS = 20;

interface Place {
  readonly url: string;
  /** Of paths. */
  readonly prefix: string;
  /** How many requests the region has seen. */
  reached(): number;
  /** What it tells of itself. */
  metrics(): Promise<string>;
}

/** How many honest calls of `HONEST`, one behind the other, were answered soon. */
async function honestCalls({ url, prefix }: Place): Promise<number> {
  let soon = 0;
  for (let at = 0; at < HONEST; at++) {
    const sinceMs = performance.now();
    const { status } = await call(url, 'POST', `${prefix}/api/v1/share`, { body: 'secret=x' });
    if (status === 200 && performance.now() - sinceMs < SOON_MS) soon++;
    await delay(PAUSE_MS);
  }
  return soon;
}

const told = (soon: number, beside: string, reached: number): Told => ({
  back: `${soon} of ${HONEST} honest calls within ${SOON_MS} ms, beside ${beside}`,
  saw: `${reached} requests`,
  judgement: soon === HONEST ? SAFE : weak('honest calls have to wait'),
});

async function slowBodies(place: Place): Promise<Told> {
  const { host } = new URL(place.url);
  const slow = Array.from({ length: SLOW }, () => rawCaller(place.url));
  await Promise.all(slow.map(({ socket }) => once(socket, 'connect')));
  const head = `POST ${place.prefix}/api/v1/share HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 9000\r\n\r\n`;
  for (const caller of slow) caller.send(head);
  const timer = setInterval(() => {
    for (const caller of slow) caller.send('x');
  }, DROP_MS);
  const soon = await honestCalls(place);
  clearInterval(timer);
  const held = slow.filter(({ socket }) => socket.writable).length;
  for (const { socket } of slow) socket.destroy();
  return told(soon, `${held} slow ones`, place.reached());
}

async function idleConnections(place: Place): Promise<Told> {
  const { hostname, port } = new URL(place.url);
  const idle = [];
  while (idle.length < IDLE) {
    const some = Array.from({ length: AT_A_TIME }, () => connect(Number(port), hostname));
    await Promise.all(some.map((socket) => once(socket, 'connect')));
    for (const socket of some) socket.on('error', () => {});
    idle.push(...some);
  }
  const soon = await honestCalls(place);
  for (const socket of idle) socket.destroy();
  return told(soon, `${IDLE.toLocaleString('en')} idle connections`, place.reached());
}

const PATHS = 100_000;
/** After so many every series is there that these requests can have. */
const WARM = 5000;

async function seriesOf(place: Place): Promise<string[]> {
  const lines = (await place.metrics()).split('\n').filter((line) => /^(?:onetime_gateway|haproxy|caddy)_/.test(line));
  return lines.map((line) => line.slice(0, line.lastIndexOf(' ')));
}

async function randomPaths(place: Place): Promise<Told> {
  await sendMadeUp(place.url, WARM, 1);
  // Whoever reads them may be counted, too.
  await place.metrics();
  const before = new Set(await seriesOf(place));
  await sendMadeUp(place.url, PATHS - WARM, 2);
  const more = (await seriesOf(place)).filter((series) => !before.has(series)).length;
  const reached = place.reached();
  return {
    back: more === 0 ? 'as many series as before' : `${more} more series`,
    saw: reached === 0 ? 'nothing' : `${reached.toLocaleString('en')} requests`,
    judgement: more === 0 ? SAFE : weak('what callers make up stays'),
  };
}

function asked(
  variant: Variant,
  ask: (place: Place) => Promise<Told>,
  config: Readonly<Record<string, unknown>> = {},
): Pick<Scenario, 'run' | 'at'> {
  return {
    run: () =>
      inLab(
        (lab) =>
          ask({
            url: lab.gateway.url,
            prefix: '/us',
            reached: () => lab.us.requests.length + lab.eu.requests.length,
            metrics: () => lab.metrics(),
          }),
        { log: { level: 'fatal' }, ...config },
      ),
    at: (peer) =>
      beforeTwin(peer, variant, ({ url, metricsUrl = '' }, twin) =>
        ask({
          url,
          prefix: '',
          reached: () => twin.requests.length,
          metrics: async () => (await fetch(metricsUrl)).text(),
        }),
      ),
  };
}

const OFF = { mode: 'off' };
const NO_LIMITS = {
  limits: { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF },
};

export const LOADS: readonly Scenario[] = [
  {
    name: '200 slow bodies',
    sent: `${SLOW} bodies of which a byte comes every ${DROP_MS} ms, and ${HONEST} honest calls`,
    back: `${HONEST} of ${HONEST} honest calls within ${SOON_MS} ms, beside ${SLOW} slow ones`,
    saw: `${HONEST} requests`,
    ...asked('patient', slowBodies),
  },
  {
    name: '5,000 idle connections',
    sent: `5,000 connections on which nothing comes, and ${HONEST} honest calls`,
    back: `${HONEST} of ${HONEST} honest calls within ${SOON_MS} ms, beside 5,000 idle connections`,
    saw: `${HONEST} requests`,
    ...asked('patient', idleConnections),
  },
  {
    name: 'random paths against the series count',
    sent: '100,000 requests of paths, methods, hosts, regions and accounts that nobody has',
    back: 'as many series as before',
    saw: 'nothing',
    ...asked('metrics', randomPaths, NO_LIMITS),
  },
];
