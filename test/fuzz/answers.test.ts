// A region that answers anything: bytes made from good answers. Its callers get an answer that is whole, or are told that
// there is none, and the next one gets its own.
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Answering,
  type AnsweringRegion,
  MOST_READ,
  must,
  mustBeOwn,
  openAnsweringRegion,
  repeatedIn,
} from './answering.ts';
import { mutated } from './mutate.ts';
import { createRandom } from './random.ts';
import { fuzz, runsOf, seedsOf, shown } from './run.ts';
import { headerOf, type ReadAnswer, readAnswer } from './strict.ts';

const LANES = 48;
const seeds = seedsOf('answers');
let region: AnsweringRegion;
beforeAll(async () => {
  region = await openAnsweringRegion();
});
afterAll(() => region[Symbol.asyncDispose]());

function whole(received: string, at: number): ReadAnswer {
  const answer = readAnswer(received, at, false);
  must(typeof answer !== 'string', `an answer is ${String(answer)}`);
  return answer;
}

const CROSSING =
  /^(content-(type|encoding|language|disposition)|retry-after|ratelimit(-policy)?|x-ots-intended-status|cache-control|x-request-id|onetime-gateway-(outcome|region)|content-length|date|connection|keep-alive|www-authenticate)$/;

/**
 * What holds for a whole answer to the caller of a wrong one.
 * @param isKept whether the region's connection stayed open, so that nothing of its answer was lost on the way
 */
function judgeFirst(text: string, first: ReadAnswer, isKept: boolean): 'delivered' | 'failed' {
  const outcome = headerOf(first, 'onetime-gateway-outcome');
  const said = readAnswer(text, 0, false);
  if (outcome === 'delivered') {
    must(typeof said !== 'string', `delivered, but what the region said is ${String(said)}`);
    must(first.status === said.status && first.body === said.body, 'delivered, but not what the region said');
    return 'delivered';
  }
  must(outcome === 'unknown' && [502, 504].includes(first.status), `${first.status}, ${outcome}`);
  const isLost = isKept && typeof said !== 'string' && said.end < MOST_READ;
  must(!isLost, 'an answer that can be read is not delivered');
  return 'failed';
}

/** @throws what does not hold for the caller of a wrong answer, and the one behind it */
function judge(text: string, received: string, good: string, isKept: boolean): 'delivered' | 'failed' {
  const first = whole(received, 0);
  const second = whole(received, first.end);
  must(second.end === received.length, 'bytes behind the last answer');
  must(
    first.headers.every(([name]) => CROSSING.test(name)),
    `headers: ${first.headers.map(([name]) => name)}`,
  );
  must(!/127\.0\.0\.1|\bat |node:/.test(first.body) || text.includes(first.body), 'something of ours in an answer');
  mustBeOwn(second, good);
  return judgeFirst(text, first, isKept);
}

/** A page streams: what breaks in its body is cut off, and the connection with it. Its headers cross. */
function judgePage(text: string, received: string, good: string, isKept: boolean): 'delivered' | 'failed' | 'cut' {
  const first = readAnswer(received, 0, false);
  if (first === 'incomplete') {
    must(/^HTTP\/1\.1 \d{3} .*\r\n(.+\r\n)*onetime-gateway-outcome: delivered\r\n/i.test(received), 'half an error');
    const said = readAnswer(text, 0, false);
    must(!isKept || typeof said === 'string' || said.end >= MOST_READ, 'a page that can be read is cut');
    return 'cut';
  }
  must(first !== 'malformed', 'an answer is malformed');
  const second = whole(received, first.end);
  must(second.end === received.length, 'bytes behind the last answer');
  mustBeOwn(second, good);
  return judgeFirst(text, first, isKept);
}

it('has seeds that a strict reader takes', () => {
  expect(seeds.length).toBeGreaterThan(8);
  for (const seed of seeds) expect(readAnswer(seed, 0, false), seed).not.toBeTypeOf('string');
});

it('answers 502, outcome unknown, to a coding that only looks like chunked: nobody can tell whether it is whole', async () => {
  const text = 'HTTP/1.1 200 OK\r\nTransfer-Encoding:\xa0chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n';
  region.answering.set('wrong-0-0', { text, ending: 'end', random: createRandom(0) });
  const received = await region.callTwice('api', 'wrong-0-0', 'good-0-0');
  region.answering.delete('wrong-0-0');
  expect(received).toMatch(/^HTTP\/1\.1 502 /);
  expect(judge(text, received, 'good-0-0', false)).toBe('failed');
  region.takeAsked();
});

const WAYS = { api: judge, page: judgePage } as const;

it.each(
  runsOf(2500, 4).flatMap((run) => [
    { ...run, way: 'api' as const },
    { ...run, way: 'page' as const },
  ]),
)(
  'of answers made wrong none is delivered as another, or to another ($way, seed $seed)',
  async ({ way, ...run }) => {
    const tally = { delivered: 0, failed: 0, cut: 0, nextFailed: 0 };
    const done = await fuzz(run, LANES, async (random, turn) => {
      const text = mutated(seeds, random);
      const ending = random.pick<Answering['ending']>(['keep', 'keep', 'end', 'reset']);
      const [wrong, good] = [`wrong-${run.seed}-${turn}`, `good-${run.seed}-${turn}`];
      region.answering.set(wrong, { text, ending, random: createRandom(run.seed, turn) });
      let received = '';
      try {
        received = await region.callTwice(way, wrong, good);
        tally[WAYS[way](text, received, good, ending !== 'reset')]++;
        if (!received.endsWith(good)) tally.nextFailed++;
      } catch (cause) {
        throw new Error(shown(cause, { ending, text, received }));
      } finally {
        region.answering.delete(wrong);
      }
    });
    process.stdout.write(`fuzz: ${done} answers, ${JSON.stringify(tally)}\n`);
    expect(done).toBeGreaterThan(50);
    expect(tally.delivered).toBeGreaterThan(done / 20);
    expect(tally.failed).toBeGreaterThan(done / 10);
    expect(tally.nextFailed - tally.cut).toBeLessThan(done / 4);
    // Each call once: the region has seen every one, and none twice.
    const asked = region.takeAsked();
    expect(asked.filter((word) => word.startsWith(`wrong-${run.seed}-`))).toHaveLength(done);
    expect(repeatedIn(asked)).toEqual([]);
    expect(await region.lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
  },
  3_600_000,
);
