// Scenarios of many: addresses, connections, paths.
import { Agent } from 'node:http';
import { type Call, call } from '../support/http.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';
import type { Result, Scenario } from './scenarios.ts';

const TRUSTING = { listen: { host: '127.0.0.1', port: 0, trustProxy: ['127.0.0.1'] } };
/** What one address may ask at once as shipped (config/gateway.yaml), and what it gets back while the slowest run lasts. */
const MOST = 30;
const FEW = `fewer than ${MOST}`;
const LANES = 8;

/** Runs `count` jobs, some at a time. */
async function inLanes(count: number, job: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await job(next++);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function inLab(config: Readonly<Record<string, unknown>>, run: (lab: Lab) => Promise<Result>): Promise<Result> {
  const lab = await openLab({ config });
  try {
    return await run(lab);
  } finally {
    await lab.close();
  }
}

/** A retrieval of a key that nobody has, each of another one. */
function guess(lab: Lab, at: number, from: string, agent?: Agent): Promise<{ readonly status: number }> {
  const options: Call = { headers: { 'X-Forwarded-For': from }, ...(agent && { agent }) };
  return call(lab.gateway.url, 'POST', `/us/api/v1/secret/${`guess${at}`.padEnd(31, '0')}`, options);
}

/** How many of `count` guesses got through, and whether somebody at another address still does. */
async function guessing(lab: Lab, count: number, from: (at: number) => string, other: string): Promise<Result> {
  const agent = new Agent({ keepAlive: true, maxSockets: LANES });
  const statuses = new Map<number, number>();
  await inLanes(count, async (at) => {
    const { status } = await guess(lab, at, from(at), agent);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  });
  agent.destroy();
  const reached = lab.us.requests.length;
  const answered = (statuses.get(404) ?? 0) === reached && (statuses.get(429) ?? 0) === count - reached;
  const { status } = await guess(lab, count, other);
  const through = reached < MOST ? FEW : `${reached}`;
  return {
    back: `${answered ? '429 for all others' : JSON.stringify([...statuses])}; another client: ${status}`,
    saw: `${through} of them`,
  };
}

const hex = (value: number): string => value.toString(16);

/** One after the other, until the first is refused: then the same address in its other form. */
async function mapped(lab: Lab): Promise<Result> {
  for (let at = 0; at < 20; at++) await guess(lab, at, '::ffff:192.0.2.1');
  const forms = ['192.0.2.1', '::ffff:c000:201', '192.0.2.2'];
  const statuses: number[] = [];
  for (const [at, form] of forms.entries()) statuses.push((await guess(lab, 20 + at, form)).status);
  const through = lab.us.requests.length < MOST ? FEW : `${lab.us.requests.length}`;
  return { back: statuses.join(', '), saw: through };
}

const SLOW = 200;
const HONEST = 50;
const SOON_MS = 500;
const DROP_MS = 100;

async function slowBodies(lab: Lab): Promise<Result> {
  const slow = Array.from({ length: SLOW }, () => rawCaller(lab.gateway.url));
  for (const caller of slow) caller.send('POST /us/api/v1/share HTTP/1.1\r\nHost: g\r\nContent-Length: 9000\r\n\r\n');
  const timer = setInterval(() => {
    for (const caller of slow) caller.send('x');
  }, DROP_MS);
  let soon = 0;
  for (let at = 0; at < HONEST; at++) {
    const begun = performance.now();
    const { status } = await lab.call('POST', '/us/api/v1/share', { body: 'secret=x' });
    if (status === 200 && performance.now() - begun < SOON_MS) soon++;
  }
  clearInterval(timer);
  const held = slow.filter(({ socket }) => socket.writable).length;
  for (const { socket } of slow) socket.destroy();
  return {
    back: `${soon} of ${HONEST} honest calls within ${SOON_MS} ms, beside ${held} slow ones`,
    saw: `${lab.us.requests.length} requests`,
  };
}

const PATHS = 2000;
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];

/** The gateway's own: Node's have one more for each kind of garbage collection that has happened. */
async function seriesOf(lab: Lab): Promise<number> {
  return (await lab.metrics()).split('\n').filter((line) => line.startsWith('onetime_gateway_')).length;
}

/** Each differs from all others; the first hundred are there before the count, so that every kind of refusal is. */
async function randomPaths(lab: Lab): Promise<Result> {
  const agent = new Agent({ keepAlive: true, maxSockets: LANES });
  const ask = async (at: number): Promise<void> => {
    const method = METHODS[at % METHODS.length] ?? 'GET';
    const path =
      ['/', '/api/v1/', '/api/v2/secret/', '/us/api/v1/private/'][at % 4] + hex((at * 2_654_435_761) % 2 ** 32);
    await call(lab.gateway.url, method, path, { agent, headers: { Host: `h${at}.example` } });
  };
  await inLanes(100, ask);
  const before = await seriesOf(lab);
  await inLanes(PATHS, (at) => ask(at + 100));
  agent.destroy();
  const after = await seriesOf(lab);
  const seen = lab.us.requests.length + lab.eu.requests.length;
  return {
    back: after === before ? 'as many series as before' : `${after - before} more series`,
    saw: seen === 0 ? 'nothing' : `${seen} requests`,
  };
}

const GUESSING = { back: '429 for all others; another client: 404', saw: `${FEW} of them` };

export const CROWDS: readonly Scenario[] = [
  {
    name: '10,000 addresses of one /64',
    sent: '10,000 retrievals of keys that nobody has, each from another address, behind a trusted load balancer',
    ...GUESSING,
    run: () =>
      inLab(TRUSTING, (lab) =>
        guessing(lab, 10_000, (at) => `2001:db8:1:2:${hex(at)}::${hex(at * 7)}`, '2001:db8:1:3::1'),
      ),
  },
  {
    name: 'rotating X-Forwarded-For',
    sent: '200 retrievals of keys that nobody has, each with another X-Forwarded-For, from nobody’s load balancer',
    back: '429 for all others; another client: 429',
    saw: `${FEW} of them`,
    run: () => inLab({}, (lab) => guessing(lab, 200, (at) => `198.51.${at % 200}.7`, '203.0.113.9')),
  },
  {
    name: 'IPv4-mapped addresses',
    sent: '20 retrievals from `::ffff:192.0.2.1`; then from `192.0.2.1`, `::ffff:c000:201`, and `192.0.2.2`',
    back: '429, 429, 404',
    saw: FEW,
    run: () => inLab(TRUSTING, mapped),
  },
  {
    name: '200 slow bodies',
    sent: '200 bodies of which a byte comes every 100 ms, and 50 honest calls',
    back: `${HONEST} of ${HONEST} honest calls within ${SOON_MS} ms, beside ${SLOW} slow ones`,
    saw: `${HONEST} requests`,
    run: () => inLab({}, slowBodies),
  },
  {
    name: 'random paths against the series count',
    sent: `${PATHS.toLocaleString('en')} requests of paths, methods and hosts of their own`,
    back: 'as many series as before',
    saw: 'nothing',
    run: () => inLab({}, randomPaths),
  },
];
