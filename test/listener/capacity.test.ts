// How many connections there may be, in all and from one address: at the bound, below it and beyond it.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as until } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { hasOpenssl, openCertificates } from '../support/certificates.ts';
import { call } from '../support/http.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { type RawCaller, rawCaller } from '../support/raw.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, account: OFF, failedAuth: OFF };
const GET = 'GET /us/api/v1/status HTTP/1.1\r\nHost: g\r\n\r\n';
const HALF = 'POST /us/api/v1/share HTTP/1.1\r\nHost: g\r\nContent-Length: 100000\r\n\r\nsecret=';

/** What has just come in on a connection might be the beginning of a request, until it was looked at again (http-server.ts). */
const LOOKED_AT_MS = 600;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(listen: Readonly<Record<string, unknown>>, config = {}): Promise<Lab> {
  const lab = await openLab({
    config: { limits: LIMITS, listen: { host: '127.0.0.1', port: 0, ...listen }, ...config },
  });
  closing.push(() => lab.close());
  return lab;
}

/** A connection, in use if bytes are sent on it. @param from a loopback address */
async function dial(lab: Lab, bytes = '', from = '127.0.0.1'): Promise<RawCaller> {
  const { port } = new URL(lab.gateway.url);
  const caller = rawCaller(lab.gateway.url, { localAddress: from });
  closing.push(() => caller.socket.destroy());
  if (caller.socket.connecting) await once(caller.socket, 'connect');
  expect(caller.socket.remotePort).toBe(Number(port));
  if (bytes !== '') caller.send(bytes);
  return caller;
}

const OPEN = 'onetime_gateway_connections';
const turnedAway = (lab: Lab, reason: 'all' | 'address') =>
  lab.metric(`onetime_gateway_connections_refused_total{reason="${reason}"}`);
const reclaimed = (lab: Lab) => lab.metric('onetime_gateway_connections_reclaimed_total');
const areOpen = (lab: Lab, count: number) => expect.poll(() => lab.metric(OPEN)).toBe(count);

/** Connections that have each a request under way, so that none of them is unused. */
async function fill(lab: Lab, count: number): Promise<RawCaller[]> {
  const callers = await Promise.all(Array.from({ length: count }, () => dial(lab, HALF)));
  await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(count);
  return callers;
}

const REFUSED =
  /^HTTP\/1\.1 503 [\s\S]*\r\nRetry-After: 1\r\n[\s\S]*\r\nConnection: close\r\n[\s\S]*"error":"too_many_connections"/;

describe('maxConnections', () => {
  it('lets in as many, and answers 503 at once to one more, which has not said anything', async () => {
    const lab = await open({ maxConnections: 4 });
    const callers = await fill(lab, 3);
    // The fourth is taken and served.
    const last = await dial(lab, GET);
    await last.sees(/^HTTP\/1\.1 200 /);
    last.send(HALF);
    await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(4);
    const startMs = performance.now();
    const more = await dial(lab);
    expect(await more.closed).toMatch(REFUSED);
    expect(performance.now() - startMs).toBeLessThan(1500);
    expect([await turnedAway(lab, 'all'), await turnedAway(lab, 'address'), await lab.metric(OPEN)]).toEqual([1, 0, 4]);
    expect(await lab.metric('onetime_gateway_refusals_total{code="too_many_connections"}')).toBe(1);
    callers[0]?.socket.destroy();
    await areOpen(lab, 3);
    const next = await dial(lab, GET);
    await next.sees(/^HTTP\/1\.1 200 /);
    expect(lab.log.join('')).not.toContain(`127.0.0.1:${more.socket.localPort}`);
  });

  it('answers also one that has sent its whole request, and nothing of that is sent anywhere', async () => {
    const lab = await open({ maxConnections: 1 });
    const { secret } = await lab.create({ region: 'us' });
    await expect.poll(() => lab.metric(OPEN)).toBe(0);
    await fill(lab, 1);
    lab.clearLedgers();
    const body = 'x'.repeat(100_000);
    const more = await dial(
      lab,
      `POST /us/api/v1/secret/${secret} HTTP/1.1\r\nHost: g\r\nContent-Length: 100000\r\n\r\n${body}`,
    );
    expect(await more.closed).toMatch(REFUSED);
    expect(lab.us.requests).toEqual([]);
    expect(lab.us.secret(secret)?.consumed).toBe(false);
  });

  it('ends the connection that has been unused for longest, to make place for a new one', async () => {
    const lab = await open({ maxConnections: 3 });
    const [busy] = await fill(lab, 1);
    const [older, newer] = [await dial(lab, GET), await dial(lab, GET)];
    for (const caller of [older, newer]) await caller.sees(/^HTTP\/1\.1 200 /);
    // Used again: it is the other one that has been unused for longest.
    older.send(GET);
    await expect.poll(() => older.received().match(/HTTP\/1\.1 200 /g)?.length).toBe(2);
    await until(LOOKED_AT_MS);
    const next = await dial(lab, GET);
    await next.sees(/^HTTP\/1\.1 200 /);
    await newer.closed;
    expect([older.socket.closed, busy?.socket.closed, await reclaimed(lab)]).toEqual([false, false, 1]);
    await areOpen(lab, 3);
    expect(await turnedAway(lab, 'all')).toBe(0);
  });

  it('ends those that were opened and never used as well, and goes on so', async () => {
    const lab = await open({ maxConnections: 2 });
    const silent = [await dial(lab), await dial(lab)];
    await areOpen(lab, 2);
    for (let turn = 0; turn < 5; turn++) {
      const caller = await dial(lab, GET);
      await caller.sees(/^HTTP\/1\.1 200 /);
      await until(LOOKED_AT_MS);
    }
    await Promise.all(silent.map(({ closed }) => closed));
    expect(await reclaimed(lab)).toBe(5);
    await areOpen(lab, 2);
  });

  it('ends those whose callers were told to go and do not, whatever they still send', async () => {
    const lab = await open({ maxConnections: 2 });
    const told = await Promise.all(
      ['garbage\r\n\r\n', GET.replace('Host', 'Connection: close\r\nHost')].map(async (bytes) => {
        const caller = rawCaller(lab.gateway.url, { allowHalfOpen: true });
        closing.push(() => caller.socket.destroy());
        caller.send(bytes);
        await caller.sees(/^HTTP\/1\.1 [\s\S]*}/);
        const timer = setInterval(() => caller.send('x'), 20);
        closing.push(() => clearInterval(timer));
        return caller;
      }),
    );
    for (let turn = 0; turn < 2; turn++) {
      const caller = await dial(lab, GET);
      await caller.sees(/^HTTP\/1\.1 200 /);
    }
    await Promise.all(told.map(({ closed }) => closed));
    expect([await reclaimed(lab), await turnedAway(lab, 'all')]).toEqual([2, 0]);
  });

  it('does not end one on which a request is just coming', async () => {
    const lab = await open({ maxConnections: 1 });
    const coming = await dial(lab, 'GET /us/api/v1/status HTTP/1.1\r\n');
    await areOpen(lab, 1);
    const more = await dial(lab);
    expect(await more.closed).toMatch(REFUSED);
    coming.send('Host: g\r\n\r\n');
    await coming.sees(/^HTTP\/1\.1 200 /);
  });

  it('is no concern of operators', async () => {
    const lab = await open({ maxConnections: 1 });
    await fill(lab, 1);
    for (const path of ['/livez', '/readyz', '/metrics']) {
      expect((await call(lab.gateway.adminUrl, 'GET', path)).status).toBe(200);
    }
  });

  it('cannot be changed by a reload, which says so', async () => {
    const lab = await open({ maxConnections: 1 });
    const report = await lab.reload({ listen: { host: '127.0.0.1', port: 0, maxConnections: 2 } });
    expect([report.result, report.needsRestart]).toEqual(['refused', ['listen.maxConnections']]);
  });

  it('lets many who are turned away read their answer, and does not wait for them', async () => {
    const lab = await open({ maxConnections: 1 });
    await fill(lab, 1);
    const crowd = await Promise.all(Array.from({ length: 300 }, () => dial(lab)));
    const answers = await Promise.all(crowd.map(({ closed }) => closed));
    expect(answers.filter((text) => REFUSED.test(text)).length).toBeGreaterThanOrEqual(200);
    expect(await turnedAway(lab, 'all')).toBe(300);
    await areOpen(lab, 1);
  });
});

describe('a gateway that ends', () => {
  it.each(['drain', 'close'] as const)('waits for nobody who still reads that there was no place (%s)', async (how) => {
    const lab = await open({ maxConnections: 1 });
    const [busy] = await fill(lab, 1);
    const more = rawCaller(lab.gateway.url, { allowHalfOpen: true });
    closing.push(() => more.socket.destroy());
    await more.sees(REFUSED);
    const timer = setInterval(() => more.send('x'), 50);
    closing.push(() => clearInterval(timer));
    busy?.socket.destroy();
    await areOpen(lab, 0);
    const startMs = performance.now();
    if (how === 'drain') expect(await lab.gateway.drain(20_000)).toBe(true);
    else await lab.gateway.close();
    await more.closed;
    // It would be let go after ten seconds.
    expect(performance.now() - startMs).toBeLessThan(4_000);
  });
});

describe('maxConnectionsPerAddress', () => {
  const ADDRESS = '127.9.0.1';

  it('lets in as many of an address, and answers 503 to one more; others are not concerned', async () => {
    const lab = await open({ maxConnectionsPerAddress: 2 });
    const callers = [await dial(lab, GET, ADDRESS), await dial(lab, GET, ADDRESS)];
    for (const caller of callers) await caller.sees(/^HTTP\/1\.1 200 /);
    const more = await dial(lab, GET, ADDRESS);
    const answer = await more.closed;
    expect(answer).toMatch(REFUSED);
    expect(answer).toContain('At most 2 connections from one address.');
    const other = await dial(lab, GET, '127.9.0.2');
    await other.sees(/^HTTP\/1\.1 200 /);
    expect([await turnedAway(lab, 'address'), await turnedAway(lab, 'all')]).toEqual([1, 0]);
    callers[0]?.socket.destroy();
    await areOpen(lab, 2);
    const next = await dial(lab, GET, ADDRESS);
    await next.sees(/^HTTP\/1\.1 200 /);
    expect(lab.log.join('')).not.toContain(ADDRESS);
  });

  it('is off by default, and takes effect by a reload, for those that are open already', async () => {
    const lab = await open({});
    const callers = await Promise.all(Array.from({ length: 3 }, () => dial(lab, GET, ADDRESS)));
    for (const caller of callers) await caller.sees(/^HTTP\/1\.1 200 /);
    const listen = { host: '127.0.0.1', port: 0, maxConnectionsPerAddress: 3 };
    expect((await lab.reload({ limits: LIMITS, listen })).result).toBe('applied');
    expect(await (await dial(lab, GET, ADDRESS)).closed).toMatch(REFUSED);
    expect((await lab.reload({ limits: LIMITS, listen: { ...listen, maxConnectionsPerAddress: 4 } })).result).toBe(
      'applied',
    );
    await (await dial(lab, GET, ADDRESS)).sees(/^HTTP\/1\.1 200 /);
  });

  it('does not concern a load balancer, which is one address for everybody', async () => {
    const lab = await open({ maxConnectionsPerAddress: 1, trustProxy: [ADDRESS] });
    const callers = [await dial(lab, GET, ADDRESS), await dial(lab, GET, ADDRESS)];
    for (const caller of callers) await caller.sees(/^HTTP\/1\.1 200 /);
    const one = await dial(lab, GET, '127.9.0.2');
    await one.sees(/^HTTP\/1\.1 200 /);
    expect(await (await dial(lab, GET, '127.9.0.2')).closed).toMatch(REFUSED);
  });

  it('holds for the addresses that a load balancer names, IPv6 by /64 and IPv4-mapped ones as IPv4', async () => {
    const lab = await open({ maxConnectionsPerAddress: 1, trustProxy: ['127.0.0.1'], proxyProtocol: true });
    const header = (address: string): string => {
      const family = address.includes(':') ? 'TCP6' : 'TCP4';
      return `PROXY ${family} ${address} ${family === 'TCP6' ? '::1' : '192.0.2.254'} 1000 80\r\n`;
    };
    const taken = ['192.0.2.1', '2001:db8::1', '2001:db8:0:1::1'];
    const callers = await Promise.all(taken.map((address) => dial(lab, header(address) + GET)));
    for (const caller of callers) await caller.sees(/^HTTP\/1\.1 200 /);
    for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::ffff', '2001:db8:0:1:8000::1']) {
      expect(await (await dial(lab, header(address) + GET)).closed).toMatch(REFUSED);
    }
    for (const caller of callers) caller.socket.destroy();
    await areOpen(lab, 0);
    await (await dial(lab, header('::ffff:192.0.2.1') + GET)).sees(/^HTTP\/1\.1 200 /);
  });
});

describe.skipIf(!hasOpenssl)('where callers speak TLS', () => {
  it('one more is closed without a handshake', async () => {
    const files = openCertificates();
    closing.push(() => files[Symbol.dispose]());
    files.authority('ca');
    files.issue('gateway', 'g.example', 'ca');
    const tls = { cert: files.at('gateway.pem'), key: files.at('gateway.key') };
    const lab = await open({ maxConnections: 1, tls });
    const { port } = new URL(lab.gateway.url);
    const dialTls = (): Socket =>
      connectTls({ port: Number(port), host: '127.0.0.1', servername: 'g.example', ca: files.read('ca.pem') });
    const first = dialTls();
    closing.push(() => first.destroy());
    await once(first, 'secureConnect');
    first.write(HALF);
    await expect.poll(() => lab.metric('onetime_gateway_in_flight_requests')).toBe(1);
    const more = connect(Number(port), '127.0.0.1');
    closing.push(() => more.destroy());
    const bytes: Buffer[] = [];
    more.on('data', (chunk: Buffer) => bytes.push(chunk)).on('error', () => {});
    await once(more, 'close');
    expect([Buffer.concat(bytes).length, await turnedAway(lab, 'all')]).toEqual([0, 1]);
    first.destroy();
    await areOpen(lab, 0);
    // Unused ones make place there, too.
    const idle = dialTls();
    closing.push(() => idle.destroy());
    await once(idle, 'secureConnect');
    idle.write(GET);
    await once(idle, 'data');
    await until(LOOKED_AT_MS);
    const next = dialTls();
    closing.push(() => next.destroy());
    await Promise.all([once(next, 'secureConnect'), once(idle, 'close')]);
    expect(await reclaimed(lab)).toBe(1);
  });
});
