// What callers see: statuses that say what the service's 404 meant, bodies untouched, and the gateway's own answers.
import { afterEach, describe, expect, it } from 'vitest';
import { ALICE, BRUNO, type Lab, openLab } from '../support/lab.ts';

let lab: Lab;
afterEach(() => lab.close());

const UNKNOWN = 'nosuchkey000000000000000000000';

/** Case -> the twin's ambiguous 404 and the status that it means. */
const MEANINGS = [
  ['a wrong token', 401, 'POST', '/api/v1/share', 'bruno@eu.example:wrong', '{"message":"Not authorized"}'],
  [
    'an unknown secret',
    404,
    'POST',
    `/api/v1/secret/${UNKNOWN}`,
    BRUNO,
    `{"secret_key":"${UNKNOWN}","message":"Unknown secret"}`,
  ],
  ['an invalid form', 400, 'POST', '/api/v1/share', BRUNO, 'You did not provide anything to share'],
] as const;

describe('errors: accurate', () => {
  it.each(MEANINGS)(
    '%s is %i, the body untouched, outcome delivered',
    async (_what, status, method, path, as, body) => {
      lab = await openLab();
      const reply = await lab.call(method, path, { as });
      expect([reply.status, reply.headers['onetime-gateway-outcome']]).toEqual([status, 'delivered']);
      expect(reply.body).toContain(body);
      expect(reply.headers['www-authenticate'] !== undefined).toBe(status === 401);
    },
  );

  it.each([
    ['rate limited (0.20)', 429, { status: 404, body: '{"message":"Cripes! You have been rate limited."}' }],
    ['rate limited (0.26)', 429, { status: 404, body: '{"message":"Rate limit exceeded. Please try again later."}' }],
    [
      'a fault of the service',
      502,
      { status: 404, body: '{"shrimp":"x","message":"An unexpected error occurred :["}' },
    ],
    [
      'invalid (0.26)',
      400,
      { status: 404, body: '{"message":"whatever"}', headers: [['X-OTS-Intended-Status', '400']] },
    ],
    [
      'not authorized (0.26)',
      401,
      { status: 404, body: '{"message":"whatever"}', headers: [['X-OTS-Intended-Status', '401']] },
    ],
    ['no such route', 404, { status: 404, body: '{"error":"Not Found"}' }],
    [
      'a form error that quotes the caller',
      400,
      { status: 404, body: '{"shrimp":"x","message":"Unknown domain: rate limit"}' },
    ],
    ['what is no JSON', 404, { status: 404, body: '<html>' }],
    ['a database that is away', 500, { status: 500, body: '{"error":"Internal Server Error"}' }],
  ] as const)('%s is %i', async (_what, status, answer) => {
    lab = await openLab();
    lab.eu.respondNext(answer);
    const reply = await lab.call('POST', '/eu/api/v1/share', { body: 'secret=x' });
    expect([reply.status, reply.body]).toEqual([status, answer.body]);
    expect(reply.headers['onetime-gateway-outcome']).toBe('delivered');
  });
});

describe('errors: verbatim', () => {
  it.each(MEANINGS)('%s keeps the service’s 404', async (_what, _status, method, path, as, body) => {
    lab = await openLab({ config: { errors: 'verbatim' } });
    const reply = await lab.call(method, path, { as });
    expect(reply.status).toBe(404);
    expect(reply.body).toContain(body);
  });
});

describe('the gateway’s own answers', () => {
  it('say message, error and request id, in JSON that is not stored', async () => {
    lab = await openLab();
    const reply = await lab.call('GET', '/api/v1/private/recent');
    expect(reply.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(reply.headers['cache-control']).toBe('no-store');
    expect(reply.json().request_id).toBe(reply.headers['x-request-id']);
    expect(reply.json()).toMatchObject({ error: 'authentication_required', message: expect.stringMatching(/Basic/) });
    expect(reply.headers['onetime-gateway-region']).toBeUndefined();
  });

  it('have a request id each, never the caller’s', async () => {
    lab = await openLab();
    const ids = [];
    for (let i = 0; i < 2; i++) {
      ids.push(
        (await lab.call('GET', '/api/v1/status', { headers: { 'X-Request-Id': 'mine' } })).headers['x-request-id'],
      );
    }
    expect(new Set([...ids, 'mine']).size).toBe(3);
  });

  it.each(['/api/v1/status', '/api/v2/status'])('GET %s that names nothing is answered here', async (path) => {
    lab = await openLab();
    const reply = await lab.call('GET', path);
    expect(reply.body).toBe('{"status":"nominal","locale":"en"}');
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
    const head = await lab.call('HEAD', path);
    expect([head.status, head.body, head.headers['content-length']]).toEqual([200, '', '34']);
  });
});

describe('anonymous callers without a region', () => {
  it('are sent where the configuration says, and create elsewhere than they retrieve', async () => {
    lab = await openLab({ config: { anonymous: { create: 'eu', retrieve: 'us' } } });
    await lab.call('POST', '/api/v1/share', { body: 'secret=x' });
    await lab.call('POST', `/api/v1/secret/${UNKNOWN}`);
    expect(lab.eu.requests.map(({ path }) => path)).toEqual(['/api/v1/share']);
    expect(lab.us.requests.map(({ path }) => path)).toEqual([`/api/v1/secret/${UNKNOWN}`]);
    expect((await lab.call('GET', '/api/v2/version')).json().error).toBe('region_required');
  });
});

describe('one gateway a region (self.region)', () => {
  it('answers 421 with the right gateway’s URL, and asks no region', async () => {
    const self = { region: 'eu', gateways: { us: 'https://us.gateway.example' } };
    lab = await openLab({ config: { self } });
    const reply = await lab.call('POST', '/api/v1/share', { as: ALICE, body: 'secret=x' });
    expect([reply.status, reply.json().error]).toEqual([421, 'misdirected']);
    expect(reply.json().hint).toContain('https://us.gateway.example');
    expect((await lab.call('POST', '/api/v1/share', { as: BRUNO, body: 'secret=x' })).status).toBe(200);
    expect(lab.us.requests).toEqual([]);
  });
});

describe('a region of version 0.26', () => {
  it('serves its longer keys from creation to the end', async () => {
    lab = await openLab({ twins: { version: '0.26' } });
    const { secret, metadata } = await lab.create({ as: BRUNO });
    expect(secret.length).toBeGreaterThan(40);
    expect((await lab.call('GET', `/api/v1/receipt/${metadata}`, { as: BRUNO })).status).toBe(200);
    expect((await lab.call('POST', `/eu/api/v1/secret/${secret}`)).json().value).toBe('s3cret-value');
    expect((await lab.call('GET', '/api/v1/receipt/recent', { as: BRUNO })).status).toBe(200);
  });
});

describe('version 2', () => {
  it('conceals, shows, reveals and burns in the account’s region', async () => {
    lab = await openLab();
    const json = { as: BRUNO, headers: { 'content-type': 'application/json' } };
    const create = { ...json, body: JSON.stringify({ secret: { secret: 'two', ttl: 3600 } }) };
    const text = (await lab.call('POST', '/api/v2/secret/conceal', create)).body;
    const keys = [...text.matchAll(/"key":"([0-9a-z]{31})"/g)].map((match) => match[1]);
    expect(keys.length).toBeGreaterThanOrEqual(2);
    const secret = keys.find((key) => lab.eu.secret(key ?? '') !== undefined);
    expect((await lab.call('GET', `/eu/api/v2/secret/${secret}`)).status).toBe(200);
    const reveal = { headers: { 'content-type': 'application/json' }, body: '{"continue":true}' };
    expect((await lab.call('POST', `/eu/api/v2/secret/${secret}/reveal`, reveal)).body).toContain('two');
    expect((await lab.call('POST', `/eu/api/v2/secret/${secret}/reveal`, reveal)).status).toBe(404);
    expect(lab.us.requests).toEqual([]);
  });
});
