// The day's clock as somebody sets it: whether it has gone on as time does.
import { statSync } from 'node:fs';

/** A correction that is smaller is one of the usual: clocks drift, and are brought back. */
const STEP_MS = 60_000;
/** What was set wrong is put right within this time, or it was right. */
const SETTLED_MS = 86_400_000;
const LOOK_MS = 1000;

export interface DayClock {
  /** False for a day after the clock was set, or after a start at which it says what cannot be believed. What is removed because it is old is not removed meanwhile. */
  isSettled(): boolean;
  end(): void;
}

export interface DayClockOptions {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steady: () => number;
  /** What it said when a process before this one was last there (lastWrittenMs). Left out: there was none. */
  readonly knownMs?: number | undefined;
  /** @param byMs forward, or back where it is negative */
  readonly onSet?: (byMs: number) => void;
  /** For tests. */
  readonly lookMs?: number;
}

/** When these files of a process before this one were written last; undefined where there are none that can be seen. */
export function lastWrittenMs(files: readonly string[]): number | undefined {
  const times = files.flatMap((file) => {
    try {
      return statSync(file).mtimeMs;
    } catch {
      return [];
    }
  });
  return times.length === 0 ? undefined : Math.max(...times);
}

/** Looks every second, so that nothing is missed between two questions. */
export function watchDayClock({ now, steady, knownMs, onSet, lookMs = LOOK_MS }: DayClockOptions): DayClock {
  let aheadMs = now() - steady();
  // A machine without a clock of its own begins years away. One that was off for longer than a day waits for one in vain.
  const isOdd = knownMs !== undefined && Math.abs(now() - knownMs) >= SETTLED_MS;
  let setMs = isOdd ? steady() : Number.NEGATIVE_INFINITY;

  function look(): void {
    const nextMs = now() - steady();
    const byMs = nextMs - aheadMs;
    aheadMs = nextMs;
    if (Math.abs(byMs) < STEP_MS) return;
    setMs = steady();
    onSet?.(byMs);
  }

  const timer = setInterval(look, lookMs).unref();
  return {
    isSettled() {
      look();
      return steady() - setMs >= SETTLED_MS;
    },
    end: () => clearInterval(timer),
  };
}
