// How much of a region's budget is used up, as Prometheus sees it: of one thread, of several, of gateways that share a store.
import { afterEach, describe, expect, it } from 'vitest';
import { type Fleet, NO_LIMITS, openFleet } from '../fleet/fleet.ts';
import { ALICE, type Lab, openLab } from '../support/lab.ts';
import { HAS_REDIS } from '../support/redis.ts';
import { openServed, type Served } from '../workers/served.ts';

/** So slow that nothing is earned while a test runs. */
const regionBudget = { per: '24h', requests: 4, burst: 4, mode: 'shadow' };
const limits = { ...NO_LIMITS, regionBudget };
const USED = 'onetime_gateway_region_budget_used_ratio';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const lab of opened.splice(0)) await lab.close();
});

async function open(config: Readonly<Record<string, unknown>>): Promise<Lab> {
  const lab = await openLab({ config });
  opened.push(lab);
  return lab;
}

/** One more that the budget counts. */
const spend = (from: Pick<Lab, 'call'>) => from.call('POST', '/us/api/v1/share', { body: 'secret=x&ttl=600' });

describe('region_budget_used_ratio', () => {
  it('grows by the calls without credentials, for their region alone, and stays at 1 in shadow', async () => {
    const lab = await open({ limits });
    expect(await lab.metric(`${USED}{region="us"}`)).toBe(0);
    await spend(lab);
    await lab.call('POST', '/api/v1/share', { as: ALICE, body: 'secret=x&ttl=600' });
    expect(await lab.metric(`${USED}{region="us"}`)).toBeCloseTo(0.25, 2);
    for (let beyond = 0; beyond < 5; beyond++) expect((await spend(lab)).status).toBe(200);
    expect(await lab.metric(`${USED}{region="us"}`)).toBeCloseTo(1, 2);
    expect(await lab.metrics()).toContain(`${USED}{region="eu"} 0\n`);
  });

  it('goes back as the budget is earned again', async () => {
    const lab = await open({ limits });
    await spend(lab);
    await spend(lab);
    lab.advance(6 * 3_600_000);
    expect(await lab.metric(`${USED}{region="us"}`)).toBeCloseTo(0.25, 2);
  });

  it('has no series where the budget is off', async () => {
    const lab = await open({ limits: NO_LIMITS });
    await spend(lab);
    expect(await lab.metrics()).not.toContain(`${USED}{`);
  });

  it('is one number for all workers', async () => {
    const served: Served = await openServed({ workers: 2, config: { limits } });
    opened.push({ close: async () => served[Symbol.asyncDispose]() });
    for (const agent of (await served.reach()).values()) {
      await served.call('POST', '/us/api/v1/share', { agent, body: 'secret=x&ttl=600' });
    }
    // reach() itself asks each worker for /api/v1/status, which no region is asked for without being named.
    const lines = (await served.metrics()).split('\n').filter((line) => line.startsWith(`${USED}{`));
    expect(lines).toHaveLength(2);
    expect(await served.metric(`${USED}{region="us"}`)).toBeCloseTo(0.5, 2);
  });

  it.runIf(HAS_REDIS)(
    'is one number for gateways that share a store, and this one’s own while it is away',
    async () => {
      const fleet: Fleet = await openFleet({ gateways: 2, config: { limits, storeTimeout: '200ms' } });
      opened.push({ close: async () => fleet[Symbol.asyncDispose]() });
      const [one, other] = fleet.gateways;
      if (one === undefined || other === undefined) throw new Error('not two gateways');
      await fleet.ready();
      for (let times = 0; times < 3; times++) await spend(one);
      expect(await other.metric(`${USED}{region="us"}`)).toBeCloseTo(0.75, 2);
      await fleet.redis.kill();
      expect(await one.metric(`${USED}{region="us"}`)).toBeCloseTo(0.75, 2);
      expect(await other.metric(`${USED}{region="us"}`)).toBe(0);
    },
  );
});
