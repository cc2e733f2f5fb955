// A clock that somebody sets is noticed, and not trusted for a day.
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { lastWrittenMs, watchDayClock } from '../src/day-clock.ts';
import { temporaryDirectory } from './store/support.ts';

const DAY_MS = 86_400_000;

afterEach(() => vi.useRealTimers());

function open(onSet = (_byMs: number): void => {}) {
  const time = { day: 1_000_000, steady: 500 };
  const clock = watchDayClock({ now: () => time.day, steady: () => time.steady, onSet });
  const pass = (ms: number): void => {
    time.day += ms;
    time.steady += ms;
  };
  return { time, clock, pass };
}

it('is settled from the start, and while it goes on as time does or is corrected by less than a minute', () => {
  const onSet = vi.fn();
  const { time, clock, pass } = open(onSet);
  expect(clock.isSettled()).toBe(true);
  for (const by of [59_000, -59_000]) {
    time.day += by;
    pass(DAY_MS);
    expect(clock.isSettled()).toBe(true);
  }
  expect(onSet).not.toHaveBeenCalled();
  clock.end();
});

it.each([60_000, -60_000, 10 * 365 * DAY_MS])('set by %i ms it is not for a day, whatever it says', (byMs) => {
  const onSet = vi.fn();
  const { time, clock, pass } = open(onSet);
  time.day += byMs;
  expect(clock.isSettled()).toBe(false);
  pass(DAY_MS - 1);
  expect(clock.isSettled()).toBe(false);
  pass(1);
  expect(clock.isSettled()).toBe(true);
  expect(onSet.mock.calls).toEqual([[byMs]]);
  clock.end();
});

it.each([
  [DAY_MS - 1, true],
  [DAY_MS, false],
  [10 * 365 * DAY_MS, false],
  [1 - DAY_MS, true],
  [-DAY_MS, false],
])('%i ms after a process before was last there, its start is settled: %s', (afterMs, settled) => {
  const time = { day: 20_000 * DAY_MS, steady: 500 };
  const clock = watchDayClock({ now: () => time.day, steady: () => time.steady, knownMs: time.day - afterMs });
  expect(clock.isSettled()).toBe(settled);
  time.day += DAY_MS;
  time.steady += DAY_MS;
  expect(clock.isSettled()).toBe(true);
  clock.end();
});

it('is last known by the newest of the files that are there', () => {
  const folder = temporaryDirectory();
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  expect(lastWrittenMs([one, other])).toBeUndefined();
  for (const [file, seconds] of [
    [one, 3000],
    [other, 2000],
  ] as const) {
    writeFileSync(file, '');
    utimesSync(file, seconds, seconds);
  }
  expect(lastWrittenMs([other, one, `${one}-wal`])).toBe(3_000_000);
});

it('that is set and set right again between two questions was set', () => {
  vi.useFakeTimers();
  const onSet = vi.fn();
  const { time, clock, pass } = open(onSet);
  time.day += 7_200_000;
  vi.advanceTimersByTime(1000);
  time.day -= 7_200_000;
  vi.advanceTimersByTime(1000);
  pass(10_000);
  expect(clock.isSettled()).toBe(false);
  expect(onSet.mock.calls).toEqual([[7_200_000], [-7_200_000]]);
  clock.end();
  time.day += 7_200_000;
  vi.advanceTimersByTime(5000);
  expect(onSet).toHaveBeenCalledTimes(2);
});
