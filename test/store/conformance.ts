// What directory-store.ts and store.ts promise, asked through the public interface alone, of any engine.
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { MarkMissingError, MarkRegressedError } from '../../src/store/directory-store.ts';
import { describeFollowing } from './conformance-follow.ts';
import { describeImports } from './conformance-imports.ts';
import { describeMoves } from './conformance-moves.ts';
import { randomHash } from './support.ts';
import { account, type Engine, lease, markOf, type World } from './world.ts';

export type OpenWorld = () => Promise<World>;

/** Everything about one engine. */
export function describeEngine(engine: Engine, describeAll: (open: OpenWorld) => void): void {
  describe.skipIf(!engine.available)(`${engine.name}:`, () => {
    afterAll(() => engine.end());
    describeAll(async () => {
      const world = await engine.open();
      onTestFinished(() => world.close());
      return world;
    });
  });
}

export function describeDirectory(open: OpenWorld): void {
  describeMark(open);
  describeEntries(open);
  describeImports(open);
  describeFollowing(open);
  describeMoves(open);
  describeTrouble(open);
}

function describeMark(open: OpenWorld): void {
  describe('the mark', () => {
    it('is made once, is the same for all, and begins with epoch 1', async () => {
      const { one, other } = await open();
      const mark = await markOf(one.directory);
      expect(mark).toEqual({ generation: expect.stringMatching(/^[0-9a-f]{32}$/), epoch: 1 });
      expect(await other.directory.init('new', 'cli:test')).toBe('exists');
      expect(await other.directory.mark()).toEqual(mark);
      expect(await one.directory.findAccount(randomHash(), { leftMs: 5000 })).toEqual({ kind: 'missing', mark });
    });

    it('gets a new generation over the same data by renewing', async () => {
      const { one, other } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      const before = await markOf(one.directory);
      expect(await other.directory.init('renew', 'cli:test')).toBe('renewed');
      const after = await markOf(one.directory);
      expect(after.generation).not.toBe(before.generation);
      const found = await one.directory.findAccount(row.hash, { leftMs: 5000 });
      expect(found).toMatchObject({ kind: 'found', value: { region: 'eu' }, mark: after });
      // Nothing in it is of a later epoch: else a gateway that has seen everything would seem not to have.
      expect(found.kind === 'found' && found.value.epoch <= after.epoch).toBe(true);
      const [newest] = await one.directory.changes(undefined, 1);
      expect(newest).toMatchObject({ what: 'renewed', actor: 'cli:test', epoch: after.epoch });
    });

    it('rises by one with every change, and not for what changes nothing', async () => {
      const { one, other } = await open();
      const row = account();
      const epochs: number[] = [];
      const then = async (result: Promise<unknown>): Promise<void> => {
        await result;
        epochs.push((await markOf(other.directory)).epoch);
      };
      await then(one.directory.put(row, false, 'cli:test'));
      await then(other.directory.put(row, false, 'cli:test'));
      await then(one.directory.put({ ...row, pinned: false }, false, 'cli:test'));
      await then(one.directory.put({ ...row, region: 'us' }, false, 'cli:test'));
      await then(one.directory.setDrained('eu', true, 'cli:test'));
      await then(one.directory.setDrained('eu', true, 'cli:test'));
      await then(one.directory.remove([row.hash], 'cli:test'));
      await then(one.directory.remove([row.hash], 'cli:test'));
      await then(one.directory.abortMove(row.hash, 'cli:test'));
      expect(epochs).toEqual([2, 2, 3, 3, 4, 4, 5, 5, 5]);
    });

    it('rises by one for each of many changes at once', async () => {
      const { one, other } = await open();
      const rows = Array.from({ length: 40 }, () => account());
      await Promise.all(rows.map((row, at) => (at % 2 ? one : other).directory.put(row, false, 'cli:test')));
      expect((await markOf(one.directory)).epoch).toBe(41);
      const changes = await other.directory.changes(undefined, 100);
      expect(changes.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 41 }, (_, at) => 41 - at));
    });
  });
}

function describeEntries(open: OpenWorld): void {
  const patience = () => ({ leftMs: 5000 });

  describe('an entry', () => {
    it('is found by every gateway as it was put, with the mark of the same moment', async () => {
      const { one, other } = await open();
      const rows = [account(), account({ region: 'us', pinned: false, also: ['ap', 'eu'] })];
      for (const row of rows) expect(await one.directory.put(row, false, 'cli:test')).toBe('added');
      const mark = await markOf(one.directory);
      for (const [at, { replaces, ...facts }] of rows.entries()) {
        const value = { ...facts, epoch: 2 + at, move: undefined };
        expect(await other.directory.findAccount(facts.hash, patience())).toEqual({ kind: 'found', value, mark });
      }
      expect(await one.directory.count()).toBe(2);
    });

    it.each([
      ['pinned', { pinned: false }],
      ['also', { also: ['us'] }],
      ['identity', { identity: '00000000' }],
    ])('changes its %s by being put again', async (_what, over) => {
      const { one, other } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      expect(await other.directory.put({ ...row, ...over }, false, 'cli:test')).toBe('changed');
      expect(await one.directory.findAccount(row.hash, patience())).toMatchObject({ value: { ...over, epoch: 3 } });
      expect(await one.directory.put({ ...row, ...over }, true, 'cli:test')).toBe('same');
    });

    it('changes its region only where that is asked for', async () => {
      const { one, other } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      expect(await other.directory.put({ ...row, region: 'us' }, false, 'cli:test')).toBe('region');
      expect(await one.directory.findAccount(row.hash, patience())).toMatchObject({
        value: { region: 'eu', epoch: 2 },
      });
      expect(await other.directory.put({ ...row, region: 'us' }, true, 'cli:test')).toBe('changed');
      expect(await one.directory.findAccount(row.hash, patience())).toMatchObject({
        value: { region: 'us', epoch: 3 },
      });
    });

    it('takes the place of those under older identity keys, in their region unless overwritten', async () => {
      const { one, other } = await open();
      const [old, oldest] = [account({ identity: '11111111' }), account({ identity: '22222222', region: 'us' })];
      for (const row of [old, oldest]) await one.directory.put(row, false, 'cli:test');
      const [next, last] = [account({ replaces: [randomHash(), old.hash] }), account({ replaces: [oldest.hash] })];
      expect(await other.directory.put(next, false, 'cli:test')).toBe('changed');
      expect(await other.directory.put(last, false, 'cli:test')).toBe('region');
      expect(await one.directory.findAccount(oldest.hash, patience())).toMatchObject({ kind: 'found' });
      expect(await other.directory.put(last, true, 'cli:test')).toBe('changed');
      const kinds = [old, oldest, next, last].map(({ hash }) => one.directory.findAccount(hash, patience()));
      expect((await Promise.all(kinds)).map(({ kind }) => kind)).toEqual(['missing', 'missing', 'found', 'found']);
      expect(await one.directory.count()).toBe(2);
    });

    it('is removed under whichever key it is known, once', async () => {
      const { one, other } = await open();
      const [row, stays] = [account(), account()];
      for (const put of [row, stays]) await one.directory.put(put, false, 'cli:test');
      const asked = [randomHash(), row.hash];
      const removed = await Promise.all([one, other].map(({ directory }) => directory.remove(asked, 'token:ops')));
      expect(removed.sort()).toEqual(['missing', 'removed']);
      expect(await other.directory.findAccount(row.hash, patience())).toMatchObject({ kind: 'missing' });
      expect(await other.directory.findAccount(stays.hash, patience())).toMatchObject({ kind: 'found' });
      const [newest] = await one.directory.changes(undefined, 1);
      expect(newest).toMatchObject({ what: 'account_removed', actor: 'token:ops', hash: row.hash });
    });

    it('of one hash that several put at once is added by one of them', async () => {
      const { one, other } = await open();
      const row = account();
      const results = await Promise.all(
        ['eu', 'us', 'ap', 'eu', 'us', 'ap'].map((region, at) =>
          (at % 2 ? one : other).directory.put({ ...row, region }, false, 'cli:test'),
        ),
      );
      expect(results.filter((result) => result === 'added')).toHaveLength(1);
      expect(results.filter((result) => result === 'same')).toHaveLength(1);
      expect(results.filter((result) => result === 'region')).toHaveLength(4);
    });
  });

  describe('the list', () => {
    it('gives each entry that stays once, page by page, while others come and go', async () => {
      const { one, other } = await open();
      const stay = Array.from({ length: 150 }, () => account());
      const go = Array.from({ length: 50 }, () => account());
      for (const row of [...stay, ...go]) await one.directory.put(row, false, 'cli:test');
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await other.directory.list(after, 20);
        seen.push(...page.accounts.map(({ hash }) => hash.toString('hex')));
        after = page.next;
        const leaving = go.pop();
        if (leaving) await one.directory.remove([leaving.hash], 'cli:test');
        await one.directory.put(account(), false, 'cli:test');
        expect(seen.length).toBeLessThan(1000);
      } while (after !== undefined);
      for (const { hash } of stay) expect(seen.filter((hex) => hex === hash.toString('hex'))).toHaveLength(1);
      expect(new Set(seen).size).toBe(seen.length);
    });

    it('does not begin anew, nor break, at what is no cursor', async () => {
      const { one } = await open();
      await one.directory.put(account(), false, 'cli:test');
      for (const after of ['zz', '', '0:', '-1', "0' OR 1", 'f'.repeat(33)]) {
        await expect(one.directory.list(after, 10)).rejects.toMatchObject({ code: 'STORE_CURSOR_UNKNOWN' });
      }
      expect(one.readings().up).toBe(true);
    });

    it('of nobody is empty', async () => {
      const { one } = await open();
      expect(await one.directory.list(undefined, 10)).toEqual({ accounts: [], next: undefined });
      expect(await one.directory.count()).toBe(0);
    });
  });
}

function describeTrouble(open: OpenWorld): void {
  describe('an engine that lost its data', () => {
    it('knows nothing, rather than nobody, until somebody makes a new mark', async () => {
      const world = await open();
      const { directory } = world.one;
      const row = account();
      await directory.put(row, false, 'cli:test');
      const before = await markOf(directory);
      await world.wipe();
      const missing = expect.any(MarkMissingError);
      expect(await directory.findAccount(row.hash, { leftMs: 5000 })).toEqual({ kind: 'unavailable', cause: missing });
      expect(await directory.mark()).toBeUndefined();
      expect(await directory.follow(lease(), before)).toEqual({ kind: 'lost', cause: missing });
      expect(await directory.follow(undefined, undefined)).toEqual({ kind: 'lost', cause: missing });
      for (const refused of [
        () => directory.put(row, true, 'cli:test'),
        () => directory.remove([row.hash], 'cli:test'),
        () => directory.setDrained('eu', true, 'cli:test'),
        () => directory.beginMove({ hash: row.hash, to: 'us', keepOld: true, otherwise: row }, 'cli:test'),
        () => directory.advanceMove(row.hash, 'cli:test'),
        () => directory.abortMove(row.hash, 'cli:test'),
        () => directory.list(undefined, 10),
        () => directory.count(),
      ]) {
        await expect(refused()).rejects.toBeInstanceOf(MarkMissingError);
      }
      expect(await directory.init('new', 'cli:test')).toBe('made');
      const after = await markOf(world.other.directory);
      expect(after).toEqual({ generation: expect.not.stringMatching(before.generation), epoch: 1 });
      expect(await directory.findAccount(row.hash, { leftMs: 5000 })).toEqual({ kind: 'missing', mark: after });
      expect(await directory.follow(lease(), before)).toMatchObject({ kind: 'found', value: { changes: 'gap' } });
    });

    it('is initialised by one of several that try', async () => {
      const world = await open();
      await world.wipe();
      const results = await Promise.all(
        [world.one, world.other, world.one, world.other].map(({ directory }) => directory.init('new', 'cli:test')),
      );
      expect(results.sort()).toEqual(['exists', 'exists', 'exists', 'made']);
    });

    it('says so when its epoch is before what was seen, and notes nobody as having seen anything', async () => {
      const { one } = await open();
      const mark = await markOf(one.directory);
      const followed = await one.directory.follow(lease(), { ...mark, epoch: mark.epoch + 1 });
      expect(followed).toEqual({ kind: 'lost', cause: expect.any(MarkRegressedError) });
      expect((await one.directory.gateways()).filter(({ seen }) => seen > 0)).toEqual([]);
    });
  });

  it('a closed store is unavailable, rejects what operators ask, and throws nothing at requests', async () => {
    const { one } = await open();
    await one.close();
    const { directory } = one;
    expect(await directory.findAccount(randomHash(), { leftMs: 200 })).toMatchObject({ kind: 'unavailable' });
    expect(await directory.follow(lease(), undefined)).toMatchObject({ kind: 'unavailable' });
    await directory.leave('nobody');
    const refusal = expect.objectContaining({ name: 'StoreAwayError' });
    await expect(directory.put(account(), false, 'cli:test')).rejects.toEqual(refusal);
    await expect(directory.mark()).rejects.toEqual(refusal);
    await expect(directory.gateways()).rejects.toEqual(refusal);
    expect(one.readings().up).toBe(false);
  });
}
