// What one gateway learns, all know: keys, accounts, limits, verifications, first answers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HAS_REDIS, until } from '../support/redis.ts';
import { type Fleet, MOVER, NO_LIMITS, nameOf, openFleet, openFleetGateway, STAYER } from './fleet.ts';

describe.skipIf(!HAS_REDIS)('three gateways on one store', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await openFleet({
      config: { limits: { ...NO_LIMITS, anonymousRetrieval: { per: '1h', requests: 40, burst: 40, missCost: 1 } } },
    });
  });
  afterAll(() => fleet[Symbol.asyncDispose]());
  const at = (index: number) => fleet.gateways[index % fleet.gateways.length] as Fleet['gateways'][number];

  it('a secret made at one is retrieved at another, by its key alone, the moment its answer is there', async () => {
    for (let index = 0; index < 6; index++) {
      const { secret } = await fleet.create(at(index), { as: STAYER });
      const reply = await at(index + 1).call('POST', `/api/v1/secret/${secret}`, { as: STAYER });
      expect(reply.status).toBe(200);
      expect(reply.headers['onetime-gateway-region']).toBe('us');
    }
    const eu = await fleet.create(at(0), { region: 'eu' });
    const reply = await at(2).call('POST', `/api/v1/secret/${eu.secret}`, { from: '127.0.9.1' });
    expect([reply.status, reply.headers['onetime-gateway-region']]).toEqual([200, 'eu']);
  });

  it('a pinned account is kept away from a key that another gateway learned', async () => {
    const { secret } = await fleet.create(at(0), { region: 'eu' });
    fleet.eu.clearLedger();
    const reply = await at(1).call('POST', `/api/v1/secret/${secret}`, { as: STAYER });
    expect([reply.status, reply.json().error]).toEqual([403, 'held_elsewhere']);
    expect(fleet.eu.requests).toEqual([]);
  });

  it('a limit is exact to one request over all three', async () => {
    const replies = await Promise.all(
      Array.from({ length: 120 }, (_, index) =>
        at(index).call('POST', '/us/api/v1/secret/nosuchkey0nosuchkey0nosuchkey0x', { from: '127.0.9.7' }),
      ),
    );
    const passed = replies.filter(({ status }) => status !== 429);
    expect(passed).toHaveLength(40);
    for (let index = 0; index < 3; index++) {
      const refused = await at(index).call('POST', '/us/api/v1/secret/nosuchkey0nosuchkey0nosuchkey0x', {
        from: '127.0.9.7',
      });
      expect(refused.status).toBe(429);
    }
  });

  it('credentials that one verified are not asked about again by the others', async () => {
    const { metadata } = await fleet.create(at(0), { as: STAYER });
    expect((await at(0).call('GET', `/api/v1/private/${metadata}`, { as: STAYER })).status).toBe(200);
    fleet.us.clearLedger();
    for (const index of [1, 2]) {
      expect((await at(index).call('GET', `/api/v1/private/${metadata}`, { as: STAYER })).status).toBe(200);
    }
    expect(fleet.us.requests.map(({ path }) => path)).toEqual([
      `/api/v1/private/${metadata}`,
      `/api/v1/private/${metadata}`,
    ]);
  });

  it('a repeat with Idempotency-Key at another gateway gets the first answer, and nothing is sent twice', async () => {
    const { secret } = await fleet.create(at(0), { as: STAYER });
    fleet.us.clearLedger();
    const path = `/api/v1/secret/${secret}`;
    const headers = { 'idempotency-key': 'c9d2f8a0-3f0b-4c7e-9f43-000000000001' };
    const replies = await Promise.all(
      [0, 1, 2, 0, 1, 2].map((index) => at(index).call('POST', path, { as: STAYER, headers })),
    );
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(new Set(replies.map(({ body }) => body)).size).toBe(1);
    expect(replies.filter((reply) => reply.headers['idempotency-replayed'] === 'true')).toHaveLength(5);
    expect(fleet.us.requests.map((request) => request.path)).toEqual([path]);
  });

  it('an account that is added, changed or removed is so at every gateway in a moment', async () => {
    const ADDED = 'nina@new.example:0fff0000000000000000000000000000000000us';
    const status = (index: number) => at(index).call('POST', '/us/api/v1/share', { as: ADDED, body: 'secret=x' });
    const codes = async () => Promise.all([0, 1, 2].map(async (index) => (await status(index)).json().error));
    expect(await codes()).toEqual(['unknown_account', 'unknown_account', 'unknown_account']);
    await fleet.desk.add(nameOf(ADDED), { region: 'eu', pinned: true, also: [] }, false);
    await until(async () => (await codes()).every((code) => code === 'region_not_allowed'));
    await fleet.desk.remove({ name: nameOf(ADDED) });
    await until(async () => (await codes()).every((code) => code === 'unknown_account'));
    expect(fleet.us.requests.some(({ headers }) => headers.some(([, value]) => value.includes('nina')))).toBe(false);
  });

  it('a region taken out of service is so everywhere, and comes back', async () => {
    const create = (index: number) => at(index).call('POST', '/api/v1/share', { as: STAYER, body: 'secret=x' });
    await fleet.desk.setDrained('us', true);
    await until(async () => (await Promise.all([0, 1, 2].map(create))).every(({ status }) => status === 503));
    const reply = await create(0);
    expect(reply.json()).toMatchObject({ error: 'region_drained', outcome: 'not_sent' });
    expect(reply.headers['retry-after']).toBe('30');
    await fleet.desk.setDrained('us', false);
    await until(async () => (await Promise.all([0, 1, 2].map(create))).every(({ status }) => status === 200));
  });

  it('a gateway with another identity key says so', async () => {
    const stranger = await openFleetGateway(fleet.config, 'ab'.repeat(32));
    await until(() => stranger.log.some((line) => line.includes('written under another identity key')));
    expect(fleet.gateways.flatMap(({ log }) => log).join('')).not.toContain('another identity key');
    await stranger.close();
  });

  it('nothing in the store names an account, a key, a client or a token', async () => {
    const canaries = [
      nameOf(STAYER),
      nameOf(MOVER.us),
      '127.0.9.',
      STAYER.slice(STAYER.indexOf(':') + 1),
      's3cret-value',
      'nosuchkey0',
      'c9d2f8a0-3f0b',
    ];
    const { execFileSync } = await import('node:child_process');
    const keys = (await fleet.redis.cli('--raw', 'KEYS', '*')).split('\n').filter((key) => key !== '');
    expect(keys.length).toBeGreaterThan(10);
    await fleet.redis.cli('SAVE').catch(() => '');
    const dump = execFileSync('redis-cli', ['-p', String(fleet.redis.port), '--rdb', '-'], {
      encoding: 'latin1',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(dump.length).toBeGreaterThan(1000);
    for (const canary of canaries) expect(dump.includes(canary), canary).toBe(false);
    const logs = fleet.gateways.flatMap(({ log }) => log).join('');
    for (const canary of canaries.filter((one) => one !== '127.0.9.'))
      expect(logs.includes(canary), canary).toBe(false);
  });
});
