// Whom a thread turns away, by what was measured of it.
import { describe, expect, it } from 'vitest';
import { createPressure, type LoadClass, type Measured, type OverloadRules } from '../../src/limit/pressure.ts';
import { startMeter } from '../../src/limit/pressure-meter.ts';
import type { Refusal } from '../../src/refusal.ts';

const RULES: OverloadRules = { eventLoopDelayMs: 500, heap: 0.9, memory: 0.8, mode: 'enforce' };
const WELL: Measured = { delayMs: 20, heap: 0.4, memory: 0.5 };
const LATE: Measured = { delayMs: 500, heap: 0.4, memory: undefined };
const VERY_LATE: Measured = { delayMs: 1000, heap: 0.4, memory: undefined };
const FULL: Measured = { delayMs: 0, heap: 0.9, memory: undefined };
const VERY_FULL: Measured = { delayMs: 0, heap: 0.95, memory: undefined };
/** More than half of a machine's memory, and no more than it may have. */
const LARGE: Measured = { delayMs: 0, heap: 0.4, memory: 0.8 };
const VERY_LARGE: Measured = { delayMs: 0, heap: 0.4, memory: 0.9 };

function open(first: OverloadRules = RULES) {
  let rules = first;
  const counted: string[] = [];
  let collected = 0;
  /** Of 1000 KiB that the process may have. */
  let promised = 0;
  const pressure = createPressure(
    () => rules,
    (load, mode) => counted.push(`${load} ${mode}`),
    () => collected++,
    {
      promise: (bytes) => {
        promised += bytes;
      },
      promised: (bytes) => (promised + bytes) / (1000 * KIB),
    },
  );
  return {
    counted,
    collected: () => collected,
    /** A body that is received until `end` is called: what ended it. */
    receive: (load: LoadClass, bodyBytes = 0) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      const call = { bodyBytes, interrupt: ({ code }: Refusal) => resolve(code) };
      return { ended: pressure.receiving(load, call, promise), end: () => resolve('whole') };
    },
    readings: pressure.readings,
    use: (next: Partial<OverloadRules>) => {
      rules = { ...rules, ...next };
    },
    measure: (...all: Measured[]) => {
      for (const each of all) pressure.measured(each);
    },
    shed: () => {
      const refusals = (['anonymous', 'authenticated'] as const).map((load) => pressure.shed(load)?.code);
      return { anonymous: refusals[0], authenticated: refusals[1] };
    },
  };
}

const KIB = 1024;
const NOBODY = { anonymous: undefined, authenticated: undefined };
const ANONYMOUS = { anonymous: 'overloaded', authenticated: undefined };
const ALL = { anonymous: 'overloaded', authenticated: 'overloaded' };

describe('a thread', () => {
  it.each([
    ['is as late as the bound', [LATE, LATE], ANONYMOUS],
    ['is late, and once more than that', [LATE, VERY_LATE], ANONYMOUS],
    ['is twice as late', [VERY_LATE, VERY_LATE], ALL],
    ['has its heap as full as the bound', [FULL, FULL], ANONYMOUS],
    ['has half of what was left in use, too', [VERY_FULL, VERY_FULL], ALL],
    ['has as much memory in use as the bound', [LARGE, LARGE], ANONYMOUS],
    ['has half of what was left in use, too, of its memory', [VERY_LARGE, VERY_LARGE], ALL],
    ['is late, then full', [LATE, FULL], ANONYMOUS],
    ['is late, then large', [LATE, LARGE], ANONYMOUS],
    [
      'is below the bounds',
      [
        { delayMs: 499, heap: 0.89, memory: 0.79 },
        { delayMs: 499, heap: 0.89, memory: 0.79 },
      ],
      NOBODY,
    ],
    ['had one pause', [WELL, { delayMs: 60_000, heap: 0.4, memory: 0.5 }, WELL], NOBODY],
    ['has one pause now', [WELL, { delayMs: 60_000, heap: 0.99, memory: 0.99 }], NOBODY],
    ['has a pause now and then', [VERY_LATE, WELL, VERY_LATE, WELL, VERY_LATE], NOBODY],
  ])('that %s', (_, measured, expected) => {
    const thread = open();
    thread.measure(...measured);
    expect(thread.shed()).toEqual(expected);
  });

  it('takes calls again after five measurements within the bounds in a row', () => {
    const thread = open();
    thread.measure(LATE, LATE, WELL, WELL, WELL, WELL);
    expect(thread.shed()).toEqual(ANONYMOUS);
    thread.measure(LATE, LATE, WELL, WELL, WELL, WELL);
    expect(thread.shed()).toEqual(ANONYMOUS);
    thread.measure(WELL);
    expect(thread.shed()).toEqual(NOBODY);
  });

  it('takes accounts again first when it is only late', () => {
    const thread = open();
    thread.measure(VERY_LATE, VERY_LATE);
    expect(thread.shed()).toEqual(ALL);
    thread.measure(LATE, LATE, LATE, LATE, LATE);
    expect(thread.shed()).toEqual(ANONYMOUS);
  });

  it('refuses with 503, not sent, and a time to come again', () => {
    const pressure = createPressure(
      () => RULES,
      () => {},
      () => {},
      { promise: () => {}, promised: () => 0 },
    );
    pressure.measured(LATE);
    pressure.measured(LATE);
    const refusal = pressure.shed('anonymous');
    expect([refusal?.status, refusal?.outcome, refusal?.details.headers]).toEqual([
      503,
      'not_sent',
      ['Retry-After', '1'],
    ]);
  });

  it('counts what it turned away, and in shadow what it would have', () => {
    const thread = open();
    thread.measure(LATE, LATE);
    thread.shed();
    thread.use({ mode: 'shadow' });
    expect(thread.shed()).toEqual(NOBODY);
    thread.measure(VERY_LATE, VERY_LATE);
    expect(thread.shed()).toEqual(NOBODY);
    expect(thread.counted).toEqual([
      'anonymous enforce',
      'anonymous shadow',
      'anonymous shadow',
      'authenticated shadow',
    ]);
  });

  it('turns nobody away, and counts nothing, when it is off, also from one moment to the next', () => {
    const thread = open();
    thread.measure(VERY_LATE, VERY_LATE);
    thread.use({ mode: 'off' });
    expect(thread.shed()).toEqual(NOBODY);
    thread.measure(VERY_LATE, VERY_LATE);
    expect([thread.shed(), thread.counted]).toEqual([NOBODY, []]);
  });

  it('does not mind its heap where the bound is 1', () => {
    const thread = open({ ...RULES, heap: 1 });
    const full = { delayMs: 0, heap: 1, memory: 0.5 };
    thread.measure(full, full);
    expect(thread.shed()).toEqual(NOBODY);
  });

  it('does not mind the memory of the process where the bound is 1, and collects nothing', () => {
    const thread = open({ ...RULES, memory: 1 });
    const large = { delayMs: 0, heap: 0.4, memory: 1.2 };
    thread.measure(large, large);
    expect([thread.shed(), thread.collected()]).toEqual([NOBODY, 0]);
  });

  it('has garbage collected for want of memory, and for nothing else', () => {
    const thread = open();
    thread.measure(WELL, LATE, FULL);
    expect(thread.collected()).toBe(0);
    thread.measure(LARGE);
    expect([thread.shed(), thread.collected()]).toEqual([ANONYMOUS, 1]);
    thread.use({ mode: 'shadow' });
    thread.measure(LARGE);
    expect(thread.collected()).toBe(2);
    thread.use({ mode: 'off' });
    thread.measure(VERY_LARGE);
    expect(thread.collected()).toBe(2);
  });

  it('lets go of bodies that it has no memory for, those without an account first', async () => {
    const thread = open();
    const calls = [thread.receive('anonymous'), thread.receive('authenticated')] as const;
    const over = thread.receive('anonymous');
    over.end();
    expect(await over.ended).toBe('whole');
    thread.measure(LARGE);
    expect(thread.counted).toEqual([]);
    thread.measure(LARGE);
    expect([await calls[0].ended, thread.counted]).toEqual(['overloaded', ['anonymous enforce']]);
    thread.measure(VERY_LARGE, VERY_LARGE);
    expect(await calls[1].ended).toBe('overloaded');
    expect(thread.counted).toEqual(['anonymous enforce', 'authenticated enforce']);
  });

  it('takes no body that has no room beside those under way, and has more of it for accounts', async () => {
    const thread = open();
    thread.measure(WELL);
    // 0.5 is in use, and the bounds are 0.8 and 0.9.
    const first = thread.receive('anonymous', 200 * KIB);
    expect(await thread.receive('anonymous', 100 * KIB).ended).toBe('overloaded');
    const second = thread.receive('authenticated', 100 * KIB);
    expect(await thread.receive('authenticated', 100 * KIB).ended).toBe('overloaded');
    expect(thread.counted).toEqual(['anonymous enforce', 'authenticated enforce']);
    first.end();
    expect(await first.ended).toBe('whole');
    const third = thread.receive('anonymous', 150 * KIB);
    second.end();
    third.end();
    expect([await second.ended, await third.ended]).toEqual(['whole', 'whole']);
    // Nearly every secret is as small as this.
    const small = thread.receive('anonymous', 16 * KIB);
    const fill = thread.receive('authenticated', 390 * KIB);
    const another = thread.receive('anonymous', 16 * KIB);
    for (const call of [small, fill, another]) call.end();
    expect([await small.ended, await fill.ended, await another.ended]).toEqual(['whole', 'overloaded', 'whole']);
    thread.use({ mode: 'shadow' });
    const large = thread.receive('anonymous', 400 * KIB);
    large.end();
    expect(await large.ended).toBe('whole');
    expect(thread.counted.slice(3)).toEqual(['anonymous shadow']);
  });

  it('takes every body where no limit is known, or it does not mind', async () => {
    const thread = open();
    thread.measure({ ...WELL, memory: undefined });
    const calls = [thread.receive('anonymous', 10_000 * KIB)];
    thread.measure(WELL);
    thread.use({ memory: 1 });
    calls.push(thread.receive('anonymous', 10_000 * KIB));
    for (const call of calls) call.end();
    expect(await Promise.all(calls.map(({ ended }) => ended))).toEqual(['whole', 'whole']);
  });

  it.each(['shadow', 'off'] as const)('lets go of no body in mode %s, nor for anything but memory', async (mode) => {
    const thread = open({ ...RULES, mode });
    const call = thread.receive('anonymous');
    thread.measure(VERY_LARGE, VERY_LARGE, VERY_LARGE);
    thread.use({ mode: 'enforce' });
    thread.measure(VERY_LATE, VERY_LATE, VERY_FULL, VERY_FULL, LARGE, WELL, LARGE);
    call.end();
    expect(await call.ended).toBe('whole');
    expect(thread.counted).toEqual([]);
  });

  it('turns nobody away where what was too much was garbage', () => {
    const thread = open();
    thread.measure(LARGE, WELL, LARGE, WELL);
    expect([thread.shed(), thread.collected()]).toEqual([NOBODY, 2]);
  });

  it('tells how near its bounds it is', () => {
    const thread = open();
    thread.measure({ delayMs: 250, heap: 0.45, memory: undefined });
    const always = [
      ['event_loop', 0.5],
      ['heap', 0.5],
    ];
    expect(thread.readings()).toEqual(always);
    thread.measure({ delayMs: 250, heap: 0.45, memory: 0.4 });
    expect(thread.readings()).toEqual([...always, ['memory', 0.5]]);
  });
});

it('is measured: how late it was when it was kept busy, and how full its heap is', async () => {
  const busyMs = 300;
  const late = await new Promise<Measured>((found) => {
    const end = startMeter(
      (measured) => {
        if (measured.delayMs < busyMs / 3) return;
        end();
        found(measured);
      },
      () => 0.25,
    );
    // A timer that keeps the process while the meter does not.
    setTimeout(() => {
      const untilMs = performance.now() + busyMs;
      while (performance.now() < untilMs);
    }, 10);
  });
  expect(late.heap).toBeGreaterThan(0);
  expect(late.heap).toBeLessThan(1);
  expect(late.memory).toBe(0.25);
});
