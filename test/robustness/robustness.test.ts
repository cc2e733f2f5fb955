// Every case of docs/robustness.md at the gateway, as a process before one region: what its caller gets, what the region sees,
// and that the process and whoever comes next notice nothing.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import type { Case } from './case.ts';
import { CASES } from './cases.ts';
import { openStand, type Stand } from './stand.ts';
import { GATEWAY } from './subjects.ts';

let stand: Stand;
beforeAll(async () => {
  stand = await openStand(GATEWAY);
});
afterAll(() => stand[Symbol.asyncDispose]());

// HTTP/2 needs a certificate.
const titled = CASES.filter(({ variant }) => variant !== 'http2' || hasOpenssl).map((one): [string, Case] => [
  `${one.by}: ${one.name}`,
  one,
]);

it.each(titled)('%s', async (_title, one) => {
  const seen = await stand.see(one);
  if (typeof seen === 'string') throw new Error(seen);
  const [answer, ...more] = seen.answers;
  const { status, outcome, requests, error, weak } = one.gateway;
  expect({
    status: answer?.status ?? 0,
    outcome: /^onetime-gateway-outcome: (\w+)/im.exec(answer?.head ?? '')?.[1],
    requests: seen.requests.length,
    error: seen.errors.join(', ') || undefined,
  }).toEqual({ status, outcome, requests, error });
  // What comes behind is believed where the region is sent more than one request.
  expect(more).toHaveLength(Math.max(0, requests - 1));
  expect(seen.unfinished).toEqual([]);
  expect(seen.closed).toBe(true);
  expect(one.judge(seen)).toEqual(weak === undefined ? { grade: 'safe' } : { grade: 'weak', why: weak });
});
