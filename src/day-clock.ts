// The day's clock as somebody sets it: whether it has gone on as time does.

/** A correction that is smaller is one of the usual: clocks drift, and are brought back. */
const STEP_MS = 60_000;
/** What was set wrong is put right within this time, or it was right. */
const SETTLED_MS = 86_400_000;
const LOOK_MS = 1000;

export interface DayClock {
  /** False for a day after the clock was set. What is removed because it is old is not removed meanwhile. */
  isSettled(): boolean;
  end(): void;
}

export interface DayClockOptions {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steady: () => number;
  /** @param byMs forward, or back where it is negative */
  readonly onSet?: (byMs: number) => void;
  /** For tests. */
  readonly lookMs?: number;
}

/** Looks every second, so that nothing is missed between two questions. */
export function watchDayClock({ now, steady, onSet, lookMs = LOOK_MS }: DayClockOptions): DayClock {
  let aheadMs = now() - steady();
  let setMs = Number.NEGATIVE_INFINITY;

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
