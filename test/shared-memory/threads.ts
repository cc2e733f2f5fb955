// Threads for tests of shared memory: each loads a file of its own, says when it is ready, and answers questions one by one.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface Thread<Question, Answer> {
  readonly ask: (question: Question) => Promise<Answer>;
  /** Ends it wherever it is. */
  readonly kill: () => Promise<void>;
}

/** @param file beside the test, for example new URL('./x.worker.ts', import.meta.url) */
export async function startThread<Question, Answer>(file: URL, workerData: unknown): Promise<Thread<Question, Answer>> {
  const worker = new Worker(file, { workerData, execArgv: [] });
  await once(worker, 'message');
  return {
    async ask(question) {
      // `once` also rejects when the thread fails.
      const [[answer]] = await Promise.all([once(worker, 'message'), worker.postMessage(question)]);
      return answer;
    },
    async kill() {
      await worker.terminate();
    },
  };
}

/** Until the word in shared memory has that value, at most ten seconds. */
export async function reached(words: Int32Array, at: number, value: number): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (Atomics.load(words, at) !== value) {
    if (performance.now() > endMs) throw new Error(`word ${at} is ${Atomics.load(words, at)}, not ${value}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
