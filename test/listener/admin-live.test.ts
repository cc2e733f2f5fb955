// The live state over real sockets: what it says, and what becomes of those who listen.
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MOST_MISSED } from '../../src/listener/admin-live-stream.ts';
import type { LiveState } from '../../src/listener/admin-live-types.ts';
import { GATEWAY_SCHEMAS } from '../../src/listener/admin-schemas-gateway.ts';
import { ROUTES } from '../../src/route/table.ts';
import type { Events } from '../support/events.ts';
import { call } from '../support/http.ts';
import { type AdminLab, type AdminLabOptions, NAME, openAdminLab, READER, TOKENS, WRITER } from './admin-lab.ts';

/** Samples come this often; each is at least 200 ms apart from the one before. */
const FAST = { everyMs: 20 };
const LIVE = '/admin/v1/live';
const APART_MS = 200;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

let lab: AdminLab;
async function open(options: AdminLabOptions = {}): Promise<void> {
  lab = await openAdminLab({ live: FAST, ...options });
}
beforeEach(() => open());
afterEach(() => lab.close());

async function reopen(options: AdminLabOptions): Promise<void> {
  await lab.close();
  await open(options);
}

function openSockets(): Promise<number> {
  return new Promise((settle, reject) => {
    lab.app.server.getConnections((error, count) => (error === null ? settle(count) : reject(error)));
  });
}

async function nextState(stream: Events): Promise<LiveState> {
  const { event, data } = await stream.next();
  expect(event).toBe('state');
  return GATEWAY_SCHEMAS.LiveState.parse(JSON.parse(data)) as LiveState;
}

/** Requests of a region, as the gateway counts them. */
function serve(times: number, region: string, status: '2xx' | '5xx' = '2xx', durationMs = 40): void {
  const [route] = ROUTES;
  for (let i = 0; i < times; i++) {
    lab.tools.metrics.began();
    lab.tools.metrics.upstream(region as never, 'forward', 'none', 'delivered', durationMs);
    lab.tools.metrics.ended(route, region as never, status, durationMs);
  }
}

describe('the stream', () => {
  it('begins with a state at once and goes on, with rates over the time between', async () => {
    const stream = await lab.listen(LIVE);
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    const first = await nextState(stream);
    expect(first).toMatchObject({ intervalMs: 0, requests: { total: 0, perSecond: 0 }, version: '1.2.3' });
    expect(stream.others).toEqual(['retry: 2000']);
    serve(30, 'us');
    serve(10, 'eu', '5xx');
    const second = await nextState(stream);
    const seconds = second.intervalMs / 1000;
    expect(seconds).toBeGreaterThan(0.19);
    expect(second.requests.total).toBe(40);
    expect(second.requests.perSecond).toBeCloseTo(40 / seconds, 0);
    expect(second.requests.byClass['2xx']).toBeCloseTo(30 / seconds, 0);
    expect(second.requests.byClass['5xx']).toBeCloseTo(10 / seconds, 0);
    const [us, eu] = second.regions;
    expect([us?.name, us?.share, eu?.name, eu?.share]).toEqual(['us', 0.75, 'eu', 0.25]);
    expect((await nextState(stream)).requests).toMatchObject({ total: 40, perSecond: 0, byClass: {} });
    stream.close();
  });

  it('is one sampling for all, and none while nobody listens', async () => {
    let samples = 0;
    const { snapshot } = lab.tools.metrics;
    lab.tools.onSnapshot = () => {
      samples++;
      return snapshot();
    };
    const streams = await Promise.all([lab.listen(LIVE), lab.listen(LIVE), lab.listen(LIVE)]);
    for (const stream of streams) await nextState(stream);
    const [one, two, three] = await Promise.all(streams.map(nextState));
    expect([two, three]).toEqual([one, one]);
    expect(samples).toBe(2);
    for (const stream of streams) stream.close();
    await expect.poll(openSockets).toBe(0);
    const before = samples;
    // Longer than three samples would take.
    await pause(3 * APART_MS);
    expect(samples).toBe(before);
  });

  it('gives who comes later the last state at once', async () => {
    await reopen({ live: { everyMs: 60_000 } });
    const first = await lab.listen(LIVE);
    const state = await nextState(first);
    const second = await lab.listen(LIVE);
    expect(await nextState(second)).toEqual(state);
    first.close();
    second.close();
  });

  it('goes on for others when one leaves, and begins anew when all had left', async () => {
    const [one, two] = [await lab.listen(LIVE), await lab.listen(LIVE)];
    await nextState(one);
    one.close();
    await nextState(two);
    await nextState(two);
    two.close();
    await two.over;
    const three = await lab.listen(LIVE);
    await nextState(three);
    await nextState(three);
    three.close();
  });

  it('answers 503 with Retry-After to one too many, and takes them when another has gone', async () => {
    await reopen({ live: { ...FAST, most: 2 } });
    const streams = [await lab.listen(LIVE), await lab.listen(LIVE)];
    const refused = await lab.ask('GET', LIVE);
    expect([refused.status, refused.json().error, refused.headers['retry-after']]).toEqual([
      503,
      'too_many_listeners',
      '10',
    ]);
    streams[0]?.close();
    await expect.poll(async () => (await lab.ask('GET', LIVE)).status).toBe(200);
    streams[1]?.close();
  });

  it('cuts who takes nothing, and keeps who does', async () => {
    // Some of them are more than what the sockets of the system hold.
    lab.tools.appliedAt = 'x'.repeat(4_000_000);
    const { port } = new URL(lab.url);
    const lazy: Socket = connect(Number(port), '127.0.0.1');
    lazy.pause();
    lazy.write(`GET ${LIVE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${READER}\r\n\r\n`);
    const eager = await lab.listen(LIVE);
    for (let i = 0; i < MOST_MISSED + 6; i++) expect((await eager.next()).event).toBe('state');
    const ended = new Promise<void>((settle) => lazy.once('close', () => settle()));
    lazy.on('error', () => {});
    lazy.resume();
    await ended;
    expect((await eager.next()).event).toBe('state');
    eager.close();
  });

  it('is over when the listener closes, which does not wait for it', async () => {
    const streams = [await lab.listen(LIVE), await lab.listen(LIVE)];
    for (const stream of streams) await nextState(stream);
    const startedMs = performance.now();
    await lab.app.close();
    await Promise.all(streams.map(({ over }) => over));
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });

  it('says that there is no news where the state cannot be read, and goes on', async () => {
    const stream = await lab.listen(LIVE);
    await nextState(stream);
    const { snapshot } = lab.tools.metrics;
    lab.tools.onSnapshot = () => Promise.reject(Object.assign(new Error(`secret ${NAME}`), { code: 'ECANARY' }));
    await expect.poll(() => stream.others).toContain(': no news');
    lab.tools.onSnapshot = snapshot;
    await nextState(stream);
    stream.close();
    const line = lab.log.find((text) => text.includes('the live state could not be read'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 40, cause: { name: 'Error', code: 'ECANARY' } });
    expect(lab.log.join('')).not.toContain(NAME);
  });

  it('answers HEAD without a stream', async () => {
    const reply = await call(lab.url, 'HEAD', LIVE, { headers: bearer(READER) });
    expect([reply.status, reply.headers['content-type'], reply.body]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      '',
    ]);
  });
});

describe('who may listen', () => {
  it.each([
    ['nobody without a token', {}, 401],
    ['nobody with a wrong one', bearer('otga_wrong'), 401],
    ['a reader', bearer(READER), 200],
    ['a writer', bearer(WRITER), 200],
    ['no page of another site', { ...bearer(READER), origin: 'https://evil.example' }, 403],
    ['no caller by a foreign name', { ...bearer(READER), host: 'evil.example' }, 421],
  ])('%s', async (_who, headers, status) => {
    const reply = await lab.ask('GET', LIVE, undefined, { authorization: '', ...headers });
    expect(reply.status).toBe(status);
  });

  it('no longer who may not ask any more: their token was taken back', async () => {
    const tokens = [...TOKENS];
    await reopen({ tokens });
    const [reader, writer] = [await lab.listen(LIVE), await lab.listen(LIVE, bearer(WRITER))];
    await nextState(reader);
    tokens.shift();
    await reader.over;
    await nextState(writer);
    await nextState(writer);
    writer.close();
  });

  it('is 409 with a sentence where there is nothing to be sampled', async () => {
    await reopen({ without: ['snapshot'] });
    for (const path of [LIVE, '/admin/v1/state']) {
      const reply = await lab.ask('GET', path);
      expect([reply.status, reply.json().error]).toEqual([409, 'not_sampled']);
    }
  });
});

describe('one state', () => {
  it('has rates although nobody was listening, and is one sample for all who ask at the time', async () => {
    const asked = [lab.ask('GET', '/admin/v1/state'), lab.ask('GET', '/admin/v1/state')];
    const [one, two] = await Promise.all(asked);
    expect(one?.json().intervalMs).toBeGreaterThan(0);
    expect(one?.json()).toEqual(two?.json());
  });

  it('holds all that the console shows', async () => {
    await lab.desk.add(NAME, { region: 'eu', pinned: true, also: [] }, false);
    const { account } = await lab.desk.move(NAME, 'us', true);
    await lab.ask('POST', '/admin/v1/regions/eu/drain');
    lab.tools.metrics.violated();
    const state = (await lab.ask('GET', '/admin/v1/state')).json() as unknown as LiveState;
    expect(state.regions.map(({ name, drained }) => [name, drained])).toEqual([
      ['us', false],
      ['eu', true],
    ]);
    expect(state.regions[0]).toMatchObject({ up: true, inUse: 2, waiting: 1, budgetUsed: 0.25, latencyMs: null });
    expect(state.regions[1]).toMatchObject({ budgetUsed: null });
    expect(state.moves).toMatchObject([{ id: account.id, move: { to: 'us', phase: 'frozen', keep_old: true } }]);
    expect(state).toMatchObject({
      workers: { listening: 3, restarts: 2 },
      limits: [{ name: 'perKey', entries: 7, refusedPerSecond: 0, shadowPerSecond: 0 }],
      store: { engine: 'sqlite', up: true },
      audit: { sequence: 3 },
      reload: { last: { result: 'applied' } },
      violations: 1,
    });
    expect(JSON.stringify(state)).not.toContain(NAME);
  });

  it('is told without what this gateway does not have', async () => {
    await reopen({ without: ['audit', 'configuration'] });
    expect((await lab.ask('GET', '/admin/v1/state')).json()).toMatchObject({ audit: null, reload: null });
  });

  it('is told without moves where the directory does not answer', async () => {
    await reopen({ directory: { follow: () => new Promise(() => {}) } });
    expect((await lab.ask('GET', '/admin/v1/state')).json()).toMatchObject({ moves: null });
  });
});
