// Overload with several workers: each judges itself, and what may wait is shared out.
import { afterEach, expect, it } from 'vitest';
import { openHeldRegion } from '../support/held-region.ts';
import { call } from '../support/http.ts';
import { ALICE } from '../support/lab.ts';
import { until } from '../support/redis.ts';
import { openServed, type Served } from './served.ts';

let served: Served | undefined;
afterEach(async () => {
  await served?.[Symbol.asyncDispose]();
  served = undefined;
});

it('every worker turns away by its own heap; operators are answered, and told of all of them', async () => {
  // Fuller than this is every heap.
  served = await openServed({ workers: 2, config: { overload: { heap: 0.001 } } });
  const from = served;
  const turning = new Set<unknown>();
  await until(async () => {
    await from.call('GET', '/us/api/v1/status');
    for (const { worker, refusal } of from.log()) if (refusal === 'overloaded') turning.add(worker);
    return turning.size === 2;
  });
  expect((await from.call('GET', '/api/v1/authcheck', { as: ALICE })).status).toBe(200);
  expect((await call(from.adminUrl, 'GET', '/readyz')).status).toBe(200);
  expect(await from.metric('onetime_gateway_pressure{kind="heap"}')).toBeGreaterThan(1);
  expect(await from.metric('onetime_gateway_shed_total{class="anonymous",mode="enforce"}')).toBeGreaterThan(1);
  expect(await from.metric('onetime_gateway_shed_total{class="authenticated",mode="enforce"}')).toBe(0);
});

it('as many calls wait for a region as may, over all workers, and the others are told at once', async () => {
  await using region = await openHeldRegion();
  const upstream = { connections: 2, queue: { most: 2, wait: '20s' } };
  served = await openServed({ workers: 2, upstreams: { us: region.url }, config: { upstream } });
  const from = served;
  const all = await Promise.all([1, 2, 3].map(() => from.reach()));
  const answers: number[] = [];
  for (const agents of all) {
    for (const agent of agents.values()) {
      const reply = from.call('POST', '/us/api/v1/share', { agent, body: 'secret=x' });
      reply.then(({ status }) => answers.push(status)).catch(() => {});
    }
  }
  const waiting = 'onetime_gateway_upstream_waiting{region="us"}';
  await until(async () => answers.length === 2 && (await from.metric(waiting)) === 2);
  expect([answers, region.received.length]).toEqual([[503, 503], 2]);
});
