// Moves: each step once, and only when every gateway has seen the one before it.
import { describe, expect, it } from 'vitest';
import type { AccountRow, DirectoryStore, MoveRequest } from '../../src/store/directory-store.ts';
import type { OpenWorld } from './conformance.ts';
import { randomHash } from './support.ts';
import { account, lease, markOf, newsOf, seeAll } from './world.ts';

function moveOf({ hash }: { readonly hash: AccountRow['hash'] }, over: Partial<MoveRequest> = {}): MoveRequest {
  return { hash, to: 'us', keepOld: true, otherwise: undefined, ...over };
}

async function entry(directory: DirectoryStore, row: AccountRow) {
  const found = await directory.findAccount(row.hash, { leftMs: 5000 });
  return found.kind === 'found' ? found.value : found.kind;
}

export function describeMoves(open: OpenWorld): void {
  describe('a move', () => {
    it('freezes the account where it is, cuts over, and ends; each step is one change', async () => {
      const world = await open();
      const { one, other } = world;
      const row = account({ also: ['ap', 'us'] });
      await one.directory.put(row, false, 'cli:test');
      const move = { from: 'eu', to: 'us', phase: 'frozen', keepOld: true, sinceMs: expect.any(Number) };

      const begun = await other.directory.beginMove(moveOf(row), 'cli:ann');
      expect(begun).toMatchObject({ kind: 'begun', account: { region: 'eu', also: ['ap', 'us'], epoch: 3, move } });
      expect(await entry(one.directory, row)).toEqual(begun.kind === 'begun' && begun.account);

      const cutOver = await one.directory.advanceMove(row.hash, 'gateway:1');
      const after = { region: 'us', also: ['ap', 'eu'], pinned: true, identity: row.identity };
      expect(cutOver).toMatchObject({
        kind: 'cutover',
        account: { ...after, epoch: 4, move: { ...move, phase: 'cutover' } },
      });
      expect(await entry(other.directory, row)).toEqual(cutOver.kind === 'cutover' && cutOver.account);

      const finished = await other.directory.advanceMove(row.hash, 'gateway:2');
      expect(finished).toMatchObject({ kind: 'finished', account: { ...after, epoch: 5, move: undefined } });
      expect(await entry(one.directory, row)).toEqual(finished.kind === 'finished' && finished.account);
      expect(await one.directory.advanceMove(row.hash, 'gateway:1')).toEqual({ kind: 'none' });
      const changes = await one.directory.changes(undefined, 3);
      expect(changes.map(({ what, actor, hash, detail }) => [what, actor, hash, detail])).toEqual([
        ['move_finished', 'gateway:2', row.hash, 'eu -> us'],
        ['move_cut_over', 'gateway:1', row.hash, 'eu -> us'],
        ['move_begun', 'cli:ann', row.hash, 'eu -> us'],
      ]);
    });

    it('that does not keep the old region leaves it', async () => {
      const { one } = await open();
      const row = account({ also: ['ap'] });
      await one.directory.put(row, false, 'cli:test');
      await one.directory.beginMove(moveOf(row, { keepOld: false }), 'cli:test');
      await one.directory.advanceMove(row.hash, 'cli:test');
      expect(await entry(one.directory, row)).toMatchObject({ region: 'us', also: ['ap'] });
    });

    it('is joined by who wants the same, and by nobody else, in either phase', async () => {
      const { one, other } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      await one.directory.beginMove(moveOf(row), 'cli:test');
      for (const phase of ['frozen', 'cutover']) {
        expect(await entry(other.directory, row)).toMatchObject({ move: { phase } });
        const { epoch } = await markOf(one.directory);
        expect(await other.directory.beginMove(moveOf(row), 'cli:test')).toMatchObject({ kind: 'joined' });
        expect(await other.directory.beginMove(moveOf(row, { keepOld: false }), 'cli:test')).toMatchObject({
          kind: 'other',
        });
        expect(await other.directory.beginMove(moveOf(row, { to: 'ap' }), 'cli:test')).toMatchObject({ kind: 'other' });
        expect((await markOf(one.directory)).epoch).toBe(epoch);
        await one.directory.advanceMove(row.hash, 'cli:test');
      }
    });

    it('to where the account lives is none, and neither is one of an account that nobody knows', async () => {
      const { one } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      const there = await one.directory.beginMove(moveOf(row, { to: 'eu' }), 'cli:test');
      expect(there).toMatchObject({ kind: 'there', account: { region: 'eu', epoch: 2 } });
      expect(await one.directory.beginMove(moveOf({ hash: randomHash() }), 'cli:test')).toEqual({ kind: 'missing' });
      expect((await markOf(one.directory)).epoch).toBe(2);
    });

    it('of an account that a rule knows writes it, frozen, in one step', async () => {
      const { one, other } = await open();
      const row = account({ also: ['ap'] });
      const begun = await one.directory.beginMove(moveOf(row, { otherwise: row }), 'cli:test');
      expect(begun).toMatchObject({ kind: 'begun', account: { region: 'eu', also: ['ap'], epoch: 2 } });
      expect(await entry(other.directory, row)).toMatchObject({ region: 'eu', move: { from: 'eu', to: 'us' } });
      // What the directory knows counts, not what the rule says.
      const known = account({ region: 'ap' });
      await one.directory.put(known, false, 'cli:test');
      await one.directory.beginMove(moveOf(known, { otherwise: { ...known, region: 'eu' } }), 'cli:test');
      expect(await entry(other.directory, known)).toMatchObject({ region: 'ap', move: { from: 'ap' } });
    });

    it('keeps its account from being put, overwritten and removed', async () => {
      const { one, other } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      await one.directory.beginMove(moveOf(row), 'cli:test');
      for (const phase of ['frozen', 'cutover']) {
        const before = await entry(one.directory, row);
        expect(before).toMatchObject({ move: { phase } });
        expect(await other.directory.put({ ...row, region: 'ap' }, true, 'cli:test')).toBe('moving');
        expect(await other.directory.put(account({ replaces: [row.hash] }), true, 'cli:test')).toBe('moving');
        expect(await other.directory.remove([randomHash(), row.hash], 'cli:test')).toBe('moving');
        expect(await entry(one.directory, row)).toEqual(before);
        await one.directory.advanceMove(row.hash, 'cli:test');
      }
      expect(await other.directory.remove([row.hash], 'cli:test')).toBe('removed');
    });

    it('is given up before cutover, and not after it', async () => {
      const { one, other } = await open();
      const row = account({ also: ['us'] });
      await one.directory.put(row, false, 'cli:test');
      expect(await one.directory.abortMove(row.hash, 'cli:test')).toBe('none');
      await one.directory.beginMove(moveOf(row), 'cli:test');
      expect(await other.directory.abortMove(row.hash, 'cli:ann')).toBe('aborted');
      expect(await entry(one.directory, row)).toMatchObject({ region: 'eu', also: ['us'], epoch: 4, move: undefined });
      expect((await one.directory.changes(undefined, 1))[0]).toMatchObject({ what: 'move_aborted', actor: 'cli:ann' });
      await one.directory.beginMove(moveOf(row), 'cli:test');
      await one.directory.advanceMove(row.hash, 'cli:test');
      expect(await other.directory.abortMove(row.hash, 'cli:test')).toBe('too_late');
      expect(await entry(one.directory, row)).toMatchObject({ region: 'us', move: { phase: 'cutover' } });
    });
  });

  describe('a step of a move', () => {
    it('waits for every gateway that has not seen the one before, and says for which', async () => {
      const { one, other } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      const [quick, slow] = [lease({ label: 'quick' }), lease({ label: 'slow' })];
      for (const gateway of [quick, slow]) await seeAll(one.directory, gateway);
      await one.directory.beginMove(moveOf(row), 'cli:test');
      for (const kind of ['cutover', 'finished']) {
        const waiting = await other.directory.advanceMove(row.hash, 'cli:test');
        expect(waiting).toMatchObject({ kind: 'waiting', account: { hash: row.hash } });
        expect(waiting.kind === 'waiting' && waiting.for.map(({ label }) => label).sort()).toEqual(['quick', 'slow']);
        await seeAll(one.directory, quick);
        expect(await other.directory.advanceMove(row.hash, 'cli:test')).toMatchObject({
          kind: 'waiting',
          for: [{ gateway: slow.gateway, label: 'slow' }],
        });
        // To know of the change is not yet to have answered what was located before it.
        const mark = await markOf(one.directory);
        await newsOf(one.directory, { ...slow, seen: mark.epoch - 1 }, mark);
        expect(await other.directory.advanceMove(row.hash, 'cli:test')).toMatchObject({ kind: 'waiting' });
        await seeAll(one.directory, slow);
        expect(await other.directory.advanceMove(row.hash, 'cli:test')).toMatchObject({ kind });
      }
    });

    it('waits for a gateway that came later, and not for one that has left', async () => {
      const { one } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      await one.directory.beginMove(moveOf(row), 'cli:test');
      const newcomer = lease();
      await newsOf(one.directory, newcomer, undefined);
      expect(await one.directory.advanceMove(row.hash, 'cli:test')).toMatchObject({ kind: 'waiting' });
      await one.directory.leave(newcomer.gateway);
      expect(await one.directory.advanceMove(row.hash, 'cli:test')).toMatchObject({ kind: 'cutover' });
    });

    it('is taken without a gateway whose lease is over, and not before', async () => {
      const world = await open();
      const { one, other } = world;
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      const dead = lease({ leaseMs: 400 });
      const startedMs = world.now();
      await seeAll(other.directory, dead);
      await one.directory.beginMove(moveOf(row), 'cli:test');
      await expect
        .poll(
          async () => {
            const { kind } = await one.directory.advanceMove(row.hash, 'cli:test');
            if (kind === 'cutover') expect(world.now() - startedMs).toBeGreaterThanOrEqual(dead.leaseMs);
            world.pass(20);
            return kind;
          },
          { interval: 10, timeout: 8000 },
        )
        .toBe('cutover');
      expect(await one.directory.gateways()).toEqual([]);
    });

    it('does not wait for a gateway that has seen it, whatever changes elsewhere', async () => {
      const { one } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      await one.directory.beginMove(moveOf(row), 'cli:test');
      await seeAll(one.directory, lease());
      await one.directory.put(account(), false, 'cli:test');
      expect(await one.directory.advanceMove(row.hash, 'cli:test')).toMatchObject({ kind: 'cutover' });
    });

    it('is taken by one of several that try', async () => {
      const { one, other } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      const gateway = lease();
      await one.directory.beginMove(moveOf(row), 'cli:test');
      for (const kind of ['cutover', 'finished']) {
        await seeAll(one.directory, gateway);
        const steps = Array.from({ length: 10 }, (_, at) =>
          (at % 2 ? one : other).directory.advanceMove(row.hash, 'cli:test'),
        );
        const kinds = (await Promise.all(steps)).map((step) => step.kind);
        expect(kinds.filter((taken) => taken === kind)).toHaveLength(1);
        expect(kinds.filter((taken) => taken === (kind === 'cutover' ? 'waiting' : 'none'))).toHaveLength(9);
      }
    });

    it('begins for one of several that want different regions; giving up and cutting over exclude each other', async () => {
      const { one, other } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      const begins = ['us', 'ap', 'us', 'ap'].map((to, at) =>
        (at < 2 ? one : other).directory.beginMove(moveOf(row, { to }), 'cli:test'),
      );
      const kinds = (await Promise.all(begins)).map(({ kind }) => kind).sort();
      expect(kinds).toEqual(['begun', 'joined', 'other', 'other']);
      const [aborted, advanced] = await Promise.all([
        one.directory.abortMove(row.hash, 'cli:test'),
        other.directory.advanceMove(row.hash, 'cli:test'),
      ]);
      expect(['aborted none', 'too_late cutover']).toContain(`${aborted} ${advanced.kind}`);
    });
  });
}
