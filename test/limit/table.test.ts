import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeyedHash } from '../../src/domain.ts';
import { compileGcra, gcraCharge, gcraDecide } from '../../src/limit/gcra.ts';
import { addressKey, hashKey, type LimitKey } from '../../src/limit/key.ts';
import { createLimitTable, type LimitTable } from '../../src/limit/table.ts';

const NOW = 1_800_000_000_000;
const RATE = { perMs: 60_000, requests: 60, burst: 20 };
const SEED = Buffer.alloc(32, 'seed of the tests');

const table = (slots: number, coarseSlots = 1 << 16, seed: Buffer = SEED): LimitTable =>
  createLimitTable(RATE, { slots, coarseSlots, seed });
const v4 = (address: string): LimitKey => addressKey(address, 64);
const keyed = (): KeyedHash => randomBytes(16) as KeyedHash;

/** Spends 1 until refused; how many passed. */
function exhaust(limits: LimitTable, key: LimitKey, now = NOW): number {
  let passed = 0;
  while (limits.spend(key, 1, now).allowed) passed++;
  return passed;
}

/** After collecting garbage. */
function memoryInUse(): NodeJS.MemoryUsage {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage();
}

/** Address number `index` of a million from everywhere, IPv4 and IPv6 by turns. */
function spoofed(index: number): string {
  const bits = Math.imul(index, 0x9e3779b1) >>> 0;
  if (index % 2 === 0) return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
  return `2${(bits >>> 24).toString(16)}:${(bits & 0xffff).toString(16)}:${(bits >>> 16).toString(16)}:1::1`;
}

describe('a limit table', () => {
  it('lets the burst pass, refuses the 21st, and lets it pass when told', () => {
    const limits = table(64);
    expect(exhaust(limits, v4('203.0.113.9'))).toBe(20);
    const told = limits.spend(v4('203.0.113.9'), 1, NOW);
    expect(told).toMatchObject({ allowed: false, retryAfterMs: 1000, remaining: 0, resetMs: 20_000 });
    expect(limits.spend(v4('203.0.113.9'), 1, NOW + 999).allowed).toBe(false);
    expect(limits.spend(v4('203.0.113.9'), 1, NOW + 1000).allowed).toBe(true);
    expect(exhaust(limits, v4('203.0.113.10'))).toBe(20);
  });

  it('looks without spending, and without taking a slot', () => {
    const limits = table(64);
    for (let times = 0; times < 100; times++) {
      expect(limits.peek(v4('203.0.113.9'), NOW)).toEqual({
        allowed: true,
        retryAfterMs: 0,
        remaining: 20,
        resetMs: 0,
      });
    }
    expect(limits.used(NOW)).toBe(0);
    exhaust(limits, v4('203.0.113.9'));
    expect(limits.peek(v4('203.0.113.9'), NOW)).toEqual({
      allowed: false,
      retryAfterMs: 1000,
      remaining: 0,
      resetMs: 20_000,
    });
  });

  it('charges after the fact, known or not', () => {
    const limits = table(64);
    limits.charge(v4('203.0.113.9'), 2, NOW);
    expect(limits.peek(v4('203.0.113.9'), NOW)).toMatchObject({ remaining: 18, resetMs: 2000 });
    exhaust(limits, v4('203.0.113.9'));
    limits.charge(v4('203.0.113.9'), 2, NOW);
    expect(limits.peek(v4('203.0.113.9'), NOW).retryAfterMs).toBe(3000);
  });

  it('uses expired slots again and forgets nobody before', () => {
    const limits = table(8);
    const at = (index: number) => v4(`10.${index}.0.1`);
    for (let index = 0; index < 8; index++) expect(limits.spend(at(index), 5, NOW).allowed).toBe(true);
    expect(limits.used(NOW)).toBe(8);
    expect(limits.spend(at(8), 1, NOW + 4999).allowed).toBe(true);
    expect(limits.sharedNewcomers).toBe(1);
    expect(limits.used(NOW + 5000)).toBe(0);
    for (let index = 9; index < 17; index++) expect(exhaust(limits, at(index), NOW + 5000)).toBe(20);
    expect(limits.used(NOW + 5000)).toBe(8);
    expect(limits.sharedNewcomers).toBe(1);
  });

  it('frees slots at the latest after a full bucket when the clock went back', () => {
    const limits = table(8);
    const back = NOW - 3_600_000;
    for (let index = 0; index < 8; index++) limits.spend(v4(`10.${index}.0.1`), 1, NOW);
    limits.spend(v4('10.8.0.1'), 1, back);
    expect(limits.used(back + 19_999)).toBe(8);
    expect(limits.used(back + 20_000)).toBe(0);
  });

  it.each([
    [() => table(0)],
    [() => table(1.5)],
    [() => table(8, 0)],
    [() => table(2 ** 40)],
    [() => createLimitTable(RATE, { slots: 8, coarseSlots: 8, seed: Buffer.alloc(8) })],
    [() => hashKey(Buffer.alloc(8) as KeyedHash)],
  ])('refuses sizes, seeds and hashes that cannot work: %s', (make) => {
    expect(make).toThrow(RangeError);
  });

  it('property: with room for all, it says what one bucket a client says', () => {
    const steps = fc.array(
      fc.record({
        who: fc.integer({ min: 0, max: 4 }),
        what: fc.constantFrom('spend', 'charge', 'peek'),
        cost: fc.integer({ min: 0, max: 25 }),
        waitMs: fc.oneof(fc.constant(0), fc.nat(3000), fc.nat(60_000)),
      }),
      { maxLength: 80 },
    );
    const gcra = compileGcra(RATE);
    fc.assert(
      fc.property(steps, (steps) => {
        const limits = table(4096);
        const tats = [0, 0, 0, 0, 0];
        let now = NOW;
        for (const { who, what, cost, waitMs } of steps) {
          now += waitMs;
          const key = v4(`10.${who}.0.1`);
          const tat = tats[who] ?? 0;
          const { tatMs, ...expected } = gcraDecide(gcra, tat, now, what === 'peek' ? 1 : cost);
          if (what === 'charge') {
            limits.charge(key, cost, now);
            tats[who] = gcraCharge(gcra, tat, now, cost);
          } else if (what === 'spend') {
            expect(limits.spend(key, cost, now)).toMatchObject(expected);
            tats[who] = tatMs;
          } else expect(limits.peek(key, now).allowed).toBe(expected.allowed);
        }
        expect(limits.sharedNewcomers).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('keys', () => {
  const share = (one: LimitKey, other: LimitKey): boolean => {
    const limits = table(1 << 12);
    exhaust(limits, one);
    return !limits.peek(other, NOW).allowed;
  };

  it('tells IPv4 addresses apart whole, and IPv6 by prefix', () => {
    expect(share(v4('203.0.113.9'), v4('203.0.113.8'))).toBe(false);
    expect(share(addressKey('2001:db8::1', 64), addressKey('2001:db8::ffff:0:0:2', 64))).toBe(true);
    expect(share(addressKey('2001:db8::1', 64), addressKey('2001:db8:0:1::1', 64))).toBe(false);
    expect(share(addressKey('2001:db8:0:fe::1', 56), addressKey('2001:db8:0:2::1', 56))).toBe(true);
    expect(share(addressKey('2001:db8:0:fe::1', 56), addressKey('2001:db8:0:1fe::1', 56))).toBe(false);
    expect(share(addressKey('2001:db8::1', 128), addressKey('2001:db8::2', 128))).toBe(false);
    expect(share(addressKey('2001:db8::1', 20), addressKey('2001:dff::2', 20))).toBe(true);
  });

  it('takes each way of writing an address as one', () => {
    expect(share(v4('203.0.113.9'), v4('::ffff:203.0.113.9'))).toBe(true);
    expect(share(v4('203.0.113.9'), v4('::ffff:cb00:7109'))).toBe(true);
    expect(share(v4('2001:db8::1'), v4('2001:0DB8:0:0:0::1'))).toBe(true);
    expect(share(v4('fe80::1'), v4('fe80::1%eth0.1'))).toBe(true);
  });

  it('property: reads every IPv6 address, and only its prefix counts', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 1, max: 128 }), (address, prefix) => {
        expect(addressKey(address, prefix).fine).toMatch(/^(?:[0-9a-f]{1,4}:){1,8}:\/\d+$|^[\d.]+$/);
      }),
      { numRuns: 3000 },
    );
  });

  it('takes what is no address as itself', () => {
    expect(share(v4(''), v4(''))).toBe(true);
    expect(share(v4(''), v4('unix'))).toBe(false);
  });

  it('tells hashes apart, as bytes and as text', () => {
    const hash = keyed();
    expect(share(hashKey(hash), hashKey(Buffer.from(hash) as KeyedHash))).toBe(true);
    expect(share(hashKey(hash), hashKey(keyed()))).toBe(false);
    expect(share(hashKey(hash.toString('hex')), hashKey(hash.toString('hex')))).toBe(true);
    expect(share(hashKey(hash.toString('hex')), hashKey(keyed().toString('hex')))).toBe(false);
  });

  it('are the same object for a repeated address, so that it is parsed and hashed once', () => {
    expect(addressKey('203.0.113.77', 64)).toBe(addressKey('203.0.113.77', 64));
    expect(addressKey('2001:db8::77', 64)).not.toBe(addressKey('2001:db8::77', 56));
  });

  it('places addresses differently with another seed, and alike with the same: nobody can aim', () => {
    // Which of 600 find their set full in a table of 512 slots depends on the seed.
    const late = (seed: Buffer): number[] => {
      const limits = table(512, 1 << 16, seed);
      return Array.from({ length: 600 }, (_, index) => index).filter((index) => {
        const before = limits.sharedNewcomers;
        limits.charge(v4(`10.0.${index >> 8}.${index & 255}`), 1, NOW);
        return limits.sharedNewcomers > before;
      });
    };
    expect(late(SEED).length).toBeGreaterThan(20);
    expect(late(Buffer.from(SEED))).toEqual(late(SEED));
    expect(late(Buffer.alloc(32, 'another'))).not.toEqual(late(SEED));
  });
});

describe('under a flood of a million spoofed addresses', () => {
  it('stays in its memory, keeps every established bucket, and gives nobody a second allowance', () => {
    const limits = table(1 << 12, 1 << 10);
    const honest = v4('198.51.100.7');
    const spent = v4('198.51.100.8');
    const attacker = addressKey('2001:db8:ffff:ffff::1', 64);
    for (let times = 0; times < 5; times++) limits.spend(honest, 1, NOW);
    expect(exhaust(limits, spent)).toBe(20);
    expect(exhaust(limits, attacker)).toBe(20);
    for (let index = 0; index < 20_000; index++) limits.spend(addressKey(spoofed(index), 64), 1, NOW);
    const before = memoryInUse();

    for (let index = 0; index < 1_000_000; index++) limits.spend(addressKey(spoofed(index), 64), 1, NOW);

    const after = memoryInUse();
    expect(limits.capacity).toBe(1 << 12);
    expect(limits.bytes).toBe((1 << 12) * 16 + (1 << 10) * 8);
    expect(limits.used(NOW)).toBe(limits.capacity);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(4 << 20);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(8 << 20);
    expect(limits.peek(honest, NOW)).toMatchObject({ allowed: true, remaining: 15 });
    expect(limits.peek(spent, NOW)).toMatchObject({ allowed: false, retryAfterMs: 1000 });
    expect(limits.peek(attacker, NOW)).toMatchObject({ allowed: false, retryAfterMs: 1000 });
    expect(exhaust(limits, honest)).toBe(15);
  }, 60_000);

  it('lets a newcomer from another network in while one network fills the table', () => {
    const limits = table(256, 1 << 16);
    for (let index = 0; index < 60_000; index++) {
      limits.spend(v4(`10.7.${index >> 8}.${index & 255}`), 1, NOW);
      limits.spend(addressKey(`2001:db8:${index.toString(16)}::1`, 64), 1, NOW);
    }
    expect(limits.used(NOW)).toBeGreaterThan(200);
    expect(limits.sharedNewcomers).toBe(40); // two networks, twenty each
    for (const [late, far] of [
      [v4('10.7.255.255'), v4('203.0.113.9')],
      [addressKey('2001:db8:ffff::1', 64), addressKey('2001:db9::1', 64)],
    ] as const) {
      expect(limits.spend(late, 1, NOW)).toMatchObject({ allowed: false, retryAfterMs: 1000 });
      expect(exhaust(limits, far)).toBe(20);
      expect(limits.spend(far, 1, NOW).allowed).toBe(false);
    }
  });

  it('gives hashes a bucket of their own hash when full', () => {
    const limits = table(64, 1 << 16);
    for (let index = 0; index < 1000; index++) limits.charge(hashKey(keyed()), 20, NOW);
    const newcomers = Array.from({ length: 100 }, () => hashKey(keyed()));
    const passed = newcomers.filter((key) => exhaust(limits, key) === 20).length;
    expect(passed).toBeGreaterThan(80);
    for (const key of newcomers) expect(limits.spend(key, 1, NOW).allowed).toBe(false);
  });

  it('gives no second burst to who spent in a shared bucket, when a slot comes free', () => {
    const limits = table(8);
    for (let index = 0; index < 8; index++) limits.charge(v4(`10.${index}.0.1`), 1, NOW);
    const late = v4('203.0.113.9');
    expect(exhaust(limits, late)).toBe(20);
    expect(limits.used(NOW + 1000)).toBe(0);
    expect(exhaust(limits, late, NOW + 1000)).toBe(1);
    expect(limits.used(NOW + 1000)).toBe(1);
    expect(exhaust(limits, v4('198.51.100.1'), NOW + 1000)).toBe(20);
  });

  it('property: whatever comes and goes in a crowded table, no key gets more than burst + floor(span / T)', () => {
    const steps = fc.array(fc.record({ who: fc.nat(23), waitMs: fc.oneof(fc.constant(0), fc.nat(4000)) }), {
      minLength: 100,
      maxLength: 400,
    });
    fc.assert(
      fc.property(steps, (steps) => {
        const limits = createLimitTable(
          { perMs: 1000, requests: 1, burst: 3 },
          { slots: 8, coarseSlots: 4, seed: SEED },
        );
        const passed = new Map<number, number[]>();
        let now = NOW;
        for (const { who, waitMs } of steps) {
          now += waitMs < 3000 ? 0 : waitMs - 3000;
          if (!limits.spend(v4(`10.${who}.0.1`), 1, now).allowed) continue;
          const times = passed.get(who) ?? [];
          times.push(now);
          passed.set(who, times);
          times.forEach((from, first) => {
            if (times.length - first > 3 + Math.floor((now - from) / 1000)) expect.fail(`client ${who} got too much`);
          });
        }
      }),
      { numRuns: 1000 },
    );
  });
});
