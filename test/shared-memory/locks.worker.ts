// A thread that takes and gives back one lock.
import { parentPort, workerData } from 'node:worker_threads';
import { Locks } from '../../src/shared-memory/locks.ts';

export interface LockQuestion {
  /** `count`: adds one to the guarded word so often, each time under the lock. `keep`: takes the lock for good. */
  readonly what: 'count' | 'keep' | 'take';
  readonly times?: number;
}

const { memory, words, holder } = workerData as { memory: SharedArrayBuffer; words: Int32Array; holder: number };
const locks = new Locks({ memory, holder }, 1);

function countUnderLock(times: number): void {
  for (let n = 0; n < times; n++) {
    locks.acquire(0);
    words[0] = (words[0] ?? 0) + 1;
    locks.release(0);
  }
}

parentPort?.on('message', ({ what, times = 1 }: LockQuestion) => {
  if (what === 'count') countUnderLock(times);
  else {
    Atomics.store(words, 1, holder);
    locks.acquire(0);
    Atomics.store(words, 2, holder);
    // As a thread that is ended in the middle: it comes back to its loop, where `terminate` finds it.
    while (what === 'keep') Atomics.wait(words, 3, 0, 10);
    locks.release(0);
  }
  parentPort?.postMessage(what);
});
parentPort?.postMessage('ready');
