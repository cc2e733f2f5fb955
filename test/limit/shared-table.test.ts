// One table for several threads: what passes is what would pass if one thread spent it all.
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Rate } from '../../src/limit/gcra.ts';
import { addressKey, type LimitKey } from '../../src/limit/key.ts';
import { createLimitTable, type LimitTable, limitTableBytes } from '../../src/limit/table.ts';
import { Locks, releaseLocks } from '../../src/shared-memory/locks.ts';
import { startThread, type Thread } from '../shared-memory/threads.ts';
import type { SpendQuestion, SpendSetup } from './shared-table.worker.ts';

const FILE = new URL('./shared-table.worker.ts', import.meta.url);
const NOW = 1_800_000_000_000;
const SEED = Buffer.alloc(32, 'seed of the tests');
const RATE = { perMs: 60_000, requests: 60, burst: 20 };
const THREADS = 4;
/** The thread of the test itself. */
const HERE = THREADS + 1;

interface Sizes {
  readonly slots: number;
  readonly coarseSlots: number;
}

const v4 = (address: string): LimitKey => addressKey(address, 64);
const sum = (counts: Iterable<number>): number => [...counts].reduce((total, count) => total + count, 0);

function sharedTable(rate: Rate, sizes: Sizes, holder = HERE, memory = new SharedArrayBuffer(limitTableBytes(sizes))) {
  return createLimitTable(rate, { ...sizes, seed: SEED, shared: { memory, holder } });
}

const running: Thread<SpendQuestion, string>[] = [];
afterEach(async () => {
  for (const thread of running.splice(0)) await thread.kill();
});

/** Four threads and the test's own with one table; `addresses` are those that the threads spend at. */
async function fleet(rate: Rate, options: Sizes, addresses: readonly string[]) {
  const memory = new SharedArrayBuffer(limitTableBytes(options));
  const begin = new Int32Array(new SharedArrayBuffer(4));
  const counts = Array.from({ length: THREADS }, () => new Int32Array(new SharedArrayBuffer(4 * addresses.length)));
  const threads = await Promise.all(
    counts.map((passed, at) => {
      const setup: SpendSetup = { rate, options, seed: SEED, memory, holder: at + 1, passed, begin };
      return startThread<SpendQuestion, string>(FILE, setup);
    }),
  );
  running.push(...threads);
  let round = 0;
  return {
    memory,
    threads,
    table: sharedTable(rate, options, HERE, memory),
    /** All threads spend at the same time, each so many times at each address. */
    spend(times: number, nowMs: number | 'steady') {
      round++;
      const done = threads.map((thread) => thread.ask({ round, addresses, times, nowMs }));
      Atomics.store(begin, 0, round);
      Atomics.notify(begin, 0);
      return done;
    },
    /** How many passed in all threads together, by address. */
    passed: () => addresses.map((_, at) => sum(counts.map((passed) => passed[at] ?? 0))),
  };
}

/** Takes every slot, so that who comes next shares a coarse bucket. */
function fill(table: LimitTable, nowMs: number): void {
  for (let index = 0; table.used(nowMs) < table.capacity; index++) {
    table.charge(v4(`10.${index >> 8}.${index & 255}.1`), 1, nowMs);
  }
}

/** Each from another network. */
const newcomers = Array.from({ length: 40 }, (_, at) => `198.${at}.100.7`);

describe('a limit table of several threads', () => {
  it('lets exactly the burst of one address pass, and then what time gives back', async () => {
    const { spend, passed } = await fleet({ ...RATE, burst: 5000 }, { slots: 64, coarseSlots: 8 }, ['203.0.113.9']);
    await Promise.all(spend(30_000, NOW));
    expect(passed()).toEqual([5000]);
    await Promise.all(spend(1000, NOW + 7000));
    expect(passed()).toEqual([5007]);
  });

  it('lets exactly the burst of each of a few addresses pass, also where they share a set', async () => {
    const addresses = ['203.0.113.1', '203.0.113.2', '203.0.113.3', '2001:db8::1', '2001:db8:1::1'];
    const { spend, passed, table } = await fleet({ ...RATE, burst: 1000 }, { slots: 8, coarseSlots: 1 }, addresses);
    await Promise.all(spend(6000, NOW));
    expect(passed()).toEqual([1000, 1000, 1000, 1000, 1000]);
    expect(table.used(NOW)).toBe(5);
    expect(table.sharedNewcomers).toBe(0);
  });

  it('shares coarse buckets among newcomers of all sets as one thread would, and counts each of them', async () => {
    const rate = { ...RATE, burst: 3000 };
    const sizes = { slots: 64, coarseSlots: 2 };
    const { spend, passed, table } = await fleet(rate, sizes, newcomers);
    const alone = createLimitTable(rate, { ...sizes, seed: SEED });
    for (const one of [table, alone]) fill(one, NOW);
    let expected = 0;
    for (const address of newcomers) while (alone.spend(v4(address), 1, NOW).allowed) expected++;
    await Promise.all(spend(2000, NOW));
    expect(sum(passed())).toBe(expected);
    expect(expected).toBeGreaterThan(2 * 3000 - 100);
    expect(table.sharedNewcomers).toBe(alone.sharedNewcomers);
  });

  it('gives no key more than burst + floor(span / T) while slots expire and are taken again', async () => {
    const rate = { perMs: 1000, requests: 200, burst: 4 };
    const addresses = Array.from({ length: 60 }, (_, at) => `198.51.100.${at}`);
    const { spend, passed, table } = await fleet(rate, { slots: 32, coarseSlots: 16 }, addresses);
    const startMs = performance.now();
    for (let round = 0; round < 10; round++) await Promise.all(spend(200, 'steady'));
    const most = 4 + Math.floor((performance.now() - startMs) / 5);
    expect(Math.max(...passed())).toBeLessThanOrEqual(most);
    expect(table.sharedNewcomers).toBeGreaterThan(0);
    expect(sum(passed())).toBeGreaterThan(4 * 60);
  });

  it.each([
    ['one address', { slots: 8, coarseSlots: 1 }, ['203.0.113.9'], false],
    ['newcomers of a full table', { slots: 64, coarseSlots: 2 }, newcomers, true],
  ] as const)(
    'goes on when a thread is ended in the middle, with %s: what is left passes, but the last of the dead',
    async (_, sizes, addresses, full) => {
      const rate = { ...RATE, burst: 60_000 };
      for (let kill = 0; kill < 4; kill++) {
        const { spend, passed, threads, memory, table } = await fleet(rate, sizes, addresses);
        const alone = createLimitTable(rate, { ...sizes, seed: SEED });
        for (const one of full ? [table, alone] : []) fill(one, NOW);
        let expected = 0;
        for (const address of addresses) while (alone.spend(v4(address), 1, NOW).allowed) expected++;
        const [dying, ...others] = spend(Math.ceil(expected / 2 / addresses.length) + 100, NOW);
        dying?.catch(() => {});
        while (sum(passed()) < 5000 * kill) await new Promise(setImmediate);
        await threads[0]?.kill();
        releaseLocks(memory, 1);
        await Promise.all(others);
        // Three threads alone would have spent more than all.
        expect([expected - 1, expected]).toContain(sum(passed()));
        for (const thread of threads) await thread.kill();
      }
    },
    120_000,
  );

  it('is usable when a thread ended with every lock in its hands', async () => {
    const sizes = { slots: 64, coarseSlots: 8 };
    const memory = new SharedArrayBuffer(limitTableBytes(sizes));
    const dead = new Locks({ memory, holder: 1 }, 16);
    for (let lock = 0; lock < 16; lock++) dead.acquire(lock);
    const table = sharedTable(RATE, sizes, HERE, memory);
    expect(releaseLocks(memory, 1)).toBe(16);
    const startMs = performance.now();
    expect(table.spend(v4('203.0.113.9'), 1, NOW)).toMatchObject({ allowed: true, remaining: 19 });
    expect(performance.now() - startMs).toBeLessThan(1000);
    expect(releaseLocks(memory, HERE)).toBe(0);
  });
});

describe('a shared limit table in one thread', () => {
  const step = fc.record({
    who: fc.nat(20),
    what: fc.constantFrom('spend', 'spend', 'charge', 'peek'),
    cost: fc.integer({ min: 0, max: 25 }),
    waitMs: fc.oneof(fc.constant(0), fc.nat(3000), fc.nat(60_000), fc.integer({ min: -300_000, max: -1000 })),
  });

  it.each([
    { slots: 8, coarseSlots: 1 },
    { slots: 16, coarseSlots: 4 },
    { slots: 4096, coarseSlots: 16 },
  ])('property: says what a table of one thread says, through several views, with $slots slots', (sizes) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const plain = createLimitTable(RATE, { ...sizes, seed: SEED });
        const memory = new SharedArrayBuffer(limitTableBytes(sizes));
        const views = [1, 2, 3].map((holder) => sharedTable(RATE, sizes, holder, memory));
        let now = NOW;
        const times = [now];
        steps.forEach(({ who, what, cost, waitMs }, at) => {
          now += waitMs;
          // Less than a second before another moment is taken for it: that is tested below.
          while (times.some((other) => other > now && other - now < 1000)) now += 1000;
          times.push(now);
          const key = v4(`10.${who}.0.1`);
          const shared = views[at % 3] ?? plain;
          if (what === 'spend') expect(shared.spend(key, cost, now)).toEqual(plain.spend(key, cost, now));
          else if (what === 'peek') expect(shared.peek(key, now)).toEqual(plain.peek(key, now));
          else expect(shared.charge(key, cost, now)).toEqual(plain.charge(key, cost, now));
          expect(shared.used(now)).toBe(plain.used(now));
          expect(shared.sharedNewcomers).toBe(plain.sharedNewcomers);
        });
      }),
      { numRuns: 200 },
    );
  });

  it('gives nobody a fresh allowance because a thread read the clock before another, and came after it', () => {
    const table = sharedTable(RATE, { slots: 8, coarseSlots: 4 });
    const key = v4('203.0.113.9');
    for (let times = 0; times < 20; times++) table.spend(key, 1, NOW);
    // At this moment it owes nothing, and its set is taken by others.
    const full = NOW + 20_000;
    for (let index = 0; index < 8; index++) table.charge(v4(`10.${index}.0.1`), 20, full);
    for (let times = 0; times < 20; times++) expect(table.spend(key, 1, full - 5).allowed).toBe(true);
    expect(table.spend(key, 1, full + 995).allowed).toBe(false);
    expect(table.spend(key, 1, full + 1000).allowed).toBe(true);
  });

  it('needs memory of limitTableBytes, and a holder', () => {
    const sizes = { slots: 100, coarseSlots: 100 };
    const bytes = limitTableBytes(sizes);
    expect(sharedTable(RATE, sizes)).toMatchObject({ capacity: 128, bytes });
    expect(() => sharedTable(RATE, sizes, HERE, new SharedArrayBuffer(bytes - 1))).toThrow(RangeError);
    expect(() => sharedTable(RATE, sizes, 0)).toThrow(RangeError);
    expect(() => limitTableBytes({ slots: 0, coarseSlots: 1 })).toThrow(RangeError);
  });
});
