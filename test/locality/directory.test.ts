// The directory as one gateway knows it: remembered, followed, leased. Over the embedded store, with clocks moved by hand.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accountKey } from '../../src/caller/credentials.ts';
import type { Found, KeyedHash, Locality, RegionName } from '../../src/domain.ts';
import { accountHash, createKeyedHash } from '../../src/keyed-hash.ts';
import { createDirectory, type Directory, type DirectoryEvent } from '../../src/locality/directory.ts';
import type { AccountRow, DirectoryStore, Followed } from '../../src/store/directory-store.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite.ts';

const CURRENT = createKeyedHash(Buffer.alloc(32, 1));
const OLDER = createKeyedHash(Buffer.alloc(32, 2));
const LEASE_MS = 10_000;
const PATIENCE = { leftMs: 1000 };
const AWAY: Followed = { kind: 'unavailable', cause: { code: 'STORE_AWAY' } };

const hashOf = (name: string, hash = CURRENT): KeyedHash => accountHash(hash, accountKey(name));

function row(name: string, over: Partial<AccountRow> = {}): AccountRow {
  return { hash: hashOf(name), region: 'us', pinned: true, also: [], identity: 'abcd0123', replaces: [], ...over };
}

describe('the directory', () => {
  let now: number;
  let store: SqliteStore;
  let events: DirectoryEvent[];
  let opened: Directory[];
  /** In place of the store's answers, where a test sets it. */
  let followed: ((ask: () => Promise<Followed>) => Promise<Followed>) | undefined;
  let asked: number;
  let findAway: boolean;
  let chance: number;
  let onAsk: ((count: number) => Promise<void>) | undefined;

  beforeEach(() => {
    now = 1_800_000_000_000;
    store = openSqliteStore(':memory:', { now: () => now });
    events = [];
    opened = [];
    followed = undefined;
    asked = 0;
    findAway = false;
    chance = 0;
    onAsk = undefined;
  });
  afterEach(async () => {
    for (const directory of opened) await directory.close();
    await store.close();
  });

  function open(over: { steady?: () => number; entries?: number } = {}): Directory {
    const real = store.directory;
    const watched: DirectoryStore = {
      ...real,
      findAccount(hash) {
        asked++;
        // Asked as a distributed engine is: what happens next may come between.
        if (onAsk !== undefined) {
          const answer = real.findAccount(hash);
          const told = onAsk(asked).then(() => answer);
          return told;
        }
        return findAway ? { kind: 'unavailable', cause: { code: 'STORE_AWAY' } } : real.findAccount(hash);
      },
      follow: (lease, since) => (followed ?? ((ask) => ask()))(() => real.follow(lease, since)),
    };
    const directory = createDirectory(watched, {
      hashes: [CURRENT, OLDER],
      accountHash,
      regions: new Set(['us', 'eu']),
      gateway: `${opened.length}`.repeat(16),
      label: 'test:1',
      leaseMs: LEASE_MS,
      pollMs: 1_000_000,
      pollMovingMs: 1_000_000,
      entries: over.entries ?? 100,
      now: () => now,
      steady: over.steady ?? (() => now),
      chance: () => chance,
      setTimer: () => () => {},
      observe: (event) => events.push(event),
    });
    opened.push(directory);
    return directory;
  }

  const locate = async (directory: Directory, name: string): Promise<Found<Locality>> =>
    directory.locate(accountKey(name), { ...PATIENCE });
  const homeOf = async (directory: Directory, name: string): Promise<string> => {
    const found = await locate(directory, name);
    return found.kind === 'found' ? found.value.home : found.kind;
  };
  const codeOf = (found: Found<unknown>): unknown =>
    found.kind === 'unavailable' ? (found.cause as { code?: unknown }).code : found.kind;

  it('locates by the current identity key and by older ones, and remembers both answers', async () => {
    await store.directory.put(row('ann@x.example'), false, 'cli:test');
    await store.directory.put(
      row('old@x.example', { hash: hashOf('old@x.example', OLDER), region: 'eu' }),
      false,
      'cli:test',
    );
    const directory = open();
    await directory.look();
    expect(await homeOf(directory, 'Ann@X.example')).toBe('us');
    expect(await homeOf(directory, 'old@x.example')).toBe('eu');
    expect(await homeOf(directory, 'nobody@x.example')).toBe('missing');
    const before = asked;
    expect(directory.locate('ann@x.example', PATIENCE)).toMatchObject({
      kind: 'found',
      value: { home: 'us', pinned: true },
    });
    expect(directory.locate('nobody@x.example', PATIENCE)).toEqual({ kind: 'missing', term: directory.term() });
    expect(asked).toBe(before);
    expect(directory.readings()).toMatchObject({ found: 3, missing: 2, fromMemory: 2, entries: 1 });
  });

  it('forgets what changed, also that nobody was known, and nothing else', async () => {
    await store.directory.put(row('ann@x.example'), false, 'cli:test');
    await store.directory.put(row('ben@x.example'), false, 'cli:test');
    const directory = open();
    await directory.look();
    for (const name of ['ann@x.example', 'ben@x.example', 'new@x.example']) await locate(directory, name);
    await store.directory.put(row('ann@x.example', { region: 'eu' }), true, 'cli:test');
    await store.directory.put(row('new@x.example', { region: 'eu' }), false, 'cli:test');
    expect(await homeOf(directory, 'ann@x.example')).toBe('us');
    await directory.look();
    const before = asked;
    expect(await homeOf(directory, 'ben@x.example')).toBe('us');
    expect(asked).toBe(before);
    expect(await homeOf(directory, 'ann@x.example')).toBe('eu');
    expect(await homeOf(directory, 'new@x.example')).toBe('eu');
    const changed = events.flatMap((event) => (event.kind === 'changed' ? [event.change.what] : []));
    expect(changed).toEqual(['account_changed', 'account_added']);
  });

  it('an entry that goes from an older identity key to the current one between two questions is found', async () => {
    await store.directory.put(row('old@x.example', { hash: hashOf('old@x.example', OLDER) }), false, 'cli:test');
    const directory = open();
    await directory.look();
    onAsk = async (count) => {
      if (count !== 1) return;
      const replaces = [hashOf('old@x.example', OLDER)];
      await store.directory.put(row('old@x.example', { region: 'eu', replaces }), true, 'cli:test');
    };
    expect(await homeOf(directory, 'old@x.example')).toBe('eu');
    expect(asked).toBe(3);
  });

  it('an entry under an older identity key is found also where nobody was known before', async () => {
    const directory = open();
    await directory.look();
    expect(await homeOf(directory, 'late@x.example')).toBe('missing');
    await store.directory.put(row('late@x.example', { hash: hashOf('late@x.example', OLDER) }), false, 'cli:test');
    await directory.look();
    expect(await homeOf(directory, 'late@x.example')).toBe('us');
  });

  it('an import makes it forget all; draining a region nothing', async () => {
    await store.directory.put(row('ann@x.example'), false, 'cli:test');
    const directory = open();
    await directory.look();
    await locate(directory, 'ann@x.example');
    await store.directory.setDrained('eu', true, 'cli:test');
    await directory.look();
    expect([directory.isDrained('eu' as RegionName), directory.isDrained('us' as RegionName)]).toEqual([true, false]);
    expect(directory.readings()).toMatchObject({ entries: 1, drained: ['eu'] });
    const stage = await store.directory.stage();
    await stage.add([row('ann@x.example', { region: 'eu' })]);
    await stage.commit('cli:test', true);
    await directory.look();
    expect(await homeOf(directory, 'ann@x.example')).toBe('eu');
  });

  it('serves from memory while the store is away, and only what it knows', async () => {
    await store.directory.put(row('ann@x.example'), false, 'cli:test');
    const directory = open();
    await directory.look();
    await locate(directory, 'ann@x.example');
    followed = async () => AWAY;
    findAway = true;
    now += LEASE_MS / 2;
    await directory.look();
    expect(await homeOf(directory, 'ann@x.example')).toBe('us');
    expect(codeOf(await locate(directory, 'other@x.example'))).toBe('STORE_AWAY');
    expect(events.map(({ kind }) => kind)).toEqual(['away']);
    followed = undefined;
    findAway = false;
    await directory.look();
    expect(await homeOf(directory, 'other@x.example')).toBe('missing');
    expect(events.map(({ kind }) => kind)).toEqual(['away', 'back']);
  });

  it.each([
    ['the day’s', (ms: number) => ({ day: ms, steady: 0 })],
    ['the steady', (ms: number) => ({ day: 0, steady: ms })],
  ])(
    'without a lease by %s clock it knows nothing any more, and begins a new term when it has one',
    async (_, after) => {
      await store.directory.put(row('ann@x.example'), false, 'cli:test');
      let steadyMs = 5000;
      const directory = open({ steady: () => steadyMs });
      await directory.look();
      const first = await locate(directory, 'ann@x.example');
      const term = directory.term();
      expect(first).toMatchObject({ kind: 'found', value: { term } });
      followed = async () => AWAY;
      const passed = after(LEASE_MS);
      now += passed.day;
      steadyMs += passed.steady;
      expect(directory.term()).toBeUndefined();
      expect(codeOf(await locate(directory, 'ann@x.example'))).toBe('DIRECTORY_LEASE_EXPIRED');
      followed = undefined;
      expect(await locate(directory, 'ann@x.example')).toMatchObject({
        kind: 'found',
        value: { term: Number(term) + 1 },
      });
      expect(directory.term()).not.toBe(term);
    },
  );

  it('keeps its term as long as the lease is renewed in time', async () => {
    const directory = open();
    await directory.look();
    const term = directory.term();
    for (let times = 0; times < 5; times++) {
      now += LEASE_MS * 0.9;
      await directory.look();
    }
    expect(directory.term()).toBe(term);
  });

  it('what is said behind it is in force for its term', async () => {
    const directory = open();
    await directory.look();
    const rule: Locality = { home: 'eu' as RegionName, also: [], pinned: true };
    const behind = directory.behind(() => ({ kind: 'found', value: rule }));
    const one = behind('ann@x.example', PATIENCE);
    expect(one).toEqual({ kind: 'found', value: { ...rule, term: directory.term() } });
    expect(behind('ben@x.example', PATIENCE)).toBe(one);
    now += LEASE_MS;
    expect(codeOf(await behind('ann@x.example', PATIENCE))).toBe('DIRECTORY_LEASE_EXPIRED');
  });

  it('does not believe data that went back, even when they catch up; a new generation it does', async () => {
    await store.directory.put(row('ann@x.example'), false, 'cli:test');
    const directory = open();
    await directory.look();
    await locate(directory, 'ann@x.example');
    followed = async () => ({ kind: 'lost', cause: { code: 'STORE_MARK_REGRESSED' } });
    await directory.look();
    followed = undefined;
    await store.directory.put(row('other@x.example'), false, 'cli:test');
    await directory.look();
    expect(events.map(({ kind }) => kind)).toEqual(['lost']);
    expect(await homeOf(directory, 'ann@x.example')).toBe('us');
    expect(await homeOf(directory, 'other@x.example')).toBe('unavailable');
    await store.directory.init('renew', 'cli:test');
    expect(await homeOf(directory, 'other@x.example')).toBe('us');
    expect(events.map(({ kind }) => kind)).toEqual(['lost', 'back']);
  });

  it('an account in a region that is not configured is unavailable, never sent anywhere', async () => {
    await store.directory.put(row('ann@x.example', { region: 'mars', also: ['us'] }), false, 'cli:test');
    await store.directory.put(row('ben@x.example', { also: ['mars', 'eu'] }), false, 'cli:test');
    const directory = open();
    await directory.look();
    expect(codeOf(await locate(directory, 'ann@x.example'))).toBe('DIRECTORY_REGION_NOT_CONFIGURED');
    expect(await locate(directory, 'ben@x.example')).toMatchObject({ value: { also: ['eu'] } });
  });

  it('says that it has seen a change only when requests from before it are over', async () => {
    const directory = open();
    await directory.look();
    const seen = async () => (await store.directory.gateways()).map((lease) => lease.seen);
    const { epoch } = (await store.directory.mark()) ?? { epoch: 0 };
    const early = directory.enter();
    await store.directory.setDrained('us', true, 'cli:test');
    await directory.look();
    await directory.look();
    expect(await seen()).toEqual([epoch]);
    const late = directory.enter();
    directory.leave(early);
    await directory.look();
    expect(await seen()).toEqual([epoch + 1]);
    directory.leave(late);
  });

  it('of two gateways each tries a step of a move every other time', async () => {
    await store.directory.put(row('ann@x.example'), false, 'cli:test');
    const [one, other] = [open(), open()];
    for (const directory of [one, other, one, other]) await directory.look();
    const request = { hash: hashOf('ann@x.example'), to: 'eu', keepOld: true, otherwise: undefined };
    await store.directory.beginMove(request, 'cli:test');
    chance = 0.5;
    for (const directory of [one, other, one, other, one, other]) await directory.look();
    expect(one.readings().moving).toEqual({ frozen: 1, cutover: 0 });
    chance = 0.49;
    await one.look();
    expect(one.readings().moving).toEqual({ frozen: 0, cutover: 1 });
  });

  it('takes the steps of moves when every gateway has seen them, and gives its lease back at the end', async () => {
    await store.directory.put(row('ann@x.example'), false, 'cli:test');
    const [one, other] = [open(), open()];
    await one.look();
    await other.look();
    const request = { hash: hashOf('ann@x.example'), to: 'eu', keepOld: true, otherwise: undefined };
    await store.directory.beginMove(request, 'cli:test');
    await one.look();
    await one.look();
    expect(one.readings().moving).toEqual({ frozen: 1, cutover: 0 });
    expect(await locate(one, 'ann@x.example')).toMatchObject({ value: { home: 'us', moving: true } });
    await other.look();
    await other.look();
    expect(other.readings().moving).toEqual({ frozen: 0, cutover: 1 });
    expect(await locate(other, 'ann@x.example')).toMatchObject({ value: { home: 'eu', also: ['us'], moving: true } });
    await one.close();
    await other.look();
    expect(other.readings().moving).toEqual({ frozen: 0, cutover: 0 });
    expect(await locate(other, 'ann@x.example')).toEqual({
      kind: 'found',
      value: { home: 'eu', also: ['us'], pinned: true, term: other.term() },
    });
  });
});
