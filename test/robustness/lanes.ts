// Many jobs, some at a time.

export const LANES = 8;

/** Runs `count` jobs. @param job gets its number */
export async function inLanes(count: number, job: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await job(next++);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
