// One steady clock for all threads. `performance.now()` begins anew in each of them, and limits and breakers in memory that
// they share would be off by how much later a thread began.

/** A thread may be put aside between two looks at the clocks: of several, the one with the least between them counts. */
const LOOKS = 5;

/** Milliseconds of the system's monotonic clock, which nobody sets: the same in each thread of a process. */
export function createCommonClock(): () => number {
  let offsetMs = Number.NEGATIVE_INFINITY;
  for (let look = 0; look < LOOKS; look++) {
    offsetMs = Math.max(offsetMs, Number(process.hrtime.bigint()) / 1e6 - performance.now());
  }
  return () => performance.now() + offsetMs;
}
