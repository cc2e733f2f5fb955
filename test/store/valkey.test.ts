// The distributed store where the engine fails: nothing is guessed, nobody waits, and what is lost is not taken for
// "nobody knows it".
import { describe, expect, it, onTestFinished } from 'vitest';
import { MarkMissingError, MarkRegressedError } from '../../src/store/directory-store.ts';
import { type Store, StoreAwayError, type StoreNews } from '../../src/store/store.ts';
import { openValkeyStore } from '../../src/store/valkey.ts';
import type { ValkeyConfig } from '../../src/store/valkey-config.ts';
import { HAS_REDIS, type RedisServer, startCluster, startRedis, until } from '../support/redis.ts';
import { randomHash, row } from './support.ts';
import { account, lease, markOf, newsOf } from './world.ts';

const STORE_TIMEOUT_MS = 400;

function open(config: ValkeyConfig): Store {
  const store = openValkeyStore(config, { now: Date.now, storeTimeoutMs: STORE_TIMEOUT_MS });
  onTestFinished(() => store.close());
  return store;
}

async function engine(options?: Parameters<typeof startRedis>[0]): Promise<{ server: RedisServer; store: Store }> {
  const server = await startRedis(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const store = open(server.config());
  await store.directory.init('new', 'cli:test');
  return { server, store };
}

const alive = (over?: Parameters<typeof row>[0]) => row({ expiresAtMs: Date.now() + 600_000, ...over });
const patience = () => ({ leftMs: STORE_TIMEOUT_MS });

describe.skipIf(!HAS_REDIS)('a distributed store whose engine', () => {
  it('is stalled: keys and accounts are unavailable in time, then at once, and then known again', async () => {
    const { server, store } = await engine();
    const [key, person] = [alive(), account()];
    await store.putKeys([key]);
    await store.directory.put(person, false, 'cli:test');
    server.stall();
    const spent = patience();
    expect(await store.findKey(key.hash, spent)).toMatchObject({ kind: 'unavailable', cause: { code: 'STORE_AWAY' } });
    expect(spent.leftMs).toBe(0);
    const unspent = patience();
    expect(await store.directory.findAccount(person.hash, unspent)).toMatchObject({ kind: 'unavailable' });
    expect(await store.directory.follow(lease(), undefined)).toMatchObject({ kind: 'unavailable' });
    await expect(store.putKeys([alive()], unspent)).rejects.toBeInstanceOf(StoreAwayError);
    expect(unspent.leftMs).toBeGreaterThan(STORE_TIMEOUT_MS / 2);
    expect(store.readings()).toEqual({ up: false, wentAway: 1, failed: 4 });
    server.resume();
    await until(() => store.readings().up);
    expect(await store.findKey(key.hash)).toEqual({ kind: 'found', value: key });
    expect(await store.directory.findAccount(person.hash, patience())).toMatchObject({ kind: 'found' });
  });

  it('was away when a key was put: the others know it soon after it is back', async () => {
    const { server, store } = await engine({ durable: true });
    const [first, second] = [alive(), alive()];
    server.stall();
    await expect(store.putKeys([first])).rejects.toBeInstanceOf(StoreAwayError);
    await expect(store.putKeys([second])).rejects.toBeInstanceOf(StoreAwayError);
    await server.restart();
    const other = open(server.config());
    await until(() => other.readings().up);
    for (const key of [first, second]) {
      await until(async () => (await other.findKey(key.hash)).kind === 'found', 5000);
      expect(await other.findKey(key.hash)).toEqual({ kind: 'found', value: key });
    }
  });

  it('is restarted empty: nothing is missing, all is unavailable, until there is a new directory', async () => {
    const { server, store } = await engine();
    const [key, person] = [alive(), account()];
    await store.putKeys([key]);
    await store.directory.put(person, false, 'cli:test');
    const before = await markOf(store.directory);
    await server.restart({ empty: true });
    await until(() => store.readings().up);
    const lost = { kind: 'unavailable', cause: expect.any(MarkMissingError) };
    expect(await store.findKey(key.hash)).toEqual(lost);
    expect(await store.findKey(randomHash())).toEqual(lost);
    expect(await store.directory.findAccount(person.hash, patience())).toEqual(lost);
    await expect(store.putKeys([key])).rejects.toBeInstanceOf(MarkMissingError);
    expect(await store.directory.follow(lease(), before)).toMatchObject({ kind: 'lost' });
    // Also for a gateway that is new.
    const other = open(server.config());
    expect(await other.findKey(key.hash)).toEqual(lost);
    expect(await other.directory.init('new', 'cli:test')).toBe('made');
    expect(await store.findKey(key.hash)).toEqual({ kind: 'missing' });
    await store.putKeys([key]);
    expect(await other.findKey(key.hash)).toEqual({ kind: 'found', value: key });
  });

  it('keeps what it has over a restart', async () => {
    const { server, store } = await engine({ durable: true });
    const [key, person] = [alive({ owner: undefined, kind: 'metadata' }), account({ also: ['us'] })];
    await store.putKeys([key]);
    await store.directory.put(person, false, 'cli:test');
    await server.restart();
    await until(() => store.readings().up);
    expect(await store.findKey(key.hash)).toEqual({ kind: 'found', value: key });
    expect(await store.directory.findAccount(person.hash, patience())).toMatchObject({ kind: 'found' });
  });

  it('has older data than were seen: lost, and moves wait for who has seen better ones', async () => {
    const { server, store } = await engine();
    await store.directory.put(account(), false, 'cli:test');
    const seen = await markOf(store.directory);
    await server.cli('HSET', 'otgw:{dir}accounts', 'e', '1');
    const followed = await store.directory.follow(lease(), seen);
    expect(followed).toEqual({ kind: 'lost', cause: expect.any(MarkRegressedError) });
    expect(await store.directory.gateways()).toMatchObject([{ seen: 0 }]);
    const person = account({ region: 'us' });
    await store.directory.put(person, false, 'cli:test');
    await store.directory.beginMove({ hash: person.hash, to: 'eu', keepOld: false, otherwise: undefined }, 'cli:test');
    expect(await store.directory.advanceMove(person.hash, 'cli:test')).toMatchObject({ kind: 'waiting' });
  });

  it('lost a change and made another in its place: lost, also when the epoch has gone on', async () => {
    const { server, store } = await engine();
    await store.directory.put(account(), false, 'cli:test');
    const before = await newsOf(store.directory, undefined, undefined);
    await store.directory.setDrained('us', true, 'cli:test');
    const { mark, last } = await newsOf(store.directory, undefined, { ...before.mark, last: before.last });
    // As a new master is that never had this change.
    await server.cli('LPOP', 'otgw:{dir}changes');
    await server.cli('HSET', 'otgw:{dir}accounts', 'e', String(mark.epoch - 1));
    await store.directory.put(account(), false, 'cli:test');
    const lost = { kind: 'lost', cause: expect.any(MarkRegressedError) };
    expect(await store.directory.follow(lease(), { ...mark, last })).toEqual(lost);
    await store.directory.put(account(), false, 'cli:test');
    expect(await store.directory.follow(lease(), { ...mark, last })).toEqual(lost);
    expect(await store.directory.follow(lease(), { ...before.mark, last: before.last })).toMatchObject({
      kind: 'found',
    });
  });

  it('lost the accounts alone: their mark is lost with them', async () => {
    const { server, store } = await engine();
    const person = account();
    await store.directory.put(person, false, 'cli:test');
    await server.cli('DEL', 'otgw:{dir}accounts');
    const found = await store.directory.findAccount(person.hash, patience());
    expect(found).toEqual({ kind: 'unavailable', cause: expect.any(MarkMissingError) });
  });

  it('is full: what is there is found, and what is not kept is told', async () => {
    const { server, store } = await engine();
    const key = alive();
    await store.putKeys([key]);
    await server.cli('CONFIG', 'SET', 'maxmemory', '1');
    await expect(store.putKeys([alive()])).rejects.toThrow('OOM');
    expect(await store.findKey(key.hash)).toEqual({ kind: 'found', value: key });
    expect(store.readings()).toMatchObject({ up: true, wentAway: 0 });
  });

  it('forgot the scripts: they are sent again', async () => {
    const { server, store } = await engine();
    await store.putKeys([alive()]);
    await server.cli('SCRIPT', 'FLUSH');
    const key = alive();
    await store.putKeys([key]);
    expect(await store.findKey(key.hash)).toEqual({ kind: 'found', value: key });
  });

  it('holds what somebody else wrote there: unavailable, not believed', async () => {
    const { server, store } = await engine();
    const person = account();
    const [store2, key] = [open(server.config()), alive()];
    await store2.directory.put(person, false, 'cli:test');
    await server.cli('EVAL', "redis.call('HSET', KEYS[1], ARGV[1], 'x')", '1', 'otgw:{dir}accounts', 'short');
    await store.putKeys([key]);
    const script = `for _, name in ipairs(redis.call('KEYS', 'otgw:{b??}k:*')) do redis.call('SET', name, 'x') end
      for _, field in ipairs(redis.call('HKEYS', 'otgw:{dir}accounts')) do
        if #field == 16 then redis.call('HSET', 'otgw:{dir}accounts', field, 'x') end
      end`;
    await server.cli('EVAL', script, '0');
    expect(await store.findKey(key.hash)).toMatchObject({ kind: 'unavailable' });
    expect(await store.directory.findAccount(person.hash, patience())).toMatchObject({ kind: 'unavailable' });
  });
});

describe.skipIf(!HAS_REDIS)('gateways on one engine', () => {
  it('go on with a generation that another has renewed, and forget keys by the engine’s time', async () => {
    const { server, store } = await engine();
    const other = open(server.config());
    const key = alive();
    await store.putKeys([key]);
    expect(await other.findKey(key.hash)).toMatchObject({ kind: 'found' });
    expect(await store.directory.init('renew', 'cli:test')).toBe('renewed');
    expect(await other.findKey(key.hash)).toEqual({ kind: 'found', value: key });
    const ttl = await server.cli('EVAL', "return redis.call('PTTL', redis.call('KEYS', 'otgw:{b??}k:*')[1])", '0');
    expect(Number(ttl)).toBeGreaterThan(500_000);
    expect(Number(ttl)).toBeLessThanOrEqual(600_000);
  });

  it('hear of changes of the directory, and of credentials that are good no longer', async () => {
    const { server, store } = await engine();
    const other = open(server.config());
    const news: StoreNews[] = [];
    other.onNews((one) => void news.push(one));
    await until(async () => {
      await store.directory.put(account(), false, 'cli:test');
      return news.some(({ kind }) => kind === 'directory');
    });
    const hash = randomHash();
    store.shared?.verifications.forget(hash);
    await until(() => news.some((one) => one.kind === 'verification' && one.hash.equals(hash)));
  });
});

describe.skipIf(!HAS_REDIS)('a cluster', () => {
  it('of which one node was emptied: its keys are unavailable, the others’ are found', async () => {
    const cluster = await startCluster();
    onTestFinished(() => cluster[Symbol.asyncDispose]());
    const store = open(cluster.config());
    await store.directory.init('new', 'cli:test');
    const keys = Array.from({ length: 60 }, () => alive());
    await store.putKeys(keys);
    const kinds = async () => (await Promise.all(keys.map(({ hash }) => store.findKey(hash)))).map(({ kind }) => kind);
    expect(new Set(await kinds())).toEqual(new Set(['found']));
    // One that does not hold the directory.
    const held = await cluster.cli('EXISTS', 'otgw:{dir}accounts');
    const node = cluster.nodes[held.findIndex((answer) => answer !== '1')];
    await node?.cli('FLUSHALL');
    const after = await kinds();
    expect(new Set(after)).toEqual(new Set(['found', 'unavailable']));
    const emptied = keys[after.indexOf('unavailable')] ?? alive();
    await expect(store.putKeys([emptied])).rejects.toBeInstanceOf(MarkMissingError);
    expect(await store.directory.init('renew', 'cli:test')).toBe('renewed');
    expect(new Set(await kinds())).toEqual(new Set(['found', 'missing']));
  }, 60_000);
});
