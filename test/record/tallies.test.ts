import fc from 'fast-check';
import { Counter, Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { counterTally, histogramTally, type TallyMetric } from '../../src/record/tallies.ts';

const BOUNDS = [0.001, 0.01, 0.1, 1, 30];
const VALUES = ['a', 'b', 'with "quotes"', ''];

/** Two registries: one counted by prom-client itself. */
function both() {
  const ours = new Registry();
  const theirs = new Registry();
  const register = (metric: TallyMetric) => ours.registerMetric(metric as never);
  return { ours, theirs, register, shape: { name: 'm', help: 'Helps.', labels: ['one', 'two'] } };
}

it('a counter is scraped as prom-client’s own would be', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(9), fc.constantFrom(...VALUES), fc.constantFrom(...VALUES))),
      async (adds) => {
        const { ours, theirs, register, shape } = both();
        const tally = counterTally(register, shape);
        const counter = new Counter({ name: 'm', help: 'Helps.', labelNames: ['one', 'two'], registers: [theirs] });
        for (const [add, one, two] of adds) {
          tally(add, one, two);
          counter.inc({ one, two }, add);
        }
        expect(await ours.metrics()).toBe(await theirs.metrics());
        expect(await ours.getMetricsAsJSON()).toEqual(await theirs.getMetricsAsJSON());
      },
    ),
  );
});

it('a histogram is scraped as prom-client’s own would be', async () => {
  const value = fc.oneof(fc.constantFrom(...BOUNDS, 0, 31), fc.double({ min: 0, max: 40, noNaN: true }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(value, fc.constantFrom(...VALUES), fc.constantFrom(...VALUES))),
      async (seen) => {
        const { ours, theirs, register, shape } = both();
        const tally = histogramTally(register, shape, BOUNDS);
        const labelNames = ['one', 'two'];
        const histogram = new Histogram({
          name: 'm',
          help: 'Helps.',
          labelNames,
          buckets: BOUNDS,
          registers: [theirs],
        });
        for (const [observed, one, two] of seen) {
          tally(observed, one, two);
          histogram.observe({ one, two }, observed);
        }
        expect(await ours.metrics()).toBe(await theirs.metrics());
      },
    ),
  );
});

it('a histogram can be known before anything is observed, and what is observed afterwards counts', async () => {
  const { ours, register, shape } = both();
  const tally = histogramTally(register, shape, BOUNDS);
  tally(undefined, 'a', 'b');
  expect(await ours.metrics()).toContain('m_bucket{le="+Inf",one="a",two="b"} 0\n');
  expect(await ours.metrics()).toContain('m_count{one="a",two="b"} 0\n');
  tally(0.5, 'a', 'b');
  tally(undefined, 'a', 'b');
  expect(await ours.metrics()).toContain('m_bucket{le="1",one="a",two="b"} 1\n');
  expect(await ours.metrics()).toContain('m_count{one="a",two="b"} 1\n');
});
