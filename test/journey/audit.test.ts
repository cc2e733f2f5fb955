// What a request leaves in the audit log: where it went, for whom, and what came of it; and nothing went without a record.
import { createHash } from 'node:crypto';
import { renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../src/audit/record.ts';
import { type AuditedLab, openAudited } from '../support/audited.ts';
import { closedPort, openBrokenRegion } from '../support/broken-region.ts';
import { openHeldRegion } from '../support/held-region.ts';
import { call } from '../support/http.ts';
import { ALICE, BRUNO, WANDERER } from '../support/lab.ts';
import { openPageRegion } from '../support/page-region.ts';
import { rawCaller } from '../support/raw.ts';
import { until } from '../support/redis.ts';

const PASSTHROUGH = [
  { prefix: '/eu-app', region: 'eu', credentials: 'forward' },
  { prefix: '/us-app', region: 'us', credentials: 'forward' },
];

const TOKEN = `otga_${'t'.repeat(43)}`;
const ADMIN = {
  host: '127.0.0.1',
  port: 0,
  tokens: [{ name: 'test', role: 'write', hash: `sha256:${createHash('sha256').update(TOKEN).digest('hex')}` }],
};

const KEY = 'nosuchkey000000000000000000000';

const hostOf = (url: string): string => new URL(url).host;

/** Where a request went, and what came of it. */
function way({ region, upstream, outcome, status, refusal }: AuditRecord): unknown[] {
  return [region, upstream, outcome, status, refusal];
}

describe('between two regions', () => {
  let lab: AuditedLab;
  let us: string;
  let eu: string;
  beforeEach(async () => {
    lab = await openAudited({ config: { admin: ADMIN } });
    us = hostOf(lab.us.url);
    eu = hostOf(lab.eu.url);
  });
  afterEach(async () => {
    await lab.end();
    expect(await lab.verify()).toMatchObject({ good: true });
    await lab[Symbol.asyncDispose]();
  });

  it('a private call leaves its verification and itself, with region, upstream, locality and sizes', async () => {
    const reply = await lab.call('POST', `/api/v1/private/${KEY}/burn`, { as: BRUNO, body: 'a=b' });
    const record = await lab.recordOf(reply);
    expect(record).toMatchObject({ route: 'v1.private.burn', effect: 'destroys', pinned: true, home: 'eu' });
    expect(record).toMatchObject({ reason: 'account_home', received: 3, sent: reply.body.length, certificate: null });
    expect(way(record)).toEqual(['eu', eu, 'delivered', reply.status, null]);
    expect(record.account).toMatch(/^[0-9a-f]{32}$/);
    const { account } = record;
    expect(await lab.record('verify')).toMatchObject({ account, region: 'eu', upstream: eu, outcome: 'delivered' });
    expect(lab.us.requests).toEqual([]);
  });

  it('every request that a region took has a record with that region’s upstream, and no other record has one', async () => {
    const made = await lab.create({ as: ALICE });
    await lab.call('POST', `/us/api/v1/secret/${made.secret}`, { as: WANDERER });
    await lab.call('GET', '/api/v1/private/recent', { as: BRUNO });
    await lab.call('HEAD', '/eu/api/v1/status');
    await lab.call('GET', '/us/api/v1/status', { as: BRUNO });
    await lab.call('GET', '/api/v1/private/recent', { as: `${BRUNO.split(':')[0]}:wrong` });
    await lab.call('GET', '/api/v1/private/recent', { as: 'nobody@nowhere.example:token' });
    await lab.call('GET', `/secret/${made.secret}`);
    await lab.end();
    const sent = lab.records().filter(({ upstream }) => typeof upstream === 'string');
    expect(sent.filter(({ upstream }) => upstream === us)).toHaveLength(lab.us.requests.length);
    expect(sent.filter(({ upstream }) => upstream === eu)).toHaveLength(lab.eu.requests.length);
    expect(lab.us.requests.length + lab.eu.requests.length).toBe(7);
    const places = sent.map(({ region, upstream }) => `${region} ${upstream}`);
    expect(new Set(places)).toEqual(new Set([`us ${us}`, `eu ${eu}`]));
  });

  it('a retrieval outside the account’s region says why, and its verification was at home', async () => {
    const made = await lab.create({ region: 'us' });
    const reply = await lab.call('POST', `/us/api/v1/secret/${made.secret}`, { as: WANDERER });
    const record = await lab.recordOf(reply);
    expect(record).toMatchObject({ pinned: false, home: 'eu', reason: 'retrieval_named' });
    expect(way(record)).toEqual(['us', us, 'delivered', 200, null]);
    expect(await lab.record('verify')).toMatchObject({ region: 'eu', upstream: eu, pinned: false });
  });

  it('a repeated call that is answered from what was kept names no region: nothing was sent', async () => {
    const headers = { 'Idempotency-Key': 'abcdefgh-0123456789' };
    const share = () => lab.call('POST', '/api/v1/share', { as: BRUNO, headers, body: 'secret=x' });
    const [first, again] = [await share(), await share()];
    expect(again.body).toBe(first.body);
    expect(way(await lab.recordOf(first))).toEqual(['eu', eu, 'delivered', 200, null]);
    expect(way(await lab.recordOf(again))).toEqual([null, null, 'delivered', 200, null]);
    expect(lab.eu.requests.filter(({ path }) => path.startsWith('/api/v1/share'))).toHaveLength(1);
  });

  it('another’s key is answered without a region, after a verification at home', async () => {
    const made = await lab.create({ as: BRUNO });
    lab.clearLedgers();
    const reply = await lab.call('GET', `/api/v1/private/${made.metadata}`, { as: ALICE });
    const record = await lab.recordOf(reply);
    expect(record).toMatchObject({ reason: 'key_concealed', home: 'us' });
    expect(way(record)).toEqual([null, null, 'not_sent', 404, null]);
    expect(await lab.record('verify')).toMatchObject({ region: 'us', upstream: us });
    expect([lab.eu.requests.length, lab.us.requests.length]).toEqual([0, 1]);
  });

  it.each([
    ['a link', 'GET', '/secret/abcdefghijklmnopqrstuvwxyz', {}, 'link.secret', 404],
    ['its own status', 'GET', '/api/v1/status', {}, 'v1.status', 200],
    ['a path that is none', 'GET', '/api/v1/nothing', {}, 'none', 404],
    ['a pinned account that names another region', 'GET', '/us/api/v1/status', { as: BRUNO }, 'v1.status', 403],
    ['an account that nobody knows', 'GET', '/api/v1/authcheck', { as: 'x@y.example:t' }, 'v1.authcheck', 401],
    ['credentials that are none', 'GET', '/eu/api/v1/status', { headers: { authorization: 'x' } }, 'v1.status', 401],
  ])('%s names no region', async (_what, method, path, options, route, status) => {
    const record = await lab.recordOf(await lab.call(method, path, options));
    expect(record).toMatchObject({ route, region: null, upstream: null, certificate: null, status });
    expect([null, 'not_sent']).toContain(record.outcome);
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
  });

  it('an answer to HEAD has no bytes', async () => {
    const reply = await lab.call('HEAD', '/eu/api/v1/status');
    expect(await lab.recordOf(reply)).toMatchObject({ region: 'eu', outcome: 'delivered', status: 200, sent: 0 });
  });

  it('a change of the directory is recorded with its actor, and without the account’s name', async () => {
    const account = 'ann.canary@new.example';
    const put = JSON.stringify({ account, region: 'eu', pinned: true });
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const { status } = await call(lab.gateway.adminUrl, 'POST', '/admin/v1/accounts', { headers, body: put });
    expect(status).toBeLessThan(300);
    const record = await lab.record('directory', ({ account: hash }) => hash !== null);
    expect(record).toMatchObject({ account: expect.stringMatching(/^[0-9a-f]{32}$/), actor: 'token:test' });
    expect(JSON.stringify(lab.records())).not.toContain('canary');
    // The report finds a request of it by the same hash.
    const reply = await lab.call('GET', '/api/v1/authcheck', { as: `${account}:t` });
    expect(await lab.recordOf(reply)).toMatchObject({ account: record.account, home: 'eu' });
    expect(await lab.record('verify')).toMatchObject({ account: record.account, region: 'eu' });
  });
});

describe('whom a record is about', () => {
  const unknown = 'stranger@nowhere.example:token';

  it.each([
    ['named', 'named', '/us/api/v1/private/recent', 'account_unknown_named'],
    ['a region', 'us', '/api/v1/private/recent', 'account_unknown_default'],
  ])(
    'an account that nobody knows, where accounts.unknown is %s: its hash, no home, and where it was sent',
    async (_what, mode, path, reason) => {
      await using lab = await openAudited({ config: { accounts: { unknown: mode } } });
      const reply = await lab.call('GET', path, { as: unknown });
      expect(await lab.recordOf(reply)).toMatchObject({
        account: expect.stringMatching(/^[0-9a-f]{32}$/),
        pinned: null,
        home: null,
        reason,
      });
      const upstream = hostOf(lab.us.url);
      expect(await lab.record('verify')).toMatchObject({ region: 'us', upstream, outcome: 'delivered', pinned: null });
      expect(lab.eu.requests).toEqual([]);
    },
  );

  it('simultaneous callers with the same credentials share one verification, and have a record each', async () => {
    await using lab = await openAudited({ twins: { delayMs: 30 } });
    const calls = Array.from({ length: 5 }, () => lab.call('GET', '/api/v1/private/recent', { as: BRUNO }));
    const replies = await Promise.all(calls);
    const records = await Promise.all(replies.map((reply) => lab.recordOf(reply)));
    expect(new Set(records.map(({ request }) => request)).size).toBe(5);
    expect(lab.records().filter(({ kind }) => kind === 'verify')).toHaveLength(1);
    expect(new Set(records.map(({ account }) => account))).toEqual(new Set([(await lab.record('verify')).account]));
  });

  it('names the same hash for every way to write an account, with a bad token too', async () => {
    await using lab = await openAudited();
    const [name = '', token = ''] = BRUNO.split(':');
    const hashes = [];
    for (const as of [BRUNO, `${name.toUpperCase()}:${token}`, `${name}:bad`]) {
      hashes.push((await lab.recordOf(await lab.call('GET', '/eu/api/v1/status', { as }))).account);
    }
    expect(new Set(hashes).size).toBe(1);
  });
});

describe('what came of a call', () => {
  it('is unknown, with the upstream, when the region resets after it was sent', async () => {
    const region = await openBrokenRegion((socket) => socket.resetAndDestroy());
    await using lab = await openAudited({ upstreams: { eu: [region.url] } });
    const reply = await lab.call('POST', '/api/v1/share', { as: BRUNO, body: 'secret=x' });
    const record = await lab.recordOf(reply);
    expect(way(record)).toEqual(['eu', hostOf(region.url), 'unknown', 502, 'region_failed']);
    await region.close();
  });

  it('names the upstream that took it, not the one that was tried before', async () => {
    const dead = `http://127.0.0.1:${await closedPort()}`;
    const region = await openBrokenRegion((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'));
    await using lab = await openAudited({ upstreams: { us: [dead, region.url] } });
    const reply = await lab.call('GET', '/us/api/v1/status');
    expect(way(await lab.recordOf(reply))).toEqual(['us', hostOf(region.url), 'delivered', 200, null]);
    await region.close();
    const refused = await lab.call('POST', '/us/api/v1/share', { body: 'secret=x' });
    expect(way(await lab.recordOf(refused))).toEqual(['us', null, 'not_sent', 502, 'region_unreachable']);
  });

  it('is recorded for a caller that has hung up: sent, and no status', async () => {
    await using region = await openHeldRegion();
    await using lab = await openAudited({ upstreams: { us: [region.url] } });
    const caller = rawCaller(lab.gateway.url);
    caller.send('POST /us/api/v1/share HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nsecret=x');
    await region.first;
    caller.socket.destroy();
    await caller.closed;
    region.release();
    const record = await lab.record('request');
    expect(record).toMatchObject({ received: 8, effect: 'creates' });
    expect(way(record)).toEqual(['us', hostOf(region.url), 'delivered', null, null]);
  });

  it('is unknown for a call that was at its region when the gateway was closed', async () => {
    await using region = await openHeldRegion();
    await using lab = await openAudited({ upstreams: { us: [region.url] } });
    const cut = lab.call('POST', '/us/api/v1/share', { body: 'secret=x' });
    cut.catch(() => {});
    await region.first;
    await lab.end();
    await expect(cut).rejects.toThrow();
    const kinds = lab.records().map(({ kind }) => kind);
    expect(kinds.slice(-3)).toEqual(['request', 'closed', 'head']);
    const record = await lab.record('request');
    expect(way(record)).toEqual(['us', hostOf(region.url), 'unknown', null, 'region_failed']);
  });

  it('counts what has left of an answer that streams', async () => {
    const size = 9 * 1024 * 1024;
    const region = await openPageRegion((_req, res) =>
      res.setHeader('Content-Length', size).end(Buffer.alloc(size, 'x')),
    );
    await using lab = await openAudited({ upstreams: { us: [region.url] } });
    const whole = await lab.call('GET', '/us/api/v1/status');
    expect(await lab.recordOf(whole)).toMatchObject({ outcome: 'delivered', status: 200, sent: size });
    const head = await lab.call('HEAD', '/us/api/v1/status');
    expect(await lab.recordOf(head)).toMatchObject({ outcome: 'delivered', status: 200, sent: 0 });
    await lab.end();
    await region.close();
  });
});

describe('paths that are passed through', () => {
  it('leave the same record: region, upstream, bytes both ways', async () => {
    const region = await openPageRegion((req, res) => {
      req.resume();
      req.on('end', () => res.setHeader('Content-Length', 5).end('hello'));
    });
    await using lab = await openAudited({ upstreams: { eu: [region.url] }, config: { passthrough: PASSTHROUGH } });
    const reply = await lab.call('POST', '/eu-app/x', { as: BRUNO, body: 'abc' });
    const record = await lab.recordOf(reply);
    expect(record).toMatchObject({ route: 'passthrough', pinned: true, home: 'eu', received: 3, sent: 5 });
    expect(way(record)).toEqual(['eu', hostOf(region.url), 'delivered', 200, null]);
    const refused = await lab.recordOf(await lab.call('GET', '/us-app/x', { as: BRUNO }));
    expect(way(refused)).toEqual([null, null, 'not_sent', 403, 'region_not_allowed']);
    await lab.end();
    await region.close();
  });

  it('a WebSocket leaves its record when it ends', async () => {
    const region = await openPageRegion(
      (_req, res) => res.end(),
      (peer) => peer.on('message', (data, binary) => peer.send(data, { binary })),
    );
    await using lab = await openAudited({ upstreams: { eu: [region.url] }, config: { passthrough: PASSTHROUGH } });
    const socket = new WebSocket(`${lab.gateway.url.replace('http', 'ws')}/eu-app/ws`);
    await new Promise((settle) => socket.addEventListener('open', settle));
    expect(lab.records().filter(({ kind }) => kind === 'request')).toEqual([]);
    socket.close();
    const record = await lab.record('request');
    expect(way(record)).toEqual(['eu', hostOf(region.url), 'delivered', 101, null]);
    await lab.end();
    await region.close();
  });
});

describe('while nothing can be written', () => {
  /** The log's file is moved away: noticed with the next head. */
  async function breakLog(lab: AuditedLab): Promise<void> {
    renameSync(lab.file, `${lab.file}.away`);
    await until(async () => (await lab.metric('onetime_gateway_audit_failing')) === 1);
  }
  const mend = (lab: AuditedLab): void => renameSync(`${lab.file}.away`, lab.file);
  const audit = { heads: '20ms' };

  it('nothing is sent: 503 audit_unavailable, also in place of a verification, and then as before by itself', async () => {
    const region = await openPageRegion((_req, res) => res.setHeader('Content-Length', 2).end('ok'));
    await using lab = await openAudited({
      audit,
      config: { passthrough: [...PASSTHROUGH, { prefix: '/x', region: 'eu' }] },
    });
    await lab.call('GET', '/api/v1/status');
    await breakLog(lab);
    lab.clearLedgers();
    const refused = [
      await lab.call('POST', '/eu/api/v1/share', { body: 'secret=x' }),
      await lab.call('GET', '/api/v1/private/recent', { as: BRUNO }),
      await lab.call('GET', '/x/page'),
    ];
    for (const { status, headers, body } of refused) {
      expect([status, headers['retry-after'], headers['onetime-gateway-outcome']]).toEqual([503, '5', 'not_sent']);
      expect(JSON.parse(body)).toMatchObject({ error: 'audit_unavailable', outcome: 'not_sent' });
    }
    const socket = new WebSocket(`${lab.gateway.url.replace('http', 'ws')}/x/ws`);
    await new Promise((settle) => socket.addEventListener('error', settle));
    expect([lab.us.requests, lab.eu.requests]).toEqual([[], []]);
    // What the gateway answers itself does not leave.
    expect((await lab.call('GET', '/api/v1/status')).status).toBe(200);

    mend(lab);
    await until(async () => (await lab.metric('onetime_gateway_audit_failing')) === 0);
    expect((await lab.call('GET', '/eu/api/v1/status')).status).toBe(200);
    for (const reply of refused) {
      expect(await lab.recordOf(reply)).toMatchObject({
        upstream: null,
        outcome: 'not_sent',
        refusal: 'audit_unavailable',
      });
    }
    await lab.end();
    await region.close();
    expect(await lab.verify()).toMatchObject({ good: true });
  });

  it('onFailure: continue serves, and every record follows', async () => {
    await using lab = await openAudited({ audit: { ...audit, onFailure: 'continue' } });
    await lab.call('GET', '/api/v1/status');
    await breakLog(lab);
    const reply = await lab.call('GET', '/api/v1/private/recent', { as: BRUNO });
    expect(reply.status).toBe(200);
    mend(lab);
    expect(await lab.recordOf(reply)).toMatchObject({ region: 'eu', outcome: 'delivered' });
  });

  it('nothing leaves that waited when it began to fail: the answer is the same', async () => {
    await using region = await openHeldRegion();
    const upstream = { connections: 1 };
    await using lab = await openAudited({ audit, upstreams: { us: [region.url] }, config: { upstream } });
    const first = lab.call('GET', '/us/api/v1/status');
    await region.first;
    const waiting = lab.call('POST', '/us/api/v1/share', { body: 'secret=x' });
    await until(async () => (await lab.metric('onetime_gateway_upstream_waiting{region="us"}')) === 1);
    await breakLog(lab);
    region.release();
    expect((await first).status).toBe(200);
    expect((await waiting).json()).toMatchObject({ error: 'audit_unavailable', outcome: 'not_sent' });
    expect(region.received).toHaveLength(1);
    mend(lab);
  });
});

it('without a log nothing is kept, and everything is served', async () => {
  await using lab = await openAudited({ audit: { file: null } });
  expect((await lab.call('GET', '/eu/api/v1/status')).status).toBe(200);
  await lab.end();
  expect(lab.records()).toEqual([]);
});
