// Imports: staged, compared, and written in one step that nobody sees half of.
import { describe, expect, it } from 'vitest';
import type { AccountRow, DirectoryStore, ImportSummary, Stage } from '../../src/store/directory-store.ts';
import type { OpenWorld } from './conformance.ts';
import { account, markOf } from './world.ts';

const NONE: ImportSummary = { added: 0, changed: 0, same: 0, regionChanged: 0, moving: 0, conflicts: [] };

async function stageOf(directory: DirectoryStore, rows: readonly AccountRow[]): Promise<Stage> {
  const stage = await directory.stage();
  await stage.add(rows.map((row, at) => ({ ...row, line: at + 2 })));
  return stage;
}

export function describeImports(open: OpenWorld): void {
  const kindsOf = (directory: DirectoryStore, rows: readonly AccountRow[]): Promise<string[]> =>
    Promise.all(rows.map(async ({ hash }) => (await directory.findAccount(hash, { leftMs: 5000 })).kind));

  describe('an import', () => {
    it('is seen by nobody before it is committed, and then whole, as one change', async () => {
      const { one, other } = await open();
      const rows = Array.from({ length: 1700 }, (_, at) =>
        account({ pinned: at % 3 === 0, also: at % 5 ? [] : ['us'] }),
      );
      const stage = await stageOf(one.directory, rows);
      expect(await stage.compare()).toEqual({ ...NONE, added: 1700 });
      expect(await other.directory.count()).toBe(0);
      const counts = new Set<number>();
      let done = false;
      const watching = (async () => {
        while (!done) counts.add(await other.directory.count());
      })();
      const result = await stage.commit('cli:ann', false);
      done = true;
      await watching;
      expect(result).toEqual({ written: true, summary: { ...NONE, added: 1700 } });
      for (const count of counts) expect([0, 1700]).toContain(count);
      await stage.discard();
      expect(await other.directory.count()).toBe(1700);
      const { line, replaces, ...facts } = { line: 0, ...(rows[5] as AccountRow) };
      expect(await other.directory.findAccount(facts.hash, { leftMs: 5000 })).toMatchObject({
        value: { ...facts, epoch: 2, move: undefined },
      });
      expect((await markOf(one.directory)).epoch).toBe(2);
      const [newest] = await one.directory.changes(undefined, 1);
      expect(newest).toMatchObject({ what: 'accounts_imported', hash: undefined, actor: 'cli:ann' });
      expect(newest?.detail).toContain('1700 added');
    });

    it('counts what is added, changed and the same, and leaves what is the same at its epoch', async () => {
      const { one, other } = await open();
      const [same, changed, added] = [account(), account(), account()];
      for (const row of [same, changed]) await one.directory.put(row, false, 'cli:test');
      const stage = await stageOf(other.directory, [same, { ...changed, pinned: false }, added]);
      const summary = { ...NONE, added: 1, changed: 1, same: 1 };
      expect(await stage.compare()).toEqual(summary);
      expect(await stage.commit('cli:test', false)).toEqual({ written: true, summary });
      const epochs = [same, changed, added].map(async ({ hash }) => {
        const found = await one.directory.findAccount(hash, { leftMs: 5000 });
        return found.kind === 'found' ? found.value.epoch : undefined;
      });
      expect(await Promise.all(epochs)).toEqual([2, 4, 4]);
    });

    it('of nothing new changes nothing', async () => {
      const { one } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      const stage = await stageOf(one.directory, [row]);
      expect((await stage.commit('cli:test', true)).summary).toEqual({ ...NONE, same: 1 });
      expect(await one.directory.findAccount(row.hash, { leftMs: 5000 })).toMatchObject({ value: { epoch: 2 } });
    });

    it('writes nothing where one is known in another region, names its line, and writes all when that is wanted', async () => {
      const { one, other } = await open();
      const [known, added] = [account(), account()];
      await one.directory.put(known, false, 'cli:test');
      const stage = await stageOf(other.directory, [added, { ...known, region: 'us' }]);
      const summary = { ...NONE, added: 1, changed: 1, regionChanged: 1, conflicts: [{ line: 3, why: 'region' }] };
      expect(await stage.commit('cli:test', false)).toEqual({ written: false, summary });
      expect(await kindsOf(one.directory, [known, added])).toEqual(['found', 'missing']);
      expect((await markOf(one.directory)).epoch).toBe(2);
      expect(await stage.commit('cli:test', true)).toMatchObject({ written: true });
      expect(await one.directory.findAccount(known.hash, { leftMs: 5000 })).toMatchObject({ value: { region: 'us' } });
      expect(await kindsOf(one.directory, [added])).toEqual(['found']);
    });

    it('never writes while one of its accounts is being moved', async () => {
      const { one, other } = await open();
      const [moving, added] = [account(), account()];
      await one.directory.put(moving, false, 'cli:test');
      await one.directory.beginMove({ hash: moving.hash, to: 'us', keepOld: true, otherwise: undefined }, 'cli:test');
      const stage = await stageOf(other.directory, [{ ...moving, pinned: false }, added]);
      for (const overwrite of [false, true]) {
        const { written, summary } = await stage.commit('cli:test', overwrite);
        expect(written).toBe(false);
        expect(summary).toMatchObject({ moving: 1, conflicts: [{ line: 2, why: 'moving' }] });
      }
      expect(await kindsOf(one.directory, [added])).toEqual(['missing']);
      await one.directory.abortMove(moving.hash, 'cli:test');
      expect(await stage.commit('cli:test', false)).toMatchObject({ written: true });
    });

    it('takes a later row of the same hash in place of an earlier one', async () => {
      const { one } = await open();
      const row = account();
      const stage = await stageOf(one.directory, [row, account()]);
      await stage.add([{ ...row, region: 'us' }]);
      expect(await stage.commit('cli:test', false)).toMatchObject({ written: true, summary: { added: 2 } });
      expect(await one.directory.findAccount(row.hash, { leftMs: 5000 })).toMatchObject({ value: { region: 'us' } });
    });

    it('replaces entries under older identity keys, and takes their regions and moves for the account’s', async () => {
      const { one, other } = await open();
      const olds = [account({ identity: '11111111' }), account({ region: 'us' }), account()] as const;
      for (const row of olds) await one.directory.put(row, false, 'cli:test');
      const rows = olds.map(({ hash }) => account({ replaces: [hash] }));
      await one.directory.beginMove({ hash: olds[2].hash, to: 'us', keepOld: true, otherwise: undefined }, 'cli:test');
      const stage = await stageOf(other.directory, rows);
      const refused = await stage.commit('cli:test', true);
      expect(refused).toMatchObject({ written: false, summary: { added: 0, moving: 1, regionChanged: 1 } });
      await one.directory.abortMove(olds[2].hash, 'cli:test');
      expect(await stage.commit('cli:test', false)).toMatchObject({ written: false });
      const { written, summary } = await stage.commit('cli:test', true);
      expect({ written, ...summary }).toMatchObject({ written: true, added: 0, changed: 3, same: 0, moving: 0 });
      expect(await kindsOf(one.directory, olds)).toEqual(['missing', 'missing', 'missing']);
      expect(await kindsOf(one.directory, rows)).toEqual(['found', 'found', 'found']);
      expect(await one.directory.count()).toBe(3);
    });

    it('that is discarded leaves nothing, and does not touch another that is under way', async () => {
      const { one, other } = await open();
      const [mine, yours] = [account(), account()];
      const [discarded, kept] = [await stageOf(one.directory, [mine]), await stageOf(one.directory, [yours])];
      await discarded.discard();
      await discarded.discard();
      expect(await kept.commit('cli:test', false)).toMatchObject({ written: true, summary: { added: 1 } });
      await kept.discard();
      expect(await kindsOf(other.directory, [mine, yours])).toEqual(['missing', 'found']);
      expect(await other.directory.count()).toBe(1);
    });

    it('at the same time as another ends as if one came after the other', async () => {
      const { one, other } = await open();
      const shared = Array.from({ length: 50 }, () => account());
      const stages = await Promise.all([
        stageOf(one.directory, shared),
        stageOf(
          other.directory,
          shared.map((row) => ({ ...row, region: 'us' })),
        ),
      ]);
      const results = await Promise.all(stages.map((stage) => stage.commit('cli:test', false)));
      expect(results.map(({ written }) => written).sort()).toEqual([false, true]);
      const { accounts } = await one.directory.list(undefined, 100);
      expect(new Set(accounts.map(({ region }) => region)).size).toBe(1);
    });
  });
}
