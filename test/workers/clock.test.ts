// One steady clock for all threads.
import { afterEach, expect, it, vi } from 'vitest';
import { createCommonClock } from '../../src/workers/clock.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it('does not lag in a thread that was put aside while it was set', () => {
  const { bigint } = process.hrtime;
  // Two seconds pass before the other clock is read.
  vi.spyOn(process.hrtime, 'bigint').mockImplementationOnce(() => bigint() - 2_000_000_000n);
  const clock = createCommonClock();
  const beforeMs = Number(bigint()) / 1e6;
  const lagMs = beforeMs - clock();
  expect(Math.max(0, lagMs)).toBeLessThan(1000);
});
