import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Found, RegionName } from '../../src/domain.ts';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import {
  createKeyIndex,
  type HeldKey,
  type KeyIndex,
  type KeyIndexOptions,
  type LearnKey,
} from '../../src/locality/key-index.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { kindOf, lockElsewhere, NOW, temporaryDirectory } from '../store/support.ts';

const EU = 'eu' as RegionName;
const IDENTITY = createKeyedHash(randomBytes(32));
const newKey = (): string => randomBytes(16).toString('hex').slice(1);

function open(path = ':memory:', now: () => number = () => NOW): Store {
  const store = openSqliteStore(path, { now });
  onTestFinished(() => store.close());
  return store;
}

function indexOver(store: Store, over: Partial<KeyIndexOptions> = {}): KeyIndex {
  return createKeyIndex(store, {
    keys: { current: IDENTITY, older: [] },
    regions: new Set(['eu', 'us']),
    now: () => NOW,
    frontEntries: 100,
    storeTimeoutMs: 50,
    ...over,
  });
}

function learnable(over: Partial<LearnKey> = {}): LearnKey {
  return { key: newKey(), kind: 'secret', region: EU, owner: 'ann@example.com', ttlSeconds: 60, ...over };
}

function held(answer: Found<HeldKey> | Promise<Found<HeldKey>>): HeldKey {
  if (answer instanceof Promise || answer.kind !== 'found') throw new Error('not found at once');
  return answer.value;
}

/** A store whose every answer about keys is `answer`, given later. */
function storeThat(answer: () => Promise<never>): Store {
  return { ...open(), findKey: answer, putKeys: answer };
}

describe('a key that was learned', () => {
  it('is found at once with its region, kind and owner, from the front and from the store', async () => {
    const store = open();
    const index = indexOver(store);
    const secret = learnable();
    const metadata = learnable({ kind: 'metadata', region: 'us' as RegionName, owner: undefined });
    expect(await index.learn([secret, metadata])).toBe('stored');
    for (const reader of [index, indexOver(store)]) {
      const found = held(reader.find(secret.key));
      expect(found).toMatchObject({ region: 'eu', kind: 'secret' });
      expect(reader.isOwner(found, 'ann@example.com')).toBe(true);
      expect(reader.isOwner(found, 'bob@example.com')).toBe(false);
      const anonymous = held(reader.find(metadata.key));
      expect(anonymous).toMatchObject({ region: 'us', kind: 'metadata', owner: undefined });
      expect(reader.isOwner(anonymous, 'ann@example.com')).toBe(false);
      expect(reader.find(newKey())).toEqual({ kind: 'missing' });
    }
    expect(index.readings()).toMatchObject({ found: 2, fromFront: 2, missing: 1, learned: 2, failed: 0 });
  });

  it('is found by another index right after it was missing there: what is missing is not remembered', async () => {
    const store = open();
    const [one, other] = [indexOver(store), indexOver(store)];
    const secret = learnable();
    expect(other.find(secret.key)).toEqual({ kind: 'missing' });
    await one.learn([secret]);
    expect(kindOf(other.find(secret.key))).toBe('found');
  });

  it('is missing when its time is over, in the front too', async () => {
    let now = NOW;
    const index = indexOver(
      open(':memory:', () => now),
      { now: () => now },
    );
    const secret = learnable({ ttlSeconds: 10 });
    await index.learn([secret]);
    now = NOW + 9999;
    expect(kindOf(index.find(secret.key))).toBe('found');
    now = NOW + 10_000;
    expect(index.find(secret.key)).toEqual({ kind: 'missing' });
    expect(index.readings().frontEntries).toBe(0);
  });

  it('is missing when its region is configured no more', async () => {
    const store = open();
    const secret = learnable();
    await indexOver(store).learn([secret]);
    const without = indexOver(store, { regions: new Set(['us']) });
    expect(without.find(secret.key)).toEqual({ kind: 'missing' });
    expect(without.find(secret.key)).toEqual({ kind: 'missing' });
  });

  it('is still found when the bounded front has let go of it', async () => {
    const index = indexOver(open(), { frontEntries: 10 });
    const secrets = Array.from({ length: 100 }, () => learnable());
    await index.learn(secrets);
    for (const { key } of secrets) expect(kindOf(index.find(key))).toBe('found');
    expect(index.readings().frontEntries).toBe(10);
  });

  it.each([0, -5, Number.NaN])(
    'with a life of %d seconds is not kept, and does not hold up the others',
    async (life) => {
      const index = indexOver(open());
      const [none, one] = [learnable({ ttlSeconds: life }), learnable()];
      expect(await index.learn([none])).toBe('stored');
      expect(await index.learn([none, one])).toBe('stored');
      expect(index.find(none.key)).toEqual({ kind: 'missing' });
      expect(kindOf(index.find(one.key))).toBe('found');
    },
  );

  it('may have any life, however absurd', async () => {
    const store = open();
    const [endless, fraction] = [learnable({ ttlSeconds: Infinity }), learnable({ ttlSeconds: 0.0001 })];
    expect(await indexOver(store).learn([endless, fraction])).toBe('stored');
    expect(kindOf(indexOver(store).find(endless.key))).toBe('found');
  });
});

describe('after a rotation of the identity key', () => {
  const [OLDEST, OLD, NEW] = [IDENTITY, createKeyedHash(randomBytes(32)), createKeyedHash(randomBytes(32))];

  it('finds what was learned before and knows its owner; what is new is hashed under the new key', async () => {
    const store = open();
    const [first, second, third] = [learnable(), learnable(), learnable()];
    await indexOver(store, { keys: { current: OLDEST, older: [] } }).learn([first]);
    await indexOver(store, { keys: { current: OLD, older: [OLDEST] } }).learn([second]);
    const index = indexOver(store, { keys: { current: NEW, older: [OLD, OLDEST] } });
    await index.learn([third]);

    for (const from of ['store', 'front']) {
      for (const { key } of [first, second, third]) {
        const found = held(index.find(key));
        expect(index.isOwner(found, 'ann@example.com'), from).toBe(true);
        expect(index.isOwner(found, 'bob@example.com'), from).toBe(false);
      }
    }
    expect(index.readings()).toMatchObject({ found: 6, fromFront: 4 });
    expect(index.find(newKey())).toEqual({ kind: 'missing' });

    const onlyNew = indexOver(store, { keys: { current: NEW, older: [] } });
    expect([first, second, third].map(({ key }) => kindOf(onlyNew.find(key)))).toEqual(['missing', 'missing', 'found']);
  });
});

describe('when the store is in trouble', () => {
  it('answers unavailable when it is closed, and goes on finding what the front knows', async () => {
    const causes: unknown[] = [];
    const store = open();
    const index = indexOver(store, { observe: (what, cause) => causes.push([what, cause]) });
    const [before, after] = [learnable(), learnable()];
    await index.learn([before]);
    await store.close();
    expect(index.find(newKey())).toMatchObject({ kind: 'unavailable' });
    expect(kindOf(index.find(before.key))).toBe('found');
    expect(await index.learn([after])).toBe('failed');
    expect(kindOf(index.find(after.key))).toBe('found');
    expect(index.readings()).toMatchObject({ unavailable: 1, failed: 1, learned: 1 });
    expect(causes).toEqual([
      ['find', expect.any(Error)],
      ['learn', expect.any(Error)],
    ]);
  });

  it.each([
    ['never answers', () => new Promise<never>(() => {})],
    ['breaks its word and rejects', () => Promise.reject(new Error('gone'))],
  ])('answers unavailable and failed in bounded time when the store %s', async (_fault, answer) => {
    const index = indexOver(storeThat(answer), { storeTimeoutMs: 40 });
    const start = performance.now();
    const [found, learned] = await Promise.all([index.find(newKey()), index.learn([learnable()])]);
    expect(found).toMatchObject({ kind: 'unavailable', cause: expect.any(Error) });
    expect(learned).toBe('failed');
    expect(performance.now() - start).toBeLessThan(400);
  });

  it('does not ask for older hashes when the first could not be asked for: unavailable is not missing', async () => {
    let asked = 0;
    const findKey = () => {
      asked++;
      return { kind: 'unavailable', cause: new Error('gone') } as const;
    };
    const store = { ...storeThat(() => Promise.reject(new Error('gone'))), findKey };
    const index = indexOver(store, { keys: { current: IDENTITY, older: [createKeyedHash(randomBytes(32))] } });
    expect(index.find(newKey())).toMatchObject({ kind: 'unavailable' });
    expect(asked).toBe(1);
  });

  it('fails to learn within the bound while another process keeps the file, and learns again afterwards', async () => {
    const path = join(temporaryDirectory(), 'gateway.db');
    const store = open(path);
    const index = indexOver(store);
    const lock = await lockElsewhere(path, 'BEGIN EXCLUSIVE');
    const start = performance.now();
    const secret = learnable();
    expect(await index.learn([secret])).toBe('failed');
    expect(performance.now() - start).toBeLessThan(400);
    expect(kindOf(index.find(secret.key))).toBe('found');
    await lock.release();
    expect(await index.learn([secret])).toBe('stored');
    expect(kindOf(indexOver(store).find(secret.key))).toBe('found');
  });
});

describe('the files of the store', () => {
  it('hold no key and no account name, in any letter case, nor their bytes in hex', async () => {
    const directory = temporaryDirectory();
    const store = open(join(directory, 'gateway.db'));
    const index = indexOver(store);
    const secrets = Array.from({ length: 200 }, (_, at) => learnable({ owner: `person-${at}@example.com` }));
    await index.learn(secrets);
    const files = (): string[] =>
      readdirSync(directory).map((name) => readFileSync(join(directory, name), 'latin1').toLowerCase());
    const whileOpen = files();
    await store.close();
    const bytes = [...whileOpen, ...files()];
    expect(bytes.length).toBeGreaterThanOrEqual(3);
    expect(bytes.some((content) => content.includes('eu'))).toBe(true);
    for (const { key, owner } of secrets) {
      for (const plain of [key, owner, 'example.com', Buffer.from(key, 'hex').toString('latin1')]) {
        expect(bytes.every((content) => !content.includes(String(plain).toLowerCase()))).toBe(true);
      }
    }
  });
});
