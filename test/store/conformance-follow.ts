// Watching the directory: news, leases, and the book of changes.
import { describe, expect, it } from 'vitest';
import type { OpenWorld } from './conformance.ts';
import { account, lease, markOf, newsOf, seeAll } from './world.ts';

export function describeFollowing(open: OpenWorld): void {
  describe('who follows', () => {
    it('begins with a gap, then is told of every change in order, whoever made it', async () => {
      const { one, other } = await open();
      const gateway = lease();
      const first = await newsOf(one.directory, gateway, undefined);
      const { last: _, ...told } = first;
      expect(told).toEqual({
        mark: await markOf(one.directory),
        changes: 'gap',
        drained: [],
        gateways: 1,
        moving: [],
      });
      expect((await newsOf(one.directory, gateway, first.mark)).changes).toEqual([]);

      const row = account();
      await other.directory.put(row, false, 'token:ops');
      await one.directory.setDrained('us', true, 'cli:ann');
      await other.directory.put({ ...row, pinned: false }, false, 'cli:bob');
      const then = await newsOf(one.directory, gateway, first.mark);
      expect(then.mark).toEqual({ ...first.mark, epoch: first.mark.epoch + 3 });
      expect(then.drained).toEqual(['us']);
      expect(then.changes).toMatchObject([
        { epoch: 2, what: 'account_added', hash: row.hash, actor: 'token:ops', atMs: expect.any(Number) },
        { epoch: 3, what: 'region_drained', hash: undefined, actor: 'cli:ann', detail: 'us' },
        { epoch: 4, what: 'account_changed', hash: row.hash, actor: 'cli:bob' },
      ]);
      const last = await newsOf(one.directory, gateway, { ...first.mark, epoch: 3 });
      expect(last.changes).toEqual(Array.isArray(then.changes) ? then.changes.slice(2) : []);
    });

    it('has a gap when the generation is another', async () => {
      const { one } = await open();
      const before = await markOf(one.directory);
      await one.directory.init('renew', 'cli:test');
      expect((await newsOf(one.directory, lease(), before)).changes).toBe('gap');
      const far = { ...before, epoch: 1_000_000 };
      expect((await newsOf(one.directory, lease(), far)).changes).toBe('gap');
    });

    it('is shown regions out of service until they are back, and moves under way until they are over', async () => {
      const { one, other } = await open();
      const row = account();
      await one.directory.put(row, false, 'cli:test');
      expect(await one.directory.setDrained('us', true, 'cli:test')).toBe(true);
      expect(await other.directory.setDrained('ap', true, 'cli:test')).toBe(true);
      expect(await other.directory.setDrained('us', true, 'cli:test')).toBe(false);
      await one.directory.beginMove({ hash: row.hash, to: 'us', keepOld: true, otherwise: undefined }, 'cli:test');
      const during = await newsOf(other.directory, undefined, undefined);
      expect([...during.drained].sort()).toEqual(['ap', 'us']);
      expect(during.moving).toMatchObject([{ hash: row.hash, region: 'eu', move: { to: 'us', phase: 'frozen' } }]);
      expect(await other.directory.setDrained('us', false, 'cli:test')).toBe(true);
      expect(await one.directory.setDrained('us', false, 'cli:test')).toBe(false);
      await one.directory.abortMove(row.hash, 'cli:test');
      expect(await newsOf(other.directory, undefined, undefined)).toMatchObject({ drained: ['ap'], moving: [] });
    });
  });

  describe('a lease', () => {
    it('is known to all with what its gateway has seen, until it is given back; only looking takes none', async () => {
      const { one, other } = await open();
      const gateway = lease({ label: 'host-a:8080' });
      await newsOf(one.directory, undefined, undefined);
      expect(await other.directory.gateways()).toEqual([]);
      await newsOf(one.directory, gateway, undefined);
      await one.directory.put(account(), false, 'cli:test');
      const mark = await seeAll(one.directory, gateway);
      const [known] = await other.directory.gateways();
      expect(known).toEqual({ gateway: gateway.gateway, label: 'host-a:8080', seen: 2, leftMs: expect.any(Number) });
      expect(known?.leftMs).toBeGreaterThan(gateway.leaseMs / 2);
      expect(mark.epoch).toBe(2);
      await other.directory.leave(gateway.gateway);
      await other.directory.leave(gateway.gateway);
      expect(await one.directory.gateways()).toEqual([]);
    });

    it('ends by itself, and is kept alive by following', async () => {
      const world = await open();
      const [ends, stays] = [lease({ leaseMs: 300 }), lease({ leaseMs: 300 })];
      for (const gateway of [ends, stays]) await newsOf(world.one.directory, gateway, undefined);
      const left: string[][] = [];
      await expect
        .poll(
          async () => {
            await newsOf(world.one.directory, stays, undefined);
            left.push((await world.other.directory.gateways()).map(({ gateway }) => gateway));
            world.pass(50);
            return left.at(-1);
          },
          { interval: 10, timeout: 5000 },
        )
        .toEqual([stays.gateway]);
    });

    it('may say less than before, as a gateway does that has slow requests', async () => {
      const { one, other } = await open();
      const gateway = lease();
      await one.directory.put(account(), false, 'cli:test');
      const mark = await markOf(one.directory);
      await newsOf(one.directory, { ...gateway, seen: 2 }, mark);
      await newsOf(one.directory, { ...gateway, seen: 1 }, mark);
      expect(await other.directory.gateways()).toMatchObject([{ seen: 1 }]);
    });

    it('counts nothing that was seen of another generation', async () => {
      const { one, other } = await open();
      const gateway = lease();
      await one.directory.put(account(), false, 'cli:test');
      const before = await markOf(one.directory);
      await newsOf(one.directory, { ...gateway, seen: 2 }, before);
      await other.directory.init('renew', 'cli:test');
      await newsOf(one.directory, { ...gateway, seen: 1_000_000 }, { ...before, epoch: 1_000_000 });
      for (const { seen } of await other.directory.gateways()) {
        expect(seen).toBeLessThan((await markOf(other.directory)).epoch);
      }
    });
  });

  describe('the book of changes', () => {
    it('is read backwards in pages, with who did what and when, by the hash alone', async () => {
      const world = await open();
      const { directory } = world.one;
      const row = account();
      await directory.put(row, false, 'cli:ann');
      await directory.put({ ...row, region: 'us' }, true, 'token:ops');
      await directory.remove([row.hash], 'cli:bob');
      await directory.setDrained('eu', true, 'cli:bob');
      await directory.setDrained('eu', false, 'cli:bob');
      const all = await world.other.directory.changes(undefined, 100);
      expect(all.map(({ what, actor }) => [what, actor])).toEqual([
        ['region_undrained', 'cli:bob'],
        ['region_drained', 'cli:bob'],
        ['account_removed', 'cli:bob'],
        ['account_changed', 'token:ops'],
        ['account_added', 'cli:ann'],
        ['initialised', expect.any(String)],
      ]);
      expect(all[3]?.detail).toBe('eu -> us');
      for (const { atMs } of all) expect(Math.abs(atMs - world.now())).toBeLessThan(120_000);
      const paged = [];
      for (let before: number | undefined; ; before = paged.at(-1)?.epoch) {
        const page = await directory.changes(before, 4);
        if (page.length === 0) break;
        expect(page.length).toBeLessThanOrEqual(4);
        paged.push(...page);
      }
      expect(paged).toEqual(all);
    });
  });
}
