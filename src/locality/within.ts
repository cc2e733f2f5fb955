// Waiting for the store no longer than a request may.
import type { Patience } from '../domain.ts';

/** Rejects when `promise` has not settled in time; what it does afterwards is nobody's concern any more. */
export function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the store did not answer within ${timeoutMs} ms`)), timeoutMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Waits for `work` as long as there is patience, and takes off what it took. False: it was not done in time. */
export async function patiently(work: Promise<unknown>, patience: Patience): Promise<boolean> {
  if (patience.leftMs <= 0) return false;
  const startedMs = performance.now();
  const done = await within(work, patience.leftMs).then(
    () => true,
    () => false,
  );
  patience.leftMs -= performance.now() - startedMs;
  return done;
}
