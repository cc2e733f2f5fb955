// Idempotency-Key at several gateways on one real engine: one call is sent, whoever repeats it wherever.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { issuePermit, type RegionName } from '../../src/domain.ts';
import type { Answer, Call } from '../../src/journey.ts';
import { beginTrip } from '../../src/record/record.ts';
import { Refusal } from '../../src/refusal.ts';
import { createReplay, type ReplayResult } from '../../src/replay/replay.ts';
import { createSharedVault, type SharedVaultOptions } from '../../src/replay/shared-vault.ts';
import { ROUTES } from '../../src/route/table.ts';
import { createValkeyReplays } from '../../src/store/valkey-replays.ts';
import { type Engine, GENERATION, HAS_ENGINE, startEngine, until } from '../store/valkey-shared-engine.ts';
import { CALLER, KEY } from './support.ts';

const SALT = Buffer.alloc(32, 9);
const VALUE = '{"value":"canary-value"}';
const PASSPHRASE = 'passphrase=canary-passphrase';
const reveal = ROUTES.find(({ id }) => id === 'v2.reveal');

function answered(body: Buffer | string = VALUE, status = 200): Answer {
  const headers = ['content-type', 'application/json; canary-header'];
  return { kind: 'region', region: 'canary-region' as RegionName, status, headers, body: Buffer.from(body) };
}

/** A call as the journey hands it on. */
const REGION = 'canary-region' as RegionName;

function callOf({
  key = KEY,
  body = PASSPHRASE,
  caller = CALLER,
  isGone = (): boolean => false,
  patienceMs = 5_000,
} = {}) {
  const [name = '', token = ''] = Buffer.from(caller.slice(6), 'base64').toString().split(':');
  return {
    request: { route: reveal, path: '/api/v2/secret/canarykey/reveal', query: '', key: 'canarykey', prefix: undefined },
    caller: { address: '192.0.2.1', credentials: { name, token, header: caller } },
    permit: issuePermit({
      region: REGION,
      credentials: 'forward',
      verifyAt: undefined,
      reason: 'account_home',
      account: { home: REGION, also: [], pinned: true },
    }),
    body: Buffer.from(body),
    arrival: { headers: ['Idempotency-Key', key], downstream: { isGone } },
    trip: beginTrip('id', 'POST', 0, patienceMs),
  } as unknown as Call;
}

describe.skipIf(!HAS_ENGINE)('gateways on one engine', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine[Symbol.asyncDispose]());
  beforeEach(async () => {
    await engine.raw.flushall();
    await engine.mark();
  });

  async function open(options: Partial<SharedVaultOptions> = {}, storeTimeoutMs = 5_000) {
    const client = await engine.client(storeTimeoutMs);
    const vault = createSharedVault(
      createValkeyReplays(client, () => GENERATION),
      { keepMs: 600_000, salt: SALT, storeTimeoutMs, ...options },
    );
    const results: ReplayResult[] = [];
    const replay = createReplay(vault, (result) => results.push(result));
    return { client, vault, results, replay };
  }
  const settled = (gateway: Awaited<ReturnType<typeof open>>) =>
    until(async () => gateway.vault.readings().pending === 0);

  it('send one of many equal calls, and give all of them its answer', async () => {
    const gateways = await Promise.all([open(), open(), open()]);
    let sent = 0;
    const gate = Promise.withResolvers<void>();
    const send = async () => {
      sent++;
      await gate.promise;
      return answered();
    };
    const calls = gateways.flatMap(({ replay }) => Array.from({ length: 10 }, () => replay(callOf(), send)));
    await until(async () => gateways.every(({ vault }) => vault.readings().waited + vault.readings().underWay >= 9));
    gate.resolve();
    const answers = await Promise.all(calls);
    expect(sent).toBe(1);
    for (const answer of answers)
      expect(answer).toMatchObject({ kind: 'region', status: 200, body: Buffer.from(VALUE) });
    const results = gateways.flatMap((gateway) => gateway.results);
    expect(results.filter((result) => result === 'first')).toHaveLength(1);
    expect(results.filter((result) => result === 'replayed')).toHaveLength(29);
  });

  it('turn the same key with another body down, while the first is under way and afterwards; another caller’s is new', async () => {
    const [one, two] = await Promise.all([open(), open()]);
    const gate = Promise.withResolvers<Answer>();
    const first = one.replay(callOf(), () => gate.promise);
    await until(async () => one.vault.readings().underWay === 1);
    const never = () => Promise.reject(new Error('sent'));
    const other = () => two.replay(callOf({ body: 'other' }), never);
    expect(await other()).toMatchObject({ code: 'idempotency_key_reused' });
    gate.resolve(answered());
    await first;
    await settled(one);
    expect(await other()).toMatchObject({ code: 'idempotency_key_reused' });
    let sent = 0;
    await two.replay(callOf({ caller: 'Basic Ym9iOmJvYg==' }), async () => {
      sent++;
      return answered();
    });
    expect(sent).toBe(1);
  });

  it('let one of those who wait send for itself when the first was surely not sent', async () => {
    const [one, two] = await Promise.all([open(), open()]);
    const gate = Promise.withResolvers<Answer>();
    const first = one.replay(callOf(), () => gate.promise);
    await until(async () => one.vault.readings().underWay === 1);
    let sent = 0;
    const send = async () => {
      sent++;
      return answered();
    };
    const waiting = [one, two, two].map(({ replay }) => replay(callOf(), send));
    await until(async () => one.vault.readings().waited + two.vault.readings().waited >= 3);
    gate.resolve(new Refusal('region_down', { outcome: 'not_sent' }));
    expect(await first).toMatchObject({ code: 'region_down' });
    for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject({ status: 200 });
    expect(sent).toBe(1);
  });

  it('never send again what a gateway had claimed that died: its repeats wait for the claim, and are told unknown', async () => {
    const times = { claimMs: 2_000, extendMs: 100 };
    const [one, two] = await Promise.all([open({ times }), open()]);
    void one.replay(callOf(), () => new Promise(() => {}));
    await until(async () => one.vault.readings().underWay === 1);
    let sent = 0;
    const repeat = two.replay(callOf(), async () => {
      sent++;
      return answered();
    });
    // Alive, it claims it again and again: the repeat goes on waiting.
    const [entry = ''] = await engine.raw.keys('*r:*');
    const claimedUntil = async () => Number(await engine.raw.getrange(entry, 33, -1));
    const before = await claimedUntil();
    await until(async () => (await claimedUntil()) > before + 300);
    expect(two.vault.readings()).toMatchObject({ lapsed: 0, replayed: 0 });
    await one.client.close();
    expect(await repeat).toMatchObject({ code: 'answer_not_kept', outcome: 'unknown' });
    expect(two.vault.readings().lapsed).toBe(1);
    expect(await two.replay(callOf(), async () => answered())).toMatchObject({ code: 'answer_not_kept' });
    expect(sent).toBe(0);
  });

  it('stop waiting for a caller that has gone', async () => {
    const [one, two] = await Promise.all([open(), open()]);
    const gate = Promise.withResolvers<Answer>();
    const first = one.replay(callOf(), () => gate.promise);
    await until(async () => one.vault.readings().underWay === 1);
    let gone = false;
    const repeat = two.replay(callOf({ isGone: () => gone }), async () => answered());
    await until(async () => two.vault.readings().waited > 2);
    gone = true;
    expect(await repeat).toBe('gone');
    gate.resolve(answered());
    await first;
  });

  it('send nothing that carries a key once the engine was emptied, and say that it was not sent', async () => {
    const one = await open();
    await one.replay(callOf(), async () => answered());
    await settled(one);
    await engine.raw.flushall();
    let sent = 0;
    const answer = await one.replay(callOf(), async () => {
      sent++;
      return answered();
    });
    expect(answer).toMatchObject({ code: 'replay_unavailable', outcome: 'not_sent', status: 503 });
    expect(answer instanceof Refusal && answer.details.hint).toContain('same Idempotency-Key');
    expect(sent).toBe(0);
    expect(one.vault.readings().unavailable).toBe(1);
    await one.vault.close();
  });

  it('keep an answer that comes while the engine stalls, replay it at once where it came, and elsewhere when it is back', async () => {
    const times = { retryMs: Array(100).fill(50) };
    const [one, two] = await Promise.all([open({ times }, 500), open()]);
    const gate = Promise.withResolvers<Answer>();
    const first = one.replay(callOf(), () => gate.promise);
    await until(async () => one.vault.readings().underWay === 1);
    engine.stall();
    try {
      gate.resolve(answered());
      expect(await first).toMatchObject({ status: 200 });
      expect(await one.replay(callOf(), async () => answered('again'))).toMatchObject({ body: Buffer.from(VALUE) });
      // A new one cannot begin, and does not wait longer than its patience.
      const refused = await one.replay(callOf({ key: `${KEY}-2`, patienceMs: 300 }), async () => answered('new'));
      expect(refused).toMatchObject({ code: 'replay_unavailable' });
    } finally {
      engine.resume();
    }
    await settled(one);
    expect(await two.replay(callOf(), async () => answered('again'))).toMatchObject({ body: Buffer.from(VALUE) });
    // What the engine heard of the refused call, if anything, was taken back: it can be sent.
    await until(async () => (await engine.raw.keys('*r:*')).length <= 1);
    expect(await one.replay(callOf({ key: `${KEY}-2` }), async () => answered('new'))).toMatchObject({
      body: Buffer.from('new'),
    });
  });

  it('keep of too long an answer only that it was sent', async () => {
    const [one, two] = await Promise.all([open({ mostBytes: 1024 }), open()]);
    await one.replay(callOf(), async () => answered('x'.repeat(2_000)));
    await settled(one);
    expect(await two.replay(callOf(), async () => answered())).toMatchObject({ code: 'answer_not_kept' });
    expect(one.vault.readings()).toMatchObject({ kept: 1, marked: 1, lost: 0 });
  });

  it('leave nothing in the engine that is readable without the header’s value, and share nothing under another salt', async () => {
    const [one, two] = await Promise.all([open(), open({ salt: Buffer.alloc(32, 8) })]);
    const gate = Promise.withResolvers<Answer>();
    const first = one.replay(callOf({ key: `${KEY}-canary` }), () => gate.promise);
    await until(async () => one.vault.readings().underWay === 1);
    const claimed = await engine.dump();
    gate.resolve(answered());
    await first;
    await settled(one);
    const kept = await engine.dump();
    expect(claimed).not.toEqual(kept);
    const plain = [KEY, CALLER, 'anna', 'canary', 'sesame', 'reveal', 'POST', 'application', '200'];
    for (const text of plain) {
      const spellings = [text, Buffer.from(text).toString('hex'), Buffer.from(text).toString('base64').slice(0, -4)];
      for (const spelling of spellings.filter(({ length }) => length > 3)) {
        expect(claimed).not.toContain(spelling);
        expect(kept).not.toContain(spelling);
      }
    }
    let sent = 0;
    await two.replay(callOf({ key: `${KEY}-canary` }), async () => {
      sent++;
      return answered();
    });
    expect(sent).toBe(1);
  });
});
