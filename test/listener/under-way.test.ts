// Waiting for the records of requests that were cut off.
import { expect, it } from 'vitest';
import { createUnderWay } from '../../src/listener/under-way.ts';

it('is over at once where nothing is under way, and with the last one otherwise', async () => {
  const underWay = createUnderWay();
  expect(await underWay.over(0)).toBe(true);
  underWay.begins();
  underWay.begins();
  const over = underWay.over(60_000);
  underWay.ends();
  underWay.ends();
  expect(await over).toBe(true);
});

it('is not over when the time is', async () => {
  const underWay = createUnderWay();
  underWay.begins();
  expect(await underWay.over(1)).toBe(false);
});
