// How workers are kept alive, with threads whose ends are those of the test.
import { expect, it } from 'vitest';
import { createPool } from '../../src/workers/pool.ts';
import type { Ended, Thread } from '../../src/workers/thread.ts';
import { until } from '../support/redis.ts';

const NEVER = new Promise<never>(() => {});

/** A thread that answers what it is asked at once, or (`hangs`) never. */
function threadOf(holder: number) {
  const state = { hangs: false };
  const end = Promise.withResolvers<Ended>();
  const thread: Thread = {
    holder,
    lease: { gateway: `${holder}`, label: `${holder}` },
    link: { ask: () => (state.hangs ? NEVER : (Promise.resolve(true) as never)), tell: () => {} },
    listening: Promise.resolve('http://127.0.0.1:1'),
    isListening: () => true,
    ended: end.promise,
    served: end.promise.then(() => {}),
    counted: () => [],
    snapshot: async () => [],
    terminate: async () => end.resolve({ how: 'ended', cause: undefined }),
  };
  return { thread, state, die: () => end.resolve({ how: 'crashed', cause: undefined }) };
}

it('a worker for which the system has no thread is tried again, and nothing else ends', async () => {
  const opened: ReturnType<typeof threadOf>[] = [];
  const said: unknown[] = [];
  const note = (facts: unknown, message: unknown): void => {
    said.push([message, (facts as { cause?: unknown }).cause]);
  };
  let refusals = 0;
  const pool = createPool({
    workers: 1,
    log: { info: note, error: note } as never,
    open(holder) {
      if (opened.length === 1 && refusals++ < 2) {
        throw Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' });
      }
      opened.push(threadOf(holder));
      return (opened.at(-1) as ReturnType<typeof threadOf>).thread;
    },
    onEnded: () => {},
    onServed: async () => {},
  });
  await pool.start();
  opened[0]?.die();
  await until(() => pool.readings().restarts.crashed === 1);
  expect(opened.map(({ thread }) => thread.holder)).toEqual([1, 1]);
  const failed = ['a worker cannot be started: it is tried again', { name: 'Error', code: 'ERR_WORKER_INIT_FAILED' }];
  await until(() => said.length === 4);
  expect(said.slice(1, 3)).toEqual([failed, failed]);
  expect(await pool.drain(0)).toBe(true);
});

function poolOf(workers: number) {
  const opened: ReturnType<typeof threadOf>[] = [];
  const said: unknown[] = [];
  const pool = createPool({
    workers,
    log: { info: () => {}, error: (_facts: unknown, message: unknown) => said.push(message) } as never,
    open(holder) {
      const made = threadOf(holder);
      opened.push(made);
      return made.thread;
    },
    onEnded: () => {},
    onServed: async () => {},
    beatMs: 2,
  });
  return { pool, opened, said };
}

it('one that hangs is ended while another one answers', async () => {
  const { pool, opened, said } = poolOf(2);
  await pool.start();
  const [, second] = opened as [ReturnType<typeof threadOf>, ReturnType<typeof threadOf>];
  second.state.hangs = true;
  await until(() => opened.length === 3);
  expect(opened[2]?.thread.holder).toBe(2);
  expect(said[0]).toBe('a worker hangs: it is ended');
  expect(await pool.drain(0)).toBe(true);
});

it('where none answers none is ended, and none counts as one that answers callers', async () => {
  const { pool, opened, said } = poolOf(2);
  await pool.start();
  for (const { state } of opened) state.hangs = true;
  await until(() => pool.readings().listening === 0);
  // For as long again.
  let turns = 0;
  await until(() => ++turns > 20);
  expect([opened.length, said]).toEqual([2, []]);
  for (const { state } of opened) state.hangs = false;
  for (const { die } of opened) die();
  await until(() => pool.readings().listening === 2);
  expect(await pool.drain(0)).toBe(true);
});
