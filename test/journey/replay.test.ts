// Idempotency-Key: a repeat gets the first answer again, and nothing is ever sent twice.
import { afterEach, describe, expect, it } from 'vitest';
import { closedPort } from '../support/broken-region.ts';
import { ALICE, BRUNO, type Lab, openLab } from '../support/lab.ts';

const OFF = { mode: 'off' };
const UNLIMITED = { anonymousRetrieval: OFF, perKey: OFF, account: OFF, failedAuth: OFF };
const KEYED = { 'Idempotency-Key': '"8e03978e-40d5-43e8-bc93-6894a57f9324"' };

let lab: Lab;
afterEach(() => lab.close());
const open = async (options: Parameters<typeof openLab>[0] = {}): Promise<Lab> => {
  lab = await openLab({ ...options, config: { limits: UNLIMITED, ...options.config } });
  return lab;
};

describe('a repeat by the same caller with the same request', () => {
  it('gets the retrieved value again, marked as replayed, and the region is not asked', async () => {
    await open();
    const { secret } = await lab.create({ as: BRUNO });
    const retrieve = () => lab.call('POST', `/api/v1/secret/${secret}`, { headers: KEYED });
    const first = await retrieve();
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    lab.clearLedgers();
    const again = await retrieve();
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect(again.headers).toMatchObject({
      'idempotency-replayed': 'true',
      'onetime-gateway-outcome': 'delivered',
      'onetime-gateway-region': 'eu',
    });
    expect(lab.eu.requests).toEqual([]);
    expect(await lab.metric('onetime_gateway_replays_total{result="replayed"}')).toBe(1);
  });

  it.each([
    ['create', 'POST', () => '/api/v1/share', 'secret=x&ttl=3600'],
    ['metadata', 'GET', (made: { metadata: string }) => `/api/v1/private/${made.metadata}`, undefined],
    ['burn', 'POST', (made: { metadata: string }) => `/api/v1/private/${made.metadata}/burn`, ''],
  ] as const)('on %s too', async (_what, method, path, body) => {
    await open();
    const made = await lab.create({ as: BRUNO });
    const act = () => lab.call(method, path(made), { as: BRUNO, body, headers: KEYED });
    const first = await act();
    const again = await act();
    expect([again.status, again.body, again.headers['idempotency-replayed']]).toEqual([200, first.body, 'true']);
  });

  it('while the first is under way waits for it, and is sent once', async () => {
    await open({ twins: { delayMs: 80 } });
    const { secret } = await lab.create({ as: BRUNO });
    const replies = await Promise.all(
      Array.from({ length: 5 }, () => lab.call('POST', `/api/v1/secret/${secret}`, { headers: KEYED })),
    );
    expect(new Set(replies.map(({ status, body }) => `${status} ${body}`)).size).toBe(1);
    expect(replies.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(4);
    expect(lab.eu.requests.filter(({ path }) => path.includes(secret))).toHaveLength(1);
  });

  it('after the time to keep is sent anew', async () => {
    await open({ config: { limits: UNLIMITED, replay: { keep: '5m' } } });
    const create = () => lab.call('POST', '/us/api/v1/share', { body: 'secret=x', headers: KEYED });
    const first = await create();
    lab.advance(5 * 60_000 + 1);
    expect((await create()).json().secret_key).not.toBe(first.json().secret_key);
  });

  it('replays an unknown outcome as unknown, and never sends again', async () => {
    await open();
    const { secret } = await lab.create({ as: BRUNO });
    lab.eu.respondNext({ status: 200, effect: 'after', reset: true });
    const retrieve = () => lab.call('POST', `/api/v1/secret/${secret}`, { headers: KEYED });
    const first = await retrieve();
    const again = await retrieve();
    for (const reply of [first, again]) {
      expect([reply.status, reply.headers['onetime-gateway-outcome']]).toEqual([502, 'unknown']);
    }
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(lab.eu.requests.filter(({ path }) => path.includes(secret))).toHaveLength(1);
  });
});

describe('what is not kept', () => {
  it('a wrong passphrase, which may be put right: that is another request, so it needs another key', async () => {
    await open();
    const { secret } = await lab.create({ as: BRUNO, params: 'secret=s&passphrase=right&ttl=3600' });
    const guess = (passphrase: string) =>
      lab.call('POST', `/api/v1/secret/${secret}`, { headers: KEYED, body: `passphrase=${passphrase}` });
    expect((await guess('wrong')).status).toBe(404);
    expect((await guess('right')).json().value).toBe('s');
  });

  it('a call that was not sent', async () => {
    await open({ upstreams: { us: [`http://127.0.0.1:${await closedPort()}`] } });
    const create = () => lab.call('POST', '/us/api/v1/share', { body: 'secret=x', headers: KEYED });
    for (let i = 0; i < 2; i++) {
      const reply = await create();
      expect([reply.status, reply.headers['idempotency-replayed']]).toEqual([502, undefined]);
    }
  });
});

describe('the same key', () => {
  it('with another request is 422, and nothing is sent', async () => {
    await open();
    await lab.call('POST', '/us/api/v1/share', { body: 'secret=one', headers: KEYED });
    lab.clearLedgers();
    const reply = await lab.call('POST', '/us/api/v1/share', { body: 'secret=two', headers: KEYED });
    expect([reply.status, reply.json().error]).toEqual([422, 'idempotency_key_reused']);
    expect(lab.us.requests).toEqual([]);
  });

  it('with another region is another request: 422', async () => {
    await open();
    const create = (region: string) =>
      lab.call('POST', `/${region}/api/v1/share`, { body: 'secret=x', headers: KEYED });
    expect((await create('us')).status).toBe(200);
    lab.clearLedgers();
    expect((await create('eu')).status).toBe(422);
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
  });

  it('of another caller is unrelated: also of the same account with another token, and of nobody', async () => {
    await open();
    const create = (as?: string) => lab.call('POST', '/us/api/v1/share', { as, body: 'secret=x', headers: KEYED });
    const alice = await create(ALICE);
    const nobody = await create();
    const guess = await create('alice@us.example:guess');
    expect(nobody.json().secret_key).not.toBe(alice.json().secret_key);
    expect(guess.status).toBe(401);
  });
});

it.each(['short', '"also-too-short"', 'x'.repeat(256), 'caf\u00e9-caf\u00e9-caf\u00e9-caf\u00e9'])(
  '%j is 400, and nothing is sent',
  async (key) => {
    await open();
    const reply = await lab.call('POST', '/us/api/v1/share', { body: 'secret=x', headers: { 'Idempotency-Key': key } });
    expect([reply.status, reply.json().error]).toEqual([400, 'idempotency_key_malformed']);
    expect(lab.us.requests).toEqual([]);
  },
);

it('is ignored on calls that change nothing, and where replay is off', async () => {
  await open({ config: { limits: UNLIMITED, replay: 'off' } });
  const status = () => lab.call('GET', '/us/api/v1/status', { headers: { 'Idempotency-Key': 'short' } });
  expect((await status()).status).toBe(200);
  const create = () => lab.call('POST', '/us/api/v1/share', { body: 'secret=x', headers: KEYED });
  expect((await create()).json().secret_key).not.toBe((await create()).json().secret_key);
});
