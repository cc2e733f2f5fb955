// Where keys are held: the promises of store.ts, of any engine.
import { describe, expect, it } from 'vitest';
import { accountHash, createKeyedHash } from '../../src/keyed-hash.ts';
import type { Store, StoredKey } from '../../src/store/store.ts';
import type { OpenWorld } from './conformance.ts';
import { randomHash, row } from './support.ts';
import { account, lease, newsOf, type World } from './world.ts';

export function describeKeys(open: OpenWorld): void {
  const living = (world: World, over: Partial<StoredKey> = {}): StoredKey =>
    row({ expiresAtMs: world.now() + 600_000, ...over });
  const found = (store: Store, hash: StoredKey['hash']) => store.findKey(hash, { leftMs: 5000 });

  describe('a key', () => {
    it('that one gateway has put is found by every other as it was put', async () => {
      const world = await open();
      const rows = [
        living(world),
        living(world, { kind: 'metadata', region: 'a-region-with-a-long-name' }),
        living(world, { owner: undefined }),
      ];
      await world.one.putKeys(rows, { leftMs: 5000 });
      for (const value of rows) expect(await found(world.other, value.hash)).toEqual({ kind: 'found', value });
      expect(await found(world.other, randomHash())).toEqual({ kind: 'missing' });
    });

    it('does not change where it is held, whose it is, or what it is; its life may only grow', async () => {
      const world = await open();
      const first = living(world);
      await world.one.putKeys([first]);
      for (const over of [
        { region: 'us' },
        { owner: undefined },
        { owner: randomHash() },
        { expiresAtMs: world.now() + 5 },
      ]) {
        await world.other.putKeys([{ ...first, ...over }]).catch(() => undefined);
        expect(await found(world.one, first.hash)).toEqual({ kind: 'found', value: first });
      }
      const longer = { ...first, expiresAtMs: first.expiresAtMs + 1000 };
      await world.other.putKeys([longer]);
      expect(await found(world.one, first.hash)).toEqual({ kind: 'found', value: longer });
    });

    it('is missing when its time is over, and may then be another', async () => {
      const world = await open();
      const short = living(world, { expiresAtMs: world.now() + 200 });
      await world.one.putKeys([short]);
      world.pass(200);
      await expect.poll(async () => found(world.other, short.hash), { timeout: 5000 }).toEqual({ kind: 'missing' });
      const next = living(world, { hash: short.hash, region: 'us' });
      await world.other.putKeys([next]);
      expect(await found(world.one, short.hash)).toEqual({ kind: 'found', value: next });
    });

    it('takes what was waited off the request’s patience, and never more', async () => {
      const world = await open();
      const [value, patience] = [living(world), { leftMs: 5000 }];
      await world.one.putKeys([value], patience);
      await world.other.findKey(value.hash, patience);
      await world.other.findKey(value.hash, patience);
      expect(patience.leftMs).toBeLessThan(5000);
      expect(patience.leftMs).toBeGreaterThan(0);
    });

    it('of many that are put at once is found afterwards', async () => {
      const world = await open();
      const rows = Array.from({ length: 500 }, () => living(world));
      const puts = [];
      for (let at = 0; at < rows.length; at += 2) {
        puts.push((at % 4 ? world.one : world.other).putKeys(rows.slice(at, at + 2), { leftMs: 10_000 }));
      }
      await Promise.all(puts);
      await world.one.putKeys([]);
      for (const { hash } of rows) expect(await found(world.other, hash)).toMatchObject({ kind: 'found' });
    });

    it('is unavailable at a closed store, which takes no more', async () => {
      const world = await open();
      const value = living(world);
      await world.one.putKeys([value]);
      await world.one.close();
      expect(await world.one.findKey(value.hash, { leftMs: 200 })).toMatchObject({ kind: 'unavailable' });
      await expect(world.one.putKeys([living(world)], { leftMs: 200 })).rejects.toThrow();
      expect(await found(world.other, value.hash)).toEqual({ kind: 'found', value });
    });
  });

  it('nothing that the engine holds tells a name or a key', async () => {
    const world = await open();
    const hash = createKeyedHash(Buffer.alloc(32, 7));
    const names = Array.from({ length: 20 }, (_, at) => `Person.${at}@canary.example`);
    const keys = names.map((_, at) => `canary-key-${at}`);
    for (const name of names) {
      await world.one.directory.put(account({ hash: accountHash(hash, name.toLowerCase()) }), false, 'cli:test');
    }
    const rows = keys.map((key, at) =>
      living(world, { hash: hash('held-key', key), owner: hash('owner', names[at] ?? '') }),
    );
    await world.one.putKeys(rows);
    const [first = ''] = names;
    const moved = accountHash(hash, first.toLowerCase());
    await world.one.directory.beginMove({ hash: moved, to: 'us', keepOld: true, otherwise: undefined }, 'cli:test');
    await newsOf(world.one.directory, lease(), undefined);
    const stage = await world.other.directory.stage();
    await stage.add([account({ hash: accountHash(hash, 'staged@canary.example'), line: 1 })]);
    const contents = (await world.contents()).toLowerCase();
    // Looking works: hashes are there.
    expect(contents).toContain(moved.toString('latin1').toLowerCase());
    expect(contents).not.toContain('canary');
    expect(contents).not.toContain(Buffer.from('canary').toString('hex'));
    expect(contents).not.toContain(Buffer.from('canary').toString('base64').slice(0, 7).toLowerCase());
    await stage.discard();
  });
}
