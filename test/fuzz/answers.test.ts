// A region that answers anything: bytes made from good answers. Its callers get an answer that is whole, or are told that
// there is none, and the next one gets its own.
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BrokenRegion, openBrokenRegion } from '../support/broken-region.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { mutated } from './mutate.ts';
import { createRandom, type Random } from './random.ts';
import { fuzz, runsOf, seedsOf, sendInPieces, shown, within } from './run.ts';
import { headerOf, type ReadAnswer, readAnswer } from './strict.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, failedAuth: OFF, account: OFF, regionBudget: OFF };
const LANES = 48;
const BOUND_MS = 15_000;

/** What the region does behind its answer. */
type Ending = 'keep' | 'end' | 'reset';
interface Answering {
  readonly text: string;
  readonly ending: Ending;
  readonly random: Random;
}

const seeds = seedsOf('answers');
/** By what the caller said. */
const answering = new Map<string, Answering>();
let region: BrokenRegion;
let lab: Lab;
beforeAll(async () => {
  region = await openBrokenRegion((socket, request) => {
    const said = /secret=([\w-]+)$/.exec(request)?.[1] ?? '';
    const wrong = answering.get(said);
    if (wrong === undefined) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${said.length}\r\n\r\n${said}`);
      return;
    }
    const { text, ending, random } = wrong;
    // In pieces only up to the body: what comes behind a whole answer comes with it, as nobody could tell it apart later.
    const head = text.indexOf('\r\n\r\n');
    void sendInPieces((piece) => void socket.write(piece), text, random, head === -1 ? text.length : head).then(() => {
      if (ending === 'end') socket.end();
      if (ending === 'reset') socket.resetAndDestroy();
    });
  });
  lab = await openLab({
    upstreams: { us: [region.url] },
    config: {
      limits: LIMITS,
      errors: 'verbatim',
      health: { breaker: { mode: 'off' } },
      // Few, so that who comes next is sent over what the one before has left.
      upstream: { headersTimeout: '300ms', bodyTimeout: '300ms', connections: 64 },
    },
  });
});
afterAll(async () => {
  await lab.close();
  await region.close();
});

function share(said: string, more = ''): string {
  const body = `secret=${said}`;
  return `POST /us/api/v1/share HTTP/1.1\r\nHost: gateway\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** One call that gets a wrong answer, and right behind it one that gets a good one; every byte that came for them. */
async function callTwice(wrong: string, good: string): Promise<string> {
  const { hostname, port } = new URL(lab.gateway.url);
  const socket = connect({ host: hostname, port: Number(port) });
  let received = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk;
  });
  socket.on('error', () => {});
  const closed = new Promise<string>((done) => socket.on('close', () => done(received)));
  socket.write(share(wrong) + share(good, 'Connection: close\r\n'));
  return within(closed, BOUND_MS, 'a connection').finally(() => socket.destroy());
}

function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

function whole(received: string, at: number): ReadAnswer {
  const answer = readAnswer(received, at, false);
  must(typeof answer !== 'string', `an answer is ${String(answer)}`);
  return answer;
}

const CROSSING =
  /^(content-(type|encoding|language|disposition)|retry-after|ratelimit(-policy)?|x-ots-intended-status|cache-control|x-request-id|onetime-gateway-(outcome|region)|content-length|date|connection|keep-alive|www-authenticate)$/;

/** The gateway's bounds: longer heads, trailers and lines of chunks are not taken, however good they are. */
const MOST_READ = 4000;

/**
 * @param isKept whether the region's connection stayed open, so that nothing of its answer was lost on the way
 * @throws what does not hold for the caller of a wrong answer, and the one behind it
 */
function judge(text: string, received: string, good: string, isKept: boolean): 'delivered' | 'failed' {
  const first = whole(received, 0);
  const second = whole(received, first.end);
  must(second.end === received.length, 'bytes behind the last answer');
  must(
    first.headers.every(([name]) => CROSSING.test(name)),
    `headers: ${first.headers.map(([name]) => name)}`,
  );
  must(!/127\.0\.0\.1|\bat |node:/.test(first.body) || text.includes(first.body), 'something of ours in an answer');
  const outcome = headerOf(first, 'onetime-gateway-outcome');
  const said = readAnswer(text, 0, false);
  if (outcome === 'delivered') {
    must(typeof said !== 'string', `delivered, but what the region said is ${String(said)}`);
    must(first.status === said.status && first.body === said.body, 'delivered, but not what the region said');
  } else {
    must(outcome === 'unknown' && [502, 504].includes(first.status), `${first.status}, ${outcome}`);
    const isLost = isKept && typeof said !== 'string' && said.end < MOST_READ;
    must(!isLost, 'an answer that can be read is not delivered');
  }
  // The connection may just be ending under it: then it is said so. Another's answer it never gets.
  const next = headerOf(second, 'onetime-gateway-outcome');
  must(
    next === 'delivered' ? second.status === 200 && second.body === good : second.status >= 502,
    `the next one: ${second.status}, ${second.body}`,
  );
  return outcome === 'delivered' ? 'delivered' : 'failed';
}

it('has seeds that a strict reader takes', () => {
  expect(seeds.length).toBeGreaterThan(8);
  for (const seed of seeds) expect(readAnswer(seed, 0, false), seed).not.toBeTypeOf('string');
});

it('answers 502, outcome unknown, to a coding that only looks like chunked: nobody can tell whether it is whole', async () => {
  const text = 'HTTP/1.1 200 OK\r\nTransfer-Encoding:\xa0chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n';
  answering.set('wrong-0-0', { text, ending: 'end', random: createRandom(0) });
  const received = await callTwice('wrong-0-0', 'good-0-0');
  answering.delete('wrong-0-0');
  expect(received).toMatch(/^HTTP\/1\.1 502 /);
  expect(judge(text, received, 'good-0-0', false)).toBe('failed');
  region.received.splice(0);
});

it.each(runsOf(2500, 4))(
  'of answers made wrong none is delivered as another, or to another (seed $seed)',
  async (run) => {
    const tally = { delivered: 0, failed: 0, nextFailed: 0 };
    const done = await fuzz(run, LANES, async (random, turn) => {
      const text = mutated(seeds, random);
      const ending = random.pick<Ending>(['keep', 'keep', 'end', 'reset']);
      const [wrong, good] = [`wrong-${run.seed}-${turn}`, `good-${run.seed}-${turn}`];
      answering.set(wrong, { text, ending, random: createRandom(run.seed, turn) });
      let received = '';
      try {
        received = await callTwice(wrong, good);
        tally[judge(text, received, good, ending !== 'reset')]++;
        if (!received.endsWith(good)) tally.nextFailed++;
      } catch (cause) {
        throw new Error(shown(cause, { ending, text, received }));
      } finally {
        answering.delete(wrong);
      }
    });
    process.stdout.write(
      `fuzz: ${done} answers, ${tally.delivered} delivered, ${tally.failed} not, ${tally.nextFailed} of the next failed\n`,
    );
    expect(done).toBeGreaterThan(50);
    expect(tally.delivered).toBeGreaterThan(done / 20);
    expect(tally.failed).toBeGreaterThan(done / 10);
    expect(tally.nextFailed).toBeLessThan(done / 4);
    // Each call once: the region has seen every one, and none twice.
    const said = region.received.splice(0).map((request) => /secret=([\w-]+)$/.exec(request)?.[1] ?? '');
    const wrong = said.filter((each) => each.startsWith(`wrong-${run.seed}-`));
    expect([wrong.length, new Set(said).size]).toEqual([done, said.length]);
    expect(await lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
  },
  3_600_000,
);
