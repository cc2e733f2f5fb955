// Scenarios about a proxy that is told to end while a secret is on its way.
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { openFolder } from '../support/folder.ts';
import { rawCaller } from '../support/raw.ts';
import { readAnswers } from './answers.ts';
import { CLOSE, FORM, HOST, head, SECRET } from './caller-acts.ts';
import { ok } from './region-acts.ts';
import { SAFE, type Scenario, type Told, weak } from './scenario.ts';
import { GATEWAY, type Startable, type Stop, type Subject } from './subjects.ts';
import { openWitness } from './witness.ts';

const REVEAL = head(`POST ${SECRET} HTTP/1.1`, HOST, CLOSE, FORM, 'Content-Length: 0');
/** Shorter than anybody here waits for a region. */
const HEARD_WITHIN_MS = 700;
const POLL_MS = 10;

function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((settle) => {
    const socket = connect(Number(port), hostname);
    socket.on('connect', () => settle(true));
    socket.on('error', () => settle(false));
    socket.on('connect', () => socket.destroy());
  });
}

/** Whoever has heard the signal takes no new connections, or is gone. */
async function hasHeard({ url }: Subject): Promise<void> {
  const untilMs = performance.now() + HEARD_WITHIN_MS;
  while (performance.now() < untilMs && (await isListening(url))) await delay(POLL_MS);
}

/** A reveal is at the region when the signal comes; the region answers afterwards. */
async function endsInTheMiddle(proxy: Startable, signal: Stop): Promise<Told> {
  using folder = openFolder();
  await using region = await openWitness();
  const { promise: held, resolve: hold } = Promise.withResolvers<Socket>();
  region.behave = hold;
  await using subject = await proxy.start(folder.path, region.port, 'plain');
  const caller = rawCaller(subject.url);
  caller.send(REVEAL);
  const socket = await held;
  process.kill(subject.pid, signal);
  await hasHeard(subject);
  socket.write(ok());
  const [answer] = readAnswers(await caller.closed, false);
  await subject.ended;
  const isWhole = answer?.status === 200 && answer.isWhole;
  return {
    back: answer === undefined ? 'no answer' : `${answer.status}${answer.isWhole ? ', whole' : ', not whole'}`,
    saw: region.requests.length === 1 ? 'one request' : `${region.requests.length} requests`,
    judgement: isWhole ? SAFE : weak('the secret is gone, and its caller was told nothing'),
  };
}

export const ENDINGS: readonly Scenario[] = [
  {
    name: 'SIGTERM in the middle of a reveal',
    sent: 'SIGTERM while the region has the request; then it answers',
    back: '200, whole',
    saw: 'one request',
    run: () => endsInTheMiddle(GATEWAY, 'SIGTERM'),
    at: (peer) => endsInTheMiddle(peer, 'SIGTERM'),
  },
  {
    name: 'the stop of one’s own in the middle of a reveal',
    sent: 'the same, with the signal that each has for an end without losses: SIGTERM, SIGQUIT for nginx, SIGUSR1 for HAProxy',
    back: '200, whole',
    saw: 'one request',
    run: () => endsInTheMiddle(GATEWAY, 'SIGTERM'),
    at: (peer) => endsInTheMiddle(peer, peer.softStop),
  },
];
