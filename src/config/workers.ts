// How many threads answer callers.
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { text } from './fields.ts';
import { Unfit } from './units.ts';

/** More help nobody, and each takes memory. */
const MOST = 64;
const WORKERS = `auto or a whole number from 1 to ${MOST}`;

function readWorkers(text: string): number | Unfit {
  if (text === 'auto') return Math.min(availableParallelism(), MOST);
  const count = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= MOST ? count : new Unfit(WORKERS);
}

/** A number, or its text: it may come from the environment. */
export function workers() {
  return z.preprocess((value) => (typeof value === 'number' ? String(value) : value), text(WORKERS, readWorkers));
}
