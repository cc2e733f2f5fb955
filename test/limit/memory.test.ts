// How much of what the process may have is in use: by what the system says, and by what threads say.
import { getHeapStatistics } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { createCollect } from '../../src/limit/collect.ts';
import { createMemoryUse, limitOf, type MemoryBook, newMemoryBook } from '../../src/limit/memory.ts';

const MIB = 2 ** 20;

interface State {
  limit: number | undefined;
  resident: number;
  own: number[];
  asked: number;
}

/** A process that may have 1000 bytes, and has 100 of its own beside what its threads have. */
function openProcess(threads = 1) {
  const memory = newMemoryBook(threads);
  const state: State = { limit: 1000, resident: 100, own: Array<number>(threads).fill(0), asked: 0 };
  const uses = state.own.map((_, index) => {
    const book: MemoryBook = { memory, holder: index + 1 };
    return createMemoryUse(book, {
      limit() {
        state.asked++;
        return state.limit;
      },
      resident: () => state.resident,
      own: () => state.own[index] ?? 0,
    });
  });
  return { state, share: (thread = 1) => uses[thread - 1]?.measure(), uses };
}

describe('the memory in use', () => {
  it('is what is resident, as long as nothing was freed', () => {
    const { state, share } = openProcess();
    expect(share()).toBe(0.1);
    Object.assign(state, { resident: 700, own: [600] });
    expect(share()).toBe(0.7);
    // Of what is in no heap and in no buffer, too: sessions of TLS, say.
    state.resident = 900;
    expect(share()).toBe(0.9);
  });

  it('is not what was freed, though it stays resident', () => {
    const { state, share } = openProcess();
    Object.assign(state, { resident: 900, own: [800] });
    expect(share()).toBe(0.9);
    state.own[0] = 100;
    expect(share()).toBeCloseTo(0.2);
    // What was freed is used again.
    state.own[0] = 500;
    expect(share()).toBeCloseTo(0.6);
    Object.assign(state, { resident: 950, own: [850] });
    expect(share()).toBe(0.95);
  });

  it('is never more than is resident, wherever the rest went', () => {
    const { state, share } = openProcess();
    Object.assign(state, { resident: 900, own: [800] });
    share();
    Object.assign(state, { resident: 300, own: [750] });
    expect(share()).toBe(0.3);
  });

  it('is that of all threads together, and each is told the same', () => {
    const { state, share } = openProcess(3);
    Object.assign(state, { resident: 900, own: [500, 200, 100] });
    for (const thread of [1, 2, 3, 1]) expect(share(thread)).toBe(0.9);
    // One of them frees what it had, and tells.
    state.own[0] = 50;
    share(1);
    expect([share(2), share(3)]).toEqual([0.45, 0.45]);
  });

  it('of bodies that are under way is what all threads were promised, and what is no longer', () => {
    const { state, share, uses } = openProcess(2);
    share(1);
    share(2);
    uses[0]?.promise(300);
    uses[1]?.promise(200);
    expect([uses[0]?.promised(100), uses[1]?.promised(0)]).toEqual([0.6, 0.5]);
    uses[0]?.promise(-300);
    expect(uses[1]?.promised(0)).toBe(0.2);
    // It is not in use before it has come.
    expect(share(1)).toBe(0.1);
    state.limit = undefined;
    for (let turn = 0; turn < 50; turn++) share(1);
    expect(uses[0]?.promised(1e9)).toBe(0);
  });

  it('is unknown without a limit, and one that comes later is noticed', () => {
    const { state, share } = openProcess();
    state.limit = undefined;
    for (let turn = 0; turn < 50; turn++) expect(share()).toBeUndefined();
    expect(state.asked).toBe(1);
    state.limit = 200;
    expect([share(), state.asked]).toEqual([0.5, 2]);
  });

  it.each([
    ['none is known', 0, undefined],
    ['cgroups have none', 2 ** 64, undefined],
    ['it is more than the machine has', 9000, undefined],
    ['it is all that the machine has', 8000, undefined],
    ['it is less', 512, 512],
  ])('has a limit where %s: %d', (_, constrained, limit) => {
    expect(limitOf(constrained, 8000)).toBe(limit);
  });
});

describe('collecting', () => {
  const buffersMib = (): number => getHeapStatistics().external_memory / MIB;
  const fill = () => Array.from({ length: 1000 }, () => Buffer.allocUnsafeSlow(64 * 1024).fill(1));

  it('frees buffers that nobody uses, and none that somebody does', () => {
    const collect = createCollect();
    const before = buffersMib();
    const used = fill();
    fill();
    collect();
    expect(buffersMib() - before).toBeGreaterThan(60);
    expect(buffersMib() - before).toBeLessThan(75);
    expect(used).toHaveLength(1000);
    // No code gets hold of the collector by a name.
    expect(Reflect.get(globalThis, 'gc')).toBeUndefined();
  });

  it('is done for a twentieth of the time at most', () => {
    let nowMs = 0;
    let tookMs = 0;
    const collect = createCollect(() => {
      nowMs += tookMs;
      return nowMs;
    });
    const isCollecting = (): boolean => {
      const before = buffersMib();
      fill();
      collect();
      return buffersMib() - before < 10;
    };
    expect(isCollecting()).toBe(true);
    nowMs = 199;
    expect(isCollecting()).toBe(false);
    nowMs = 200;
    tookMs = 500;
    expect(isCollecting()).toBe(true);
    tookMs = 0;
    nowMs = 200 + 2 * 500 + 19 * 500 - 1;
    expect(isCollecting()).toBe(false);
    nowMs++;
    expect(isCollecting()).toBe(true);
  });
});
