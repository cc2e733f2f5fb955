// A clock that somebody sets is noticed, and not trusted for a day.
import { afterEach, expect, it, vi } from 'vitest';
import { watchDayClock } from '../src/day-clock.ts';

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
