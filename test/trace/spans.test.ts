// What a request leaves in a real collector: the tree of its rooms.
import { describe, expect, it } from 'vitest';
import { openBrokenRegion } from '../support/broken-region.ts';
import { ALICE, BRUNO } from '../support/lab.ts';
import { nowhere } from './otlp.ts';
import { addressOf, one, openTraced, PARENT, TRACE, treeOf } from './traced.ts';

describe('a request leaves the tree of its rooms', () => {
  it('for a create: where it goes is decided, it is sent, and its keys are learned', async () => {
    await using traced = await openTraced();
    const { lab, spansOf } = traced;
    await lab.create({ as: ALICE });
    const spans = await spansOf('POST v1.share');

    expect(treeOf(spans)).toEqual([
      'POST v1.share',
      'POST v1.share > identify',
      'POST v1.share > admit',
      'POST v1.share > locate',
      'POST v1.share > decide',
      'POST v1.share > forward',
      'POST v1.share > learn',
    ]);
    const server = one(spans, 'POST v1.share');
    expect(server).toMatchObject({
      kind: 'server',
      parentId: '',
      failed: false,
      events: 0,
      links: 0,
      statusMessage: '',
    });
    expect(server.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': 'v1.share',
      'http.response.status_code': 200,
      'onetime.request_id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'onetime.region': 'us',
      'onetime.reason': 'account_home',
      'onetime.outcome': 'delivered',
    });
    expect(one(spans, 'locate').attributes).toEqual({ 'onetime.lookup': 'account', 'onetime.found': 'found' });
    expect(one(spans, 'decide').attributes).toEqual({ 'onetime.reason': 'account_home', 'onetime.region': 'us' });
    expect(one(spans, 'forward')).toMatchObject({ kind: 'client', failed: false });
    expect(one(spans, 'forward').attributes).toEqual({
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'onetime.outcome': 'delivered',
      'onetime.region': 'us',
      ...addressOf(lab.us.url),
    });
    expect(server.resource).toMatchObject({ 'service.name': 'onetime-gateway', 'service.version': 'test' });
  });

  it('each span begins and ends within the one above it', async () => {
    await using traced = await openTraced();
    const { lab, spansOf } = traced;
    await lab.create({ as: ALICE });
    const spans = await spansOf('POST v1.share');
    for (const span of spans) {
      expect(span.startNs <= span.endNs, span.name).toBe(true);
      const above = spans.find(({ spanId }) => spanId === span.parentId) ?? span;
      expect(above.startNs <= span.startNs && span.endNs <= above.endNs, span.name).toBe(true);
    }
  });

  it('for a private call: the region is asked about the credentials, once', async () => {
    await using traced = await openTraced();
    const { lab, spansOf } = traced;
    await lab.call('GET', '/api/v1/private/recent', { as: ALICE });
    await lab.call('GET', '/api/v1/receipt/recent', { as: ALICE });
    const spans = await spansOf('GET v1.private.recent');
    expect(treeOf(spans).slice(-3)).toEqual([
      'GET v1.private.recent > verify',
      'verify > ask',
      'GET v1.private.recent > forward',
    ]);
    expect(one(spans, 'ask')).toMatchObject({ kind: 'client', failed: false });
    expect(one(spans, 'ask').attributes).toEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'onetime.outcome': 'delivered',
      'onetime.region': 'us',
      ...addressOf(lab.us.url),
    });

    const again = await spansOf('GET v1.receipt.recent');
    expect(treeOf(again).slice(-2)).toEqual(['GET v1.receipt.recent > verify', 'GET v1.receipt.recent > forward']);
  });

  it('for credentials that are no good: verify says so, and nothing is sent', async () => {
    await using traced = await openTraced();
    const { lab, spansOf } = traced;
    expect((await lab.call('GET', '/api/v1/private/recent', { as: `${ALICE}-not` })).status).toBe(401);
    const spans = await spansOf('GET v1.private.recent');
    expect(treeOf(spans).slice(-2)).toEqual(['GET v1.private.recent > verify', 'verify > ask']);
    expect(one(spans, 'verify').attributes).toEqual({ 'onetime.refusal': 'credentials_rejected' });
  });

  it('for a retrieval: account and key are located', async () => {
    await using traced = await openTraced();
    const { lab, spansOf } = traced;
    const { secret } = await lab.create({ as: BRUNO });
    await lab.call('POST', `/api/v1/secret/${secret}`, { as: BRUNO });
    const spans = await spansOf('POST v1.secret');

    expect(treeOf(spans)).toEqual([
      'POST v1.secret',
      'POST v1.secret > identify',
      'POST v1.secret > admit',
      'POST v1.secret > locate',
      'POST v1.secret > locate',
      'POST v1.secret > decide',
      'POST v1.secret > forward',
    ]);
    const lookups = spans.filter(({ name }) => name === 'locate').map(({ attributes }) => attributes['onetime.lookup']);
    expect(lookups).toEqual(['account', 'key']);
    expect(one(spans, 'POST v1.secret').attributes).toMatchObject({ 'onetime.region': 'eu' });
  });

  it('for a refusal: nothing behind decide, and no error, since the gateway did what it should', async () => {
    await using traced = await openTraced();
    const { lab, spansOf } = traced;
    expect((await lab.call('GET', '/api/v1/private/recent')).status).toBe(401);
    const spans = await spansOf('GET v1.private.recent');

    expect(treeOf(spans)).toEqual([
      'GET v1.private.recent',
      'GET v1.private.recent > identify',
      'GET v1.private.recent > admit',
      'GET v1.private.recent > decide',
    ]);
    expect(one(spans, 'decide').attributes).toEqual({ 'onetime.refusal': 'authentication_required' });
    const server = one(spans, 'GET v1.private.recent');
    expect(server.attributes).toMatchObject({ 'onetime.refusal': 'authentication_required' });
    expect(spans.filter(({ failed }) => failed)).toEqual([]);
  });

  it('for a method and a path that are none: one span without a word of them', async () => {
    await using traced = await openTraced();
    const { lab, collector, spansOf } = traced;
    await lab.call('PURGE', '/api/v1/coffee');
    const spans = await spansOf('HTTP');
    expect(treeOf(spans)).toEqual(['HTTP']);
    expect(one(spans, 'HTTP').attributes).toMatchObject({ 'http.request.method': '_OTHER' });
    expect(Buffer.concat(collector.bodies).toString('latin1')).not.toMatch(/purge|coffee/i);
  });

  it('for a limit: admit names it', async () => {
    await using traced = await openTraced(
      {},
      { config: { limits: { account: { requests: 1, per: '60s', burst: 1 } } } },
    );
    const { lab, spansOf } = traced;
    await lab.call('GET', '/api/v1/status', { as: ALICE });
    expect((await lab.call('POST', '/api/v1/generate', { as: ALICE })).status).toBe(429);
    const spans = await spansOf('POST v1.generate');
    expect(one(spans, 'admit').attributes).toEqual({ 'onetime.refusal': 'rate_limited', 'onetime.limit': 'account' });
  });

  it('for a region that nobody can connect to: forward and the request have failed, and name the refusal', async () => {
    const url = await nowhere();
    await using traced = await openTraced(
      {},
      { upstreams: { us: [url] }, config: { private: { verify: 'presence' } } },
    );
    const { lab, spansOf } = traced;
    expect((await lab.call('POST', '/api/v1/share', { as: ALICE, body: 'secret=x' })).status).toBe(502);
    const spans = await spansOf('POST v1.share');
    expect(one(spans, 'forward')).toMatchObject({ kind: 'client', failed: true, statusMessage: '' });
    expect(one(spans, 'forward').attributes).toEqual({
      'http.request.method': 'POST',
      'error.type': 'region_unreachable',
      'onetime.outcome': 'not_sent',
      'onetime.refusal': 'region_unreachable',
      'onetime.region': 'us',
    });
    expect(one(spans, 'POST v1.share')).toMatchObject({ failed: true });
    expect(one(spans, 'POST v1.share').attributes).toMatchObject({ 'error.type': 'region_unreachable' });
  });

  it('for an answer that was lost: the outcome is unknown, and the upstream is named', async () => {
    const region = await openBrokenRegion((socket) => socket.destroy());
    await using traced = await openTraced({}, { upstreams: { us: [region.url] } });
    const { lab, spansOf } = traced;
    await lab.call('POST', '/us/api/v1/share', { body: 'secret=x' });
    const spans = await spansOf('POST v1.share');
    await region.close();
    expect(one(spans, 'forward').attributes).toMatchObject({
      'onetime.outcome': 'unknown',
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(region.url).port),
    });
  });

  it('for a repeat with Idempotency-Key: the vault answers, and nothing is sent', async () => {
    await using traced = await openTraced();
    const { lab, collector } = traced;
    const again = { body: 'secret=x', headers: { 'Idempotency-Key': '8e03978e-40d5-43e8-bc93-6894a57f9324' } };
    await lab.call('POST', '/us/api/v1/share', again);
    const headers = { ...again.headers, traceparent: `00-${TRACE}-${PARENT}-01` };
    await lab.call('POST', '/us/api/v1/share', { ...again, headers });
    await lab.gateway.close();
    const first = collector.spans.filter(({ traceId }) => traceId !== TRACE);
    const second = collector.spans.filter(({ traceId }) => traceId === TRACE);

    expect(treeOf(first).slice(-3)).toEqual([
      'POST v1.share > replay',
      'POST v1.share > forward',
      'POST v1.share > learn',
    ]);
    expect(one(first, 'replay').attributes).toEqual({ 'onetime.replay': 'sent' });
    expect(treeOf(second).at(-1)).toBe('POST v1.share > replay');
    expect(one(second, 'replay').attributes).toEqual({ 'onetime.replay': 'replayed' });
    expect(one(second, 'POST v1.share').attributes).toMatchObject({ 'onetime.replay': 'replayed' });
  });
});
