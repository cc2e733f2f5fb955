// The health of regions that several threads share: what must happen once, happens once for all of them.
import { afterEach, describe, expect, it } from 'vitest';
import type { Effect, RegionName } from '../../src/domain.ts';
import { createHealth, type Health, type HealthOptions, healthBytes, releaseHealth } from '../../src/region/health.ts';
import { Locks } from '../../src/shared-memory/locks.ts';
import { startThread, type Thread } from '../shared-memory/threads.ts';
import type { HealthAnswer, HealthQuestion, HealthSetup } from './shared-health.worker.ts';

const FILE = new URL('./shared-health.worker.ts', import.meta.url);
const US = 'us' as RegionName;
const EU = 'eu' as RegionName;
const A = 'https://a.us.example';
const THREADS = 4;
const OPEN_MS = 10_000;
const PROBE_MS = 60_000;

type Act =
  | { readonly what: 'fail'; readonly times: number }
  | { readonly what: 'gate'; readonly effect: Effect; readonly times: number }
  | { readonly what: 'over' };

const running: Thread<HealthQuestion, HealthAnswer>[] = [];
afterEach(async () => {
  for (const thread of running.splice(0)) await thread.kill();
});

async function fleet(failures: number, origins: readonly string[] = [A]) {
  const regions = new Map([[US, origins]]);
  const memory = new SharedArrayBuffer(healthBytes(regions));
  const clock = new Float64Array(new SharedArrayBuffer(8));
  clock[0] = 1_000_000;
  const begin = new Int32Array(new SharedArrayBuffer(4));
  const threads = await Promise.all(
    Array.from({ length: THREADS }, (_, at) => {
      const rates = { failures, openMs: OPEN_MS, probeMs: PROBE_MS };
      const setup: HealthSetup = { region: US, origins, ...rates, memory, holder: at + 1, clock, begin };
      return startThread<HealthQuestion, HealthAnswer>(FILE, setup);
    }),
  );
  running.push(...threads);
  let round = 0;
  return {
    threads,
    release: (holder: number) => releaseHealth(regions, memory, holder),
    advance(ms: number) {
      clock[0] = (clock[0] ?? 0) + ms;
    },
    /** The threads with these numbers, or all, at the same time. */
    async act(act: Act, among: readonly number[] = threads.map((_, at) => at)): Promise<HealthAnswer[]> {
      round++;
      const answers = among.map((at) => threads[at]?.ask({ ...act, round }));
      Atomics.store(begin, 0, round);
      Atomics.notify(begin, 0);
      return (await Promise.all(answers)).filter((answer) => answer !== undefined);
    },
  };
}

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
const went = (answers: readonly HealthAnswer[]): number[] => answers.map((answer) => answer.went);
const probes = (answers: readonly HealthAnswer[]): number => total(answers.map((answer) => answer.probes));
const happened = (answers: readonly HealthAnswer[], kind: string): number =>
  answers.flatMap(({ events }) => events).filter((event) => event === kind).length;

describe('the breaker of several threads', () => {
  it('opens at the failure that makes the number full, whichever threads it takes, and says so once', async () => {
    // Also with two upstream URLs, of which each has to fail so often.
    for (const origins of [[A], [A, 'https://b.us.example']]) {
      const { act } = await fleet(6000 * origins.length, origins);
      const times = 6000 * origins.length ** 2;
      await act({ what: 'fail', times: times / THREADS - 1 });
      const before = await act({ what: 'gate', effect: 'destroys', times: 1 });
      expect([went(before), happened(before, 'opened')]).toEqual([[1, 1, 1, 1], 0]);
      await act({ what: 'fail', times: origins.length });
      const after = await act({ what: 'gate', effect: 'destroys', times: 1 });
      expect([went(after), happened(after, 'opened')]).toEqual([[0, 0, 0, 0], 1]);
    }
  });

  it('lets one trial through in half-open, for all threads, and the next when it is over', async () => {
    const { act, advance } = await fleet(1);
    await act({ what: 'fail', times: 1 }, [0]);
    advance(OPEN_MS);
    for (let round = 0; round < 30; round++) {
      expect(total(went(await act({ what: 'gate', effect: 'none', times: 500 })))).toBe(1);
      await act({ what: 'over' });
    }
  });

  it('sends one probe for all threads, and the next one not before probeMs', async () => {
    const { act, advance, release } = await fleet(1);
    await act({ what: 'fail', times: 1 }, [0]);
    advance(OPEN_MS);
    for (let sent = 1; sent <= 10; sent++) {
      const asked = await act({ what: 'gate', effect: 'destroys', times: 300 });
      expect([total(went(asked)), probes(asked)]).toEqual([0, sent]);
      // As if its thread had ended; what decides is now the time.
      for (let holder = 1; holder <= THREADS; holder++) release(holder);
      advance(PROBE_MS - 1);
      expect(probes(await act({ what: 'gate', effect: 'destroys', times: 300 }))).toBe(sent);
      advance(1);
    }
  });

  it('makes room for another trial when the thread of the first has ended', async () => {
    const { act, advance, threads, release } = await fleet(1);
    await act({ what: 'fail', times: 1 }, [0]);
    advance(OPEN_MS);
    expect(went(await act({ what: 'gate', effect: 'none', times: 1 }, [1]))).toEqual([1]);
    await threads[1]?.kill();
    expect(went(await act({ what: 'gate', effect: 'none', times: 10 }, [0, 2, 3]))).toEqual([0, 0, 0]);
    release(1);
    expect(went(await act({ what: 'gate', effect: 'none', times: 10 }, [0, 2, 3]))).toEqual([0, 0, 0]);
    release(2);
    expect(total(went(await act({ what: 'gate', effect: 'none', times: 10 }, [0, 2, 3])))).toBe(1);
  });
});

/** Threads in one: each is a health of its own on one memory, with timers that go off when the clock is moved. */
function together(more: Partial<HealthOptions> = {}) {
  let nowMs = 1_000_000;
  const regions = new Map([
    [EU, ['https://eu.example']],
    [US, [A]],
  ]);
  const memory = new SharedArrayBuffer(healthBytes(regions));
  const timers = new Set<{ readonly atMs: number; readonly holder: number; readonly callback: () => void }>();
  const sent: number[] = [];
  return {
    regions,
    memory,
    /** The holders whose probes were sent; none of them is ever answered. */
    sent,
    begin: (holder: number): Health =>
      createHealth(regions, {
        mode: 'enforce',
        failures: 1,
        openMs: OPEN_MS,
        probeMs: PROBE_MS,
        now: () => nowMs,
        probe() {
          sent.push(holder);
          return new Promise(() => {});
        },
        setTimer(callback, ms) {
          const timer = { atMs: nowMs + ms, holder, callback };
          timers.add(timer);
          return () => timers.delete(timer);
        },
        shared: { memory, holder },
        ...more,
      }),
    end(holder: number) {
      for (const timer of timers) if (timer.holder === holder) timers.delete(timer);
      releaseHealth(regions, memory, holder);
    },
    advance(ms: number) {
      const endMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = next.atMs;
        next.callback();
      }
      nowMs = endMs;
    },
  };
}

describe('the planned probe of a region that is shut', () => {
  it('is sent by a thread that has seen it shut, when the one that shut it has ended', () => {
    const { begin, end, advance, sent } = together();
    const [first, second] = [begin(1), begin(2)];
    first.report(US, A, 'failure');
    expect(second.gate(US, 'none')).toEqual({ kind: 'wait', retryAfterMs: OPEN_MS });
    end(1);
    advance(OPEN_MS);
    expect(sent).toEqual([2]);
  });

  it('is sent by the successor of the only thread that knew, without any call', () => {
    const { begin, end, advance, sent } = together();
    const [first] = [begin(1), begin(2)];
    first.report(US, A, 'failure');
    end(1);
    begin(1);
    advance(OPEN_MS);
    expect(sent).toEqual([1]);
  });

  it('is sent again after probeMs by another thread, when the one that sent it has ended before the answer', () => {
    const { begin, end, advance, sent } = together();
    const [first, second] = [begin(1), begin(2)];
    first.report(US, A, 'failure');
    second.gate(US, 'destroys');
    advance(OPEN_MS);
    expect(sent).toEqual([1]);
    advance(PROBE_MS * 3);
    expect(sent).toEqual([1]);
    end(1);
    advance(OPEN_MS);
    expect(sent).toEqual([1, 2]);
  });

  it('is not sent by a thread that was closed, which may still read', () => {
    const { begin, advance, sent } = together();
    const [first, reader] = [begin(1), begin(2)];
    reader.close();
    first.report(US, A, 'failure');
    first.close();
    expect(reader.readings().map(({ region, state, up, failures }) => [region, state, up, failures])).toEqual([
      [EU, 'closed', true, 0],
      [US, 'open', false, 1],
    ]);
    reader.gate(US, 'destroys');
    advance(OPEN_MS * 5);
    expect(sent).toEqual([]);
  });
});

describe('health in shared memory', () => {
  it('is usable when a thread ended within a step', () => {
    const { begin, regions, memory } = together();
    const health = begin(1);
    new Locks({ memory, holder: 2 }, regions.size).acquire(1);
    releaseHealth(regions, memory, 2);
    const startMs = performance.now();
    health.report(US, A, 'failure');
    expect(health.gate(US, 'none').kind).toBe('wait');
    expect(performance.now() - startMs).toBeLessThan(1000);
  });

  it('a thread that read its clock a moment before another opened the breaker finds it open, not half-open', () => {
    let nowMs = 1_000_000;
    const { begin } = together({ now: () => nowMs });
    const [first, second] = [begin(1), begin(2)];
    first.report(US, A, 'failure');
    nowMs -= 3;
    expect(second.gate(US, 'none')).toEqual({ kind: 'wait', retryAfterMs: OPEN_MS });
  });

  it('needs memory of healthBytes, and a holder', () => {
    const { regions, memory } = together();
    const rates = { mode: 'enforce', failures: 1, openMs: 1, probeMs: 1 } as const;
    const options: HealthOptions = { ...rates, now: () => 0, probe: async () => 'up' };
    const less = new SharedArrayBuffer(memory.byteLength - 8);
    expect(() => createHealth(regions, { ...options, shared: { memory: less, holder: 1 } })).toThrow(RangeError);
    expect(() => createHealth(regions, { ...options, shared: { memory, holder: 0 } })).toThrow(RangeError);
  });
});
