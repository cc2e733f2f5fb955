// Two callers of one region: undici's advisories about caches, requests sent once for several, and redirects.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { basic } from '../../support/http.ts';
import { ALICE, BRUNO, DORA } from '../../support/lab.ts';
import { shows } from './advisories.ts';
import { openWorld, PASSED, type World } from './world.ts';

vi.setConfig({ testTimeout: 10_000 });

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());
beforeEach(() => world.clear());

describe('caches', () => {
  it.each(
    [
      ['GHSA-pr7r-676h-xcf6', 'max-age=600, private=" authorization"'],
      ['GHSA-pr7r-676h-xcf6', 'public, s-maxage=600, no-cache="\tauthorization"'],
      ['GHSA-4cwx-7wf7-3272', 'max-age=600, private=""'],
      ['GHSA-4cwx-7wf7-3272', 'max-age=600, private=","'],
      ['GHSA-4cwx-7wf7-3272', 'max-age=600, private='],
      ['GHSA-jr45-8vmc-qm54', 'max-age=600, private = "authorization"'],
      ['GHSA-jr45-8vmc-qm54', 'max-age=600, no-cache ="set-cookie"'],
      ['GHSA-2jfj-6hjv-fm6j', 'public, s-maxage=600'],
    ].map(([id = '', value = '']) => [shows(id), value] as const),
  )('%s: %s', async (_shown, value) => {
    world.serve = (req, res) => {
      res.setHeader('Cache-Control', value);
      res.setHeader('ETag', '"e"');
      res.setHeader('Set-Cookie', `mine=${req.headers.authorization?.slice(6)}`);
      res.end(`for ${req.headers.authorization}`);
    };
    for (const as of [BRUNO, DORA, BRUNO]) {
      const reply = await world.lab.call('GET', '/app/mine', { as });
      expect(reply.body).toBe(`for ${basic(as)}`);
      expect(reply.headers['set-cookie']).toBe(`mine=${basic(as).slice(6)}`);
    }
    expect(world.eu.requests).toHaveLength(3);
  });

  it(shows('GHSA-8436-99hf-9mmv'), async () => {
    let count = 0;
    world.serve = (req, res) => {
      req.resume();
      req.on('end', () => res.setHeader('Cache-Control', 'public, max-age=600').end(`${++count}`));
    };
    const post = async (): Promise<string> => (await world.lab.call('POST', '/help/x', { body: 'same' })).body;
    expect([await post(), await post()]).toEqual(['1', '2']);
    const create = { as: ALICE, body: 'secret=same' };
    const keys = [
      await world.lab.call('POST', '/api/v1/share', create),
      await world.lab.call('POST', '/api/v1/share', create),
    ];
    expect(new Set(keys.map((reply) => reply.json().secret_key)).size).toBe(2);
    expect(world.lab.us.requests).toHaveLength(2);
  });

  it(shows('GHSA-phc3-fgpg-7m6h'), async () => {
    const waiting: (() => void)[] = [];
    world.serve = (_req, res) => {
      waiting.push(() => res.end('own'));
      // Neither is answered before both are here: were one sent for both, nobody would be.
      if (waiting.length === 2) for (const respond of waiting) respond();
    };
    const replies = await Promise.all([1, 2].map(() => world.lab.call('GET', '/help/same')));
    expect(replies.map(({ body }) => body)).toEqual(['own', 'own']);
    expect(world.eu.requests).toHaveLength(2);
  });
});

describe('redirects', () => {
  const SECRETS = {
    Cookie: 'sess=mine',
    'Proxy-Authorization': 'Basic eDp5',
    'X-Auth-Token': 'token',
  };

  it.each(
    [
      ['GHSA-q768-x9m6-m9qp', 302],
      ['GHSA-wqq4-5wpv-mx2g', 307],
      ['GHSA-3787-6prv-h9w3', 308],
      ['GHSA-m4v8-wqvr-p9f7', 301],
    ].map(([id = '', status = 0]) => [shows(String(id)), Number(status)] as const),
  )('%s: %i to another region, to itself and to a name', async (_shown, status) => {
    for (const to of [
      `${world.lab.us.url}/api/v1/status`,
      `${world.eu.url}/elsewhere`,
      '//eu.gateway.example/x',
      '/app/y',
    ]) {
      world.clear();
      world.serve = (_req, res) => res.writeHead(status, { Location: to, 'Content-Length': 0 }).end();
      const reply = await world.lab.call('GET', '/app/x', { as: BRUNO, headers: SECRETS });
      expect(reply.status).toBe(status);
      // A page of the gateway's own is the caller's to follow; a region's address is told to nobody.
      expect(reply.headers.location).toBe(to === '/app/y' || to.startsWith('//eu.') ? to : undefined);
      expect(world.eu.requests.map(({ target }) => target)).toEqual(['/app/x']);
      expect(world.lab.us.requests).toEqual([]);
      const crossed = new Map(world.eu.requests[0]?.headers);
      expect(crossed.has('proxy-authorization')).toBe(false);
    }
  });

  it.each([301, 302, 303, 307, 308])(`${shows('GHSA-q768-x9m6-m9qp')}: %i of the API`, async (status) => {
    world.lab.us.respondNext({ status, headers: [['Location', `${world.eu.url}/api/v1/status`]], body: '' });
    const reply = await world.lab.call('GET', '/api/v1/status', { as: ALICE, headers: SECRETS });
    expect(reply.headers.location).toBeUndefined();
    expect(world.lab.us.requests).toHaveLength(1);
    expect(world.eu.requests).toEqual([]);
    const crossed = world.lab.us.requests[0]?.headers.map(([name]) => name.toLowerCase());
    expect(crossed).not.toContain('cookie');
    expect(crossed).not.toContain('proxy-authorization');
  });

  it('under a prefix without credentials neither cookies nor Authorization cross', async () => {
    await world.lab.call('GET', PASSED, { headers: SECRETS });
    const crossed = world.lab.us.requests[0]?.headers.map(([name]) => name.toLowerCase());
    expect(crossed).not.toContain('cookie');
    expect(crossed).not.toContain('proxy-authorization');
  });
});

describe('proxies on the way to regions', () => {
  it.each(
    [
      ['GHSA-hm92-r4w5-c3mj', 'socks5://127.0.0.1:1080'],
      ['GHSA-hm92-r4w5-c3mj', 'socks5h://user:secret@127.0.0.1:1080'],
      ['GHSA-vmh5-mc38-953g', 'socks://127.0.0.1:1080'],
      ['GHSA-vmh5-mc38-953g', 'socks4a://127.0.0.1:1080'],
    ].map(([id = '', proxy = '']) => [shows(id), proxy] as const),
  )('%s: %s', (_shown, proxy) => {
    const us = { upstreams: ['http://127.0.0.1:1'] };
    for (const tree of [{ regions: { us }, upstream: { proxy } }, { regions: { us: { ...us, proxy } } }]) {
      expect(() => parseConfig(JSON.stringify(tree), 'test.yaml', {})).toThrow(/proxy: found/);
    }
  });
});
