// Scenarios of many addresses: who guesses keys from all of them.
import { Agent } from 'node:http';
import { type Call, call } from '../support/http.ts';
import { inLanes, LANES } from './lanes.ts';
import { beforeTwin, inLab, SAFE, type Scenario, type Told, weak } from './scenario.ts';
import type { Variant } from './subjects.ts';

/** What one address may ask at once as shipped (config/gateway.yaml), and what it gets back while the slowest run lasts. */
const MOST = 30;
const FEW = `fewer than ${MOST}`;

/** Where keys are guessed. */
interface Place {
  readonly url: string;
  /** Of the path. */
  readonly prefix: string;
  /** How many guesses have reached the region. */
  reached(): number;
}

/** A retrieval of a key that nobody has, each of another one. */
function guess({ url, prefix }: Place, at: number, from: string, agent?: Agent): Promise<{ readonly status: number }> {
  const options: Call = { headers: { 'X-Forwarded-For': from }, ...(agent && { agent }) };
  return call(url, 'POST', `${prefix}/api/v1/secret/${`guess${at}`.padEnd(31, '0')}`, options);
}

interface Guessing {
  readonly count: number;
  /** The address that the guess of that number says it comes from. */
  from(at: number): string;
  /** Whoever comes afterwards, from another one. */
  readonly other: string;
  /** What that one has to be answered. */
  readonly expected: 404 | 429;
}

/** How many of the guesses got through, and whether somebody at another address still does. */
async function guessAt(place: Place, { count, from, other, expected }: Guessing): Promise<Told> {
  const agent = new Agent({ keepAlive: true, maxSockets: LANES });
  const statuses = new Map<number, number>();
  await inLanes(count, async (at) => {
    const { status } = await guess(place, at, from(at), agent);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  });
  agent.destroy();
  const through = place.reached();
  const isTold = (statuses.get(404) ?? 0) === through && (statuses.get(429) ?? 0) === count - through;
  const { status } = await guess(place, count, other);
  const rest = through === count ? '404 for all' : '429 for all others';
  return {
    back: `${isTold ? rest : JSON.stringify([...statuses])}; another client: ${status}`,
    saw: `${through < MOST ? FEW : through.toLocaleString('en')} of them`,
    judgement: judge(through, status === expected),
  };
}

function judge(through: number, isOtherRight: boolean): Told['judgement'] {
  if (through >= MOST) return weak('each address is another client');
  return isOtherRight ? SAFE : weak('another client is taken for the same');
}

const SAME = '192.0.2.1';
const FORMS = [SAME, '::ffff:c000:201', '192.0.2.2'];

/** One after the other, as many as all limits here allow at once: then the same address in its other form. */
async function mapped(place: Place): Promise<Told> {
  for (let at = 0; at < 20; at++) await guess(place, at, `::ffff:${SAME}`);
  const statuses: number[] = [];
  for (const [at, form] of FORMS.entries()) statuses.push((await guess(place, 20 + at, form)).status);
  const [same, again, other] = statuses;
  const through = place.reached();
  const isOne = same === 429 && again === 429;
  const right = other === 404 ? SAFE : weak('another client is taken for the same');
  return {
    back: statuses.join(', '),
    saw: through < MOST ? FEW : `${through}`,
    judgement: isOne ? right : weak('its other form is another client'),
  };
}

function asked(variant: Variant, ask: (place: Place) => Promise<Told>): Pick<Scenario, 'run' | 'at'> {
  const listen = { host: '127.0.0.1', port: 0, ...(variant === 'behind' && { trustProxy: ['127.0.0.1'] }) };
  return {
    run: () =>
      inLab((lab) => ask({ url: lab.gateway.url, prefix: '/us', reached: () => lab.us.requests.length }), { listen }),
    at: (peer) =>
      beforeTwin(peer, variant, ({ url }, twin) => ask({ url, prefix: '', reached: () => twin.requests.length })),
  };
}

const hex = (value: number): string => value.toString(16);

export const CROWDS: readonly Scenario[] = [
  {
    name: '10,000 addresses of one /64',
    sent: '10,000 retrievals of keys that nobody has, each from another address, behind a trusted load balancer',
    back: '429 for all others; another client: 404',
    saw: `${FEW} of them`,
    ...asked('behind', (place) =>
      guessAt(place, {
        count: 10_000,
        from: (at) => `2001:db8:1:2:${hex(at)}::${hex((at * 7) % 65_536)}`,
        other: '2001:db8:1:3::1',
        expected: 404,
      }),
    ),
  },
  {
    name: 'rotating X-Forwarded-For',
    sent: '200 retrievals of keys that nobody has, each with another X-Forwarded-For, from nobody’s load balancer',
    back: '429 for all others; another client: 429',
    saw: `${FEW} of them`,
    ...asked('limits', (place) =>
      guessAt(place, { count: 200, from: (at) => `198.51.${at % 200}.7`, other: '203.0.113.9', expected: 429 }),
    ),
  },
  {
    name: 'IPv4-mapped addresses',
    sent: '20 retrievals from `::ffff:192.0.2.1`; then from `192.0.2.1`, `::ffff:c000:201`, and `192.0.2.2`',
    back: '429, 429, 404',
    saw: FEW,
    ...asked('behind', mapped),
  },
];
