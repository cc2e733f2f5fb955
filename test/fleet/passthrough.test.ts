// Passed-through paths and moves: what was located before a move is sent before its next step, or not at all.
import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Folder, openFolder } from '../support/folder.ts';
import { openPageRegion, type PageRegion } from '../support/page-region.ts';
import { until } from '../support/redis.ts';
import { type Fleet, type FleetGateway, MOVER, nameOf, openFleet } from './fleet.ts';

const MIA = MOVER.us;

describe('a move', () => {
  let folder: Folder;
  let us: PageRegion;
  let fleet: Fleet;
  let gateway: FleetGateway;
  let held: ServerResponse[];

  beforeEach(async () => {
    folder = openFolder();
    held = [];
    us = await openPageRegion((req, res) => {
      if (req.url === '/us-app/slow') held.push(res);
      else res.setHeader('Content-Length', 2).end('ok');
    });
    fleet = await openFleet({
      gateways: 1,
      file: `${folder.path}/gateway.db`,
      config: {
        regions: { us: { upstreams: [us.url] }, eu: { upstreams: ['http://127.0.0.1:9'] } },
        upstream: { connections: 1 },
        passthrough: [{ prefix: '/us-app', region: 'us', credentials: 'forward' }],
      },
    });
    [gateway] = fleet.gateways as [FleetGateway];
  });
  afterEach(async () => {
    await fleet[Symbol.asyncDispose]();
    await us.close();
    folder[Symbol.dispose]();
  });

  const answer = (): void => void held.shift()?.setHeader('Content-Length', 2).end('ok');
  const phases = async () => (await fleet.desk.moves()).map(({ move }) => move?.phase);

  it('waits for a passed-through request that waits for a connection to the old region', async () => {
    const first = gateway.call('GET', '/us-app/slow');
    await until(() => held.length === 1);
    const waits = gateway.call('GET', '/us-app/mine', { as: MIA });
    await until(async () => (await gateway.metric('onetime_gateway_in_flight_requests')) === 2);
    await fleet.desk.move(nameOf(MIA), 'eu', false);
    await pause(1000);
    expect(us.requests.map(({ target }) => target)).toEqual(['/us-app/slow']);
    expect(await phases()).toEqual(['frozen']);

    answer();
    expect((await waits).status).toBe(200);
    await first;
    await until(async () => (await phases()).length === 0);
    const sent = us.requests.length;
    expect((await gateway.call('GET', '/us-app/mine', { as: MIA })).json().error).toBe('region_not_allowed');
    expect(us.requests).toHaveLength(sent);
  });

  it('does not wait for the answer of one that was sent', async () => {
    const first = gateway.call('GET', '/us-app/slow', { as: MIA });
    await until(() => held.length === 1);
    await fleet.desk.move(nameOf(MIA), 'eu', false);
    await until(async () => (await phases()).length === 0);
    answer();
    expect((await first).status).toBe(200);
  });

  it('a region that is drained meanwhile gets nothing of one that waits for a connection', async () => {
    const first = gateway.call('GET', '/us-app/slow');
    await until(() => held.length === 1);
    const waits = gateway.call('GET', '/us-app/mine', { as: MIA });
    await until(async () => (await gateway.metric('onetime_gateway_in_flight_requests')) === 2);
    await fleet.desk.setDrained('us', true);
    await until(async () => gateway.log.some((line) => line.includes('region_drained')));
    answer();
    expect((await waits).json()).toMatchObject({ error: 'region_drained', outcome: 'not_sent' });
    await first;
    expect(us.requests.map(({ target }) => target)).toEqual(['/us-app/slow']);
  });
});
