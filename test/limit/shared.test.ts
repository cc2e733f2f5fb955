// Limits shared by gateways, as the journey asks for them: the engine decides, this process when it is away.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Caller, Classified, Found, KeyedHash } from '../../src/domain.ts';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import { createAdmit } from '../../src/limit/admit.ts';
import type { LimitRules } from '../../src/limit/limit.ts';
import { sharedRate } from '../../src/limit/shared.ts';
import { Refusal } from '../../src/refusal.ts';
import { ROUTES } from '../../src/route/table.ts';
import type { SharedDecision, SharedLimits } from '../../src/store/store.ts';
import { createValkeyLimits } from '../../src/store/valkey-limits.ts';
import { type Engine, HAS_ENGINE, startEngine, until } from '../store/valkey-shared-engine.ts';

const OFF = { mode: 'off', perMs: 1000, requests: 1, burst: 1 } as const;
/** So slow that nothing is earned while a test runs. */
const five = { mode: 'enforce', perMs: 5 * 86_400_000, requests: 5, burst: 5 } as const;
const RULES: LimitRules = {
  anonymousRetrieval: { ...five, missCost: 3, ipv6Prefix: 64 },
  perKey: five,
  failedAuth: five,
  account: five,
  regionBudget: OFF,
};
const ALL_GATEWAYS = createKeyedHash(Buffer.alloc(32, 1));
const ADDRESS = '203.0.113.77';
const ANONYMOUS: Caller = { credentials: undefined, address: ADDRESS };
const NAMED: Caller = {
  credentials: { name: 'Canary.Name@example.org', token: 'canary-token-1', header: 'Basic canary-header' },
  address: '2001:db8:ca:4a17::1',
};
const KEY = 'canarykey3fvv3lrzw2nmkf8s3xyzqw';

const route = ROUTES.find(({ id }) => id === 'v1.secret');
if (route === undefined) throw new Error('no such route');
const retrieve = (key = KEY): Classified => ({
  route,
  path: `/api/v1/secret/${key}`,
  query: '',
  key,
  prefix: undefined,
});

function gateway(limits: SharedLimits | undefined, rules = RULES) {
  const fallbacks: string[] = [];
  const shared = limits && { limits, hash: ALL_GATEWAYS, onFallback: (limit: string) => fallbacks.push(limit) };
  const own = { now: () => 1_000, seed: Buffer.alloc(16, 3) };
  const admit = createAdmit(rules, { ...own, onShadow: () => {}, shared }, (name) => name.toLowerCase());
  return { admit, fallbacks, reading: (name: string) => admit.readings().find((reading) => reading.name === name) };
}

const limitOf = (admitted: Refusal | undefined) => admitted?.details.limit;

describe('without an engine', () => {
  it('answers at once, with no promise on the way', () => {
    const { admit, reading } = gateway(undefined);
    for (let i = 0; i < 5; i++) {
      expect(admit.admit(retrieve(), ANONYMOUS)).toBeUndefined();
      expect(admit.failedAuth.over(NAMED)).toBeUndefined();
    }
    expect(admit.admit(retrieve(), ANONYMOUS)).toBeInstanceOf(Refusal);
    expect(reading('per-key')).toEqual({ name: 'per-key', entries: 1, shared: 0, fallback: false, fellBack: 0 });
  });
});

describe('an engine that cannot be asked', () => {
  const away: Found<SharedDecision> = { kind: 'unavailable', cause: new Error('away') };

  it('leaves it to this process: the limit holds, a charge is counted, and it is told once for each limit', async () => {
    const asked: string[] = [];
    const limits: SharedLimits = {
      apply: async (how, limit) => {
        asked.push(`${how} ${limit}`);
        return away;
      },
    };
    const { admit, fallbacks, reading } = gateway(limits);
    const told = [];
    for (let i = 0; i < 6; i++) told.push(limitOf(await admit.admit(retrieve(), ANONYMOUS)));
    expect(told).toEqual([undefined, undefined, undefined, undefined, undefined, 'anonymous-retrieval']);
    // Refused by the first limit, the sixth did not ask the second.
    expect(asked.filter((each) => each === 'spend per-key')).toHaveLength(5);
    expect(fallbacks).toEqual(['anonymous-retrieval', 'per-key']);
    expect(reading('per-key')).toMatchObject({ fallback: true, fellBack: 1 });
    for (let i = 0; i < 5; i++) admit.failedAuth.charge(NAMED);
    expect(limitOf(await admit.failedAuth.over(NAMED))).toBe('failed-auth-client');
  });
});

describe('the rate in microseconds', () => {
  it('is rounded up, so that it is never exceeded', () => {
    expect(sharedRate({ perMs: 1000, requests: 3, burst: 4 })).toEqual({ emissionUs: 333_334, toleranceUs: 1_333_336 });
  });

  it.each([
    { perMs: 0, requests: 1, burst: 1 },
    { perMs: 1000, requests: 1, burst: 0.5 },
    { perMs: 86_400_000, requests: 1, burst: 1_000_000 },
    { perMs: Number.NaN, requests: 1, burst: 1 },
  ])('is refused when it cannot be counted: %o', (rate) => {
    expect(() => sharedRate(rate)).toThrow(RangeError);
  });
});

describe.skipIf(!HAS_ENGINE)('gateways on one engine', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine[Symbol.asyncDispose]());
  beforeEach(() => engine.raw.flushall());
  const open = async (storeTimeoutMs?: number) => gateway(createValkeyLimits(await engine.client(storeTimeoutMs)));

  it('let exactly the burst of one client pass among them, and hold its misses and failures against it everywhere', async () => {
    const gateways = await Promise.all([open(), open(), open()]);
    const asked = gateways.flatMap(({ admit }) =>
      Array.from({ length: 10 }, (_, i) => admit.admit(retrieve(`${KEY}${i}`), ANONYMOUS)),
    );
    const told = (await Promise.all(asked)).map(limitOf);
    expect(told.filter((limit) => limit === undefined)).toHaveLength(5);
    expect(told.filter((limit) => limit === 'anonymous-retrieval')).toHaveLength(25);

    const [one, two] = gateways;
    const other = { credentials: undefined, address: '203.0.113.78' };
    one?.admit.missed(retrieve(), other);
    await until(async () => (await engine.raw.keys('*anonymous-retrieval*')).length === 2);
    const left = [];
    for (let i = 0; i < 4; i++) left.push(limitOf(await two?.admit.admit(retrieve('x'.repeat(30)), other)));
    expect(left).toEqual([undefined, undefined, undefined, 'anonymous-retrieval']);

    for (let i = 0; i < 5; i++) one?.admit.failedAuth.charge(NAMED);
    await until(async () => (await two?.admit.failedAuth.over(NAMED)) !== undefined);
    expect(limitOf(await two?.admit.failedAuth.over({ ...NAMED, address: '192.0.2.9' }))).toBe('failed-auth-account');
  });

  it('go on counting from what they let pass when the engine stalls, wait for it once, and return to it', async () => {
    const { admit, fallbacks, reading } = await open(300);
    for (let i = 0; i < 3; i++) expect(await admit.admit(retrieve(`${KEY}${i}`), ANONYMOUS)).toBeUndefined();
    engine.stall();
    try {
      const told = [];
      for (let i = 3; i < 6; i++) told.push(limitOf(await admit.admit(retrieve(`${KEY}${i}`), ANONYMOUS)));
      expect(told).toEqual([undefined, undefined, 'anonymous-retrieval']);
      expect(reading('anonymous-retrieval')).toMatchObject({ fallback: true, fellBack: 1 });
      expect(fallbacks.filter((limit) => limit === 'anonymous-retrieval')).toHaveLength(1);
    } finally {
      engine.resume();
    }
    await until(async () => {
      await admit.admit(retrieve(), ANONYMOUS);
      return reading('anonymous-retrieval')?.fallback === false;
    });
    expect(reading('anonymous-retrieval')?.fellBack).toBe(1);
  });

  it('leave neither address, name, token nor key in it, only hashes that the others find', async () => {
    const { admit } = await open();
    await admit.admit(retrieve(), ANONYMOUS);
    await admit.admit(retrieve(), NAMED);
    await admit.admit(retrieve(), { credentials: undefined, address: NAMED.address });
    admit.missed(retrieve(), ANONYMOUS);
    admit.failedAuth.charge(NAMED);
    await until(async () => (await engine.raw.keys('*failed-auth-account*')).length === 1);
    const dump = await engine.dump();
    for (const plain of [ADDRESS, '2001:db8', 'anary', 'example', 'Basic', KEY]) expect(dump).not.toContain(plain);
    const names = dump.split('\n').filter((line) => line.startsWith('otgw:'));
    expect(names.length).toBeGreaterThanOrEqual(6);
    for (const name of names) expect(name).toMatch(/^otgw:l:[a-z-]+:[\w-]{22}$/);
    const expected: KeyedHash = ALL_GATEWAYS('limit-client', ADDRESS);
    expect(names).toContain(`otgw:l:anonymous-retrieval:${expected.toString('base64url')}`);
  });
});
