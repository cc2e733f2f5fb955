// What callers see of the limits: 429, when they may come again, and that nobody can lock out another.
import { afterEach, describe, expect, it } from 'vitest';
import { ALICE, BRUNO, CAROL, type Lab, openLab } from '../support/lab.ts';

let lab: Lab;
afterEach(() => lab.close());

/** A new secret in us for each retrieval, so that only the client's own limit is at work. */
async function secrets(count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, async () => (await lab.create({ as: ALICE })).secret));
}
const retrieve = (secret: string, from = '127.0.0.1') => lab.call('POST', `/us/api/v1/secret/${secret}`, { from });

describe('anonymous retrieval', () => {
  it('lets 20 pass at once, answers the 21st with 429, and lets it pass when Retry-After says so', async () => {
    lab = await openLab();
    const keys = await secrets(22);
    const statuses = [];
    for (const key of keys.slice(0, 20)) statuses.push((await retrieve(key)).status);
    expect(statuses).toEqual(Array(20).fill(200));

    lab.clearLedgers();
    const [last = '', other = ''] = keys.slice(20);
    const refused = await retrieve(last);
    expect(refused.status).toBe(429);
    expect(refused.json()).toMatchObject({
      error: 'rate_limited',
      message: 'Apologies dear citizen! You have been rate limited.',
    });
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.headers['ratelimit-policy']).toBe('"anonymous-retrieval";q=60;w=60');
    expect(refused.headers.ratelimit).toMatch(/^"anonymous-retrieval";r=0;t=1$/);
    expect(lab.us.requests).toEqual([]);

    expect((await retrieve(other, '127.0.0.2')).status).toBe(200);
    lab.advance(1000);
    expect((await retrieve(last)).status).toBe(200);
  });

  it('charges a miss three times', async () => {
    lab = await openLab();
    const statuses = [];
    for (let i = 0; i < 8; i++) statuses.push((await retrieve(`nosuchkey00000000000000000000${i}`)).status);
    expect(statuses).toEqual([404, 404, 404, 404, 404, 404, 404, 429]);
  });

  it('concerns neither accounts nor other routes', async () => {
    lab = await openLab({ config: { limits: { anonymousRetrieval: { requests: 1, burst: 1 } } } });
    const keys = await secrets(3);
    for (const key of keys.slice(0, 2)) {
      expect((await lab.call('POST', `/api/v1/secret/${key}`, { as: ALICE })).status).toBe(200);
    }
    expect((await lab.call('POST', '/us/api/v1/share', { body: 'secret=x' })).status).toBe(200);
    expect((await retrieve(keys[2] ?? '')).status).toBe(200);
  });

  it('in mode shadow only counts', async () => {
    lab = await openLab({ config: { limits: { anonymousRetrieval: { requests: 1, burst: 1, mode: 'shadow' } } } });
    for (const key of await secrets(3)) expect((await retrieve(key)).status).toBe(200);
    expect(await lab.metric('onetime_gateway_limited_total{limit="anonymous-retrieval",mode="shadow"}')).toBe(2);
  });

  it('in mode off is not there', async () => {
    lab = await openLab({ config: { limits: { anonymousRetrieval: { requests: 1, burst: 1, mode: 'off' } } } });
    for (const key of await secrets(3)) expect((await retrieve(key)).status).toBe(200);
    expect(await lab.metrics()).not.toContain('limit="anonymous-retrieval"');
  });
});

it('limits the attempts on one key by anyone, wherever they come from', async () => {
  lab = await openLab();
  const { secret } = await lab.create({ as: ALICE, params: 'secret=x&passphrase=right&ttl=3600' });
  const guess = (i: number) =>
    lab.call('POST', `/us/api/v1/secret/${secret}`, { from: `127.0.1.${i}`, body: 'passphrase=wrong' });
  const statuses = [];
  for (let i = 1; i <= 11; i++) statuses.push((await guess(i)).status);
  expect(statuses).toEqual([...Array(10).fill(404), 429]);
});

it('limits calls with the same credentials, and wrong tokens do not use up an account’s allowance', async () => {
  lab = await openLab({ config: { limits: { account: { requests: 60, burst: 3 } } } });
  const status = (as: string) => lab.call('GET', '/api/v1/status', { as }).then((reply) => reply.status);
  for (let i = 0; i < 3; i++) await status('alice@us.example:guess');
  expect(await status('alice@us.example:guess')).toBe(429);
  expect([await status(ALICE), await status(ALICE), await status(ALICE), await status(ALICE)]).toEqual([
    200, 200, 200, 429,
  ]);
});

describe('failed authentication', () => {
  const wrong = (n: number, from = '127.0.0.1') =>
    lab.call('GET', '/api/v1/private/recent', { as: `alice@us.example:guess${n}`, from });

  it('is 401 ten times and then 429, and good credentials pass all the same, from the same address', async () => {
    lab = await openLab();
    const statuses = [];
    for (let i = 0; i < 12; i++) statuses.push((await wrong(i)).status);
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    expect((await lab.call('GET', '/api/v1/private/recent', { as: ALICE })).status).toBe(200);
    expect((await lab.call('GET', '/api/v1/private/recent', { as: CAROL })).status).toBe(200);
  });

  it('counts by account over all addresses, and its owner passes', async () => {
    lab = await openLab();
    for (let i = 0; i < 10; i++) expect((await wrong(i, `127.0.2.${i + 1}`)).status).toBe(401);
    expect((await wrong(99, '127.0.2.99')).status).toBe(429);
    expect((await lab.call('GET', '/api/v1/private/recent', { as: ALICE, from: '127.0.2.50' })).status).toBe(200);
  });

  it('others’ wrong tokens cannot keep out good credentials: in parallel, from their own address', async () => {
    lab = await openLab({ twins: { delayMs: 20 } });
    for (let i = 0; i < 12; i++) await wrong(i, '127.0.4.1');
    const good = () => lab.call('GET', '/api/v1/private/recent', { as: ALICE, from: '127.0.4.2' });
    const replies = await Promise.all([good(), good(), good(), good(), good()]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });

  it('others’ wrong tokens cannot keep out good credentials: behind the same address', async () => {
    lab = await openLab({ twins: { delayMs: 5 } });
    for (let i = 0; i < 10; i++) await wrong(i);
    let attacking = true;
    let guesses = 100;
    const attackers = Array.from({ length: 4 }, async () => {
      while (attacking) await wrong(guesses++);
    });
    for (let i = 0; i < 3; i++) {
      const reply = await lab.call('GET', '/api/v1/private/recent', { as: i === 0 ? CAROL : ALICE });
      expect(reply.status).toBe(200);
    }
    attacking = false;
    await Promise.all(attackers);
  });

  it('over the limit, credentials are verified first on every route and never travel unverified', async () => {
    lab = await openLab();
    for (let i = 0; i < 10; i++) await wrong(i);
    const { secret } = await lab.create({ as: BRUNO, from: '127.0.3.1' });
    lab.clearLedgers();
    const reply = await lab.call('POST', `/api/v1/secret/${secret}`, { as: 'bruno@eu.example:guess' });
    expect(reply.status).toBe(429);
    expect(lab.eu.requests.map(({ path }) => path)).toEqual(['/api/v1/authcheck']);
  });

  it('counts unknown accounts, malformed credentials and what a region turned down', async () => {
    lab = await openLab();
    for (let i = 0; i < 4; i++) await lab.call('GET', '/api/v1/status', { as: `x${i}@nowhere.example:t` });
    for (let i = 0; i < 3; i++) await lab.call('GET', '/api/v1/status', { headers: { authorization: 'Basic ?' } });
    for (let i = 0; i < 3; i++)
      await lab.call('POST', '/api/v1/share', { as: `bruno@eu.example:g${i}`, body: 'secret=x' });
    expect((await lab.call('GET', '/api/v1/status', { as: 'x@nowhere.example:t' })).status).toBe(429);
    expect((await lab.call('GET', '/api/v1/status', { headers: { authorization: 'Basic ?' } })).status).toBe(429);
  });

  it('passes again when the limit says so', async () => {
    lab = await openLab();
    for (let i = 0; i < 10; i++) await wrong(i);
    const refused = await wrong(11);
    expect(refused.status).toBe(429);
    lab.advance(Number(refused.headers['retry-after']) * 1000 + 60_000);
    expect((await wrong(12)).status).toBe(401);
  });
});
