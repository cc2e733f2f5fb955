// /openapi.json and /docs on the public listener: the gateway's own, strict like everything else there, and never sent on.
import { afterEach, describe, expect, it } from 'vitest';
import { call } from '../support/http.ts';
import { type Lab, type LabOptions, openLab } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';
import { documentOf } from './support.ts';

let lab: Lab;
afterEach(() => lab.close());

async function open(reference?: object, more: LabOptions['config'] = {}): Promise<void> {
  lab = await openLab({ config: { ...(reference === undefined ? {} : { reference }), ...more } });
}

const PAGES = ['/openapi.json', '/docs'] as const;
const HEADERS = { 'cache-control': 'public, max-age=300', 'x-content-type-options': 'nosniff' };

describe('/openapi.json', () => {
  it('answers with the document of this configuration', async () => {
    await open();
    const reply = await lab.call('GET', '/openapi.json');
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({ ...HEADERS, 'content-type': 'application/json; charset=utf-8' });
    expect(reply.json()).toEqual(JSON.parse(JSON.stringify(documentOf({ version: 'test' }))));
  });

  it('tells of other regions, of errors as they come, and of no repeats, where it is so configured', async () => {
    const regions = { us: { upstreams: ['http://127.0.0.1:9'] }, ca: { upstreams: ['http://127.0.0.1:10'] } };
    await open(undefined, { regions, accounts: {}, errors: 'verbatim', replay: 'off' });
    const expected = documentOf({
      version: 'test',
      regions: ['us', 'ca'],
      errors: 'verbatim',
      replayKeepMs: undefined,
    });
    expect((await lab.call('GET', '/openapi.json')).json()).toEqual(JSON.parse(JSON.stringify(expected)));
  });
});

describe('/docs', () => {
  it('answers with a page that may load nothing but its own style', async () => {
    await open();
    const { status, headers, body } = await lab.call('GET', '/docs');
    expect(status).toBe(200);
    expect(headers).toMatchObject({ ...HEADERS, 'content-type': 'text/html; charset=utf-8' });
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/]+=*'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    expect(body).not.toMatch(/<script|<link|<img|\son[a-z]+=|\bstyle=|url\(|@import|javascript:/i);
    // Whatever it leads to is in the page itself, or the document.
    const targets = [...body.matchAll(/href="([^"]*)"/g)].map(([, target = '']) => target);
    const anchors = new Set([...body.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => `#${id}`));
    expect(targets.filter((target) => !anchors.has(target) && target !== '/openapi.json')).toEqual([]);
  });

  it('shows every call, and each example with the host by which it was reached', async () => {
    await open();
    const { body } = await lab.call('GET', '/docs', { headers: { host: 'Secrets.Example' } });
    const { paths } = documentOf();
    for (const path of Object.keys(paths)) expect(body).toContain(`</span> ${path}<`);
    expect(body).toContain('&quot;https://secrets.example/api/v1/secret/SECRET_KEY&quot;');
    expect(body).not.toContain('$GATEWAY');
  });

  it.each([
    ['localhost:8080', 'http://localhost:8080'],
    ['127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['[::1]:8080', 'http://[::1]:8080'],
    ['secrets.example:8443', 'https://secrets.example:8443'],
    ['127.0.0.1.evil.example', 'https://127.0.0.1.evil.example'],
  ])('of the host %j makes %s', async (host, base) => {
    await open();
    const { body } = await lab.call('GET', '/docs', { headers: { host } });
    expect(body).toContain(`&quot;${base}/api/v1/status&quot;`);
  });

  it.each([
    '"><script>alert(1)</script>',
    'a$(reboot).example',
    'a`id`.example',
    'user@secrets.example',
    'secrets.example/path',
    "$&$'",
  ])('is not made for the host %j', async (host) => {
    await open();
    const { status, body } = await lab.call('GET', '/docs', { headers: { host } });
    expect(status).toBe(400);
    expect(body).not.toContain(host);
  });

  it('names no host for who sends none', async () => {
    await open();
    const caller = rawCaller(lab.gateway.url);
    caller.send('GET /docs HTTP/1.0\r\n\r\n');
    expect(await caller.closed).toMatch(/&quot;https:\/\/GATEWAY\/api\/v1\/status&quot;/);
  });

  it('believes no header that speaks of another host or scheme: the page may be cached', async () => {
    await open();
    const headers = {
      host: 'secrets.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
      forwarded: 'host=evil.example;proto=http',
    };
    const { body } = await lab.call('GET', '/docs', { headers });
    expect(body).not.toContain('evil.example');
    expect(body).toContain('https://secrets.example/api');
  });

  it('takes neither of two hosts', async () => {
    await open();
    const caller = rawCaller(lab.gateway.url);
    caller.send('GET /docs HTTP/1.1\r\nHost: one.example\r\nHost: two.example\r\nConnection: close\r\n\r\n');
    expect(await caller.closed).toMatch(/^HTTP\/1\.1 400/);
  });
});

describe.each(PAGES)('%s', (path) => {
  it('answers HEAD without a body, and says the same', async () => {
    await open();
    const get = await lab.call('GET', path);
    const head = await lab.call('HEAD', path);
    expect([head.status, head.body]).toEqual([200, '']);
    for (const name of ['etag', 'content-length', 'content-type', 'cache-control']) {
      expect([name, head.headers[name]]).toEqual([name, get.headers[name]]);
    }
  });

  it('answers 304 to who has it already, and 200 to who has another', async () => {
    await open();
    const { etag = '' } = (await lab.call('GET', path)).headers;
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const reply = await lab.call('GET', path, { headers: { 'if-none-match': known } });
      expect([known, reply.status, reply.body, reply.headers.etag]).toEqual([known, 304, '', etag]);
    }
    for (const known of ['"other"', etag.slice(1, -1), '']) {
      expect((await lab.call('GET', path, { headers: { 'if-none-match': known } })).status).toBe(200);
    }
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'get'])('answers 405 to %s', async (method) => {
    await open();
    const caller = rawCaller(lab.gateway.url);
    caller.send(`${method} ${path} HTTP/1.1\r\nHost: x.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    const answer = await caller.closed;
    // Node's parser knows no method `get`.
    expect(answer).toMatch(method === 'get' ? /^HTTP\/1\.1 400 / : /^HTTP\/1\.1 405 [\s\S]*\r\nAllow: GET, HEAD\r\n/);
  });

  it('is there at exactly this path', async () => {
    await open();
    const odd = [`${path}/`, `/${path}`, `${path}/x`, `/eu${path}`, `/api${path}`, path.toUpperCase(), `${path}%20`];
    for (const other of [...odd, path.replace('o', '%6f'), `/.${path}`, `/x/..${path}`]) {
      const { status } = await lab.call('GET', other);
      expect([other, status]).toEqual([other, expect.toSatisfy((one: number) => one === 400 || one === 404)]);
    }
    expect((await lab.call('GET', `${path}?version=1`)).status).toBe(200);
  });

  it('is answered here whatever is sent with it, counted under its own route, and no region hears of it', async () => {
    await open();
    const headers = { 'onetime-region': 'eu', authorization: 'Basic ???' };
    expect((await lab.call('GET', path, { headers })).status).toBe(200);
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
    const id = path === '/docs' ? 'reference.docs' : 'reference.openapi';
    const series = `onetime_gateway_requests_total{route="${id}",region="none",class="2xx"}`;
    expect(await lab.metric(series)).toBe(1);
    expect(JSON.parse(lab.log.at(-1) ?? '')).toMatchObject({ route: id, reason: 'answered_here', status: 200 });
  });

  it('answers 404 where it is switched off, and the other one goes on without it', async () => {
    const isDocs = path === '/docs';
    await open(isDocs ? { docs: false } : { openapi: false });
    expect(await lab.call('GET', path)).toMatchObject({ status: 404 });
    const other = await lab.call('GET', isDocs ? '/openapi.json' : '/docs');
    expect(other.status).toBe(200);
    expect(other.body).not.toContain(isDocs ? '"/docs"' : 'openapi.json');
  });
});

it('lets both answer at once when neither was asked before', async () => {
  await open();
  const replies = await Promise.all([...PAGES, ...PAGES].map((path) => call(lab.gateway.url, 'GET', path)));
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});

it('stands beside prefixes that are passed through', async () => {
  await open(undefined, { passthrough: [{ prefix: '/help', region: 'eu' }] });
  for (const path of PAGES) expect((await lab.call('GET', path)).status).toBe(200);
  await lab.call('GET', '/help/docs');
  expect(lab.eu.requests.map(({ path }) => path)).toEqual(['/help/docs']);
});
