// Two gateways of one machine on one file: what the directory says is the same for both, and a move is safe over both.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFolder } from '../support/folder.ts';
import { until } from '../support/redis.ts';
import { type Fleet, type FleetGateway, MOVER, nameOf, openFleet } from './fleet.ts';

const MIA = MOVER.us;

let folder: ReturnType<typeof openFolder>;
let fleet: Fleet;
beforeEach(async () => {
  folder = openFolder();
  fleet = await openFleet({ gateways: 2, sameToken: true, file: `${folder.path}/gateway.db` });
});
afterEach(async () => {
  await fleet[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const each = <T>(ask: (gateway: FleetGateway) => Promise<T>): Promise<T[]> => Promise.all(fleet.gateways.map(ask));
const createAt = (gateway: FleetGateway) =>
  gateway.call('POST', '/api/v1/share', { as: MIA, body: 'secret=x&ttl=600' });

it('both follow what a command changes, and take a move from start to end', async () => {
  const [one, other] = fleet.gateways as [FleetGateway, FleetGateway];
  const made = await fleet.create(one, { as: MIA });
  await fleet.desk.move(nameOf(MIA), 'eu', true);
  await until(async () => (await fleet.desk.moves()).length === 0);
  const reached = fleet.us.requests.length;
  const regions = (await each(createAt)).map(({ status, headers }) => [status, headers['onetime-gateway-region']]);
  expect(regions).toEqual([
    [200, 'eu'],
    [200, 'eu'],
  ]);
  expect(fleet.us.requests.length).toBe(reached);
  const retrieved = await other.call('POST', `/api/v1/secret/${made.secret}`, { as: MIA });
  expect([retrieved.status, retrieved.headers['onetime-gateway-region']]).toEqual([200, 'us']);
});

it('creates wait while a gateway that is gone may still act on what it saw', async () => {
  const silent = { gateway: 'cd'.repeat(8), label: 'silent:1', seen: 0, leaseMs: 3000 };
  await fleet.store.directory.follow(silent, undefined);
  await fleet.desk.move(nameOf(MIA), 'eu', true);
  await until(async () => (await each(createAt)).every(({ status }) => status === 503));
  const waiting = await createAt(fleet.gateways[0] as FleetGateway);
  expect(waiting.json()).toMatchObject({ error: 'account_moving', outcome: 'not_sent' });
  await until(async () => (await each(createAt)).every(({ status }) => status === 200));
  expect(fleet.us.requests).toEqual([]);
});

it('the file taken away: known accounts go on from memory, others are 503, and it is said', async () => {
  expect((await each(createAt)).map(({ status }) => status)).toEqual([200, 200]);
  const { renameSync } = await import('node:fs');
  renameSync(`${folder.path}/gateway.db`, `${folder.path}/elsewhere.db`);
  const stranger = (gateway: FleetGateway) =>
    gateway.call('POST', '/api/v1/share', { as: `una${Math.random()}@x.example:t`, body: 'secret=x' });
  await until(async () => (await each(stranger)).every((reply) => reply.json().error === 'directory_unavailable'));
  const logs = fleet.gateways.flatMap(({ log }) => log).filter((line) => line.includes('the store has lost data'));
  expect(logs).toHaveLength(2);
});
