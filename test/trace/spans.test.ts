// What a request leaves in a real collector: the tree of its rooms, joined to the caller's trace and to the region's.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TwinRequest } from '../../src/twin/ledger.ts';
import { openBrokenRegion } from '../support/broken-region.ts';
import { ALICE, BRUNO, DORA, type Lab, openLab } from '../support/lab.ts';
import { type Collector, nowhere, type ReceivedSpan, startCollector } from './otlp.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

let collector: Collector;
let lab: Lab;

beforeEach(async () => {
  collector = await startCollector();
});
afterEach(async () => {
  await lab.close();
  await collector[Symbol.asyncDispose]();
});

async function open(tracing: Record<string, unknown> = {}, more: Parameters<typeof openLab>[0] = {}): Promise<void> {
  lab = await openLab({ ...more, config: { ...more.config, tracing: { otlp: collector.url, sample: 1, ...tracing } } });
}

/** The spans of the one request with this name: what the gateway has is sent before it is closed. */
async function spansOf(server: string): Promise<ReceivedSpan[]> {
  await lab.gateway.close();
  const root = one(collector.spans, server);
  return collector.spans.filter(({ traceId }) => traceId === root.traceId);
}

/** `parent > child` for each span below its parent's, in the order in which they came to an end. */
function treeOf(spans: readonly ReceivedSpan[]): string[] {
  const below = (parent: ReceivedSpan): string[] =>
    spans
      .filter(({ parentId }) => parentId === parent.spanId)
      .flatMap((child) => [`${parent.name} > ${child.name}`, ...below(child)]);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentId }) => !ids.has(parentId)).flatMap((root) => [root.name, ...below(root)]);
}

const one = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan => {
  const [found, ...others] = spans.filter((span) => span.name === name);
  if (found === undefined || others.length > 0) throw new Error(`${others.length + 1} spans of the name ${name}`);
  return found;
};

const headerOf = (request: TwinRequest | undefined, name: string): string | undefined =>
  request?.headers.find(([key]) => key.toLowerCase() === name)?.[1];

const addressOf = (url: string) => {
  const { hostname, port } = new URL(url);
  return { 'server.address': hostname, 'server.port': Number(port) };
};

const at = (span: ReceivedSpan, sampled = '01'): string => `00-${span.traceId}-${span.spanId}-${sampled}`;

describe('a request leaves the tree of its rooms', () => {
  it('for a create: where it goes is decided, it is sent, and its keys are learned', async () => {
    await open();
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
    await open();
    await lab.create({ as: ALICE });
    const spans = await spansOf('POST v1.share');
    for (const span of spans) {
      expect(span.startNs <= span.endNs, span.name).toBe(true);
      const above = spans.find(({ spanId }) => spanId === span.parentId) ?? span;
      expect(above.startNs <= span.startNs && span.endNs <= above.endNs, span.name).toBe(true);
    }
  });

  it('for a private call: the region is asked about the credentials, once', async () => {
    await open();
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
    await open();
    expect((await lab.call('GET', '/api/v1/private/recent', { as: `${ALICE}-not` })).status).toBe(401);
    const spans = await spansOf('GET v1.private.recent');
    expect(treeOf(spans).slice(-2)).toEqual(['GET v1.private.recent > verify', 'verify > ask']);
    expect(one(spans, 'verify').attributes).toEqual({ 'onetime.refusal': 'credentials_rejected' });
  });

  it('for a retrieval: account and key are located', async () => {
    await open();
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
    await open();
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
    await open();
    await lab.call('PURGE', '/api/v1/coffee');
    const spans = await spansOf('HTTP');
    expect(treeOf(spans)).toEqual(['HTTP']);
    expect(one(spans, 'HTTP').attributes).toMatchObject({ 'http.request.method': '_OTHER' });
    expect(Buffer.concat(collector.bodies).toString('latin1')).not.toMatch(/purge|coffee/i);
  });

  it('for a limit: admit names it', async () => {
    await open({}, { config: { limits: { account: { requests: 1, per: '60s', burst: 1 } } } });
    await lab.call('GET', '/api/v1/status', { as: ALICE });
    expect((await lab.call('POST', '/api/v1/generate', { as: ALICE })).status).toBe(429);
    const spans = await spansOf('POST v1.generate');
    expect(one(spans, 'admit').attributes).toEqual({ 'onetime.refusal': 'rate_limited', 'onetime.limit': 'account' });
  });

  it('for a region that nobody can connect to: forward and the request have failed, and name the refusal', async () => {
    const url = await nowhere();
    await open({}, { upstreams: { us: [url] }, config: { private: { verify: 'presence' } } });
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
    await open({}, { upstreams: { us: [region.url] } });
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
    await open();
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

describe('the trace goes on', () => {
  it('of what is passed through: one span, and the region hangs below it', async () => {
    await open({}, { config: { passthrough: [{ prefix: '/help', region: 'us' }] } });
    await lab.call('GET', '/help/page?q=1', { headers: { traceparent: `00-${TRACE}-${PARENT}-01`, baggage: 'a=1' } });
    const spans = await spansOf('GET passthrough');
    expect(spans).toHaveLength(1);
    expect(one(spans, 'GET passthrough')).toMatchObject({ kind: 'server', traceId: TRACE, parentId: PARENT });
    expect(headerOf(lab.us.requests[0], 'traceparent')).toBe(at(one(spans, 'GET passthrough')));
    expect(headerOf(lab.us.requests[0], 'baggage')).toBeUndefined();
  });

  it('the request is below the caller’s span, and the region gets the gateway’s own as its parent', async () => {
    await open();
    const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'rojo=1, congo=t61' };
    await lab.call('GET', '/api/v1/private/recent', { as: DORA, headers });
    const spans = await spansOf('GET v1.private.recent');
    expect(one(spans, 'GET v1.private.recent')).toMatchObject({ traceId: TRACE, parentId: PARENT });

    const [asked, sent] = lab.eu.requests;
    expect(headerOf(asked, 'traceparent')).toBe(at(one(spans, 'ask')));
    expect(headerOf(sent, 'traceparent')).toBe(at(one(spans, 'forward')));
    for (const request of [asked, sent]) expect(headerOf(request, 'tracestate')).toBe('rojo=1,congo=t61');
  });

  it('tracestate, which a caller may write what it likes in, is in no span', async () => {
    await open();
    const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'mine=s3cret' };
    await lab.call('GET', '/us/api/v1/status', { headers });
    const spans = await spansOf('GET v1.status');
    expect(spans.map(({ traceState }) => traceState)).toEqual(spans.map(() => ''));
  });

  it('that the trace id is random is passed on', async () => {
    await open();
    await lab.call('GET', '/us/api/v1/status', { headers: { traceparent: `00-${TRACE}-${PARENT}-03` } });
    const spans = await spansOf('GET v1.status');
    expect(headerOf(lab.us.requests[0], 'traceparent')).toBe(at(one(spans, 'forward'), '03'));
  });

  it('a trace that is not valid is none: the gateway begins its own', async () => {
    await open();
    await lab.call('GET', '/us/api/v1/status', {
      headers: { traceparent: `00-${TRACE}-${PARENT}-01-x`, tracestate: 'a=1' },
    });
    const spans = await spansOf('GET v1.status');
    expect(one(spans, 'GET v1.status').traceId).not.toBe(TRACE);
    expect(headerOf(lab.us.requests[0], 'tracestate')).toBeUndefined();
  });

  it('its id is in the log', async () => {
    await open();
    await lab.call('GET', '/us/api/v1/status');
    const [span] = await spansOf('GET v1.status');
    expect(lab.log.join('')).toContain(`"trace_id":"${span?.traceId}"`);
  });
});

describe('sampling', () => {
  const call = (flags?: string) =>
    lab.call('GET', '/us/api/v1/status', {
      headers: flags === undefined ? {} : { traceparent: `00-${TRACE}-${PARENT}-${flags}` },
    });

  it('a caller that records has its request recorded, whatever the share', async () => {
    await open({ sample: 0 });
    await call('01');
    expect(await spansOf('GET v1.status')).toHaveLength(5);
  });

  it('a caller that does not record has nothing recorded, and the region is told so', async () => {
    await open();
    await call('00');
    await lab.gateway.close();
    expect(collector.spans).toEqual([]);
    expect(headerOf(lab.us.requests[0], 'traceparent')).toMatch(
      new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-00$`),
    );
  });

  it('a request that is left out begins a trace that nobody is to record', async () => {
    await open({ sample: 0 });
    await call();
    expect(headerOf(lab.us.requests[0], 'traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    await lab.gateway.close();
    expect(collector.bodies).toEqual([]);
  });

  it('a share of requests is recorded, each of them whole', async () => {
    await open({ sample: 0.5 }, { config: { limits: { anonymousRetrieval: { mode: 'off' } } } });
    const flags = new Set<string | undefined>();
    for (let calls = 0; calls < 60; calls++) {
      await call();
      flags.add(headerOf(lab.us.requests.at(-1), 'traceparent')?.slice(-2));
    }
    await lab.gateway.close();
    // Of 60 tosses of a coin all the same: once in 10^17 runs.
    expect([...flags].toSorted()).toEqual(['00', '01']);
    const roots = collector.spans.filter(({ kind }) => kind === 'server');
    expect(roots.length).toBeLessThan(60);
    expect(collector.spans).toHaveLength(5 * roots.length);
  });
});
