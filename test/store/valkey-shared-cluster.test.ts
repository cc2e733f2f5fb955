// Limits, verifications and replays where keys are spread over three nodes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyedHash } from '../../src/domain.ts';
import { createValkeyClient, type ValkeyClient } from '../../src/store/valkey-client.ts';
import { writeBucketMarks } from '../../src/store/valkey-generation.ts';
import { createValkeyLimits } from '../../src/store/valkey-limits.ts';
import { createValkeyReplays } from '../../src/store/valkey-replays.ts';
import { createValkeyVerifications } from '../../src/store/valkey-verifications.ts';
import { HAS_REDIS, type RedisCluster, startCluster, until } from '../support/redis.ts';

const GENERATION = '00112233445566778899aabbccddeeff';
const HOUR_MS = 3_600_000;
const spread = Array.from({ length: 60 }, (_, i) => Buffer.alloc(16, 4 * i) as KeyedHash);
const patience = () => ({ leftMs: 10_000 });

describe.skipIf(!HAS_REDIS)('a cluster of three nodes', () => {
  let cluster: RedisCluster;
  let client: ValkeyClient;
  beforeAll(async () => {
    cluster = await startCluster();
    client = createValkeyClient(cluster.config(), { storeTimeoutMs: 10_000 });
    await client.askPatiently((redis) => writeBucketMarks(redis, client.prefix, GENERATION), 10_000);
  });
  afterAll(async () => {
    await client.close();
    await cluster[Symbol.asyncDispose]();
  });
  const nodesThatHold = async (pattern: string) =>
    (await cluster.cli('--raw', 'KEYS', pattern)).filter((keys) => keys !== '').length;

  it('counts each client exactly, and spreads them over the nodes', async () => {
    const limits = createValkeyLimits(client);
    const rate = { emissionUs: 3_600_000_000, toleranceUs: 2 * 3_600_000_000 };
    const asked = spread.flatMap((key) =>
      [1, 2, 3].map(() => limits.apply('spend', 'account', key, rate, 1, patience())),
    );
    const told = (await Promise.all(asked)).map((found) => (found.kind === 'found' ? found.value.allowed : found.kind));
    expect(told.filter((allowed) => allowed === true)).toHaveLength(120);
    expect(told.filter((allowed) => allowed === false)).toHaveLength(60);
    expect(await nodesThatHold('*l:account:*')).toBe(3);
  });

  it('claims and settles each name beside its bucket’s mark', async () => {
    const replays = createValkeyReplays(client, () => GENERATION);
    const [check, owner, record] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2), Buffer.alloc(16, 3)];
    for (const name of spread) {
      const begin = () => replays.begin(name, check, owner, HOUR_MS, HOUR_MS, patience());
      expect(await begin()).toEqual({ kind: 'found', value: { kind: 'claimed' } });
      expect(await replays.settle(name, owner, record, HOUR_MS)).toEqual({ kind: 'found', value: true });
      expect(await begin()).toEqual({ kind: 'found', value: { kind: 'record', record } });
    }
    expect(await nodesThatHold('*r:*')).toBe(3);
  });

  it('remembers and forgets verifications', async () => {
    const verifications = createValkeyVerifications(client);
    for (const hash of spread) verifications.put(hash, true, HOUR_MS);
    const all = () => Promise.all(spread.map((hash) => verifications.find(hash, patience())));
    await until(async () => (await all()).every((found) => found.kind === 'found' && found.value));
    for (const hash of spread) verifications.forget(hash);
    await until(async () => (await all()).every((found) => found.kind === 'missing'));
    await until(async () => (await nodesThatHold('*v:*')) === 0);
  });
});
