// Every route of the table: accounts of us and eu reach their own region only, and credentials never the other.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ROUTES } from '../../src/route/table.ts';
import type { Twin } from '../../src/twin/twin.ts';
import { ALICE, BOTH_EU, BOTH_US, BRUNO, type Lab, openLab, WANDERER } from '../support/lab.ts';

const UNLIMITED = {
  anonymousRetrieval: { mode: 'off' },
  perKey: { mode: 'off' },
  account: { mode: 'off' },
  failedAuth: { mode: 'off' },
};
const KEY = 'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab({ config: { limits: UNLIMITED } });
});
afterAll(() => lab.close());
beforeEach(() => lab.clearLedgers());

function authorizations(twin: Twin): string[] {
  return twin.requests.flatMap(({ headers }) =>
    headers.filter(([name]) => name.toLowerCase() === 'authorization').map(([, value]) => value),
  );
}

describe.each(ROUTES.flatMap((route) => route.accepts.map((method) => ({ route, method }))))(
  '$method $route.id',
  ({ route, method }) => {
    const path = `/api/${route.version}/${route.path.join('/').replace('KEY', KEY)}`;

    it.each([
      { who: ALICE, home: 'us', other: 'eu' },
      { who: BRUNO, home: 'eu', other: 'us' },
    ] as const)('as an account of $home reaches $home alone', async ({ who, home, other }) => {
      const reply = await lab.call(method, path, { as: who });
      expect(reply.headers['onetime-gateway-region']).toBe(home);
      expect(reply.headers['onetime-gateway-outcome']).toBe('delivered');
      expect(reply.headers['cache-control']).toBe('no-store');
      const forwarded = lab[home].requests.filter(({ path: sent }) => sent === path);
      expect(forwarded.map(({ method: sent }) => sent)).toContain(route.method);
      expect(lab[other].requests).toEqual([]);
    });

    it('names another region than the account’s: 403, or nobody is asked', async () => {
      const reply = await lab.call(method, `/us${path}`, { as: BRUNO });
      expect(reply.status).toBe(403);
      if (method !== 'HEAD') expect(reply.json().error).toBe('region_not_allowed');
      expect(lab.us.requests).toEqual([]);
      expect(lab.eu.requests).toEqual([]);
    });

    it('anonymous: a private route is 401 and reaches nobody', async () => {
      if (route.access !== 'private') return expect(route.access).toMatch(/^(public|anonymous)$/);
      for (const prefix of ['', '/us', '/eu']) {
        const reply = await lab.call(method, `${prefix}${path}`);
        expect(reply.status).toBe(401);
        expect(reply.headers['www-authenticate']).toMatch(/^Basic /);
      }
      expect(lab.us.requests).toEqual([]);
      expect(lab.eu.requests).toEqual([]);
    });
  },
);

describe('an account that is not pinned', () => {
  it('retrieves from a named region without its credentials, which are verified at home', async () => {
    const { secret } = await lab.create({ as: ALICE });
    lab.clearLedgers();
    const reply = await lab.call('POST', `/us/api/v1/secret/${secret}`, { as: WANDERER });
    expect(reply.json().value).toBe('s3cret-value');
    expect(authorizations(lab.us)).toEqual([]);
    expect(lab.eu.requests.map(({ path }) => path)).toEqual(['/api/v1/authcheck']);
  });

  it('with a bad token reaches only the verification at home, and the secret survives', async () => {
    const { secret } = await lab.create({ as: ALICE });
    lab.clearLedgers();
    const reply = await lab.call('POST', `/us/api/v1/secret/${secret}`, { as: 'wanda@roaming.example:wrong' });
    expect([reply.status, reply.json().error]).toEqual([401, 'credentials_rejected']);
    expect(lab.us.requests).toEqual([]);
    expect(lab.us.secret(secret)?.consumed).toBe(false);
  });

  it('may not create or look into private routes outside its home', async () => {
    for (const path of ['/us/api/v1/share', `/us/api/v1/private/${KEY}/burn`]) {
      expect((await lab.call('POST', path, { as: WANDERER, body: 'secret=x' })).status).toBe(403);
    }
    expect(lab.us.requests).toEqual([]);
  });
});

describe('an account with a second region (also)', () => {
  it('goes home unnamed, and to the other region with that region’s token when named', async () => {
    expect((await lab.call('GET', '/api/v1/authcheck', { as: BOTH_EU })).status).toBe(200);
    expect((await lab.call('GET', '/us/api/v1/authcheck', { as: BOTH_US })).status).toBe(200);
    const usTokens = authorizations(lab.us).map((value) => Buffer.from(value.slice(6), 'base64').toString());
    expect(new Set(usTokens)).toEqual(new Set([BOTH_US]));
  });
});

describe('naming a region', () => {
  it.each([
    { how: 'path prefix', path: '/eu/api/v1/secret/', headers: {} },
    { how: 'header', path: '/api/v1/secret/', headers: { 'Onetime-Region': 'eu' } },
    { how: 'host name', path: '/api/v1/secret/', headers: { Host: 'EU.gateway.example:8080' } },
  ])('by $how reaches it', async ({ path, headers }) => {
    const { secret } = await lab.create({ as: BRUNO });
    lab.clearLedgers();
    const reply = await lab.call('POST', path + secret, { headers });
    expect(reply.json().value).toBe('s3cret-value');
    expect(lab.us.requests).toEqual([]);
  });

  it.each([
    { what: 'an unknown one by prefix', path: `/ap/api/v1/secret/${KEY}`, headers: {}, error: 'unknown_region' },
    {
      what: 'an unknown one by header',
      path: `/api/v1/secret/${KEY}`,
      headers: { 'Onetime-Region': 'EU' },
      error: 'unknown_region',
    },
    {
      what: 'two that disagree',
      path: `/eu/api/v1/secret/${KEY}`,
      headers: { 'Onetime-Region': 'us' },
      error: 'region_conflict',
    },
    {
      what: 'prefix against host',
      path: `/eu/api/v1/secret/${KEY}`,
      headers: { Host: 'us.gateway.example' },
      error: 'region_conflict',
    },
    {
      what: 'the header twice',
      path: `/api/v1/secret/${KEY}`,
      headers: { 'Onetime-Region': ['eu', 'eu'] },
      error: 'header_duplicated',
    },
    { what: 'none', path: `/api/v1/secret/${KEY}`, headers: {}, error: 'region_required' },
  ])('$what is 400 $error and reaches nobody', async ({ path, headers, error }) => {
    const reply = await lab.call('POST', path, { headers: headers as Record<string, string | string[]> });
    expect([reply.status, reply.json().error]).toEqual([400, error]);
    expect(lab.us.requests).toEqual([]);
    expect(lab.eu.requests).toEqual([]);
  });

  it('says in the hint how to name one', async () => {
    const reply = await lab.call('POST', `/api/v1/secret/${KEY}`);
    expect(reply.json().hint).toMatch(/\/us\/api\/.*Onetime-Region.*us, eu/);
  });
});
