// Collecting garbage when asked.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

const THREAD = new URL('collect.thread.ts', import.meta.url);

it('is begun by several threads at the same moment: none of them falls over another', async () => {
  const threads = [1, 2, 3].map(() => new Worker(THREAD, { workerData: { times: 60 } }));
  const told = await Promise.all(threads.map((thread) => once(thread, 'message')));
  expect(told.flat(2)).toEqual([]);
}, 30_000);
