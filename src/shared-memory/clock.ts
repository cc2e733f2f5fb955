// Time under a lock. A thread reads the clock before it has the lock, and may be put aside in between: then it comes with
// a moment that lies before what another one has already written.

/** More than any thread is put aside; a clock that differs by more was set back, and is believed. */
const LATE_MS = 1000;

/**
 * The moment `nowMs`, but not before the one that was given here last. For the holder of the lock that guards the cell.
 * @param cells milliseconds, 0 at first
 */
export function notBefore(cells: Float64Array, at: number, nowMs: number): number {
  const latestMs = cells[at] ?? 0;
  if (nowMs < latestMs && latestMs - nowMs < LATE_MS) return latestMs;
  cells[at] = nowMs;
  return nowMs;
}
