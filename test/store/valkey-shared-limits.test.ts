// Limits that gateways share: exact to one request, by the engine's clock, the same algorithm as limit/gcra.ts.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KeyedHash } from '../../src/domain.ts';
import { type Gcra, gcraCharge, gcraDecide } from '../../src/limit/gcra.ts';
import { createValkeyLimits, GCRA_SCRIPT } from '../../src/store/valkey-limits.ts';
import { createScript } from '../../src/store/valkey-script.ts';
import { type Engine, HAS_ENGINE, startEngine, until } from './valkey-shared-engine.ts';

const KEY = Buffer.alloc(16, 0xfb) as KeyedHash;
const DAY_US = 86_400_000_000;
/** So slow that nothing is earned while a test runs. */
const HUNDRED = { emissionUs: DAY_US, toleranceUs: 100 * DAY_US };

describe.skipIf(!HAS_ENGINE)('limits in the engine', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine[Symbol.asyncDispose]());
  beforeEach(() => engine.raw.flushall());

  it('lets exactly the burst pass when three gateways ask at once, and tells the rest the same', async () => {
    const gateways = await Promise.all([1, 2, 3].map(async () => createValkeyLimits(await engine.client())));
    const asked = gateways.flatMap((limits) =>
      Array.from({ length: 100 }, () => limits.apply('spend', 'account', KEY, HUNDRED, 1, undefined)),
    );
    const told = (await Promise.all(asked)).map((found) => (found.kind === 'found' ? found.value : undefined));
    expect(told.filter((decision) => decision?.allowed)).toHaveLength(100);
    const refused = told.filter((decision) => decision?.allowed === false);
    expect(refused).toHaveLength(200);
    for (const decision of refused) {
      expect(decision?.remaining).toBe(0);
      expect(decision?.retryAfterMs).toBeGreaterThan(DAY_US / 1000 - 60_000);
      expect(decision?.retryAfterMs).toBeLessThanOrEqual(DAY_US / 1000);
    }
    // What is left is told down to the last one, each figure once.
    const left = told.filter((decision) => decision?.allowed).map((decision) => decision?.remaining);
    expect(left.sort((a = 0, b = 0) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  it('keeps limits and keys apart', async () => {
    const limits = createValkeyLimits(await engine.client());
    const one = { emissionUs: DAY_US, toleranceUs: DAY_US };
    const spend = async (limit: string, key: KeyedHash) => {
      const found = await limits.apply('spend', limit, key, one, 1, undefined);
      return found.kind === 'found' && found.value.allowed;
    };
    const other = Buffer.alloc(16, 0xfa) as KeyedHash;
    expect([await spend('a', KEY), await spend('a', KEY), await spend('b', KEY), await spend('a', other)]).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it('lets a refused one pass when the told time is over by the engine’s clock, and not before', async () => {
    const limits = createValkeyLimits(await engine.client());
    const rate = { emissionUs: 200_000, toleranceUs: 400_000 };
    const spend = async () => {
      const found = await limits.apply('spend', 'account', KEY, rate, 1, undefined);
      if (found.kind !== 'found') throw new Error('unavailable');
      return found.value;
    };
    const engineMs = async () => {
      const [seconds, micros] = await engine.raw.time();
      return Number(seconds) * 1000 + Number(micros) / 1000;
    };
    let told = await spend();
    let beforeMs = 0;
    while (told.allowed) {
      beforeMs = await engineMs();
      told = await spend();
    }
    const { retryAfterMs } = told;
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(200);
    await until(async () => (await spend()).allowed);
    expect(await engineMs()).toBeGreaterThanOrEqual(beforeMs + retryAfterMs);
  });

  it('forgets by itself when nothing is owed any more, and a look writes nothing', async () => {
    const limits = createValkeyLimits(await engine.client());
    await limits.apply('peek', 'account', KEY, HUNDRED, 1, undefined);
    expect(await engine.raw.dbsize()).toBe(0);
    await limits.apply('spend', 'account', KEY, { emissionUs: 100_000, toleranceUs: 1_000_000 }, 3, undefined);
    const [name = ''] = await engine.raw.keys('*');
    expect(await engine.raw.pttl(name)).toBeLessThanOrEqual(300);
    await until(async () => (await engine.raw.exists(name)) === 0);
  });

  it('is unavailable, and does not reject, when the entry is of another type', async () => {
    const limits = createValkeyLimits(await engine.client());
    await limits.apply('spend', 'account', KEY, HUNDRED, 1, undefined);
    const [name = ''] = await engine.raw.keys('*');
    await engine.raw.del(name);
    await engine.raw.lpush(name, 'x');
    const found = await limits.apply('spend', 'account', KEY, HUNDRED, 1, undefined);
    expect(found.kind).toBe('unavailable');
  });

  it('decides as limit/gcra.ts for every sequence of spend, peek and charge, also when the clock goes back', async () => {
    // The same script with the clock as an argument, since the engine's own cannot be set; it must not expire by that.
    const expiry = /, 'PX', string\.format\(.*\)\)/;
    expect(GCRA_SCRIPT).toContain("redis.call('TIME')");
    expect(GCRA_SCRIPT).toMatch(expiry);
    const clocked = GCRA_SCRIPT.replace("redis.call('TIME')", '{ ARGV[5], ARGV[6] }').replace(expiry, ')');
    const script = createScript(clocked);
    // A step that both count exactly: 125 us are 256 ticks of gcra.ts.
    const STEP_US = 125;
    const step = fc.record({
      how: fc.constantFrom('spend' as const, 'peek' as const, 'charge' as const),
      // Nobody spends nothing: it would owe until now, which the engine does not write down.
      cost: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 12 })),
      steps: fc.oneof(
        { weight: 6, arbitrary: fc.nat({ max: 40 }) },
        { weight: 2, arbitrary: fc.nat({ max: 100_000 }) },
        fc.integer({ min: -200_000, max: -1 }),
      ),
    });
    const rates = fc.record({ emission: fc.integer({ min: 1, max: 4000 }), burst: fc.integer({ min: 1, max: 10 }) });
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(rates, fc.array(step, { minLength: 1, maxLength: 40 }), async ({ emission, burst }, list) => {
        const emissionUs = emission * STEP_US;
        const gcra: Gcra = { emissionMs: emissionUs / 1000, toleranceMs: (emissionUs * burst) / 1000 };
        const key = `${runs++}`;
        let tatMs = 0;
        let nowUs = 1_800_000_000_000_000;
        for (const { how, cost, steps } of list) {
          nowUs += steps * STEP_US;
          const nowMs = nowUs / 1000;
          const args = [how, emissionUs, emissionUs * burst, cost, Math.floor(nowUs / 1e6), nowUs % 1e6];
          const told = (await script(engine.raw, [key], args)) as number[];
          const decision = gcraDecide(gcra, tatMs, nowMs, how === 'spend' ? cost : 1);
          if (how === 'charge') tatMs = gcraCharge(gcra, tatMs, nowMs, cost);
          else if (how === 'spend') tatMs = decision.tatMs;
          const standing = how === 'spend' ? decision : gcraDecide(gcra, tatMs, nowMs, 0);
          const [allowed, retryAfterMs] = how === 'charge' ? [true, 0] : [decision.allowed, decision.retryAfterMs];
          expect(told).toEqual([allowed ? 1 : 0, retryAfterMs * 1000, standing.remaining, standing.resetMs * 1000]);
        }
      }),
      { numRuns: 150 },
    );
  });
});
