// How spans are joined to the caller's trace and to the region's, and of which requests there are any.
import { describe, expect, it } from 'vitest';
import { DORA, type Lab } from '../support/lab.ts';
import { at, headerOf, one, openTraced, PARENT, TRACE } from './traced.ts';

describe('the trace goes on', () => {
  it('of what is passed through: one span, and the region hangs below it', async () => {
    await using traced = await openTraced({}, { config: { passthrough: [{ prefix: '/help', region: 'us' }] } });
    const { lab, spansOf } = traced;
    await lab.call('GET', '/help/page?q=1', { headers: { traceparent: `00-${TRACE}-${PARENT}-01`, baggage: 'a=1' } });
    const spans = await spansOf('GET passthrough');
    expect(spans).toHaveLength(1);
    expect(one(spans, 'GET passthrough')).toMatchObject({ kind: 'server', traceId: TRACE, parentId: PARENT });
    expect(headerOf(lab.us.requests[0], 'traceparent')).toBe(at(one(spans, 'GET passthrough')));
    expect(headerOf(lab.us.requests[0], 'baggage')).toBeUndefined();
  });

  it('the request is below the caller’s span, and the region gets the gateway’s own as its parent', async () => {
    await using traced = await openTraced();
    const { lab, spansOf } = traced;
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
    await using traced = await openTraced();
    const { lab, spansOf } = traced;
    const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'mine=s3cret' };
    await lab.call('GET', '/us/api/v1/status', { headers });
    const spans = await spansOf('GET v1.status');
    expect(spans.map(({ traceState }) => traceState)).toEqual(spans.map(() => ''));
  });

  it('that the trace id is random is passed on', async () => {
    await using traced = await openTraced();
    const { lab, spansOf } = traced;
    await lab.call('GET', '/us/api/v1/status', { headers: { traceparent: `00-${TRACE}-${PARENT}-03` } });
    const spans = await spansOf('GET v1.status');
    expect(headerOf(lab.us.requests[0], 'traceparent')).toBe(at(one(spans, 'forward'), '03'));
  });

  it('a trace that is not valid is none: the gateway begins its own', async () => {
    await using traced = await openTraced();
    const { lab, spansOf } = traced;
    await lab.call('GET', '/us/api/v1/status', {
      headers: { traceparent: `00-${TRACE}-${PARENT}-01-x`, tracestate: 'a=1' },
    });
    const spans = await spansOf('GET v1.status');
    expect(one(spans, 'GET v1.status').traceId).not.toBe(TRACE);
    expect(headerOf(lab.us.requests[0], 'tracestate')).toBeUndefined();
  });

  it('its id is in the log', async () => {
    await using traced = await openTraced();
    const { lab, spansOf } = traced;
    await lab.call('GET', '/us/api/v1/status');
    const [span] = await spansOf('GET v1.status');
    expect(lab.log.join('')).toContain(`"trace_id":"${span?.traceId}"`);
  });
});

describe('sampling', () => {
  const call = (lab: Lab, flags?: string) =>
    lab.call('GET', '/us/api/v1/status', {
      headers: flags === undefined ? {} : { traceparent: `00-${TRACE}-${PARENT}-${flags}` },
    });

  it('a caller that records has its request recorded, whatever the share', async () => {
    await using traced = await openTraced({ sample: 0 });
    const { lab, spansOf } = traced;
    await call(lab, '01');
    expect(await spansOf('GET v1.status')).toHaveLength(5);
  });

  it('a caller that does not record has nothing recorded, and the region is told so', async () => {
    await using traced = await openTraced();
    const { lab, collector } = traced;
    await call(lab, '00');
    await lab.gateway.close();
    expect(collector.spans).toEqual([]);
    expect(headerOf(lab.us.requests[0], 'traceparent')).toMatch(
      new RegExp(`^00-${TRACE}-(?!${PARENT})[0-9a-f]{16}-00$`),
    );
  });

  it('a request that is left out begins a trace that nobody is to record', async () => {
    await using traced = await openTraced({ sample: 0 });
    const { lab, collector } = traced;
    await call(lab);
    expect(headerOf(lab.us.requests[0], 'traceparent')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    await lab.gateway.close();
    expect(collector.bodies).toEqual([]);
  });

  it('a share of requests is recorded, each of them whole', async () => {
    await using traced = await openTraced(
      { sample: 0.5 },
      { config: { limits: { anonymousRetrieval: { mode: 'off' } } } },
    );
    const { lab, collector } = traced;
    const flags = new Set<string | undefined>();
    for (let calls = 0; calls < 60; calls++) {
      await call(lab);
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
