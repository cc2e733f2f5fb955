// An account moves under load, over three gateways: no request of it reaches the old region afterwards, and none is lost.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { KeyedHash } from '../../src/domain.ts';
import type { Twin } from '../../src/twin/twin.ts';
import { openFolder } from '../support/folder.ts';
import { basic, call, type Reply } from '../support/http.ts';
import { startCli } from '../support/process.ts';
import { HAS_REDIS, until } from '../support/redis.ts';
import { type Fleet, type FleetGateway, IDENTITY_KEY, MOVER, nameOf, openFleet } from './fleet.ts';

/** What the caller does not know: the account has this token in both regions. */
const MIA = MOVER.us;
const CALLERS = 12;

function withCredentials(twin: Twin): Twin['requests'] {
  return twin.requests.filter(({ headers }) =>
    headers.some(([name, value]) => name.toLowerCase() === 'authorization' && value === basic(MIA)),
  );
}

interface Done {
  readonly what: 'create' | 'retrieve' | 'recent';
  readonly reply: Reply;
  readonly secret: string | undefined;
}

/** Callers that create and retrieve at every gateway in turn, until they are told to stop. */
function callersOf(fleet: Fleet, kept: readonly string[]) {
  const done: Done[] = [];
  let stopped = false;
  let turn = 0;
  const next = (): FleetGateway => fleet.gateways[turn++ % fleet.gateways.length] as FleetGateway;
  async function callOnce(index: number): Promise<Done> {
    const what = (['create', 'retrieve', 'recent', 'create'] as const)[index % 4] ?? 'create';
    if (what === 'recent') {
      return { what, secret: undefined, reply: await next().call('GET', '/api/v1/private/recent', { as: MIA }) };
    }
    if (what === 'retrieve') {
      // A key that nobody made: it goes to the account's home, wherever that is.
      const key = `nosuchkey${String(turn).padStart(22, '0')}`;
      return { what, secret: undefined, reply: await next().call('POST', `/api/v1/secret/${key}`, { as: MIA }) };
    }
    const reply = await next().call('POST', '/api/v1/share', { as: MIA, body: 'secret=moving&ttl=3600' });
    return { what, reply, secret: reply.status === 200 ? String(reply.json().secret_key) : undefined };
  }
  const running = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let index = caller; !stopped; index++) done.push(await callOnce(index));
  });
  return {
    done,
    kept,
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
  };
}

/** A create whose body has begun. */
function beginSlowly(base: string) {
  const { hostname, port } = new URL(base);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  let answer = '';
  socket.on('data', (text: unknown) => {
    answer += String(text);
  });
  const lines = [
    'POST /api/v1/share HTTP/1.1',
    'Host: gateway',
    `Authorization: ${basic(MIA)}`,
    'Content-Type: application/x-www-form-urlencoded',
    'Content-Length: 8',
    'Connection: close',
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\nsecr`);
  return { finish: () => socket.write('et=x'), answer: () => answer };
}

describe.skipIf(!HAS_REDIS)('a move', () => {
  let fleet: Fleet | undefined;
  afterEach(async () => {
    await fleet?.[Symbol.asyncDispose]();
    fleet = undefined;
  });

  it('under load: nothing of the account reaches us after it, nothing is lost, creates wait in between', async () => {
    fleet = await openFleet({ sameToken: true });
    const { gateways } = fleet;
    const [first] = gateways as [FleetGateway];
    const before = await Promise.all(Array.from({ length: 6 }, () => (fleet as Fleet).create(first, { as: MIA })));
    const load = callersOf(fleet, []);
    await until(() => load.done.length > 60);

    const { account } = await fleet.desk.move(nameOf(MIA), 'eu', true);
    expect(account.move?.phase).toBe('frozen');
    // Nobody drives it but the gateways.
    await until(async () => (await (fleet as Fleet).desk.moves()).length === 0);
    const reached = withCredentials(fleet.us).length;
    const doneAtEnd = load.done.length;
    await until(() => load.done.length > doneAtEnd + 120);
    await load.stop();

    expect(withCredentials(fleet.us).length).toBe(reached);
    expect(withCredentials(fleet.eu).length).toBeGreaterThan(50);
    const statuses = load.done.map(({ what, reply }) => `${what} ${reply.status} ${reply.json().error ?? ''}`);
    const allowed = ['create 200 ', 'create 503 account_moving', 'retrieve 404 ', 'recent 200 '];
    expect([...new Set(statuses)].toSorted()).toEqual(allowed.toSorted());
    for (const { reply } of load.done.filter(({ reply }) => reply.status === 503)) {
      expect(reply.json().outcome).toBe('not_sent');
      expect(reply.headers['retry-after']).toBe('2');
    }
    // Every secret whose create was answered is there: where it was made, and the old ones, too.
    const secrets = [...before.map(({ secret }) => secret), ...load.done.flatMap(({ secret }) => secret ?? [])];
    const found = await Promise.all(
      secrets.map((secret, index) =>
        (gateways[index % 3] as FleetGateway).call('POST', `/api/v1/secret/${secret}`, { as: MIA }),
      ),
    );
    expect(found.map(({ status }) => status)).toEqual(secrets.map(() => 200));
    expect(withCredentials(fleet.us).length).toBe(reached);
  }, 60_000);

  it('without keepOld a pinned account no longer reaches what it made before', async () => {
    fleet = await openFleet({ gateways: 1, sameToken: true });
    const [gateway] = fleet.gateways as [FleetGateway];
    const { secret } = await fleet.create(gateway, { as: MIA });
    await fleet.desk.move(nameOf(MIA), 'eu', false);
    await until(async () => (await (fleet as Fleet).desk.moves()).length === 0);
    fleet.us.clearLedger();
    const reply = await gateway.call('POST', `/api/v1/secret/${secret}`, { as: MIA });
    expect(reply.json().error).toBe('held_elsewhere');
    expect(fleet.us.requests).toEqual([]);
  });

  it('waits for a request that began before it', async () => {
    fleet = await openFleet({ gateways: 1, sameToken: true });
    const [gateway] = fleet.gateways as [FleetGateway];
    const slow = beginSlowly(gateway.url);
    await until(async () => (await gateway.metric('onetime_gateway_in_flight_requests')) === 1);

    await fleet.desk.move(nameOf(MIA), 'eu', true);
    await pause(1000);
    expect((await fleet.desk.moves()).map(({ move }) => move?.phase)).toEqual(['frozen']);
    expect(withCredentials(fleet.us)).toEqual([]);

    slow.finish();
    await until(() => slow.answer().includes('HTTP/1.1 200'));
    expect(withCredentials(fleet.us)).toHaveLength(1);
    await until(async () => (await (fleet as Fleet).desk.moves()).length === 0);
    expect(withCredentials(fleet.us)).toHaveLength(1);
  });

  it('can be aborted before cutover: creates go on in us', async () => {
    fleet = await openFleet({ gateways: 2, sameToken: true });
    const [gateway] = fleet.gateways as [FleetGateway];
    // A gateway that is never heard of again keeps the move frozen until its lease is over.
    const lease = { gateway: 'ab'.repeat(8), label: 'silent:1', seen: 0, leaseMs: 20_000 };
    await fleet.store.directory.follow(lease, undefined);
    await fleet.desk.move(nameOf(MIA), 'eu', true);
    const create = () => gateway.call('POST', '/api/v1/share', { as: MIA, body: 'secret=x' });
    await until(async () => (await create()).status === 503);
    expect(await fleet.desk.abort({ name: nameOf(MIA) })).toBe('aborted');
    await until(async () => (await create()).status === 200);
    expect(withCredentials(fleet.eu)).toEqual([]);
  });

  it('is not undone by a gateway that slept through it: what it had located before is not sent', async () => {
    fleet = await openFleet({ gateways: 1, sameToken: true });
    using folder = openFolder();
    const file = folder.write('gateway.yaml', fleet.config);
    await using sleeper = await startCli(['serve', '--config', file], { env: { GATEWAY_IDENTITY_KEY: IDENTITY_KEY } });
    const [, url = '', adminUrl = ''] = await sleeper.line(/"url":"([^"]+)","admin":"([^"]+)".*"listening"/);
    // Known from here on, so that the next request is located in the moment in which it begins.
    expect((await call(url, 'GET', '/api/v1/private/recent', { as: MIA })).status).toBe(200);
    fleet.us.clearLedger();
    const slow = beginSlowly(url);
    const inFlight = async () => (await call(adminUrl, 'GET', '/metrics')).body.includes('in_flight_requests 1');
    await until(inFlight);

    sleeper.kill('SIGSTOP');
    await fleet.desk.move(nameOf(MIA), 'eu', true);
    await until(async () => (await (fleet as Fleet).desk.moves()).length === 0);
    sleeper.kill('SIGCONT');
    // It has a lease again, but not the one of when the request was located.
    const epoch = (await fleet.desk.mark())?.epoch;
    await until(async () => (await call(adminUrl, 'GET', '/metrics')).body.includes(`directory_epoch ${epoch}\n`));
    slow.finish();
    await until(() => slow.answer().includes('\r\n\r\n'));
    expect(slow.answer()).toMatch(/^HTTP\/1.1 503 /);
    expect(slow.answer()).toContain('"error":"directory_unavailable"');
    expect(withCredentials(fleet.us)).toEqual([]);
    // Awake again, it knows where the account lives.
    await until(async () => (await call(url, 'POST', '/api/v1/share', { as: MIA, body: 'secret=x' })).status === 200);
    expect(withCredentials(fleet.us)).toEqual([]);
    expect(withCredentials(fleet.eu)).toHaveLength(1);
  }, 40_000);

  it('is not undone by what a gateway located before the engine lost its lease in a failover', async () => {
    fleet = await openFleet({ gateways: 1, sameToken: true });
    const { desk, store, redis } = fleet;
    const [gateway] = fleet.gateways as [FleetGateway];
    const slow = beginSlowly(gateway.url);
    await until(async () => (await gateway.metric('onetime_gateway_in_flight_requests')) === 1);
    const { account } = await desk.move(nameOf(MIA), 'eu', true);
    const hash = Buffer.from(account.id, 'hex') as KeyedHash;
    await until(async () => {
      await redis.cli('DEL', 'otgw:{dir}leases');
      return (await store.directory.advanceMove(hash, 'cli:test')).kind === 'none';
    });
    const epoch = (await desk.mark())?.epoch;
    await until(async () => (await gateway.metric('onetime_gateway_directory_epoch')) === epoch);
    slow.finish();
    await until(() => slow.answer().includes('\r\n\r\n'));
    expect(slow.answer()).toContain('"error":"directory_unavailable"');
    expect(withCredentials(fleet.us)).toEqual([]);
  }, 40_000);

  it('costs nobody the lease while an import holds the directory for longer than that', async () => {
    fleet = await openFleet({ gateways: 1, sameToken: true });
    const [gateway] = fleet.gateways as [FleetGateway];
    const lease = { gateway: 'ab'.repeat(8), label: 'silent:1', seen: 0, leaseMs: 20_000 };
    await fleet.store.directory.follow(lease, undefined);
    await fleet.desk.move(nameOf(MIA), 'eu', true);
    await until(async () => (await gateway.metric('onetime_gateway_account_moves{phase="frozen"}')) === 1);
    const hold = `others\t${Date.now() + 6000}`;
    await fleet.redis.cli('HSET', 'otgw:{dir}accounts', 'h', hold);
    const leased: number[] = [];
    for (const endMs = Date.now() + 5000; Date.now() < endMs; await pause(250)) {
      leased.push(await gateway.metric('onetime_gateway_directory_leased'));
    }
    expect([...new Set(leased)]).toEqual([1]);
  }, 40_000);

  it('is finished by another gateway when one is killed in the middle of it', async () => {
    fleet = await openFleet({ gateways: 1, sameToken: true });
    using folder = openFolder();
    const file = folder.write('gateway.yaml', fleet.config);
    await using killed = await startCli(['serve', '--config', file], { env: { GATEWAY_IDENTITY_KEY: IDENTITY_KEY } });
    await killed.line(/"listening"/);
    await until(async () => (await (fleet as Fleet).desk.gateways()).length === 2);

    await fleet.desk.move(nameOf(MIA), 'eu', true);
    killed.kill('SIGKILL');
    await killed.exited;
    await until(async () => (await (fleet as Fleet).desk.moves()).length === 0);
    expect((await fleet.desk.show(nameOf(MIA))).entry).toMatchObject({ region: 'eu', also: ['us'], move: null });
    // Its lease was waited for, then it was forgotten.
    expect(await fleet.desk.gateways()).toHaveLength(1);
    const events = (await fleet.desk.events(undefined, 3)).map(({ what }) => what);
    expect(events).toEqual(['move_finished', 'move_cut_over', 'move_begun']);
  }, 40_000);

  it('is finished by the next gateway when all were killed in the middle of it', async () => {
    fleet = await openFleet({ gateways: 0, sameToken: true });
    using folder = openFolder();
    const file = folder.write('gateway.yaml', fleet.config);
    const env = { GATEWAY_IDENTITY_KEY: IDENTITY_KEY };
    for (const phase of ['frozen', 'cutover'] as const) {
      await using killed = await startCli(['serve', '--config', file], { env });
      await killed.line(/"listening"/);
      await until(async () => (await (fleet as Fleet).desk.gateways()).length >= 1);
      if (phase === 'frozen') await fleet.desk.move(nameOf(MIA), 'eu', true);
      killed.kill('SIGKILL');
      await killed.exited;
    }
    await fleet.open();
    await until(async () => (await (fleet as Fleet).desk.moves()).length === 0);
    expect((await fleet.desk.show(nameOf(MIA))).entry).toMatchObject({ region: 'eu', move: null });
  }, 40_000);
});
