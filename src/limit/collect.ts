// Collects garbage when asked. V8 knows of its heap's bound and of no other: buffers that nobody uses any more stay until the heap
// has a reason of its own to be looked through, which may be a long time where few calls are served.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** It stops the thread for as long as its heap takes to be looked through: for a twentieth of the time at most. */
const REST = 19;
const LEAST_REST_MS = 200;

type Collector = (options?: { readonly type: 'minor' }) => void;

/**
 * Node gives it to contexts that are made under this flag, and to no other. The flag is all threads', which come here at the
 * same moment, since they have their memory together: none takes it back.
 */
function takeCollector(): Collector {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
}

/**
 * @param now milliseconds of a clock that nobody sets
 * @returns collects, unless it has just done so
 */
export function createCollect(now: () => number = () => performance.now()): () => void {
  let collector: Collector | undefined;
  let restedMs = Number.NEGATIVE_INFINITY;
  return () => {
    const startedMs = now();
    if (startedMs < restedMs) return;
    collector ??= takeCollector();
    collector();
    // Buffers that the first one found are freed by the second.
    collector({ type: 'minor' });
    const endedMs = now();
    restedMs = endedMs + Math.max(LEAST_REST_MS, REST * (endedMs - startedMs));
  };
}
