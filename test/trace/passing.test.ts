// Without a collector: the caller's trace is passed on to the region as it came, where it is valid, and nothing is added.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TwinRequest } from '../../src/twin/ledger.ts';
import { ALICE, type Lab, openLab } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

let lab: Lab;
beforeAll(async () => {
  lab = await openLab({ config: { passthrough: [{ prefix: '/help', region: 'us' }] } });
});
afterEach(() => {
  lab.clearLedgers();
  lab.log.splice(0);
});
afterAll(() => lab.close());

/** What the region was told of a trace, and of what travels along with one. */
function toldOf(request: TwinRequest | undefined): Record<string, string> {
  const names = /^(traceparent|tracestate|baggage)$/i;
  return Object.fromEntries(request?.headers.filter(([name]) => names.test(name)) ?? []);
}

describe.each([
  ['a call of the API', '/us/api/v1/status'],
  ['what is passed through', '/help/page'],
])('%s', (_what, path) => {
  it('takes traceparent and tracestate along, and no baggage', async () => {
    const headers = { traceparent: PARENT, tracestate: 'a=1 , b=2', baggage: 'user=ann', 'x-b3-traceid': '1' };
    await lab.call('GET', path, { headers });
    expect(toldOf(lab.us.requests[0])).toEqual({ traceparent: PARENT, tracestate: 'a=1,b=2' });
  });

  it('is none of a trace when its caller says of none', async () => {
    await lab.call('GET', path, { headers: { baggage: 'user=ann' } });
    expect(lab.us.requests).toHaveLength(1);
    expect(toldOf(lab.us.requests[0])).toEqual({});
    expect(lab.log.join('')).not.toContain('trace_id');
  });

  it('leaves out a trace that is not valid, with its state', async () => {
    await lab.call('GET', path, { headers: { traceparent: PARENT.toUpperCase(), tracestate: 'a=1' } });
    expect(toldOf(lab.us.requests[0])).toEqual({});
  });

  it('leaves out a state that is not valid', async () => {
    await lab.call('GET', path, { headers: { traceparent: PARENT, tracestate: 'a=1,a=2' } });
    expect(toldOf(lab.us.requests[0])).toEqual({ traceparent: PARENT });
  });

  it('leaves out two traces, and joins two states', async () => {
    const { hostname } = new URL(lab.gateway.url);
    const head = `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\nTraceState: a=1\r\ntracestate: b=2\r\n`;
    for (const parents of [`traceparent: ${PARENT}\r\n`, `traceparent: ${PARENT}\r\nTraceparent: ${PARENT}\r\n`]) {
      const caller = rawCaller(lab.gateway.url);
      caller.send(`${head}${parents}\r\n`);
      await caller.closed;
    }
    expect(lab.us.requests.map(toldOf)).toEqual([{ traceparent: PARENT, tracestate: 'a=1,b=2' }, {}]);
  });

  it('has the trace’s id in its log line', async () => {
    await lab.call('GET', path, { headers: { traceparent: PARENT } });
    expect(lab.log.join('')).toContain(`"trace_id":"${TRACE}"`);
  });
});

it('the question whether credentials are good takes it along', async () => {
  await lab.call('GET', '/api/v1/private/recent', { as: ALICE, headers: { traceparent: PARENT } });
  expect(lab.us.requests.map(({ path }) => path)).toEqual(['/api/v1/authcheck', '/api/v1/private/recent']);
  for (const request of lab.us.requests) expect(toldOf(request)).toEqual({ traceparent: PARENT });
});

it('a refused request has it in its log line', async () => {
  await lab.call('GET', '/api/v1/nothing', { headers: { traceparent: PARENT } });
  expect(lab.log.join('')).toContain(`"trace_id":"${TRACE}"`);
});

it('no series of spans is shown', async () => {
  expect(await lab.metrics()).not.toContain('trace_spans_total{');
});
