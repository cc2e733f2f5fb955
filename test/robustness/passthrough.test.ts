// The same hostile and broken regions under a passed-through prefix, where answers stream: what is broken is cut off or told,
// never made to look whole; the process lives, and whoever comes next notices nothing.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Case, Observation } from './case.ts';
import { CASES } from './cases.ts';
import { writes } from './region-acts.ts';
import { openStand, type Stand } from './stand.ts';
import { GATEWAY } from './subjects.ts';

const PAGE = 'GET /help/page HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n';

let stand: Stand;
beforeAll(async () => {
  stand = await openStand(GATEWAY);
});
afterAll(() => stand[Symbol.asyncDispose]());

async function see(one: Case): Promise<Observation> {
  const seen = await stand.see(one);
  if (typeof seen === 'string') throw new Error(seen);
  return seen;
}

/** A page may take its time, as long as something comes. */
const STREAMING = new Set(['dribbled body']);

const titled = CASES.filter(({ by }) => by === 'region').map((one): [string, Case] => [
  one.name,
  { ...one, bytes: PAGE },
]);

it.each(titled)('%s', async (_name, one) => {
  const seen = await see(one);
  expect(one.judge(seen)).not.toMatchObject({ grade: 'unsafe' });
  expect(seen.closed).toBe(!STREAMING.has(one.name));
  expect(seen.requests).toHaveLength(one.gateway.requests);
});

it('answers 502 without anything of the region’s head when the body fails before its first byte', async () => {
  const fields = [
    'Content-Type: text/html',
    'Content-Encoding: gzip',
    'Cache-Control: max-age=9',
    'X-Page: 1',
    'Content-Length: 9',
  ];
  const [one] = CASES;
  if (one === undefined) throw new Error('there is no case');
  const region = writes(`HTTP/1.1 200 OK\r\n${fields.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  const chunks = writes(
    `HTTP/1.1 200 OK\r\n${fields.slice(0, 4).join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
  );
  for (const behave of [region, chunks]) {
    const { answers } = await see({ ...one, bytes: PAGE, region: behave });
    const [answer] = answers;
    expect(answer?.status).toBe(502);
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({ error: 'region_failed', outcome: 'unknown' });
    expect(answer?.head.toLowerCase()).not.toMatch(/gzip|max-age|x-page|onetime-gateway-region/);
  }
});
