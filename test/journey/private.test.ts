// Private routes: only with credentials that their own region calls good; and what a wrong token does not change.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ALICE, BRUNO, type Lab, openLab } from '../support/lab.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await openLab();
});
afterEach(() => lab.close());

const authchecks = (): number => lab.eu.requests.filter(({ path }) => path === '/api/v1/authcheck').length;
const WRONG = 'bruno@eu.example:wrong';

describe('a wrong token', () => {
  it.each(['GET', 'POST'])(
    'on %s metadata is 401, the region is asked authcheck alone, and nothing changes',
    async (method) => {
      const { metadata, secret } = await lab.create({ as: BRUNO });
      lab.clearLedgers();
      const reply = await lab.call(method, `/api/v1/private/${metadata}`, { as: WRONG });
      expect([reply.status, reply.json().error]).toEqual([401, 'credentials_rejected']);
      expect(lab.eu.requests.map(({ path }) => path)).toEqual(['/api/v1/authcheck']);
      expect(lab.eu.secret(secret)?.state).toBe('new');
      expect(lab.us.requests).toEqual([]);
    },
  );

  it('on burn leaves the secret to be retrieved', async () => {
    const { metadata, secret } = await lab.create({ as: BRUNO });
    expect((await lab.call('POST', `/api/v1/private/${metadata}/burn`, { as: WRONG })).status).toBe(401);
    const reply = await lab.call('POST', `/eu/api/v1/secret/${secret}`);
    expect(reply.json().value).toBe('s3cret-value');
  });

  it('on an optional-credentials route never passes as anonymous', async () => {
    const { secret } = await lab.create({ as: BRUNO });
    const reply = await lab.call('POST', `/api/v1/secret/${secret}`, { as: WRONG });
    expect(reply.status).toBe(401);
    expect(reply.headers['www-authenticate']).toMatch(/^Basic /);
    expect(lab.eu.secret(secret)?.consumed).toBe(false);
  });
});

describe('good credentials', () => {
  it('are asked about once in five minutes, and again after', async () => {
    const recent = () => lab.call('GET', '/api/v1/private/recent', { as: BRUNO });
    expect((await recent()).status).toBe(200);
    expect((await recent()).status).toBe(200);
    expect(authchecks()).toBe(1);
    lab.advance(5 * 60_000 + 1);
    expect((await recent()).status).toBe(200);
    expect(authchecks()).toBe(2);
  });

  it('are asked about once by simultaneous callers', async () => {
    await lab.close();
    lab = await openLab({ twins: { delayMs: 50 } });
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => lab.call('GET', '/api/v1/private/recent', { as: BRUNO })),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(authchecks()).toBe(1);
  });

  it('of another spelling are other credentials', async () => {
    expect((await lab.call('GET', '/api/v1/private/recent', { as: BRUNO })).status).toBe(200);
    const reply = await lab.call('GET', '/api/v1/private/recent', { as: BRUNO.replace('bruno', 'Bruno') });
    expect(reply.status).toBe(401);
    expect(authchecks()).toBe(2);
  });
});

it('remembers a bad token for ten seconds', async () => {
  const recent = () => lab.call('GET', '/api/v1/private/recent', { as: WRONG });
  await recent();
  await recent();
  expect(authchecks()).toBe(1);
  lab.advance(10_001);
  await recent();
  expect(authchecks()).toBe(2);
});

it('answers 503 when the region cannot say, and the private call is not sent', async () => {
  await lab.eu.close();
  const reply = await lab.call('GET', '/api/v1/private/recent', { as: BRUNO });
  expect([reply.status, reply.json().error]).toEqual([503, 'verification_unavailable']);
  expect(reply.headers['onetime-gateway-outcome']).toBe('not_sent');
  expect(reply.headers['retry-after']).toMatch(/^\d+$/);
});

it('a page in place of the service’s own words verifies nobody, though its status is 200', async () => {
  lab.eu.respondNext({ status: 200, contentType: 'text/html', body: '<html>maintenance</html>' });
  const reply = await lab.call('GET', '/api/v1/private/recent', { as: WRONG });
  expect([reply.status, reply.json().error]).toEqual([503, 'verification_unavailable']);
});

it('serves POST on recent as GET: the list, not a key of that name', async () => {
  await lab.create({ as: ALICE });
  const reply = await lab.call('POST', '/api/v1/private/recent', { as: ALICE, body: 'x=1' });
  expect(Array.isArray(JSON.parse(reply.body))).toBe(true);
  expect(lab.us.requests.at(-1)).toMatchObject({ method: 'GET', path: '/api/v1/private/recent', body: '' });
});

it('private.verify: presence asks nobody and leaves the check to the region', async () => {
  await lab.close();
  lab = await openLab({ config: { private: { verify: 'presence' } } });
  const reply = await lab.call('GET', '/api/v1/private/recent', { as: WRONG });
  expect(reply.status).toBe(401);
  expect(authchecks()).toBe(0);
});

describe('malformed and empty credentials', () => {
  it.each(['Bearer abc', 'Basic', 'Basic !!!', `Basic ${Buffer.from('nocolon').toString('base64')}`, ''])(
    '%j is 401 and reaches nobody, on public routes too',
    async (authorization) => {
      const reply = await lab.call('GET', '/eu/api/v1/status', { headers: { authorization } });
      expect([reply.status, reply.json().error]).toEqual([401, 'credentials_malformed']);
      expect(lab.eu.requests).toEqual([]);
    },
  );

  it('`Basic Og==` (empty name and token) is anonymous, and is not sent on', async () => {
    const { secret } = await lab.create({ as: BRUNO });
    lab.clearLedgers();
    const reply = await lab.call('POST', `/eu/api/v1/secret/${secret}`, { headers: { authorization: 'Basic Og==' } });
    expect(reply.json().value).toBe('s3cret-value');
    expect(lab.eu.requests[0]?.headers.map(([name]) => name.toLowerCase())).not.toContain('authorization');
  });

  it('two Authorization headers are 400 and reach nobody', async () => {
    const first = `Basic ${Buffer.from(BRUNO).toString('base64')}`;
    const second = `Basic ${Buffer.from(ALICE).toString('base64')}`;
    const reply = await lab.call('GET', '/api/v1/authcheck', { headers: { authorization: [first, second] } });
    expect([reply.status, reply.json().error]).toEqual([400, 'header_duplicated']);
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
  });
});

describe('an account that no rule knows', () => {
  const stranger = 'mallory@nowhere.example:token';

  it('is 401 and reaches nobody, whatever region it names', async () => {
    for (const prefix of ['', '/us', '/eu']) {
      const reply = await lab.call('POST', `${prefix}/api/v1/share`, { as: stranger, body: 'secret=x' });
      expect([reply.status, reply.json().error]).toEqual([401, 'unknown_account']);
    }
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
  });

  it('accounts.unknown: named sends it where it names, and asks it to name otherwise', async () => {
    await lab.close();
    lab = await openLab({ config: { accounts: { unknown: 'named' } } });
    expect((await lab.call('GET', '/eu/api/v1/authcheck', { as: BRUNO })).status).toBe(200);
    const reply = await lab.call('GET', '/api/v1/authcheck', { as: BRUNO });
    expect([reply.status, reply.json().error]).toEqual([400, 'region_required']);
    expect(lab.us.requests).toEqual([]);
  });

  it('accounts.unknown: REGION sends it there and nowhere else', async () => {
    await lab.close();
    lab = await openLab({ config: { accounts: { unknown: 'eu' } } });
    expect((await lab.call('GET', '/api/v1/authcheck', { as: BRUNO })).status).toBe(200);
    expect((await lab.call('GET', '/us/api/v1/authcheck', { as: BRUNO })).status).toBe(403);
    expect(lab.us.requests).toEqual([]);
  });
});
