// What another configuration takes over of the one before, what it begins anew, and what it takes away at once.
import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { openBrokenRegion } from '../support/broken-region.ts';
import { listen } from '../support/events.ts';
import { call } from '../support/http.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { openPageRegion, type PageRegion } from '../support/page-region.ts';
import { rawCaller } from '../support/raw.ts';

const opened: (() => PromiseLike<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

async function open(options: Parameters<typeof openLab>[0] = {}): Promise<Lab> {
  const lab = await openLab(options);
  opened.push(lab.close);
  return lab;
}

async function applied(lab: Lab, sections: Readonly<Record<string, unknown>>): Promise<void> {
  expect(await lab.reload(sections)).toMatchObject({ result: 'applied' });
}

describe('limits', () => {
  const perKey = (requests: number) => ({ perKey: { per: '1h', requests, burst: requests } });
  const ask = (lab: Lab) => lab.call('POST', '/us/api/v1/secret/abcdefghij0123456789abc');

  it('of the same rate go on where they were; of another they begin anew', async () => {
    const lab = await open({ config: { limits: perKey(2) } });
    const statuses = async (count: number): Promise<number[]> => {
      const replies: number[] = [];
      for (let turn = 0; turn < count; turn++) replies.push((await ask(lab)).status);
      return replies;
    };
    expect(await statuses(3)).toEqual([404, 404, 429]);
    await applied(lab, { limits: perKey(2), errors: 'verbatim' });
    expect(await statuses(1)).toEqual([429]);
    await applied(lab, { limits: perKey(3) });
    expect(await statuses(4)).toEqual([404, 404, 404, 429]);
    await applied(lab, { limits: { perKey: { mode: 'off' } } });
    expect(await statuses(1)).toEqual([404]);
  });
});

describe('the breaker', () => {
  const BREAKER = { breaker: { failures: 2, open: '1h' } };
  const up = (lab: Lab) => lab.metric('onetime_gateway_breaker_state{region="us"}');

  it('stays open where region and breaker are the same, and is closed where they are not', async () => {
    const gone = await openBrokenRegion((socket) => socket.resetAndDestroy());
    opened.push(gone.close);
    const lab = await open({ upstreams: { us: [gone.url] }, config: { health: BREAKER } });
    const ask = async () => (await lab.call('GET', '/us/api/v1/status')).json().error;
    for (let turn = 0; turn < 4; turn++) await ask();
    expect(await ask()).toBe('region_down');
    const state = await up(lab);
    const asked = gone.received.length;
    await applied(lab, { health: BREAKER, errors: 'verbatim' });
    expect([await ask(), await up(lab), gone.received.length]).toEqual(['region_down', state, asked]);
    // Connections of its own, to the same region.
    await applied(lab, { health: BREAKER, upstream: { connections: 3 } });
    expect([await ask(), await up(lab), gone.received.length]).toEqual(['region_down', state, asked]);
    await applied(lab, { health: { breaker: { ...BREAKER.breaker, failures: 3 } } });
    expect(await ask()).not.toBe('region_down');
    await applied(lab, { health: BREAKER });
    const regions = { us: { upstreams: [lab.us.url] }, eu: { upstreams: [lab.eu.url] } };
    await applied(lab, { health: BREAKER, regions });
    expect((await lab.call('GET', '/us/api/v1/status')).status).toBe(200);
    expect(await up(lab)).not.toBe(state);
  });
});

describe('metrics', () => {
  it('say nothing more of how a region is that is gone', async () => {
    const lab = await open();
    await lab.call('GET', '/us/api/v1/status');
    const gauges = async () =>
      (await lab.metrics()).split('\n').filter((line) => /^onetime_gateway_region_up\{/.test(line));
    expect(await gauges()).toHaveLength(2);
    await applied(lab, { regions: { eu: { upstreams: [lab.eu.url] } }, accounts: { rules: [] } });
    expect(await gauges()).toEqual(['onetime_gateway_region_up{region="eu"} 1']);
    expect(await lab.metric('onetime_gateway_config_reloads_total{result="applied"}')).toBe(1);
    expect(await lab.metric('onetime_gateway_config_last_reload_successful')).toBe(1);
    expect((await lab.reload('regions: {}')).result).toBe('refused');
    expect(await lab.metric('onetime_gateway_config_last_reload_successful')).toBe(0);
  });
});

it('a key in a region that is gone is not asked for in another under that name', async () => {
  const lab = await open();
  const { secret } = await lab.create({ region: 'us' });
  await applied(lab, { regions: { eu: { upstreams: [lab.eu.url] } }, accounts: { rules: [] } });
  lab.clearLedgers();
  expect((await lab.call('POST', `/api/v1/secret/${secret}`)).status).toBe(400);
  expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
  const regions = { us: { upstreams: [lab.us.url] }, eu: { upstreams: [lab.eu.url] } };
  await applied(lab, { regions });
  expect((await lab.call('POST', `/api/v1/secret/${secret}`)).json().value).toBe('s3cret-value');
});

describe('operators', () => {
  const [ONE, OTHER] = ['o', 'n'].map((letter) => `otga_${letter.repeat(43)}`) as [string, string];
  const hashOf = (token: string): string => `sha256:${createHash('sha256').update(token).digest('hex')}`;
  const admin = (token: string, hosts: string[] = []) => ({
    admin: { host: '127.0.0.1', port: 0, hosts, tokens: [{ name: 'ops', role: 'write', hash: hashOf(token) }] },
  });
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

  it('with a token that was taken back are out at once, also of the live stream', async () => {
    const lab = await open({ config: admin(ONE) });
    const live = await listen(lab.gateway.adminUrl, '/admin/v1/live', bearer(ONE));
    await live.next();
    await applied(lab, admin(OTHER));
    await live.over;
    const ask = (token: string) => call(lab.gateway.adminUrl, 'GET', '/admin/v1/reload', { headers: bearer(token) });
    expect((await ask(ONE)).status).toBe(401);
    expect((await ask(OTHER)).json()).toMatchObject({
      last: { changed: ['a hidden value, or what a named file holds'] },
    });
  });

  it('who came by a name that is no longer one are out at once, also of the live stream', async () => {
    const lab = await open({ config: admin(ONE, ['ops.example']) });
    const headers = { ...bearer(ONE), Host: 'ops.example' };
    const live = await listen(lab.gateway.adminUrl, '/admin/v1/live', headers);
    await live.next();
    await applied(lab, admin(ONE));
    await live.over;
    expect((await call(lab.gateway.adminUrl, 'GET', '/admin/v1/reload', { headers })).status).toBe(421);
  });
});

describe('passed-through paths', () => {
  async function pages(): Promise<PageRegion> {
    const region = await openPageRegion(
      (_req, res) => res.setHeader('Content-Length', 5).end('plain'),
      (peer) => peer.on('message', (data, binary) => peer.send(data, { binary })),
    );
    opened.push(region.close);
    return region;
  }

  it('come, change their region and go, on a connection that stays', async () => {
    const [us, eu] = [await pages(), await pages()];
    const lab = await open({ upstreams: { us: [us.url], eu: [eu.url] } });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = async () => (await lab.call('GET', '/help', { agent })).headers['onetime-gateway-region'];
    expect(await ask()).toBeUndefined();
    await applied(lab, { passthrough: [{ prefix: '/help', region: 'eu' }] });
    expect(await ask()).toBe('eu');
    const before = eu.requests.length;
    await applied(lab, { passthrough: [{ prefix: '/help', region: 'us' }] });
    expect(await ask()).toBe('us');
    await applied(lab, {});
    expect(await ask()).toBeUndefined();
    expect([us.requests.length, eu.requests.length]).toEqual([1, before]);
    // The connections of a configuration that is gone are closed.
    await expect.poll(() => us.connections() + eu.connections()).toBe(0);
    agent.destroy();
  });

  it('an answer that streams is not cut, though its prefix and its region are gone', async () => {
    const asked = Promise.withResolvers<() => void>();
    const eu = await openPageRegion((_req, res) => {
      res.write('the first half, ');
      asked.resolve(() => res.end('the second half'));
    });
    opened.push(eu.close);
    const passthrough = [{ prefix: '/help', region: 'eu' }];
    const lab = await open({ upstreams: { eu: [eu.url] }, config: { passthrough } });
    const caller = rawCaller(lab.gateway.url);
    caller.send('GET /help HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n');
    const end = await asked.promise;
    await caller.sees(/first half/);
    const without = { passthrough: [], regions: { us: { upstreams: [lab.us.url] } }, accounts: { rules: [] } };
    await applied(lab, without);
    await applied(lab, { ...without, errors: 'verbatim' });
    end();
    expect(await caller.closed).toMatch(/the first half, [\s\S]*the second half/);
    await expect.poll(() => eu.connections()).toBe(0);
  });

  it('a WebSocket is asked to close, and its configuration’s connections end with it', async () => {
    const eu = await pages();
    const lab = await open({
      upstreams: { eu: [eu.url] },
      config: { passthrough: [{ prefix: '/help', region: 'eu' }] },
    });
    const socket = new WebSocket(`${lab.gateway.url.replace('http', 'ws')}/help`);
    await new Promise((settle) => socket.addEventListener('open', settle));
    const closed = new Promise<CloseEvent>((settle) => socket.addEventListener('close', settle));
    await applied(lab, { passthrough: [] });
    expect((await closed).code).toBe(1001);
    await expect.poll(() => eu.connections()).toBe(0);
  });

  it('a WebSocket whose handshake is under way is asked to close as soon as it is open', async () => {
    const taken = Promise.withResolvers<() => void>();
    const held = await openBrokenRegion((socket, request) => {
      const key = /sec-websocket-key: (\S+)/i.exec(request)?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      taken.resolve(() =>
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        ),
      );
    });
    opened.push(held.close);
    const passthrough = [{ prefix: '/help', region: 'eu' }];
    const lab = await open({ upstreams: { eu: [held.url] }, config: { passthrough } });
    const socket = new WebSocket(`${lab.gateway.url.replace('http', 'ws')}/help`);
    const closed = new Promise<CloseEvent>((settle) => socket.addEventListener('close', settle));
    const accept = await taken.promise;
    await applied(lab, { passthrough, errors: 'verbatim' });
    accept();
    expect((await closed).code).toBe(1001);
  });
});
