// What Prometheus sees: well-formed, documented, bounded.
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { METRICS } from '../../src/record/metric-table.ts';
import { ALICE, type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

it.runIf(needs('promtool', 'apt-get install prometheus'))('pass promtool check metrics', async () => {
  await lab.call('POST', '/api/v1/share', { as: ALICE, body: 'secret=x' });
  const input = await lab.metrics();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  // Node's own process metrics keep their usual names, which promtool would like otherwise.
  const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('onetime_gateway_'));
  expect(complaints).toEqual([]);
  expect(status === 0 || status === 3).toBe(true);
});

it('hold every metric of the table with its labels, and no other of the gateway’s prefix', async () => {
  await lab.call('POST', '/api/v1/share', { as: ALICE, body: 'secret=x' });
  const text = await lab.metrics();
  const names = [...text.matchAll(/^# TYPE onetime_gateway_(\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  expect(names.sort()).toEqual(METRICS.map(({ name, type }) => `${name} ${type}`).sort());
});

it('begin with requests_total, and have pin_violations_total at 0 without labels', async () => {
  expect(METRICS[0].name).toBe('requests_total');
  expect(await lab.metrics()).toMatch(/^onetime_gateway_pin_violations_total 0$/m);
  expect(await lab.metrics()).toMatch(/^process_cpu_seconds_total /m);
});

it('count a request once, with its route, region, class and durations', async () => {
  await lab.call('POST', '/api/v1/share', { as: ALICE, body: 'secret=x' });
  await lab.call('GET', '/api/v1/private/recent');
  expect(await lab.metric('onetime_gateway_requests_total{route="v1.share",region="us",class="2xx"}')).toBe(1);
  expect(await lab.metric('onetime_gateway_requests_total{route="v1.private.recent",region="none",class="4xx"}')).toBe(
    1,
  );
  expect(await lab.metric('onetime_gateway_refusals_total{code="authentication_required"}')).toBe(1);
  expect(await lab.metric('onetime_gateway_decisions_total{reason="account_home"}')).toBe(1);
  expect(await lab.metric('onetime_gateway_request_duration_seconds_count{route="v1.share"}')).toBe(1);
  expect(await lab.metric('onetime_gateway_upstream_duration_seconds_count{region="us",purpose="forward"}')).toBe(1);
  expect(await lab.metric('onetime_gateway_in_flight_requests')).toBe(0);
  expect(await lab.metric('onetime_gateway_region_up{region="us"}')).toBe(1);
});

it('have no more series after a thousand odd requests', async () => {
  const series = async (): Promise<string[]> => {
    const lines = (await lab.metrics()).split('\n').filter((line) => line.startsWith('onetime_gateway_'));
    return lines.map((line) => line.slice(0, line.lastIndexOf(' '))).sort();
  };
  const odd = (i: number) => [
    lab.call('GET', `/p${i}/x`),
    lab.call('GET', `/r${i}/api/v1/status`),
    lab.call('POST', `/api/v1/secret/k${i}`),
    lab.call('GET', '/api/v1/status', { headers: { 'Onetime-Region': `r${i}`, Host: `h${i}` } }),
    lab.call('GET', '/api/v1/status', { as: `u${i}@x.example:t`, from: '127.9.9.9' }),
  ];
  await Promise.all(odd(0));
  for (let i = 0; i < 20; i++) await Promise.all(odd(i));
  const before = await series();
  for (let i = 20; i < 200; i++) await Promise.all(odd(i));
  expect(await series()).toEqual(before);
});

it('begin at 0 with what alerts ask for, since a count that begins with 1 is no increase', async () => {
  const text = await lab.metrics();
  for (const region of ['us', 'eu']) {
    for (const effect of ['creates', 'advances', 'destroys']) {
      expect(text).toContain(
        `onetime_gateway_outcomes_total{region="${region}",purpose="forward",effect="${effect}",outcome="unknown"} 0\n`,
      );
    }
    expect(text).toContain(`onetime_gateway_breaker_held_total{region="${region}",mode="enforce"} 0\n`);
  }
  for (const reason of ['crashed', 'out_of_memory', 'ended']) {
    expect(text).toContain(`onetime_gateway_worker_restarts_total{reason="${reason}"} 0\n`);
  }
  expect(text).toContain('onetime_gateway_key_learned_total{result="failed"} 0\n');
  expect(text).toContain('onetime_gateway_key_lookups_total{result="unavailable"} 0\n');
});
