// Measures how late this thread's event loop is, how full its heap, and how much of its memory the process has in use.
// @fastify/under-pressure asks in Fastify's router, which calls of the API do not pass here (listener/http-server.ts), and takes
// one mean over a second.
import { getHeapStatistics } from 'node:v8';
import type { Measured } from './pressure.ts';

/** Ten timers a second cost nothing that can be measured; a bound below this time would be noticed late. */
const EVERY_MS = 100;

/**
 * @param tell called ten times a second, or as often as the event loop turns where that is less
 * @param memory of memory.ts
 * @returns ends it
 */
export function startMeter(tell: (measured: Measured) => void, memory: () => number | undefined): () => void {
  let beforeMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    const delayMs = Math.max(0, nowMs - beforeMs - EVERY_MS);
    beforeMs = nowMs;
    tell({ delayMs, heap: used / limit, memory: memory() });
  }, EVERY_MS).unref();
  return () => clearInterval(timer);
}
