// What regions said of credentials, known to all gateways: asked of the region once, forgotten everywhere.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAuthenticate } from '../../src/caller/authenticate.ts';
import { createVerify, type Verification } from '../../src/caller/verify.ts';
import { type Credentials, issuePermit, type KeyedHash, type PermitFacts, type RegionName } from '../../src/domain.ts';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import { Refusal } from '../../src/refusal.ts';
import type { SharedVerifications } from '../../src/store/store.ts';
import {
  createValkeyVerifications,
  readVerificationNews,
  verificationNews,
} from '../../src/store/valkey-verifications.ts';
import { type Engine, HAS_ENGINE, startEngine, until } from './valkey-shared-engine.ts';

const HASH = Buffer.alloc(16, 0xc3) as KeyedHash;
const AT = 'eu' as RegionName;
const ANNA: Credentials = { name: 'canary@example.org', token: 'canary-token', header: 'Basic Y2FuYXJ5' };
const ADDRESS = '203.0.113.9';
const asker = (credentials: Credentials) => ({ credentials, address: ADDRESS });
const FACTS: PermitFacts = {
  verifyAt: AT,
  region: AT,
  credentials: 'forward',
  reason: 'account_home',
  account: { home: AT, also: [], pinned: true },
};
const PERMIT = issuePermit(FACTS);
const GOOD_MS = 300_000;
const BAD_MS = 10_000;
const GATEWAYS_HASH = createKeyedHash(Buffer.alloc(32, 1));

/** A gateway's room, and what it asked the region. */
function room(verifications: SharedVerifications | undefined, answer: () => Verification | Promise<Verification>) {
  const clock = { ms: 1_000 };
  const asked: RegionName[] = [];
  const seen: string[] = [];
  const verify = createVerify(
    async (_permit, at) => {
      asked.push(at);
      return answer();
    },
    {
      goodMs: GOOD_MS,
      badMs: BAD_MS,
      entries: 100,
      now: () => clock.ms,
      hash: createKeyedHash(Buffer.alloc(32, 2)),
      shared: verifications && { verifications, hash: GATEWAYS_HASH },
      observe: (_at, result, cached) => seen.push(`${result}${cached ? ' cached' : ''}`),
    },
  );
  const ask = () => verify.verify(PERMIT, AT, asker(ANNA), { leftMs: 5_000 });
  return { verify, clock, asked, seen, ask };
}

describe('news of verifications', () => {
  it('are read as they were written, and nothing else is', () => {
    expect(readVerificationNews(verificationNews(HASH))).toEqual({ kind: 'verification', hash: HASH });
    for (const text of [
      '',
      'directory',
      'verification ',
      `verification ${'g'.repeat(32)}`,
      verificationNews(HASH).slice(1),
    ]) {
      expect(readVerificationNews(text)).toBeUndefined();
    }
  });
});

describe('without an engine', () => {
  it('memory answers at once, and the authenticated call gets no promise', async () => {
    const { verify, ask } = room(undefined, () => 'good');
    expect(await ask()).toBe('good');
    expect(ask()).toBe('good');
    const over = {
      isQuiet: () => false,
      over: () => undefined,
      charge: () => {},
      clientOf: (address: string) => address,
    };
    const authenticate = createAuthenticate(verify, over, (name) => name);
    const caller = { credentials: ANNA, address: ADDRESS };
    expect(authenticate.authenticate(PERMIT, caller)).toBeUndefined();
    const refusal = new Refusal('unknown_account');
    expect(authenticate.failed(caller, refusal)).toBe(refusal);
  });
});

describe('where the limit on failures is shared', () => {
  it('a promise of it holds the call up until it is known, and is counted in the same order', async () => {
    const { verify, asked } = room(undefined, () => 'bad');
    const steps: string[] = [];
    const limited = new Refusal('rate_limited');
    const over = {
      isQuiet: () => false,
      over: async () => {
        steps.push('over');
        return limited;
      },
      charge: () => void steps.push('charge'),
      clientOf: (address: string) => address,
    };
    const authenticate = createAuthenticate(verify, over, (name) => name);
    const caller = { credentials: ANNA, address: ADDRESS };
    // Over it, the credentials are asked about although the permit does not say so; bad ones get the 429.
    expect(await authenticate.authenticate(issuePermit({ ...FACTS, verifyAt: undefined }), caller)).toBe(limited);
    expect(asked).toEqual([AT]);
    expect(await authenticate.failed(caller, new Refusal('unknown_account'))).toBe(limited);
    expect(steps).toEqual(['over', 'charge', 'over', 'charge']);
  });
});

describe('a shelf that cannot be asked', () => {
  it('leaves it to the region and to memory', async () => {
    const shelf: SharedVerifications = {
      find: async () => ({ kind: 'unavailable', cause: new Error('away') }),
      put: () => {},
      forget: () => {},
    };
    const { ask, asked, seen } = room(shelf, () => 'good');
    expect([await ask(), ask(), seen]).toEqual(['good', 'good', ['good', 'good cached']]);
    expect(asked).toEqual([AT]);
  });
});

describe.skipIf(!HAS_ENGINE)('gateways on one engine', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine[Symbol.asyncDispose]());
  beforeEach(() => engine.raw.flushall());

  async function open(answer: () => Verification | Promise<Verification>) {
    const heard: { drop?: (message: string) => void } = {};
    const client = await engine.client(undefined, (message) => heard.drop?.(message));
    const gateway = room(createValkeyVerifications(client), answer);
    heard.drop = (message) => {
      const news = readVerificationNews(message);
      if (news?.kind === 'verification') gateway.verify.dropped(news.hash);
    };
    return gateway;
  }
  const stored = () => until(async () => (await engine.raw.keys('*v:*')).length === 1);
  const subscribed = (count: number) =>
    until(async () => Number((await engine.raw.pubsub('NUMSUB', 'otgw:news'))[1]) >= count);

  it('ask the region once, and the second gateway remembers what it heard for a tenth of the time', async () => {
    const [one, two] = await Promise.all([open(() => 'good'), open(() => 'bad')]);
    expect(await one.ask()).toBe('good');
    await stored();
    expect(await Promise.all([two.ask(), two.ask()])).toEqual(['good', 'good']);
    expect(two.ask()).toBe('good');
    expect([two.asked, two.seen]).toEqual([[], ['good cached', 'good cached']]);
    expect(two.verify.isKnownGood(ANNA)).toBe(true);
    two.clock.ms += GOOD_MS / 10;
    expect(two.verify.isKnownGood(ANNA)).toBe(false);
    expect(two.ask()).toBeInstanceOf(Promise);
  });

  it('share that they are bad too, and other credentials, another region and an entry of another kind tell nothing', async () => {
    const [one, two] = await Promise.all([open(() => 'bad'), open(() => 'good')]);
    expect(await one.ask()).toBe('bad');
    await stored();
    expect(await two.ask()).toBe('bad');
    expect(two.verify.isKnownGood(ANNA)).toBe(false);
    expect(await two.verify.verify(PERMIT, AT, asker({ ...ANNA, token: 'other' }))).toBe('good');
    expect(await two.verify.verify(PERMIT, 'us' as RegionName, asker(ANNA))).toBe('good');
    expect(two.asked).toEqual([AT, 'us']);
    const three = await open(() => 'bad');
    const [name = ''] = await engine.raw.keys(
      `*v:${GATEWAYS_HASH('verified-at', AT, ANNA.name, ANNA.token).toString('base64url')}`,
    );
    await engine.raw.set(name, 'goodness');
    expect(await three.ask()).toBe('bad');
    expect(three.asked).toEqual([AT]);
  });

  it('forget everywhere what one of them forgets', async () => {
    const [one, two] = await Promise.all([open(() => 'good'), open(() => 'bad')]);
    await subscribed(2);
    await one.ask();
    await stored();
    await two.ask();
    one.verify.forget(AT, ANNA);
    expect(one.verify.isKnownGood(ANNA)).toBe(false);
    await until(async () => !two.verify.isKnownGood(ANNA));
    await until(async () => (await engine.raw.dbsize()) === 0);
    expect(await two.ask()).toBe('bad');
    expect(two.asked).toEqual([AT]);
  });

  it('forget it when the engine is back what could not be forgotten while it was away', async () => {
    const client = await engine.client(300);
    const verifications = createValkeyVerifications(client);
    verifications.put(HASH, true, GOOD_MS);
    await stored();
    engine.stall();
    verifications.forget(HASH);
    await until(async () => !client.isUp());
    expect(await verifications.find(HASH, undefined)).toEqual({ kind: 'missing' });
    engine.resume();
    // Whatever is asked next.
    const other = Buffer.alloc(16, 1) as KeyedHash;
    await until(async () => (await verifications.find(other, undefined)).kind === 'missing');
    await until(async () => (await engine.raw.dbsize()) === 0);
  });

  it('do not remember an answer that was forgotten while it was asked for', async () => {
    const gate = Promise.withResolvers<Verification>();
    const one = await open(() => gate.promise);
    const answer = one.ask();
    await until(async () => one.asked.length === 1);
    one.verify.dropped(GATEWAYS_HASH('verified-at', AT, ANNA.name, ANNA.token));
    gate.resolve('good');
    expect(await answer).toBe('good');
    expect(one.verify.isKnownGood(ANNA)).toBe(false);
    expect(await engine.raw.dbsize()).toBe(0);
  });

  it('leave neither name nor token there, and nothing longer than it is true', async () => {
    const one = await open(() => 'good');
    await one.ask();
    await stored();
    const dump = await engine.dump();
    for (const plain of ['canary', 'example', 'Basic', ADDRESS]) expect(dump).not.toContain(plain);
    expect(dump).toMatch(/^otgw:v:[\w-]{22}\ngood\n$/);
    const [name = ''] = await engine.raw.keys('*');
    const leftMs = await engine.raw.pttl(name);
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(GOOD_MS);
  });
});
