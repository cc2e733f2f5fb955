// Configurations one after the other, with callers all the while: nothing of them stays, and nobody notices.
import { readdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it } from 'vitest';
import { ALICE, type Lab, openLab } from '../support/lab.ts';

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

/** Of all counters that are reachable. */
async function countersBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  await nextTurn();
  collect();
  return process.memoryUsage().arrayBuffers;
}

let lab: Lab;
afterEach(() => lab.close());

it('nothing is left of fifty configurations, every request is answered once', async () => {
  const passthrough = [{ prefix: '/help', region: 'eu' }];
  // Another rate each time: new counters, of megabytes.
  const limits = (count: number) => ({
    account: { mode: 'off' },
    regionBudget: { mode: 'off' },
    perKey: { requests: 100 + count },
  });
  lab = await openLab({ config: { passthrough, limits: limits(0) } });
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  let asking = true;
  let answered = Promise.withResolvers<void>();
  const statuses = new Map<number, number>();
  async function callers(): Promise<void> {
    while (asking) {
      const reply = await lab.call('POST', '/api/v1/share', { as: ALICE, agent, body: 'secret=x&ttl=600' });
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
      await lab.call('GET', '/help', { agent });
      answered.resolve();
      answered = Promise.withResolvers();
    }
  }
  const turn = async (count: number): Promise<void> => {
    const upstream = { connectTimeout: `${2000 + count}ms` };
    const sections = count % 2 === 0 ? { upstream } : { upstream, errors: 'verbatim', passthrough };
    const { promise } = answered;
    const report = await lab.reload({ limits: limits(count + 1), ...sections });
    expect(report.result).toBe('applied');
    await promise;
  };
  const all = [callers(), callers()];
  for (let count = 0; count < 10; count++) await turn(count);
  const bytes = await countersBytes();
  const before = { descriptors: descriptors(), timers: timers(), series: (await lab.metrics()).split('\n').length };
  for (let count = 10; count < 60; count++) await turn(count);
  asking = false;
  await Promise.all(all);
  const made = lab.us.requests.filter(({ path }) => path === '/api/v1/share').length;
  expect([...statuses]).toEqual([[200, made]]);
  expect(made).toBeGreaterThan(20);
  expect((await lab.metrics()).split('\n').length).toBeLessThan(before.series + 10);
  await expect.poll(descriptors).toBeLessThan(before.descriptors + 10);
  expect(await countersBytes()).toBeLessThan(bytes + 50_000_000);
  expect(timers()).toBeLessThan(before.timers + 10);
  agent.destroy();
});
