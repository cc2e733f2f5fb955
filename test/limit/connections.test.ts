// Open connections, counted by several threads: exactly, and nothing is left of a thread that died.
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type ConnectionSizes, Connections, connectionsBytes } from '../../src/limit/connections.ts';
import { addressKey, type Place } from '../../src/limit/key.ts';
import { HOLDERS_MAX, releaseLocks } from '../../src/shared-memory/locks.ts';
import { startThread, type Thread } from '../shared-memory/threads.ts';
import type { OpenQuestion, OpenSetup } from './connections.worker.ts';

const SEED = 'seed of the tests';
const placeOf = (address: string, prefix = 64): Place => addressKey(address, prefix).place(SEED);

/** Threads' views of one memory; the last one is the main thread's, which counts nothing itself. */
function open(sizes: ConnectionSizes) {
  const memory = new SharedArrayBuffer(connectionsBytes(sizes));
  const threads = Array.from({ length: sizes.threads }, (_, at) => new Connections(sizes, { memory, holder: at + 1 }));
  return { memory, threads, main: new Connections(sizes, { memory, holder: HOLDERS_MAX }) };
}

describe('connections in all', () => {
  it('are as many as may be, whichever thread has them', () => {
    const { threads } = open({ connections: 3, threads: 2 });
    const [one, two] = threads;
    expect([one?.enter(), two?.enter(), one?.enter(), two?.enter(), one?.enter()]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(one?.open).toBe(3);
    one?.leave();
    expect([two?.enter(), two?.enter()]).toEqual([true, false]);
  });

  it('may be one more for one that is being ended', () => {
    const [one] = open({ connections: 1, threads: 1 }).threads;
    expect(one?.enter()).toBe(true);
    one?.force();
    expect(one?.open).toBe(2);
    one?.leave();
    expect(one?.enter()).toBe(false);
  });

  it('are refused where the memory is too small, or the holder is nobody', () => {
    const sizes = { connections: 10, threads: 2 };
    const memory = new SharedArrayBuffer(connectionsBytes(sizes) - 4);
    expect(() => new Connections(sizes, { memory, holder: 1 })).toThrow(RangeError);
    expect(() => new Connections(sizes, { memory, holder: 0 })).toThrow(RangeError);
  });
});

describe('connections of an address', () => {
  it('are as many as may be, of IPv6 by its network, and IPv4-mapped ones are IPv4', () => {
    const [one, two] = open({ connections: 100, threads: 2 }).threads;
    const enter = (from: Connections | undefined, address: string) =>
      from?.enterAddress(placeOf(address), 2) === 'full';
    expect([enter(one, '192.0.2.1'), enter(two, '::ffff:192.0.2.1'), enter(one, '192.0.2.1')]).toEqual([
      false,
      false,
      true,
    ]);
    expect(enter(two, '192.0.2.2')).toBe(false);
    expect(['2001:db8::1', '2001:db8::ffff:2', '2001:db8:0:0:1::'].map((each) => enter(one, each))).toEqual([
      false,
      false,
      true,
    ]);
    expect(enter(one, '2001:db8:0:1::1')).toBe(false);
  });

  it('may be any number where there is no bound, and are known when there is one', () => {
    const [one] = open({ connections: 100, threads: 1 }).threads;
    for (let n = 0; n < 50; n++) expect(one?.enterAddress(placeOf('192.0.2.1'), Infinity)).not.toBe('full');
    expect(one?.enterAddress(placeOf('192.0.2.1'), 50)).toBe('full');
    expect(one?.enterAddress(placeOf('192.0.2.1'), 51)).not.toBe('full');
  });
});

type Step =
  | { readonly kind: 'enter'; readonly thread: number; readonly address: number }
  | { readonly kind: 'leave'; readonly at: number }
  | { readonly kind: 'die'; readonly thread: number };

const THREADS = 3;
const thread = fc.nat(THREADS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('enter' as const), thread, address: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('leave' as const), at: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), thread }) },
);

it('are counted as a list of them would be, also when threads die', () => {
  const most = 8;
  const perAddress = 3;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { memory, threads, main } = open({ connections: most, threads: THREADS });
      let model: { thread: number; address: number; ticket: number }[] = [];
      for (const each of steps) {
        if (each.kind === 'enter') {
          const from = threads[each.thread];
          const isFree = model.length < most;
          expect(from?.enter()).toBe(isFree);
          if (!isFree) continue;
          const ticket = from?.enterAddress(placeOf(`192.0.2.${each.address}`), perAddress) ?? 'full';
          const known = model.filter(({ address }) => address === each.address).length;
          expect(ticket === 'full').toBe(known >= perAddress);
          if (ticket === 'full') from?.leave();
          else model.push({ thread: each.thread, address: each.address, ticket });
        } else if (each.kind === 'leave') {
          const [left] = model.splice(each.at % Math.max(1, model.length), 1);
          if (left === undefined) continue;
          threads[left.thread]?.leaveAddress(left.ticket);
          threads[left.thread]?.leave();
        } else {
          releaseLocks(memory, each.thread + 1);
          main.sweep(each.thread + 1);
          model = model.filter((one) => one.thread !== each.thread);
        }
        expect(main.open).toBe(model.length);
      }
    }),
    { numRuns: 300 },
  );
});

describe('threads that count at the same time', () => {
  const running: Thread<OpenQuestion, string>[] = [];
  afterEach(async () => {
    for (const each of running.splice(0)) await each.kill();
  });
  const SIZES = { connections: 6, threads: 3 };
  const ADDRESSES = ['192.0.2.1', '192.0.2.2', '2001:db8::1'];

  async function fleet(perAddress: number) {
    const memory = new SharedArrayBuffer(connectionsBytes(SIZES));
    const seen = new Int32Array(new SharedArrayBuffer(12));
    for (let holder = 1; holder <= SIZES.threads; holder++) {
      const setup: OpenSetup = { sizes: SIZES, memory, holder, seed: SEED, seen, perAddress };
      running.push(await startThread(new URL('./connections.worker.ts', import.meta.url), setup));
    }
    return { memory, seen, main: new Connections(SIZES, { memory, holder: HOLDERS_MAX }) };
  }

  it('never see more than there may be, and leave nothing behind', async () => {
    const { seen, main } = await fleet(2);
    await Promise.all(running.map((each) => each.ask({ times: 50_000, addresses: ADDRESSES })));
    expect(seen[0]).toBe(0);
    expect(seen[1]).toBeGreaterThan(10_000);
    expect(main.open).toBe(0);
    // Of each address there is place again, and no more than that.
    for (const address of ADDRESSES) {
      const places = Array.from({ length: 3 }, () => main.enterAddress(placeOf(address), 2) === 'full');
      expect(places).toEqual([false, false, true]);
    }
  });

  it('go on when one of them is ended in the middle, and all that it had is free', async () => {
    const { memory, seen, main } = await fleet(2);
    for (let turn = 0; turn < 5; turn++) {
      const before = seen[1] ?? 0;
      const [first, ...others] = running;
      const lost = first?.ask({ times: 1e9, addresses: ADDRESSES }).catch(() => 'lost');
      const done = others.map((each) => each.ask({ times: 20_000, addresses: ADDRESSES }));
      await expect.poll(() => Atomics.load(seen, 1), { interval: 1 }).toBeGreaterThan(before + 100);
      await first?.kill();
      releaseLocks(memory, 1);
      main.sweep(1);
      await Promise.all(done);
      void lost;
      expect(main.open).toBe(0);
      const setup: OpenSetup = { sizes: SIZES, memory, holder: 1, seed: SEED, seen, perAddress: 2 };
      running[0] = await startThread(new URL('./connections.worker.ts', import.meta.url), setup);
    }
    for (const address of ADDRESSES) {
      const places = Array.from({ length: 3 }, () => main.enterAddress(placeOf(address), 2) === 'full');
      expect(places).toEqual([false, false, true]);
    }
  });
});
