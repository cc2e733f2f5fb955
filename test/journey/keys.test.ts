// The key index at work: keys made through the gateway are found without naming a region, by those who may.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ALICE, BOTH_EU, BOTH_US, BRUNO, DORA, type Lab, openLab, WANDERER } from '../support/lab.ts';

const OFF = { mode: 'off' };
const UNLIMITED = { anonymousRetrieval: OFF, perKey: OFF, account: OFF, failedAuth: OFF, regionBudget: OFF };
const UNKNOWN = 'nosuchkey000000000000000000000';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab({ config: { limits: UNLIMITED } });
});
afterAll(() => lab.close());
beforeEach(() => lab.clearLedgers());

const paths = (region: 'us' | 'eu'): string[] => lab[region].requests.map(({ path }) => path);
const authorizationsSent = (region: 'us' | 'eu'): number =>
  lab[region].requests.filter(({ headers }) => headers.some(([name]) => name.toLowerCase() === 'authorization')).length;

describe('anonymous retrieval without naming a region', () => {
  it.each(['share', 'generate'])('finds what %s made in eu, and never asks us', async (verb) => {
    const made = await lab.call('POST', `/api/v1/${verb}`, { as: BRUNO, body: 'secret=found&ttl=3600' });
    const key = String(made.json().secret_key);
    const reply = await lab.call('POST', `/api/v1/secret/${key}`);
    expect([reply.status, reply.headers['onetime-gateway-region']]).toEqual([200, 'eu']);
    expect(lab.us.requests).toEqual([]);
    expect(await lab.metric('onetime_gateway_decisions_total{reason="key_held"}')).toBeGreaterThan(0);
  });

  it('finds what create (nested parameters) and an anonymous caller made', async () => {
    const made = await lab.call('POST', '/us/api/v1/create', { body: 'secret[secret]=nested&secret[ttl]=3600' });
    const reply = await lab.call('POST', `/api/v1/secret/${made.json().secret_key}`);
    expect([reply.json().value, reply.headers['onetime-gateway-region']]).toEqual(['nested', 'us']);
  });

  it.each(['conceal', 'generate'])('finds what version 2 %s made', async (verb) => {
    const body = JSON.stringify({ secret: { secret: 'two', ttl: 3600 } });
    const made = await lab.call('POST', `/eu/api/v2/secret/${verb}`, {
      body,
      headers: { 'content-type': 'application/json' },
    });
    const key = (made.json() as { record: { secret: { key: string } } }).record.secret.key;
    const reply = await lab.call('POST', `/api/v2/secret/${key}/reveal`, {
      body: '{"continue":true}',
      headers: { 'content-type': 'application/json' },
    });
    expect([reply.status, reply.headers['onetime-gateway-region']]).toEqual([200, 'eu']);
  });

  it('a key that nobody made here still needs a region', async () => {
    const reply = await lab.call('POST', `/api/v1/secret/${UNKNOWN}`);
    expect([reply.status, reply.json().error]).toEqual([400, 'region_required']);
  });

  it('naming another region than the one that holds it is 403, not saying where, and asks nobody', async () => {
    const { secret } = await lab.create({ as: BRUNO });
    lab.clearLedgers();
    const reply = await lab.call('POST', `/us/api/v1/secret/${secret}`);
    expect([reply.status, reply.json().error]).toEqual([403, 'held_elsewhere']);
    expect(reply.body).not.toMatch(/\beu\b/);
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
  });
});

describe('a pinned account', () => {
  it('retrieves what its own region holds', async () => {
    const { secret } = await lab.create({ as: DORA });
    expect((await lab.call('POST', `/api/v1/secret/${secret}`, { as: BRUNO })).json().value).toBe('s3cret-value');
  });

  it('is refused what another region holds: 403, nobody is asked, and the secret survives', async () => {
    const { secret } = await lab.create({ as: ALICE });
    lab.clearLedgers();
    const reply = await lab.call('POST', `/api/v1/secret/${secret}`, { as: BRUNO });
    expect([reply.status, reply.json().error]).toEqual([403, 'held_elsewhere']);
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
    expect(lab.us.secret(secret)?.consumed).toBe(false);
  });
});

describe('an account that is not pinned', () => {
  it('retrieves where the key is held, without its credentials, which are verified at home', async () => {
    const { secret } = await lab.create({ as: ALICE });
    lab.clearLedgers();
    const reply = await lab.call('POST', `/api/v1/secret/${secret}`, { as: WANDERER });
    expect(reply.json().value).toBe('s3cret-value');
    expect(authorizationsSent('us')).toBe(0);
    expect(paths('eu')).toEqual(['/api/v1/authcheck']);
  });

  it('is told to name the region for metadata held elsewhere: the token belongs to one region', async () => {
    const { metadata } = await lab.create({ region: 'us' });
    const reply = await lab.call('GET', `/api/v1/private/${metadata}`, { as: WANDERER });
    expect([reply.status, reply.json().error]).toEqual([403, 'held_elsewhere']);
    expect(reply.json().hint).toMatch(/Name the region/);
  });

  it('with a second region gets its metadata there by naming it, with that region’s token', async () => {
    const { metadata } = await lab.create({ as: BOTH_US, region: 'us' });
    expect((await lab.call('GET', `/api/v1/private/${metadata}`, { as: BOTH_EU })).status).toBe(403);
    expect((await lab.call('GET', `/us/api/v1/private/${metadata}`, { as: BOTH_US })).status).toBe(200);
  });
});

describe('another’s metadata key', () => {
  it('is answered like an unknown one, after verification, and no region is asked about it', async () => {
    const { metadata, secret } = await lab.create({ as: DORA });
    await lab.call('GET', '/api/v1/authcheck', { as: BRUNO });
    const unknown = await lab.call('GET', `/api/v1/private/${UNKNOWN}`, { as: BRUNO });
    lab.clearLedgers();
    for (const [method, tail] of [
      ['GET', ''],
      ['POST', ''],
      ['POST', '/burn'],
    ] as const) {
      const reply = await lab.call(method, `/api/v1/private/${metadata}${tail}`, { as: BRUNO });
      expect([reply.status, Object.keys(reply.json())]).toEqual([unknown.status, Object.keys(unknown.json())]);
      expect(reply.json()).toEqual({ secret_key: metadata, message: 'Unknown secret' });
      expect(reply.headers['content-type']).toBe(unknown.headers['content-type']);
    }
    expect(lab.eu.requests.filter(({ path }) => path.includes('private'))).toEqual([]);
    expect(lab.eu.secret(secret)?.state).toBe('new');
  });

  it('tells a bad token nothing: 401', async () => {
    const { metadata } = await lab.create({ as: DORA });
    const reply = await lab.call('GET', `/api/v1/private/${metadata}`, { as: 'bruno@eu.example:wrong' });
    expect(reply.status).toBe(401);
  });

  it('made anonymously is open to any verified account of that region', async () => {
    const { metadata } = await lab.create({ region: 'eu' });
    expect((await lab.call('POST', `/api/v1/private/${metadata}/burn`, { as: BRUNO })).status).toBe(200);
  });

  it('private.ownership: off leaves it to the region', async () => {
    const open = await openLab({ config: { private: { ownership: 'off' } } });
    const { metadata } = await open.create({ as: DORA });
    expect((await open.call('GET', `/api/v1/private/${metadata}`, { as: BRUNO })).status).toBe(200);
    await open.close();
  });
});

describe('recent', () => {
  it.each(['0.20', '0.26'] as const)('shows no secret key under any name (%s)', async (version) => {
    const other = await openLab({ twins: { version } });
    const { secret, metadata } = await other.create({ as: BRUNO });
    for (const path of ['/api/v1/private/recent', '/api/v2/private/recent']) {
      const reply = await other.call('GET', path, { as: BRUNO });
      expect(reply.status).toBe(200);
      expect(reply.body).toContain(metadata);
      expect(reply.body).not.toContain(secret);
    }
    await other.close();
  });

  it('is withheld when it cannot be read', async () => {
    await lab.call('GET', '/api/v1/private/recent', { as: BRUNO });
    lab.eu.respondNext({ status: 200, body: `<html>secret/${UNKNOWN}` });
    const reply = await lab.call('GET', '/api/v1/private/recent', { as: BRUNO });
    expect([reply.status, reply.json().error]).toEqual([502, 'answer_withheld']);
    expect(reply.body).not.toContain(UNKNOWN);
  });
});

describe('links: GET /secret/KEY', () => {
  it('leads to the page of the region that holds the key, and retrieves nothing', async () => {
    const { secret } = await lab.create({ as: BRUNO });
    lab.clearLedgers();
    for (const method of ['GET', 'HEAD']) {
      const reply = await lab.call(method, `/secret/${secret}`);
      expect([reply.status, reply.headers.location]).toEqual([302, `${lab.eu.url}/secret/${secret}`]);
      expect([reply.headers['referrer-policy'], reply.headers['cache-control']]).toEqual(['no-referrer', 'no-store']);
    }
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
  });

  it('leads to a named region’s page, and to a configured web address', async () => {
    const web = await openLab({
      config: {
        regions: { us: { upstreams: [lab.us.url] }, eu: { upstreams: [lab.eu.url], web: 'https://eu.example/ots' } },
      },
    });
    const reply = await web.call('GET', `/eu/secret/${UNKNOWN}`);
    expect(reply.headers.location).toBe(`https://eu.example/ots/secret/${UNKNOWN}`);
    await web.close();
  });

  it('offers the regions on a plain page when nothing locates the key', async () => {
    const reply = await lab.call('GET', `/secret/${UNKNOWN}`);
    expect(reply.status).toBe(404);
    expect(reply.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(reply.headers['content-security-policy']).toMatch(/default-src 'none'/);
    expect(reply.headers['referrer-policy']).toBe('no-referrer');
    for (const region of ['us', 'eu'] as const) expect(reply.body).toContain(`${lab[region].url}/secret/${UNKNOWN}`);
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
  });

  it.each(['POST', 'DELETE'])('%s is 405', async (method) => {
    expect((await lab.call(method, `/secret/${UNKNOWN}`)).status).toBe(405);
  });

  it('never says that this is the wrong gateway, and offers the regions for a name that it does not know', async () => {
    const self = { region: 'eu', gateways: { us: 'https://us.gateway.example' } };
    const eu = await openLab({ config: { self } });
    for (const path of [`/us/secret/${UNKNOWN}`, `/xx/secret/${UNKNOWN}`]) {
      const reply = await eu.call('GET', path);
      expect([reply.status, reply.headers['referrer-policy']]).toEqual([404, 'no-referrer']);
      expect(reply.body).toContain(eu.us.url);
    }
    await eu.close();
  });

  it('ignores credentials: who follows a link does so as nobody', async () => {
    expect((await lab.call('GET', `/secret/${UNKNOWN}`, { as: 'x@nowhere.example:t' })).status).toBe(404);
  });
});

describe('one gateway a region', () => {
  it('sends who asks for a key held elsewhere to that region’s gateway', async () => {
    const self = { region: 'eu', gateways: { us: 'https://us.gateway.example' } };
    const eu = await openLab({ config: { self, anonymous: { retrieve: 'us' } } });
    const reply = await eu.call('POST', `/api/v1/secret/${UNKNOWN}`);
    expect([reply.status, reply.json().error]).toEqual([421, 'misdirected']);
    const { secret } = await eu.create({ as: BRUNO });
    expect((await eu.call('POST', `/api/v1/secret/${secret}`)).status).toBe(200);
    expect(eu.us.requests).toEqual([]);
    await eu.close();
  });
});

it('expires with the metadata’s time to live', async () => {
  const short = await openLab();
  const { secret } = await short.create({ as: BRUNO, params: 'secret=x&ttl=600' });
  short.advance(1200 * 1000 + 1000);
  expect((await short.call('POST', `/api/v1/secret/${secret}`)).json().error).toBe('region_required');
  await short.close();
});

describe('what a key tells to a bad token', () => {
  const bad = (account: string): string => `${account.split(':')[0]}:wrong`;

  it.each(['authcheck', 'presence'])(
    'nothing of whose it is or where: always 401 (private.verify: %s)',
    async (verify) => {
      const other = await openLab({ config: { limits: UNLIMITED, private: { verify } } });
      const owned = await other.create({ as: DORA });
      const anonymous = await other.create({ region: 'us' });
      for (const metadata of [owned.metadata, anonymous.metadata, UNKNOWN]) {
        expect((await other.call('GET', `/api/v1/private/${metadata}`, { as: bad(BRUNO) })).status).toBe(401);
      }
      await other.close();
    },
  );

  it('a named region’s token is verified there alone, also for another’s key', async () => {
    const { metadata } = await lab.create({ as: ALICE });
    lab.clearLedgers();
    const reply = await lab.call('GET', `/us/api/v1/private/${metadata}`, { as: BOTH_US });
    expect([reply.status, reply.json().message]).toEqual([404, 'Unknown secret']);
    expect(lab.eu.requests).toEqual([]);
    expect(paths('us').filter((path) => path !== '/api/v1/authcheck')).toEqual([]);
  });

  it('another’s key is answered like an unknown one to the header, and so is its Idempotency-Key', async () => {
    const { metadata } = await lab.create({ as: DORA });
    const ask = (key: string, headers = {}) => lab.call('GET', `/api/v1/private/${key}`, { as: BRUNO, headers });
    const names = async (key: string) => Object.keys((await ask(key)).headers).sort();
    expect(await names(metadata)).toEqual(await names(UNKNOWN));
    expect((await ask(metadata)).headers).toMatchObject({ 'onetime-gateway-region': 'eu' });
    for (const key of [metadata, UNKNOWN]) expect((await ask(key, { 'Idempotency-Key': 'short' })).status).toBe(400);
  });
});

it('a region cannot plant a key that another one holds', async () => {
  const { secret, metadata } = await lab.create({ as: ALICE });
  const body = JSON.stringify({ secret_key: secret, metadata_key: metadata, metadata_ttl: 1 });
  lab.eu.respondNext({ status: 200, body });
  await lab.call('POST', '/api/v1/share', { as: BRUNO, body: 'secret=x' });
  const reply = await lab.call('POST', `/api/v1/secret/${secret}`);
  expect([reply.json().value, reply.headers['onetime-gateway-region']]).toEqual(['s3cret-value', 'us']);
});
