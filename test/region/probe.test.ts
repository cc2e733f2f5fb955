// The probe and the reading of answers, over real sockets.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RegionName } from '../../src/domain.ts';
import { type AttemptResult, attempt } from '../../src/region/attempt.ts';
import { createProbe, type Probe, signalOf } from '../../src/region/probe.ts';
import { borrow, createRegion, type Region } from '../../src/region/region.ts';
import { type NextAnswer, startTwin, type TwinOptions } from '../../src/twin/twin.ts';
import { closedPort, openBrokenRegion } from '../support/broken-region.ts';
import { permitToCreate } from '../support/permits.ts';

const US = 'us' as RegionName;
const CRIPES = '{"message":"Cripes! You have been rate limited."}';
const OK = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function open(origins: readonly string[], connections = 4): { region: Region; probe: Probe } {
  const times = { connectTimeoutMs: 300, headersTimeoutMs: 300, bodyTimeoutMs: 300, idleTimeoutMs: 4000 };
  const region = createRegion(US, origins, { ...times, connections, queue: { most: 1024 } });
  closing.push(() => region.close());
  const probe = createProbe(new Map([[US, region]]), { bodyTimeoutMs: 300, patienceMs: 50 });
  return { region, probe };
}

async function twin(options: Partial<TwinOptions> = {}) {
  const started = await startTwin({ region: 'us', ...options });
  closing.push(() => started.close());
  return { twin: started, ...open([started.url]) };
}

async function broken(behave: (socket: Socket) => void) {
  const started = await openBrokenRegion(behave);
  closing.push(() => started.close());
  return { broken: started, ...open([started.url]) };
}

/** A caller's call, as health hears of it. */
async function signal({ upstreams: [upstream] }: Region, isGone = false) {
  if (upstream === undefined) throw new Error('a region without upstreams');
  const connection = await borrow(upstream, 50, { onGone() {} });
  if (typeof connection === 'string') throw new Error(`no connection: ${connection}`);
  const request = { method: 'POST' as const, target: '/api/v1/share', headers: [], body: Buffer.from('secret=x') };
  const options = { collectBytes: 1024, bodyTimeoutMs: 300, now: Date.now };
  const ticket = { permit: permitToCreate(US), purpose: 'forward', standing: 'nobody', retrieves: false } as const;
  const result = await new Promise<AttemptResult>((settle) =>
    attempt(connection, ticket, request, options, { isGone: () => isGone, settle }),
  );
  if (result.kind === 'answered' && !Buffer.isBuffer(result.answer.body)) result.answer.body.destroy();
  return signalOf(result);
}

const TROUBLE: [string, (socket: Socket) => void][] = [
  ['resets after the request', (s) => s.resetAndDestroy()],
  ['closes without an answer', (s) => s.end()],
  ['cuts the answer short', (s) => s.end(`${OK}Content-Length: 100\r\n\r\n{"sta`)],
  ['never answers', () => {}],
  ['stalls in the middle of the answer', (s) => s.write(`${OK}Content-Length: 100\r\n\r\n{"sta`)],
];
const UNREADABLE: [string, (socket: Socket) => void][] = [
  ['answers what is no HTTP', (s) => s.end('SSH-2.0-OpenSSH\r\n\r\n')],
  ['does not tell the length of its answer', (s) => s.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nBad')],
];

describe('a probe', () => {
  it('is up at a nominal service, and carries nothing of a caller', async () => {
    const { twin: us, probe } = await twin();
    expect(await probe(US, us.url)).toBe('up');
    expect(us.requests).toMatchObject([{ method: 'GET', path: '/api/v1/status', body: '', status: 200 }]);
    expect(us.requests[0]?.headers.map(([name]) => name.toLowerCase()).sort()).toEqual([
      'accept',
      'connection',
      'host',
      'user-agent',
    ]);
  });

  it('says nothing when the service limits its rate', async () => {
    const { twin: us, probe } = await twin({ limits: 'shipped' });
    for (let i = 0; i < 25; i++) expect(await probe(US, us.url)).toBe('up');
    expect(await probe(US, us.url)).toBe('nothing');
    expect(us.requests.at(-1)?.status).toBe(404);
  });

  it.each<[string, NextAnswer, string]>([
    [
      'nothing at the rate limit of 0.25 and later',
      { status: 404, body: '{"message":"Rate limit exceeded. Please try again later."}' },
      'nothing',
    ],
    ['nothing at 429', { status: 429, body: CRIPES }, 'nothing'],
    ['down at a 500', { status: 500, body: '{"error":"Internal Server Error"}' }, 'down'],
    ['down at a load balancer’s 503', { status: 503, contentType: 'text/html', body: '<h1>No backend</h1>' }, 'down'],
    ['down at a 404 that is a fault', { status: 404, body: '{"message":"An unexpected error occurred :["}' }, 'down'],
    ['up at a redirect', { status: 302, headers: [['Location', 'https://eu.example/']] }, 'up'],
    ['up at a guarded status page', { status: 403, body: 'no' }, 'up'],
    ['up at another word', { status: 200, body: '{"status":"fine"}' }, 'up'],
    ['up at a long page', { status: 200, contentType: 'text/html', body: 'x'.repeat(100_000) }, 'up'],
  ])('says %s', async (_what, answer, expected) => {
    const { twin: us, probe, region } = await twin();
    us.respondNext(answer);
    expect(await probe(US, us.url)).toBe(expected);
    expect(us.requests.length).toBe(1);
    await vi.waitFor(() => expect(region.upstreams[0]?.inUse).toBe(0));
  });

  it.each([...TROUBLE, ...UNREADABLE])('is down when the region %s, and is sent once', async (_what, behave) => {
    const { broken: us, probe } = await broken(behave);
    expect(await probe(US, us.url)).toBe('down');
    expect(us.received.length).toBe(1);
  });

  it('is down when no connection opens, and asks only the upstream that was named', async () => {
    const us = await startTwin({ region: 'us' });
    closing.push(() => us.close());
    const dead = `http://127.0.0.1:${await closedPort()}`;
    const { probe } = open([dead, us.url]);
    expect(await probe(US, dead)).toBe('down');
    expect(us.requests).toEqual([]);
    expect(await probe(US, us.url)).toBe('up');
  });

  it('says nothing when every connection is in use, of another origin, or of another region', async () => {
    const us = await startTwin({ region: 'us' });
    closing.push(() => us.close());
    const { probe, region } = open([us.url], 1);
    const taken = region.upstreams[0]?.take();
    expect(await probe(US, us.url)).toBe('nothing');
    taken?.giveBack();
    expect(await probe(US, 'https://elsewhere.example')).toBe('nothing');
    expect(await probe('eu' as RegionName, us.url)).toBe('nothing');
    expect(us.requests).toEqual([]);
    expect(await probe(US, us.url)).toBe('up');
  });
});

describe('a caller’s call', () => {
  it.each(TROUBLE)('is a failure when the region %s', async (_what, behave) => {
    expect(await signal((await broken(behave)).region)).toBe('failure');
  });

  it.each(UNREADABLE)('is suspicious when the region %s: an odd request can bring that', async (_what, behave) => {
    expect(await signal((await broken(behave)).region)).toBe('suspicious');
  });

  it('is a failure when no connection opens', async () => {
    expect(await signal(open([`http://127.0.0.1:${await closedPort()}`]).region)).toBe('failure');
  });

  it('is a failure when TLS is spoken to a plain port', async () => {
    const { broken: us } = await broken((socket) => socket.destroy());
    expect(await signal(open([us.url.replace('http:', 'https:')]).region)).toBe('failure');
  });

  // Codes of Node's TLS that are not among the errors of sockets; a certificate that expires cannot be had quickly.
  it.each(['CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS_CERT_ALTNAME_INVALID'])(
    'is a failure when the certificate is turned down with %s',
    (code) => {
      expect(signalOf({ kind: 'failed', sent: false, cause: { code } })).toBe('failure');
    },
  );

  it('says nothing when the caller has gone, or the gateway closes its connections', async () => {
    const { region, twin: us } = await twin();
    expect(await signal(region, true)).toBeUndefined();
    expect(us.requests).toEqual([]);

    const asked = Promise.withResolvers<void>();
    const hung = await broken(() => asked.resolve());
    const call = signal(hung.region);
    await asked.promise;
    await hung.region.close();
    expect(await call).toBeUndefined();
  });

  it.each<[string, NextAnswer, string]>([
    ['suspicious at a 500', { status: 500 }, 'suspicious'],
    [
      'suspicious at a 404 that is a fault',
      { status: 404, body: '{"message":"An unexpected error occurred :["}' },
      'suspicious',
    ],
    [
      'a success at an unknown secret',
      { status: 404, body: '{"secret_key":"x","message":"Unknown secret"}' },
      'success',
    ],
    ['a success at a rate limit', { status: 404, body: CRIPES }, 'success'],
    ['a success at a long answer that streams', { status: 200, body: 'x'.repeat(100_000) }, 'success'],
    ['suspicious at a long 500 that streams', { status: 500, body: 'x'.repeat(100_000) }, 'suspicious'],
  ])('is %s', async (_what, answer, expected) => {
    const { region, twin: us } = await twin();
    us.respondNext(answer);
    expect(await signal(region)).toBe(expected);
  });
});
