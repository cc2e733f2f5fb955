// The live state of real gateways, of one thread and of several, under real requests.
import { afterEach, describe, expect, it } from 'vitest';
import type { LiveState } from '../../src/listener/admin-live-types.ts';
import { GATEWAY_SCHEMAS } from '../../src/listener/admin-schemas-gateway.ts';
import { forwardTo, openProxy } from '../support/broken-proxy.ts';
import { type Events, listen } from '../support/events.ts';
import { call } from '../support/http.ts';
import { ALICE, BRUNO, type Lab, type LabOptions, openLab } from '../support/lab.ts';
import { openServed } from '../workers/served.ts';

const opened: Lab[] = [];
async function open(options?: LabOptions): Promise<Lab> {
  const lab = await openLab(options);
  opened.push(lab);
  return lab;
}
afterEach(async () => {
  for (const lab of opened.splice(0)) await lab.close();
});

/** The first state of which `holds` is true. */
async function until(stream: Events, holds: (state: LiveState) => boolean): Promise<LiveState> {
  for (;;) {
    const state = GATEWAY_SCHEMAS.LiveState.parse(JSON.parse((await stream.next()).data)) as LiveState;
    if (holds(state)) return state;
  }
}

describe('a gateway of one thread', () => {
  it('tells of the requests that it has just served, by region, route and outcome', async () => {
    const lab = await open();
    const stream = await listen(lab.gateway.adminUrl, '/admin/v1/live');
    const first = await until(stream, () => true);
    expect(first.regions.map(({ name, up }) => [name, up])).toEqual([
      ['us', true],
      ['eu', true],
    ]);
    for (let i = 0; i < 3; i++) await lab.create({ as: BRUNO });
    await lab.create({ as: ALICE });
    await lab.call('GET', '/api/v1/nothing-here');
    const state = await until(stream, ({ requests }) => requests.total === 5);
    expect(state.violations).toBe(0);
    expect(state.requests.inFlight).toBe(0);
    const [us, eu] = state.regions;
    expect(eu?.latencyMs?.p50).toBeGreaterThan(0);
    expect(eu?.requestsPerSecond).toBeGreaterThan(us?.requestsPerSecond ?? 0);
    expect(state.routes[0]?.route).toBe('v1.share');
    expect(JSON.stringify(state)).not.toContain(BRUNO.split(':')[0]);
    stream.close();
  });

  it('tells that a region is down, while it is', async () => {
    const lab = await open({ config: { health: { breaker: { failures: 1 } } } });
    const stream = await listen(lab.gateway.adminUrl, '/admin/v1/live');
    await until(stream, ({ regions }) => regions.every(({ up }) => up));
    await lab.eu.close();
    expect((await lab.call('POST', '/api/v1/share', { as: BRUNO, body: 'secret=x' })).status).toBeGreaterThan(499);
    const { regions } = await until(stream, (state) => state.regions[1]?.up === false);
    expect(regions).toMatchObject([
      { up: true, breaker: 'closed' },
      { up: false, breaker: 'open' },
    ]);
    stream.close();
  });

  it('tells that it is the proxy of a region that fails, until it connects', async () => {
    let isThere = false;
    await using proxy = await openProxy((socket, head) => (isThere ? forwardTo(socket, head) : socket.destroy()));
    const health = { probe: '1s', breaker: { failures: 1, open: '1s' } };
    const lab = await open({ config: { health, upstream: { proxy: `http://127.0.0.1:${proxy.port}` } } });
    const stream = await listen(lab.gateway.adminUrl, '/admin/v1/live');
    expect((await lab.call('POST', '/api/v1/share', { as: BRUNO, body: 'secret=x' })).status).toBe(502);
    const { regions } = await until(stream, (state) => state.regions[1]?.up === false);
    expect(regions).toMatchObject([{ proxyFault: null }, { up: false, proxyFault: 'closed' }]);
    isThere = true;
    const after = await until(stream, (state) => state.regions[1]?.breaker === 'closed');
    expect(after.regions[1]).toMatchObject({ up: true, proxyFault: null });
    expect(JSON.stringify(after)).not.toContain('127.0.0.1');
    stream.close();
  });

  it('tells whom it turns away, and by which bound', async () => {
    const lab = await open({ config: { overload: { heap: 0.001 } } });
    const stream = await listen(lab.gateway.adminUrl, '/admin/v1/live');
    const asked: Promise<unknown>[] = [];
    const asking = setInterval(() => asked.push(lab.call('GET', '/us/api/v1/status')), 50);
    const { overload } = await until(stream, (state) => state.overload.refused.anonymous > 0);
    clearInterval(asking);
    await Promise.all(asked);
    expect(overload.pressure.heap).toBeGreaterThan(1);
    expect(overload.pressure.event_loop).toBeGreaterThanOrEqual(0);
    expect(overload.connections.refused).toEqual({ all: 0, address: 0 });
    expect([overload.refused.authenticated, overload.shadow]).toEqual([0, { anonymous: 0, authenticated: 0 }]);
    stream.close();
  });

  it('closes although somebody listens', async () => {
    const lab = await open();
    const stream = await listen(lab.gateway.adminUrl, '/admin/v1/live');
    await until(stream, () => true);
    await lab.gateway.close();
    await stream.over;
    await expect(call(lab.gateway.adminUrl, 'GET', '/livez')).rejects.toThrow();
  });

  it('serves the page, and without admin.console none', async () => {
    const lab = await open();
    expect((await call(lab.gateway.adminUrl, 'GET', '/')).body).toContain('/console/main.js');
    const { gateway } = await open({ config: { admin: { host: '127.0.0.1', port: 0, console: false } } });
    expect((await call(gateway.adminUrl, 'GET', '/')).status).toBe(404);
    expect((await call(gateway.adminUrl, 'GET', '/admin/v1/regions')).status).toBe(200);
  });
});

describe('a gateway of several threads', () => {
  it('tells of all of them together, with the configuration that it was started from', async () => {
    await using served = await openServed({ workers: 2 });
    const stream = await listen(served.adminUrl, '/admin/v1/live');
    await until(stream, ({ workers }) => workers.listening === 2);
    const agents = await served.reach();
    const before = await until(stream, ({ requests }) => requests.perSecond === 0);
    for (const agent of agents.values()) {
      for (let i = 0; i < 3; i++) await served.call('POST', '/us/api/v1/share', { agent, body: 'secret=x' });
    }
    const { requests, regions } = await until(stream, (state) => state.requests.total === before.requests.total + 6);
    expect(requests.inFlight).toBe(0);
    expect(regions[0]).toMatchObject({ name: 'us', share: 1 });
    stream.close();
    const { values } = (await call(served.adminUrl, 'GET', '/admin/v1/config')).json();
    expect(values).toContainEqual({ key: 'workers', value: '2', from: 'file', line: 1 });
    expect((await served.stop('SIGTERM')).code).toBe(0);
  });
});
