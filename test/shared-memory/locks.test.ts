import { afterEach, describe, expect, it } from 'vitest';
import { notBefore } from '../../src/shared-memory/clock.ts';
import { HOLDERS_MAX, Locks, locksBytes, releaseLocks } from '../../src/shared-memory/locks.ts';
import type { LockQuestion } from './locks.worker.ts';
import { reached, startThread, type Thread } from './threads.ts';

const FILE = new URL('./locks.worker.ts', import.meta.url);
/** Beside the lock: the guarded count, who asked for the lock last, who had it last. */
const ASKED = 1;
const HAD = 2;

const started: Thread<LockQuestion, string>[] = [];
afterEach(async () => {
  for (const thread of started.splice(0)) await thread.kill();
});

function world() {
  const memory = new SharedArrayBuffer(locksBytes(1));
  const words = new Int32Array(new SharedArrayBuffer(16));
  return {
    memory,
    words,
    async thread(holder: number) {
      const thread = await startThread<LockQuestion, string>(FILE, { memory, words, holder });
      started.push(thread);
      return thread;
    },
  };
}

describe('a lock', () => {
  it('lets one thread at a time at what it guards: no addition of four threads is lost', async () => {
    const { words, thread } = world();
    const threads = await Promise.all([1, 2, 3, 4].map(thread));
    await Promise.all(threads.map((one) => one.ask({ what: 'count', times: 100_000 })));
    expect(words[0]).toBe(400_000);
  });

  it('of a thread that was ended in the middle keeps others out, asleep, until it is released', async () => {
    const { memory, words, thread } = world();
    const dying = await thread(7);
    const waiting = await thread(8);
    dying.ask({ what: 'keep' }).catch(() => {});
    await reached(words, HAD, 7);
    await dying.kill();
    const done = waiting.ask({ what: 'take' });
    await reached(words, ASKED, 8);
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(150);
    expect(Atomics.load(words, HAD)).toBe(7);
    expect(releaseLocks(memory, 6)).toBe(0);
    expect(releaseLocks(memory, 7)).toBe(1);
    await done;
    expect(Atomics.load(words, HAD)).toBe(8);
    expect(releaseLocks(memory, 8)).toBe(0);
  });

  it('that nobody releases is taken after some seconds, and is no longer its old holder’s to release', () => {
    const memory = new SharedArrayBuffer(locksBytes(1));
    const old = new Locks({ memory, holder: 1 }, 1);
    const next = new Locks({ memory, holder: 2 }, 1);
    old.acquire(0);
    next.acquire(0);
    old.release(0);
    expect(releaseLocks(memory, 2)).toBe(1);
  });

  it.each([0, 1.5, HOLDERS_MAX + 1])('has no holder number %s', (holder) => {
    expect(() => new Locks({ memory: new SharedArrayBuffer(64), holder }, 1)).toThrow(RangeError);
  });

  it('needs its memory', () => {
    expect(() => new Locks({ memory: new SharedArrayBuffer(8), holder: 1 }, 2)).toThrow(RangeError);
    expect(releaseLocks(new SharedArrayBuffer(8), 1)).toBe(0);
  });
});

describe('time under a lock', () => {
  it('does not go back for a thread that comes late, and follows a clock that was set back', () => {
    const cells = new Float64Array(2);
    const times = [5000, 4500, 4001, 6000, 5000, 5500].map((nowMs) => notBefore(cells, 1, nowMs));
    expect(times).toEqual([5000, 5000, 5000, 6000, 5000, 5500]);
    expect(cells[0]).toBe(0);
  });
});
