import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGcra, type Gcra, gcraCharge, gcraDecide } from '../../src/limit/gcra.ts';

const EPOCH = 1_800_000_000_000;
const twenty = compileGcra({ perMs: 60_000, requests: 60, burst: 20 });

/** A client at a rate: keeps what it is told to keep. */
function client(gcra: Gcra, start = 0) {
  let tat = start;
  return {
    spend(now: number, cost = 1) {
      const decision = gcraDecide(gcra, tat, now, cost);
      tat = decision.tatMs;
      return decision;
    },
    charge(now: number, cost: number) {
      tat = gcraCharge(gcra, tat, now, cost);
    },
    get tat() {
      return tat;
    },
  };
}

/**
 * The oracle: a leaky bucket in integers. Water is counted in units of 1/(T in ticks), time in ticks, so that each
 * tick leaks one and each request pours T; a request passes if the water stays within burst * T.
 */
function leakyBucket(emissionTicks: bigint, burst: bigint) {
  let water = 0n;
  let last = 0n;
  const leak = (now: bigint) => {
    water = water > now - last ? water - (now - last) : 0n;
    last = now;
  };
  return {
    spend(now: bigint, cost: bigint): { allowed: boolean; remaining: number } {
      leak(now);
      const allowed = water + cost * emissionTicks <= burst * emissionTicks;
      if (allowed) water += cost * emissionTicks;
      const room = burst * emissionTicks - water;
      return { allowed, remaining: room > 0n ? Number(room / emissionTicks) : 0 };
    },
    charge(now: bigint, cost: bigint) {
      leak(now);
      const full = burst * emissionTicks;
      const price = cost < burst ? cost * emissionTicks : full;
      const charged = (water < full ? water : full) + price;
      if (charged > water) water = charged;
    },
  };
}

const rates = fc.record({
  perMs: fc.constantFrom(1000, 60_000, 600_000, 86_400_000),
  requests: fc.integer({ min: 1, max: 3000 }),
  burst: fc.integer({ min: 1, max: 40 }),
});

describe('gcra at 60 in 60 s, burst 20', () => {
  it('lets 20 at once pass and refuses the 21st until exactly one interval has passed', () => {
    const one = client(twenty);
    const told = Array.from({ length: 20 }, () => one.spend(EPOCH));
    expect(told.map((decision) => decision.allowed)).toEqual(Array(20).fill(true));
    expect(told.map((decision) => decision.remaining)).toEqual(Array.from({ length: 20 }, (_, index) => 19 - index));
    expect(told[19]).toMatchObject({ retryAfterMs: 0, resetMs: 20_000 });
    const before = one.tat;
    expect(one.spend(EPOCH)).toEqual({
      allowed: false,
      retryAfterMs: 1000,
      remaining: 0,
      resetMs: 20_000,
      tatMs: before,
    });
    expect(one.spend(EPOCH + 999).allowed).toBe(false);
    expect(one.spend(EPOCH + 999.999).allowed).toBe(false);
    expect(one.spend(EPOCH + 1000)).toMatchObject({ allowed: true, remaining: 0 });
    expect(one.spend(EPOCH + 1000).allowed).toBe(false);
  });

  it('refuses a cost over the burst for ever, with a wait that keeps the rate, and spends nothing', () => {
    const one = client(twenty);
    expect(one.spend(EPOCH, 21)).toEqual({ allowed: false, retryAfterMs: 21_000, remaining: 20, resetMs: 0, tatMs: 0 });
    one.spend(EPOCH, 5);
    expect(one.spend(EPOCH, 21)).toMatchObject({ allowed: false, retryAfterMs: 26_000, remaining: 15 });
    expect(one.spend(EPOCH + 26_000, 21).allowed).toBe(false);
    expect(one.spend(EPOCH, 15).allowed).toBe(true);
  });

  it('takes a cost of nothing from anybody who owes no more than a burst', () => {
    const one = client(twenty);
    one.spend(EPOCH, 20);
    expect(one.spend(EPOCH, 0).allowed).toBe(true);
    one.charge(EPOCH, 1);
    expect(one.spend(EPOCH, 0).allowed).toBe(false);
  });

  it('locks nobody out for longer than the last charge, however much was charged', () => {
    const one = client(twenty);
    for (let times = 0; times < 1000; times++) one.charge(EPOCH, 3);
    expect(one.spend(EPOCH)).toMatchObject({ allowed: false, retryAfterMs: 4000, resetMs: 23_000 });
    one.charge(EPOCH, 1e9);
    expect(one.spend(EPOCH)).toMatchObject({ allowed: false, retryAfterMs: 21_000, resetMs: 40_000 });
    one.charge(EPOCH, 1);
    expect(one.spend(EPOCH).retryAfterMs).toBe(21_000);
  });

  it('gives nothing and locks nobody out when the clock goes back', () => {
    for (const backMs of [1, 999, 15_000, 40_001, 3_600_000, EPOCH - 1]) {
      const one = client(twenty);
      one.spend(EPOCH, 20);
      const now = EPOCH - backMs;
      const told = one.spend(now);
      expect(told).toMatchObject({ allowed: false, remaining: 0 });
      expect(told.retryAfterMs).toBeLessThanOrEqual(21_000);
      expect(one.spend(now + told.retryAfterMs - 1).allowed).toBe(false);
      if (backMs > 40_000) expect(told.retryAfterMs).toBe(1000);
    }
  });

  it.each([
    { perMs: 0, requests: 1, burst: 1 },
    { perMs: 1000, requests: 0, burst: 1 },
    { perMs: 1000, requests: 1, burst: 0 },
    { perMs: Number.NaN, requests: 1, burst: 1 },
    { perMs: 1000, requests: Number.POSITIVE_INFINITY, burst: 1 },
  ])('does not compile %j', (rate) => {
    expect(() => compileGcra(rate)).toThrow(RangeError);
  });
});

describe('gcra against an integer leaky bucket', () => {
  const steps = fc.array(
    fc.record({
      kind: fc.constantFrom('spend', 'spend', 'spend', 'charge'),
      waitTicks: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 4096 }), fc.integer({ min: 0, max: 200_000_000 })),
      cost: fc.oneof(
        { weight: 4, arbitrary: fc.constant(1) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 60 }) },
      ),
    }),
    { maxLength: 120 },
  );

  it('property: says the same in every step', () => {
    fc.assert(
      fc.property(rates, steps, (rate, steps) => {
        const gcra = compileGcra(rate);
        const one = client(gcra);
        const oracle = leakyBucket(BigInt(gcra.emissionMs * 2048), BigInt(rate.burst));
        let ticks = BigInt(EPOCH) * 2048n;
        for (const step of steps) {
          ticks += BigInt(step.waitTicks);
          const now = Number(ticks) / 2048;
          if (step.kind === 'charge') {
            one.charge(now, step.cost);
            oracle.charge(ticks, BigInt(step.cost));
            continue;
          }
          const { allowed, remaining } = one.spend(now, step.cost);
          expect({ allowed, remaining }).toEqual(oracle.spend(ticks, BigInt(step.cost)));
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('property: never more than burst + floor(span / T) in any span, refused ones spend nothing, and the wait is exact', () => {
    const gaps = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3000 })), { maxLength: 150 });
    fc.assert(
      fc.property(rates, gaps, (rate, gaps) => {
        const gcra = compileGcra(rate);
        const one = client(gcra);
        const passed: number[] = [];
        let now = EPOCH;
        for (const gap of gaps) {
          now += gap;
          const before = one.tat;
          const told = one.spend(now);
          if (told.allowed) passed.push(now);
          else {
            expect(one.tat).toBe(before);
            expect(gcraDecide(gcra, before, now + told.retryAfterMs, 1).allowed).toBe(true);
            expect(gcraDecide(gcra, before, now + told.retryAfterMs - 1 / 2048, 1).allowed).toBe(false);
          }
        }
        const intervalMs = rate.perMs / rate.requests;
        passed.forEach((from, first) => {
          for (let last = first; last < passed.length; last++) {
            const span = (passed[last] ?? 0) - from;
            if (last - first + 1 > rate.burst + Math.floor(span / intervalMs)) expect.fail('more than the rate');
          }
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('property: a clock that jumps about never lets more pass than the true time allows', () => {
    const jumps = fc.array(
      fc.record({ passes: fc.integer({ min: 0, max: 2000 }), back: fc.oneof(fc.constant(0), fc.nat(10_000_000)) }),
      { maxLength: 100 },
    );
    fc.assert(
      fc.property(rates, jumps, (rate, jumps) => {
        const gcra = compileGcra(rate);
        const one = client(gcra);
        let now = EPOCH;
        let trueMs = 0;
        let passed = 0;
        for (const jump of jumps) {
          trueMs += jump.passes;
          now += jump.passes - jump.back;
          if (one.spend(now).allowed) passed++;
          expect(one.spend(now).retryAfterMs).toBeLessThanOrEqual(gcra.toleranceMs + gcra.emissionMs);
        }
        expect(passed).toBeLessThanOrEqual(rate.burst + Math.floor(trueMs / (rate.perMs / rate.requests)));
      }),
      { numRuns: 2000 },
    );
  });

  it('does not drift in two million requests at an interval that is no fraction of two', () => {
    const gcra = compileGcra({ perMs: 1000, requests: 7, burst: 3 });
    const one = client(gcra);
    let wait = 0;
    let ticks = BigInt(EPOCH) * 2048n;
    const start = ticks;
    for (let count = 0; count < 2_000_000; count++) {
      const told = one.spend(Number(ticks) / 2048);
      if (!told.allowed) {
        wait = told.retryAfterMs;
        ticks += BigInt(wait * 2048);
        one.spend(Number(ticks) / 2048);
      }
    }
    const emission = BigInt(gcra.emissionMs * 2048);
    expect(BigInt(one.tat * 2048) - start).toBe(ticks - start + 3n * emission);
    expect((ticks - start) % emission).toBe(0n);
    expect(gcra.emissionMs - 1000 / 7).toBeLessThan(1 / 2048);
    expect(gcra.emissionMs).toBeGreaterThanOrEqual(1000 / 7);
  });
});
