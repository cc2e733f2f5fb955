// What a gateway waits for a distributed engine, and when it knows that it is there.
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { StoreAwayError } from '../../src/store/store.ts';
import { createValkeyClient, type ValkeyClient, type ValkeyEvent } from '../../src/store/valkey-client.ts';
import type { ValkeyConfig } from '../../src/store/valkey-config.ts';
import { openFolder } from '../support/folder.ts';
import {
  HAS_OPENSSL,
  HAS_REDIS,
  makeCertificates,
  type RedisSentinel,
  type RedisServer,
  startCluster,
  startRedis,
  startSentinel,
  until,
} from '../support/redis.ts';

/** Long enough that a busy machine is not taken for an engine that is away. */
const STORE_TIMEOUT_MS = 400;
const PASSWORD = 'canary-password';

interface Watched {
  readonly client: ValkeyClient;
  readonly events: ValkeyEvent[];
  readonly news: string[];
}

function connect(config: ValkeyConfig, storeTimeoutMs = STORE_TIMEOUT_MS): Watched {
  const [events, news]: [ValkeyEvent[], string[]] = [[], []];
  const client = createValkeyClient(config, {
    storeTimeoutMs,
    onNews: (message) => void news.push(message),
    observe: (event) => void events.push(event),
  });
  onTestFinished(() => client.close());
  return { client, events, news };
}

async function connected(config: ValkeyConfig, storeTimeoutMs?: number): Promise<Watched> {
  const watched = connect(config, storeTimeoutMs);
  await until(() => watched.client.isUp());
  return watched;
}

/** How a question ended, and what it took. */
async function timed(
  client: ValkeyClient,
  leftMs?: number,
): Promise<{ error: unknown; tookMs: number; leftMs: number }> {
  const patience = { leftMs: leftMs ?? STORE_TIMEOUT_MS };
  const beganMs = performance.now();
  let error: unknown;
  await client
    .ask((redis) => redis.get('otgw:x'), patience)
    .catch((cause: unknown) => {
      error = cause;
    });
  return { error, tookMs: performance.now() - beganMs, leftMs: patience.leftMs };
}

/** Of this process: nothing may become of a connection that fails but what its callers are told. */
const stray: unknown[] = [];
const note = (cause: unknown): void => void stray.push(cause);
beforeEach(() => {
  process.on('unhandledRejection', note);
  process.on('uncaughtException', note);
});
afterEach(() => {
  process.off('unhandledRejection', note);
  process.off('uncaughtException', note);
  expect(stray.splice(0)).toEqual([]);
});

async function engine(options?: Parameters<typeof startRedis>[0]): Promise<RedisServer> {
  const server = await startRedis(options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

describe.skipIf(!HAS_REDIS)('an engine that is stalled', () => {
  it('costs the first question its patience, the next ones nothing, and is asked again once it answers', async () => {
    const server = await engine();
    const { client, events } = await connected(server.config());
    server.stall();
    const first = await timed(client);
    expect(first).toMatchObject({ error: { code: 'STORE_AWAY' }, leftMs: 0 });
    expect(first.error).toBeInstanceOf(StoreAwayError);
    expect(first.tookMs).toBeGreaterThan(STORE_TIMEOUT_MS - 10);
    expect(client.isUp()).toBe(false);
    for (let next = 0; next < 50; next++) {
      const { error, leftMs } = await timed(client);
      expect(error).toBeInstanceOf(StoreAwayError);
      expect(leftMs).toBeGreaterThan(STORE_TIMEOUT_MS / 2);
    }
    expect(client.readings()).toMatchObject({ up: false, wentAway: 1, failed: 51 });
    server.resume();
    await until(() => client.isUp());
    expect((await timed(client)).error).toBeUndefined();
    expect(events.map(({ kind }) => kind)).toEqual(['up', 'away', 'up']);
  });

  it('is noticed also by who has more patience, or less', async () => {
    const server = await engine();
    const { client } = await connected(server.config());
    server.stall();
    const short = await timed(client, 20);
    expect(short.error).toBeInstanceOf(StoreAwayError);
    expect(short.tookMs).toBeLessThan(STORE_TIMEOUT_MS);
    expect(client.isUp()).toBe(true);
    await until(() => !client.isUp(), 5_000);
    server.resume();
    await until(() => client.isUp());
    server.stall();
    const patient = client.ask((redis) => redis.get('otgw:x'), { leftMs: 15_000 });
    await until(() => !client.isUp(), 5_000);
    server.resume();
    expect(await patient).toBeNull();
  });

  it('does not get a write again that it had received before', async () => {
    const server = await engine();
    const { client } = await connected(server.config());
    server.stall();
    await expect(client.ask((redis) => redis.incr('otgw:count'))).rejects.toBeInstanceOf(StoreAwayError);
    // So long that the connection is given up for a new one.
    const sockets = async () => (await server.cli('INFO', 'stats')).match(/total_connections_received:(\d+)/)?.[1];
    await new Promise((settle) => setTimeout(settle, 2_500));
    server.resume();
    await until(() => client.isUp());
    expect(Number(await sockets())).toBeGreaterThan(2);
    expect(await client.ask((redis) => redis.get('otgw:count'))).toBe('1');
  });

  it('is not asked by who has no patience left', async () => {
    const server = await engine();
    const { client } = await connected(server.config());
    const { error, leftMs } = await timed(client, 0);
    expect(error).toBeInstanceOf(StoreAwayError);
    expect(leftMs).toBe(0);
    expect(client.isUp()).toBe(true);
  });
});

describe.skipIf(!HAS_REDIS)('an engine that is killed', () => {
  it('is away at once, comes back by itself, and news are heard again', async () => {
    const server = await engine();
    const { client, news } = await connected(server.config());
    await until(() => {
      client.publish('one');
      return news.includes('one');
    });
    await server.kill();
    await until(() => !client.isUp(), 5_000);
    const { error, leftMs } = await timed(client);
    expect(error).toBeInstanceOf(StoreAwayError);
    expect(leftMs).toBeGreaterThan(STORE_TIMEOUT_MS / 2);
    await server.restart();
    await until(() => client.isUp());
    await until(() => {
      client.publish('two');
      return news.includes('two');
    });
    expect(client.readings().wentAway).toBe(1);
  });

  it('rejects what was under way', async () => {
    const server = await engine();
    const { client } = await connected(server.config());
    server.stall();
    const asked = client.ask((redis) => redis.get('otgw:x'), { leftMs: 15_000 });
    const rejected = expect(asked).rejects.toBeInstanceOf(StoreAwayError);
    await server.kill();
    await rejected;
  });
});

describe.skipIf(!HAS_REDIS)('an engine that is not there at the start', () => {
  it('is away without an error, and operators’ questions wait for it', async () => {
    const server = await engine();
    await server.kill();
    const { client, events } = connect(server.config());
    await until(() => events.some(({ kind }) => kind === 'away'));
    const { error } = await timed(client);
    expect(String(error)).toBe('StoreAwayError: the store is away (ECONNREFUSED)');
    const patient = client.askPatiently((redis) => redis.ping(), 15_000);
    await server.restart();
    expect(await patient).toBe('PONG');
  });

  it('can be closed', async () => {
    const server = await engine();
    await server.kill();
    const { client } = connect(server.config());
    await client.close();
    await expect(client.ask((redis) => redis.ping())).rejects.toBeInstanceOf(StoreAwayError);
    await expect(client.askPatiently((redis) => redis.ping(), 15_000)).rejects.toBeInstanceOf(StoreAwayError);
  });

  it('is waited for by the first questions while it connects', async () => {
    const server = await engine();
    const { client } = connect(server.config());
    expect(await client.ask((redis) => redis.ping(), { leftMs: 15_000 })).toBe('PONG');
  });
});

describe.skipIf(!HAS_REDIS)('an engine that refuses', () => {
  it('a wrong password: away, and nobody is told the password or the place', async () => {
    const server = await engine({ args: ['--requirepass', 'right'] });
    const { client, events } = connect(server.config({ password: PASSWORD }));
    await until(() => events.some(({ kind }) => kind === 'away'));
    const { error } = await timed(client);
    expect(error).toBeInstanceOf(StoreAwayError);
    expect(String(error)).toContain('WRONGPASS');
    const told = JSON.stringify([events, error, (error as Error).stack, (error as Error).cause ?? '']);
    expect(told).not.toContain(PASSWORD);
    expect(told).not.toContain('127.0.0.1');
  });

  it('nothing with the right one', async () => {
    const server = await engine({ args: ['--requirepass', PASSWORD] });
    const { client } = await connected(server.config({ password: PASSWORD }));
    expect(await client.ask((redis) => redis.ping())).toBe('PONG');
  });

  it('writes, since it is a replica: away from the start, and from when it becomes one', async () => {
    const [master, server] = [await engine(), await engine()];
    const { client, events } = await connected(server.config());
    await server.cli('REPLICAOF', '127.0.0.1', `${master.port}`);
    await expect(client.ask((redis) => redis.set('otgw:x', '1'))).rejects.toThrow('READONLY');
    const late = connect(server.config());
    await until(() => late.events.some(({ kind }) => kind === 'away'));
    expect(late.client.isUp()).toBe(false);
    expect(events.at(-1)).toEqual({ kind: 'away', why: 'READONLY' });
    await server.cli('REPLICAOF', 'NO', 'ONE');
    await until(() => client.isUp() && late.client.isUp());
  });

  it('one question: its refusal is told without the question', async () => {
    const server = await engine();
    const { client } = await connected(server.config());
    await client.ask((redis) => redis.set('otgw:x', '1'));
    const error: unknown = await client.ask((redis) => redis.lpush('otgw:x', 'canary')).catch((cause) => cause);
    expect(error).toMatchObject({ name: 'ReplyError', message: expect.stringContaining('WRONGTYPE') });
    expect(error).not.toHaveProperty('command');
    expect(client.isUp()).toBe(true);
  });

  it('to keep everything: told once', async () => {
    const server = await engine({ args: ['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'] });
    const { events } = await connected(server.config());
    await until(() => events.some(({ kind }) => kind === 'evicts'));
    expect(events).toContainEqual({ kind: 'evicts', policy: 'allkeys-lru' });
  });
});

describe.skipIf(!HAS_REDIS || !HAS_OPENSSL)('an engine behind TLS', () => {
  it('is trusted by the authority that is named, for its own name, and not otherwise', async () => {
    using folder = openFolder();
    const tls = await makeCertificates(folder);
    const server = await engine({ tls });
    const { client } = await connected(server.config());
    expect(await client.ask((redis) => redis.ping())).toBe('PONG');
    const { caFile: _, ...unnamed } = server.config();
    const stranger = connect(unnamed);
    await until(() => stranger.events.some(({ kind }) => kind === 'away'));
    // Each try may end in a second error of the same socket: the server's, after ours.
    const tries = async () => (await server.cli('INFO', 'stats')).match(/total_connections_received:(\d+)/)?.[1];
    await until(async () => Number(await tries()) >= 20);
    expect((await timed(stranger.client)).error).toBeInstanceOf(StoreAwayError);
    expect(stranger.client.isUp()).toBe(false);
  });

  it('of another name is not trusted', async () => {
    using folder = openFolder();
    const server = await engine({ tls: await makeCertificates(folder, 'DNS:other.example') });
    const { client, events } = connect(server.config());
    await until(() => events.some(({ kind }) => kind === 'away'));
    expect(String((await timed(client)).error)).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
  });
});

describe.skipIf(!HAS_REDIS)('an engine of several', () => {
  const writerOf = (client: ValkeyClient, sentinel: RedisSentinel) => async (value: string) => {
    const done = await client.ask((redis) => redis.set('otgw:x', value)).catch(() => undefined);
    return done === 'OK' && (await (await sentinel.master()).cli('GET', 'otgw:x')) === value;
  };

  it('behind Sentinel with a password of its own: goes on at the new master after a failover', async () => {
    const sentinel = await startSentinel(PASSWORD);
    onTestFinished(() => sentinel[Symbol.asyncDispose]());
    const { client } = await connected(sentinel.config());
    const write = writerOf(client, sentinel);
    expect(await write('1')).toBe(true);
    await sentinel.failover();
    await until(() => write('2'));
  }, 60_000);

  it.each(['killed', 'stalled'])(
    'behind Sentinel: goes on at the new master when the old one is %s',
    async (fault) => {
      const sentinel = await startSentinel();
      onTestFinished(() => sentinel[Symbol.asyncDispose]());
      const { client } = await connected(sentinel.config());
      const master = await sentinel.master();
      if (fault === 'killed') await master.kill();
      else master.stall();
      await until(() => writerOf(client, sentinel)('1'), 40_000);
      expect(await sentinel.master()).not.toBe(master);
    },
    60_000,
  );

  it.skipIf(!HAS_OPENSSL)(
    'a cluster behind TLS: is asked at every node',
    async () => {
      using folder = openFolder();
      const cluster = await startCluster({ tls: await makeCertificates(folder) });
      onTestFinished(() => cluster[Symbol.asyncDispose]());
      const { client, news } = await connected(cluster.config());
      const keys = Array.from({ length: 30 }, (_, at) => `otgw:${at}`);
      await Promise.all(keys.map((key) => client.ask((redis) => redis.set(key, '1'))));
      expect((await cluster.cli('DBSIZE')).map(Number).every((size) => size > 0)).toBe(true);
      await until(() => {
        client.publish('one');
        return news.includes('one');
      });
      const stranger = connect({ ...cluster.config(), caFile: `${folder.path}/cert.pem` });
      await until(() => stranger.events.some(({ kind }) => kind === 'away'));
      const before = stray.length;
      await timed(stranger.client, 1_500);
      expect(stranger.client.isUp()).toBe(false);
      expect(stray.length).toBe(before);
    },
    60_000,
  );

  it('a cluster: is away while one node is, and comes back with it', async () => {
    const cluster = await startCluster();
    onTestFinished(() => cluster[Symbol.asyncDispose]());
    const { client, news } = await connected(cluster.config());
    const keys = Array.from({ length: 30 }, (_, at) => `otgw:${at}`);
    const writeAll = () => Promise.all(keys.map((key) => client.ask((redis) => redis.set(key, '1'))));
    await writeAll();
    await until(() => {
      client.publish('one');
      return news.includes('one');
    });
    const [node] = cluster.nodes;
    node?.stall();
    await expect(writeAll()).rejects.toBeInstanceOf(StoreAwayError);
    expect(client.isUp()).toBe(false);
    node?.resume();
    await until(() => client.isUp());
    await until(() =>
      writeAll().then(
        () => true,
        () => false,
      ),
    );
    await node?.kill();
    await until(() =>
      writeAll().then(
        () => false,
        () => true,
      ),
    );
    await node?.restart();
    await until(
      () =>
        writeAll().then(
          () => true,
          () => false,
        ),
      18_000,
    );
  }, 60_000);
});
