// Imports so large that they go beside the directory and take its place, as they are seen from outside.
import { describe, expect, it, onTestFinished } from 'vitest';
import type { KeyedHash } from '../../src/domain.ts';
import type { AccountRow, Stage } from '../../src/store/directory-store.ts';
import { type Store, StoreAwayError } from '../../src/store/store.ts';
import { openValkeyStore } from '../../src/store/valkey.ts';
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts';
import { account, markOf } from './world.ts';

interface Rooms {
  readonly server: RedisServer;
  readonly one: Store;
  readonly other: Store;
}

async function openRooms(): Promise<Rooms> {
  const server = await startRedis();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const [one, other] = [0, 1].map(() => openValkeyStore(server.config(), { now: Date.now, storeTimeoutMs: 5_000 }));
  if (one === undefined || other === undefined) throw new Error('no stores');
  onTestFinished(() => Promise.all([one.close(), other.close()]).then(() => undefined));
  await one.directory.init('new', 'cli:test');
  return { server, one, other };
}

async function stageOf(store: Store, rows: readonly AccountRow[]): Promise<Stage> {
  const stage = await store.directory.stage();
  await stage.add(rows);
  return stage;
}

const many = (count: number, over?: Partial<AccountRow>) => Array.from({ length: count }, () => account(over));
const find = (store: Store, hash: KeyedHash) => store.directory.findAccount(hash, { leftMs: 5_000 });
/** Names of the directory's keys. */
const keysOf = async ({ server }: Rooms) => (await server.cli('KEYS', 'otgw:{dir}*')).split('\n').sort();

describe.skipIf(!HAS_REDIS)('a large import', () => {
  it('adds, changes, replaces and keeps, in one step, and leaves nothing beside', async () => {
    const rooms = await openRooms();
    const { one, other, server } = rooms;
    const [stays, same, changes, old] = [many(1500), many(500), many(500), many(500)];
    await (await stageOf(one, [...stays, ...same, ...changes, ...old])).commit('cli:test', false);
    const before = await markOf(one.directory);
    const added = many(1500);
    const rows = [
      ...added,
      ...same,
      ...changes.map((row) => ({ ...row, pinned: false })),
      ...old.map(({ hash }) => account({ replaces: [hash] })),
    ];
    const { written, summary } = await (await stageOf(other, rows)).commit('cli:test', false);
    expect({ written, ...summary }).toMatchObject({ written: true, added: 1500, changed: 1000, same: 500 });
    expect(await one.directory.count()).toBe(4500);
    const mark = await markOf(one.directory);
    expect(mark).toEqual({ generation: before.generation, epoch: before.epoch + 1 });
    for (const { hash } of [stays[7], same[7]].flatMap((row) => row ?? [])) {
      expect(await find(one, hash)).toMatchObject({ kind: 'found', value: { pinned: true, epoch: 2 }, mark });
    }
    for (const { hash } of [added[7], changes[7]].flatMap((row) => row ?? [])) {
      expect(await find(one, hash)).toMatchObject({ kind: 'found', value: { epoch: 3 } });
    }
    expect(await find(one, old[7]?.hash as KeyedHash)).toEqual({ kind: 'missing', mark });
    expect(await keysOf(rooms)).toEqual(['otgw:{dir}accounts', 'otgw:{dir}changes']);
    expect(await server.cli('TTL', 'otgw:{dir}accounts')).toBe('-1');
  });

  it('under way: everybody is found all the time, and others’ changes come after it', async () => {
    const rooms = await openRooms();
    const { one, other } = rooms;
    const [known, late] = [many(3000), account()];
    await (await stageOf(one, known)).commit('cli:test', false);
    const stage = await stageOf(one, many(3000));
    const kinds = new Set<string>();
    let done = false;
    const watching = (async () => {
      for (let at = 0; !done; at++) kinds.add((await find(other, known[at % 3000]?.hash as KeyedHash)).kind);
    })();
    const commit = stage.commit('cli:test', false);
    // Once it holds the directory.
    while (!done && (await rooms.server.cli('HEXISTS', 'otgw:{dir}accounts', 'h')) === '0') {
      if ((await markOf(other.directory)).epoch > 2) break;
    }
    expect(await other.directory.put(late, false, 'cli:test')).toBe('added');
    await commit;
    done = true;
    await watching;
    expect([...kinds]).toEqual(['found']);
    expect(await other.directory.count()).toBe(6001);
    expect(await find(one, late.hash)).toMatchObject({ kind: 'found', value: { epoch: 4 } });
  });

  it('that ends in the middle: nothing is changed, and others go on when its hold is over', async () => {
    const rooms = await openRooms();
    const { one, other, server } = rooms;
    await (await stageOf(other, many(3000))).commit('cli:test', false);
    const stage = await stageOf(one, many(40_000));
    const rejected = expect(stage.commit('cli:test', false)).rejects.toBeInstanceOf(StoreAwayError);
    while (!(await keysOf(rooms)).some((key) => key.includes('next:'))) await server.cli('PING');
    await one.close();
    await rejected;
    expect(await other.directory.count()).toBe(3000);
    expect(await other.directory.put(account(), false, 'cli:test')).toBe('added');
    const [left = ''] = (await keysOf(rooms)).filter((key) => key.includes('next:'));
    expect(Number(await server.cli('PTTL', left))).toBeGreaterThan(0);
  }, 40_000);

  it('that lost its hold to a change: is refused, and the change stays', async () => {
    const rooms = await openRooms();
    const { one, other, server } = rooms;
    const row = account();
    await one.directory.put(row, false, 'cli:test');
    const stage = await stageOf(one, many(20_000));
    const rejected = expect(stage.commit('cli:test', false)).rejects.toMatchObject({ code: 'STORE_HELD' });
    while ((await server.cli('HEXISTS', 'otgw:{dir}accounts', 'h')) === '0') await server.cli('PING');
    // As if it had been stalled for longer than it holds.
    await server.cli('HDEL', 'otgw:{dir}accounts', 'h');
    expect(await other.directory.put({ ...row, pinned: false }, false, 'cli:test')).toBe('changed');
    await rejected;
    expect(await other.directory.count()).toBe(1);
    expect(await find(one, row.hash)).toMatchObject({ value: { pinned: false } });
    expect(await keysOf(rooms)).toEqual(['otgw:{dir}accounts', 'otgw:{dir}changes']);
  });
});
