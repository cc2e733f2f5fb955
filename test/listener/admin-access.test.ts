// Who may ask the admin API: every rule, over real sockets, and what a refused caller leaves behind.
import { timingSafeEqual } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ADMIN_ROUTES } from '../../src/listener/admin-routes.ts';
import { call } from '../support/http.ts';
import { rawCaller } from '../support/raw.ts';
import { type AdminLab, KEY, NAME, openAdminLab, READER, TOKENS, WRITER } from './admin-lab.ts';

vi.mock('node:crypto', { spy: true });

let lab: AdminLab;
beforeEach(async () => {
  lab = await openAdminLab();
});
afterEach(() => lab.close());

const FAR = '192.0.2.77';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
/** Without a token. */
const plain = (method: string, path: string, headers: Record<string, string | string[]> = {}, body?: string) =>
  call(lab.url, method, path, { headers, ...(body === undefined ? {} : { body }) });

function exchange(bytes: string): Promise<string> {
  const caller = rawCaller(lab.url);
  caller.send(bytes);
  return caller.closed;
}

async function reopen(options: Parameters<typeof openAdminLab>[0]): Promise<void> {
  await lab.close();
  lab = await openAdminLab(options);
}

/** A request of every route that gets as far as the handler's checks: its own answer is none of 401, 403, 421, 429. */
const REQUESTS = ADMIN_ROUTES.map((row) => ({
  id: row.id,
  method: row.method,
  changes: row.changes,
  path: `/admin/v1${row.path.replace('{id}', '0'.repeat(32)).replace('{name}', 'eu')}`,
}));
const REFUSED = [401, 403, 421, 429];

describe('role × method × place', () => {
  const body = (method: string) => (method === 'POST' ? {} : undefined);

  it.each(REQUESTS)('$id: a token is needed, and a read token only reads', async ({ method, path, changes }) => {
    for (const peer of ['127.0.0.1', '::1', FAR]) {
      lab.peer = peer;
      const none = await plain(method, path);
      expect([none.status, none.json().error]).toEqual([401, 'token_required']);
      expect(none.headers['www-authenticate']).toMatch(/^Bearer /);
      const read = await lab.ask(method, path, body(method), bearer(READER));
      if (changes) expect([read.status, read.json().error]).toEqual([403, 'role_insufficient']);
      else expect(REFUSED).not.toContain(read.status);
      expect(REFUSED).not.toContain((await lab.ask(method, path, body(method), bearer(WRITER))).status);
    }
  });

  it('without any token configured, only loopback reads, and nobody changes anything', async () => {
    await reopen({ tokens: [] });
    for (const { method, path, changes } of REQUESTS) {
      for (const peer of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1', FAR, '2001:db8::1', '']) {
        lab.peer = peer;
        const near = peer.includes('127.') || peer === '::1';
        const reply = await lab.ask(method, path, body(method), bearer(WRITER));
        const allowed = near && !changes;
        expect([path, peer, REFUSED.includes(reply.status)]).toEqual([path, peer, !allowed]);
        if (!allowed) {
          expect([reply.status, reply.json().error]).toEqual([403, 'tokens_not_configured']);
          expect(reply.json().hint).toContain('onetime-gateway admin token');
        }
      }
    }
    expect(await lab.desk.events(undefined, 10)).toHaveLength(1);
  });

  it.each(['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'])(
    'without tokens, who comes through a proxy on this machine (%s) is not on this machine',
    async (name) => {
      await reopen({ tokens: [] });
      expect((await plain('GET', '/admin/v1/regions')).status).toBe(200);
      expect((await plain('GET', '/admin/v1/regions', { [name]: '1.2.3.4' })).status).toBe(403);
    },
  );

  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
  it.skipIf(own === undefined)('takes the socket’s own peer address', async () => {
    await reopen({ tokens: [], hosts: [own ?? ''], listenAt: own ?? '' });
    const reply = await plain('GET', '/admin/v1/regions');
    expect([reply.status, reply.json().error]).toEqual([403, 'tokens_not_configured']);
  });
});

describe('tokens', () => {
  it.each([
    ['another one', `Bearer ${READER}x`],
    ['a part of one', `Bearer ${READER.slice(0, -1)}`],
    ['the hash of one', `Bearer ${TOKENS[0]?.sha256.toString('hex')}`],
    ['another scheme', `Basic ${Buffer.from(`x:${WRITER}`).toString('base64')}`],
    ['an empty one', 'Bearer '],
    ['two in one header', `Bearer ${WRITER} ${WRITER}`],
  ])('%s is 401', async (_what, authorization) => {
    const reply = await plain('GET', '/admin/v1/regions', { authorization });
    expect([reply.status, reply.json().error]).toEqual([401, 'token_unknown']);
    expect(reply.headers['www-authenticate']).toMatch(/^Bearer /);
  });

  it('are taken whatever the case of the scheme', async () => {
    expect((await plain('GET', '/admin/v1/regions', { authorization: `bEARER  ${READER}` })).status).toBe(200);
  });

  it.each([
    ['the first', READER],
    ['the last', WRITER],
    ['none', 'otga_wrong'],
  ])('are compared in constant time with every configured one, also when %s fits', async (_which, token) => {
    vi.mocked(timingSafeEqual).mockClear();
    await plain('GET', '/admin/v1/regions', bearer(token));
    expect(vi.mocked(timingSafeEqual).mock.calls.map(([sha256]) => sha256)).toEqual(TOKENS.map(({ sha256 }) => sha256));
  });

  it('after 20 wrong ones in a minute from one address are 429, a right one too; other addresses and loopback are not', async () => {
    lab.peer = FAR;
    const attempt = (token = 'otga_wrong') => plain('GET', '/admin/v1/regions', bearer(token));
    for (let i = 0; i < 20; i++) expect((await attempt()).status).toBe(401);
    const over = await attempt(WRITER);
    expect([over.status, over.json().error]).toEqual([429, 'too_many_attempts']);
    expect(Number(over.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(over.headers['retry-after'])).toBeLessThanOrEqual(60);
    lab.peer = '192.0.2.78';
    expect((await attempt()).status).toBe(401);
    lab.peer = FAR;
    lab.advance(60_001);
    expect((await attempt(WRITER)).status).toBe(200);
    lab.peer = '127.0.0.1';
    for (let i = 0; i < 25; i++) expect((await attempt()).status).toBe(401);
  });

  it('count for a whole IPv6 /64, and right ones never', async () => {
    for (let i = 0; i < 25; i++) {
      lab.peer = `2001:db8::${i}`;
      expect((await plain('GET', '/admin/v1/regions', bearer(READER))).status).toBe(200);
    }
    for (let i = 0; i < 20; i++) {
      lab.peer = `2001:db8::${i}`;
      expect((await plain('GET', '/admin/v1/regions', bearer('wrong'))).status).toBe(401);
    }
    lab.peer = '2001:db8::ffff';
    expect((await plain('GET', '/admin/v1/regions', bearer('wrong'))).status).toBe(429);
    lab.peer = '2001:db8:0:1::1';
    expect((await plain('GET', '/admin/v1/regions', bearer('wrong'))).status).toBe(401);
  });
});

describe('Host', () => {
  const status = async (host: string) => (await plain('GET', '/admin/v1/regions', { ...bearer(READER), host })).status;

  it.each([
    'localhost',
    'LOCALHOST:9464',
    'x.localhost',
    '127.0.0.1:1',
    '127.9.9.9',
    '[::1]:9464',
    'Admin.Corp.Example.:80',
  ])('%s is served', async (host) => {
    expect(await status(host)).toBe(200);
  });

  it.each([
    'evil.example',
    'evil.example:9464',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example#localhost',
    '127.1',
    '192.0.2.1',
    '[::2]',
    'admin.corp.example.evil.example',
  ])('%s is 421, whatever the token', async (host) => {
    const reply = await plain('GET', '/admin/v1/regions', { ...bearer(WRITER), host });
    expect([reply.status, reply.json().error]).toEqual([421, 'host_unknown']);
  });

  it('that came twice, or a target with a host of its own, is 400', async () => {
    const head = (target: string, hosts: string) =>
      `GET ${target} HTTP/1.1\r\n${hosts}Authorization: Bearer ${READER}\r\nConnection: close\r\n\r\n`;
    const good = await exchange(head('/admin/v1/regions', 'Host: localhost\r\n'));
    expect(good).toMatch(/^HTTP\/1.1 200 /);
    const twice = await exchange(head('/admin/v1/regions', 'Host: localhost\r\nHost: evil.example\r\n'));
    expect(twice).toMatch(/^HTTP\/1.1 400 /);
    const absolute = await exchange(head('http://evil.example/admin/v1/regions', 'Host: localhost\r\n'));
    expect(absolute).toMatch(/^HTTP\/1.1 400 /);
    const none = await exchange(`GET /admin/v1/regions HTTP/1.0\r\nAuthorization: Bearer ${READER}\r\n\r\n`);
    expect(none).toMatch(/^HTTP\/1.\d 421 /);
  });

  it('is asked for at unknown paths too, and not at the three open ones', async () => {
    const host = 'evil.example';
    for (const path of ['/', '/admin', '/admin/v1', '/admin/v1/nothing', '/metrics/x', '/readyz%2f', '/METRICS']) {
      expect([path, (await plain('GET', path, { host })).status]).toEqual([path, 421]);
    }
    for (const path of ['/metrics', '/livez', '/readyz', '/metrics?x=1']) {
      for (const method of ['GET', 'HEAD']) {
        lab.peer = FAR;
        const reply = await plain(method, path, { host, origin: 'https://evil.example' });
        expect([path, reply.status]).toEqual([path, 200]);
        expect(reply.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      }
    }
  });
});

describe('browsers', () => {
  const status = async (headers: Record<string, string>) =>
    (await plain('GET', '/admin/v1/regions', { ...bearer(READER), ...headers })).status;

  it.each([
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: '' }, 403],
    [{ origin: 'http://localhost:1', host: 'localhost:2' }, 403],
    [{ origin: 'http://localhost:2', host: 'localhost:2' }, 200],
    [{ origin: 'https://admin.corp.example', host: 'admin.corp.example' }, 200],
    [{ origin: 'https://admin.corp.example', host: 'admin.corp.example:443' }, 200],
    [{ origin: 'https://admin.corp.example', host: 'admin.corp.example:444' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
    [{ 'sec-fetch-site': 'none' }, 200],
  ])('%o: %i', async (headers, expected) => {
    expect(await status(headers)).toBe(expected);
  });

  it('get no answer to a preflight that lets a foreign page in', async () => {
    const reply = await plain('OPTIONS', '/admin/v1/accounts', { origin: 'http://evil.example' });
    expect(reply.status).toBe(403);
    expect(Object.keys(reply.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('what comes in', () => {
  const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    plain('POST', '/admin/v1/accounts', { ...bearer(WRITER), ...headers }, body);

  it.each([
    ['no JSON', '{"account": ', 400, 'body_malformed'],
    ['two values', '{}{}', 400, 'body_malformed'],
    ['a poisoned prototype', '{"__proto__": {"pinned": false}}', 400, 'body_malformed'],
    ['nothing', '', 400, 'input_invalid'],
    ['a list', '[]', 400, 'input_invalid'],
    ['null', 'null', 400, 'input_invalid'],
  ])('%s is refused', async (_what, body, status, error) => {
    const reply = await post(body);
    expect([reply.status, reply.json().error]).toEqual([status, error]);
    expect(await lab.desk.count()).toBe(0);
  });

  it.each([
    [{ account: NAME }, 'region: found nothing, expected text.'],
    [{ account: 7, region: 'eu' }, 'account: found a number, expected text.'],
    [{ account: '', region: 'eu' }, 'account: found empty text, expected at least 1 characters.'],
    [{ account: NAME, region: KEY.toUpperCase() }, 'region: found a text, expected the name of a region.'],
    [{ account: NAME, region: 'eu', pinned: 'yes' }, 'pinned: found a text, expected true or false.'],
    [{ account: NAME, region: 'eu', also: ['us', 3] }, 'also.1: found a number, expected text.'],
    [{ account: NAME, region: 'eu', pined: true }, 'the body: found pined, expected no such field.'],
    [{ account: NAME, region: 'eu', [KEY]: 1 }, 'the body: found an unknown field, expected no such field.'],
    [{ account: NAME, region: 'eu', also: Array(65).fill('us') }, 'also: found a list, expected at most 64 entries.'],
  ])('%o is named by field, found and expected, and not repeated', async (body, message) => {
    const reply = await lab.ask('POST', '/admin/v1/accounts', body);
    expect([reply.status, reply.json()]).toEqual([400, { error: 'input_invalid', message }]);
    expect(reply.body).not.toContain(NAME);
    expect(reply.body.toLowerCase()).not.toContain(KEY);
    expect(await lab.desk.count()).toBe(0);
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=abc',
    'limit=1e2',
    'limit=1&limit=2',
    'limit=-1',
    'before=1',
    'after=',
    'x=1',
  ])('accounts?%s is 400', async (query) => {
    expect((await lab.ask('GET', `/admin/v1/accounts?${query}`)).json().error).toBe('input_invalid');
  });

  it('HEAD is a GET: it needs a token, and a read token does', async () => {
    expect((await plain('HEAD', '/admin/v1/regions')).status).toBe(401);
    const reply = await plain('HEAD', '/admin/v1/regions', bearer(READER));
    expect([reply.status, reply.body]).toEqual([200, '']);
    expect((await plain('HEAD', '/admin/v1/accounts/lookup', bearer(READER))).status).toBe(405);
  });

  it.each(['zz', '0'.repeat(31), '0'.repeat(33), 'A'.repeat(32), `${'0'.repeat(32)}%00`, '%2e%2e', 'x'.repeat(500)])(
    'accounts/%s is no id',
    async (id) => {
      expect([400, 404]).toContain((await lab.ask('GET', `/admin/v1/accounts/${id}`)).status);
    },
  );

  it.each([undefined, 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'a body of type %s is 415',
    async (type) => {
      const body = '{"account":"x@y.example","region":"eu"}';
      const answer = await exchange(
        `POST /admin/v1/accounts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${WRITER}\r\n${
          type === undefined ? '' : `Content-Type: ${type}\r\n`
        }Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
      expect(answer).toMatch(/^HTTP\/1.1 415 /);
      expect(answer).toContain('media_type_unsupported');
      expect(await lab.desk.count()).toBe(0);
    },
  );

  it('of 64 KiB is read, a byte more is 413', async () => {
    const body = (size: number) => {
      const bare = JSON.stringify({ account: NAME, region: 'eu' });
      return bare + ' '.repeat(size - bare.length);
    };
    expect((await post(body(65_536))).status).toBe(201);
    const over = await post(body(65_537));
    expect([over.status, over.json().error]).toEqual([413, 'body_too_large']);
    const chunked = await post(body(70_000), { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
    expect(chunked.status).toBe(413);
  });

  it('at an unknown path is 404 with what there is; with another method 405 with Allow', async () => {
    const unknown = await lab.ask('GET', '/admin/v1/nothing');
    expect([unknown.status, unknown.json().error]).toEqual([404, 'no_such_endpoint']);
    for (const { path } of ADMIN_ROUTES) expect(unknown.json().hint).toContain(`/admin/v1${path}`);
    expect((await lab.ask('GET', '/us/api/v1/status')).json().hint).toContain('/metrics');
    for (const [method, path, allow] of [
      ['PUT', '/accounts', 'GET, HEAD, POST'],
      ['PATCH', `/accounts/${'0'.repeat(32)}`, 'GET, HEAD, DELETE'],
      ['GET', '/accounts/lookup', 'POST'],
      ['DELETE', '/accounts/lookup', 'POST'],
      ['DELETE', '/moves', 'GET, HEAD, POST'],
      ['PROPFIND', '/regions', 'GET, HEAD'],
    ] as const) {
      const reply = await lab.ask(method, `/admin/v1${path}`);
      expect([path, reply.status, reply.headers.allow]).toEqual([path, 405, allow]);
    }
  });

  it('is refused for want of a token before anything of its path or body is looked at', async () => {
    for (const path of ['/admin/v1/nothing', '/admin/v1/accounts', '/admin/v1/accounts/lookup']) {
      const reply = await plain('PUT', path, { 'content-type': 'text/plain' }, 'x'.repeat(100_000));
      expect([path, reply.status]).toEqual([path, 401]);
    }
  });
});

it('leaves no name, key, path, token or address in log, event or error', async () => {
  await lab.ask('POST', '/admin/v1/accounts', { account: NAME, region: 'eu' });
  await lab.ask('POST', '/admin/v1/accounts/lookup', { account: NAME });
  await lab.ask('POST', '/admin/v1/accounts', `{"account": "${NAME}"`);
  await lab.ask('POST', '/admin/v1/moves', { account: NAME, to: 'us', keep_old: true });
  await lab.ask('POST', '/admin/v1/keys/lookup', { key: KEY });
  await lab.ask('POST', '/admin/v1/explain', { method: 'GET', path: `/api/v1/secret/${KEY}`, user: NAME });
  await lab.ask('POST', '/admin/v1/accounts/remove', { account: NAME });
  await lab.ask('GET', `/admin/v1/accounts/${NAME}/${KEY}?key=${KEY}`);
  await lab.ask('POST', `/admin/v1/regions/${KEY}/drain`);
  lab.peer = FAR;
  for (const authorization of [`Bearer ${WRITER}x`, `Bearer ${KEY}`, `Basic ${KEY}`]) {
    await lab.ask('POST', `/admin/v1/${KEY}`, { account: NAME }, { authorization, host: 'localhost' });
  }
  await lab.ask('GET', `/admin/v1/${KEY}`, undefined, { host: `${KEY}.example` });
  await lab.ask('GET', `/admin/v1/%zz${KEY}`);
  const events = await lab.ask('GET', '/admin/v1/events');
  lab.peer = undefined;
  await lab.store.close();
  await lab.ask('POST', '/admin/v1/accounts', { account: NAME, region: 'eu' });

  const lines = lab.log.map((line) => JSON.parse(line) as Record<string, unknown>);
  const id = lines.find(({ admin }) => admin === 'accounts.put')?.id;
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(lines.filter(({ level }) => level === 30).map(({ admin, actor, id }) => [admin, actor, id])).toEqual([
    ['accounts.put', 'token:deploy', id],
    ['moves.begin', 'token:deploy', id],
  ]);
  expect(lines.filter(({ level }) => level === 40).length).toBeGreaterThan(3);
  expect(lines.filter(({ level }) => Number(level) > 40)).toEqual([]);
  const left = [...lab.log, events.body].join('\n').toLowerCase();
  expect(events.body).toContain('account_added');
  const canaries = [NAME, 'canary', KEY, READER, WRITER, FAR, '/api/v1/secret'];
  expect(canaries.filter((canary) => left.includes(canary.toLowerCase()))).toEqual([]);
});

it('answers 500 without a word of the cause, and logs its name and code alone', async () => {
  await reopen({
    explain: () => Promise.reject(Object.assign(new Error(`no such thing as ${KEY}`), { code: 'E_CANARY' })),
  });
  const reply = await lab.ask('POST', '/admin/v1/explain', { method: 'GET', path: `/api/v1/secret/${KEY}` });
  expect([reply.status, reply.json()]).toEqual([
    500,
    { error: 'internal_error', message: 'The gateway failed to handle this request.' },
  ]);
  expect(lab.log.join('')).toContain('E_CANARY');
  expect(lab.log.join('')).not.toContain(KEY);
});
