// Collects garbage when asked. V8 knows of its heap's bound and of no other: buffers that nobody uses any more stay until the heap
// has a reason of its own to be looked through, which may be a long time where few calls are served.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** It stops the thread for as long as its heap takes to be looked through. */
const APART_MS = 10_000;

type Collector = (options?: { readonly type: 'minor' }) => void;

/** Node gives it to contexts that are made under this flag, and to no other. */
function takeCollector(): Collector {
  setFlagsFromString('--expose-gc');
  const collector: Collector = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return collector;
}

/**
 * @param now milliseconds of a clock that nobody sets
 * @returns collects, unless it has done so in the last ten seconds
 */
export function createCollect(now: () => number = () => performance.now()): () => void {
  let collector: Collector | undefined;
  let lastMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = now();
    if (nowMs - lastMs < APART_MS) return;
    lastMs = nowMs;
    collector ??= takeCollector();
    collector();
    // Buffers that the first one found are freed by the second.
    collector({ type: 'minor' });
  };
}
