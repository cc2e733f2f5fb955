// Another configuration in all workers or in none, with threads whose answers and ends are those of the test.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { LinkError } from '../../src/workers/link.ts';
import { prepareAll } from '../../src/workers/prepare.ts';
import type { Thread } from '../../src/workers/thread.ts';

const CONFIG = parseConfig('regions: { us: { upstreams: ["https://us.example"] } }', 'gateway.yaml', {});
const SHARE = { config: CONFIG, memory: { limits: {}, health: new SharedArrayBuffer(8) } };
const NEVER = new Promise<never>(() => {});

type Answer = () => Promise<unknown>;

/** A worker that does what it is asked, unless the test has it do otherwise. */
function worker(holder: number, answers: { prepare?: Answer; use?: Answer; isListening?: boolean } = {}) {
  const asked: string[] = [];
  const listening = Promise.withResolvers<string>();
  const { prepare = async () => {}, use = async () => {}, isListening = true } = answers;
  if (isListening) listening.resolve('http://127.0.0.1:1');
  let ended = false;
  function ask(name: string, what: unknown): Promise<unknown> {
    if (ended) return Promise.reject(new LinkError());
    asked.push(name === 'decide' ? (what === true ? 'use' : 'abandon') : name);
    if (name === 'prepare') return prepare();
    return what === true ? use() : Promise.resolve();
  }
  const thread: Thread = {
    holder,
    lease: { gateway: `${holder}`, label: `${holder}` },
    link: { ask: ask as Thread['link']['ask'], tell: () => {} },
    listening: listening.promise,
    isListening: () => isListening,
    ended: NEVER,
    served: NEVER,
    counted: () => [],
    snapshot: async () => [],
    terminate: async () => asked.push('terminate'),
  };
  return {
    thread,
    asked,
    listen: () => listening.resolve('http://127.0.0.1:1'),
    fail: () => listening.reject(new Error('it cannot begin')),
    die: () => {
      ended = true;
    },
  };
}

const said: unknown[] = [];
const LOG = { error: (facts: unknown, message: unknown) => void said.push([facts, message]) };

function prepare(workers: readonly ReturnType<typeof worker>[], more: ReturnType<typeof worker>[] = []) {
  const threads = new Map(workers.map(({ thread }) => [thread.holder, thread]));
  const prepared = prepareAll(threads, () => SHARE, { error: LOG.error } as Parameters<typeof prepareAll>[2]);
  return prepared.finally(() => {
    for (const { thread } of more) threads.set(thread.holder, thread);
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  said.length = 0;
});
afterEach(() => void vi.useRealTimers());

it('all of them open it before the first one uses it', async () => {
  const workers = [worker(1), worker(2)];
  const prepared = await prepare(workers);
  expect(workers.map(({ asked }) => asked)).toEqual([['prepare'], ['prepare']]);
  await prepared.apply();
  expect(workers.map(({ asked }) => asked)).toEqual([
    ['prepare', 'use'],
    ['prepare', 'use'],
  ]);
});

it('what one of them cannot open, none uses', async () => {
  const cause = new Error('no memory');
  const workers = [worker(1), worker(2, { prepare: () => Promise.reject(cause) }), worker(3)];
  await expect(prepare(workers)).rejects.toBe(cause);
  expect(workers.map(({ asked }) => asked.at(-1))).toEqual(['abandon', 'abandon', 'abandon']);
});

it('one that hangs is not waited for longer than ten seconds: nobody uses it, also not that one later', async () => {
  const workers = [worker(1), worker(2, { prepare: () => NEVER })];
  const refused = expect(prepare(workers)).rejects.toMatchObject({ code: 'WORKER_SILENT' });
  await vi.advanceTimersByTimeAsync(10_000);
  await refused;
  expect(workers.map(({ asked }) => asked)).toEqual([
    ['prepare', 'abandon'],
    ['prepare', 'abandon'],
  ]);
});

it('one that has died meanwhile needs nothing, and its successor is given the new one', async () => {
  const [first, dying, successor] = [worker(1), worker(2), worker(2)];
  const prepared = await prepare([first, dying], [successor]);
  dying.die();
  await prepared.apply();
  expect([first.asked, dying.asked, successor.asked]).toEqual([['prepare', 'use'], ['prepare'], ['prepare', 'use']]);
  expect(said).toEqual([]);
});

it('one that dies while it opens it keeps nobody from it', async () => {
  const workers = [worker(1), worker(2, { prepare: () => Promise.reject(new LinkError()) })];
  await (await prepare(workers)).apply();
  expect(workers[0]?.asked).toEqual(['prepare', 'use']);
});

it('nothing is applied before one that is just starting has it, too', async () => {
  const [first, starting] = [worker(1), worker(2, { isListening: false })];
  const prepared = await prepare([first, starting]);
  let isApplied = false;
  const applied = prepared.apply().then(() => {
    isApplied = true;
  });
  await vi.advanceTimersByTimeAsync(5_000);
  expect([first.asked, starting.asked, isApplied]).toEqual([['prepare', 'use'], [], false]);
  starting.listen();
  await applied;
  expect(starting.asked).toEqual(['prepare', 'use']);
});

it('one that cannot begin is not waited for', async () => {
  const starting = worker(2, { isListening: false });
  const applied = (await prepare([worker(1), starting])).apply();
  starting.fail();
  await applied;
  expect([starting.asked, said]).toEqual([[], []]);
});

it.each([
  ['hangs when it is to use it', { use: () => NEVER }, 10_000],
  ['fails when it is to use it', { use: () => Promise.reject(new Error('a defect')) }, 0],
  ['does not begin', { isListening: false }, 30_000],
])('one that %s is ended: none goes on with the configuration before', async (_what, answers, afterMs) => {
  const workers = [worker(1), worker(2, answers)];
  const applied = (await prepare(workers)).apply();
  await vi.advanceTimersByTimeAsync(afterMs);
  await applied;
  expect(workers.map(({ asked }) => asked.includes('terminate'))).toEqual([false, true]);
  expect(said).toEqual([[{ worker: 2 }, 'a worker does not take the new configuration: it is ended']]);
});
