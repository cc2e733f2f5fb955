// What becomes so by itself, and when is the machine's affair.
import { expect } from 'vitest';

const BOUND_MS = 15_000;

/** As expect.poll, which gives up after a second. */
export function soon<T>(look: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(look, { timeout: BOUND_MS });
}
