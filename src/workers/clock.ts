// One steady clock for all threads. `performance.now()` begins anew in each of them, and limits and breakers in memory that
// they share would be off by how much later a thread began.

/** Milliseconds of the system's monotonic clock, which nobody sets: the same in each thread of a process. */
export function createCommonClock(): () => number {
  const offsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();
  return () => performance.now() + offsetMs;
}
