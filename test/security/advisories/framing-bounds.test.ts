// What does not end, or is too much: Node's advisories about resources of its HTTP server, and about headers that it hides.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { shows } from './advisories.ts';
import {
  API,
  AT_ONCE_MS,
  exchange,
  expectRefused,
  expectServing,
  latin1Caller,
  openWorld,
  PASSED,
  statusesOf,
  type World,
} from './world.ts';

vi.setConfig({ testTimeout: 15_000 });

const TIMEOUT_MS = 600;
let world: World;
beforeAll(async () => {
  world = await openWorld({ config: { request: { timeout: `${TIMEOUT_MS}ms` } } });
});
afterAll(() => world.close());
beforeEach(() => world.clear());

const TARGETS = ['/us/api/v1/share', PASSED] as const;
const url = (): string => world.lab.gateway.url;

describe(shows('CVE-2020-8251'), () => {
  it.each([
    ['a head', `GET ${API} HTTP/1.1\r\nHost: g\r\nX: `],
    ['a body of the API', 'POST /us/api/v1/share HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\nhalf'],
    ['a chunked body', 'POST /us/api/v1/share HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'],
  ])('%s', async (_what, bytes) => {
    const begun = performance.now();
    expect(statusesOf(await exchange(url(), bytes))).toEqual([408]);
    expect(performance.now() - begun).toBeLessThan(TIMEOUT_MS + AT_ONCE_MS);
    expect(world.lab.us.requests).toEqual([]);
  });
});

it(shows('CVE-2019-5737'), async () => {
  const caller = latin1Caller(url());
  caller.send(`GET ${API} HTTP/1.1\r\nHost: g\r\n\r\n`);
  await caller.sees(/^HTTP\/1\.1 200 [\s\S]*\}$/);
  const begun = performance.now();
  caller.send(`GET ${API} HTTP/1.1\r\nHost: g\r\nX: `);
  const dribble = setInterval(() => caller.send('x'), 50);
  const received = await caller.closed.finally(() => clearInterval(dribble));
  // What still dribbles in resets the connection, which may overtake the 408.
  expect([[200], [200, 408]]).toContainEqual(statusesOf(received));
  expect(performance.now() - begun).toBeLessThan(TIMEOUT_MS + AT_ONCE_MS);
  expect(world.lab.us.requests).toHaveLength(1);
});

describe(shows('CVE-2024-22019'), () => {
  it.each(TARGETS)('%s', async (target) => {
    const caller = latin1Caller(url());
    caller.send(`POST ${target} HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n1;`);
    const more = 'a'.repeat(16_384);
    let sent = 0;
    const send = (): void => {
      sent += more.length;
      caller.socket.write(more, (error) => {
        if (error == null && !caller.socket.destroyed) setImmediate(send);
      });
    };
    send();
    const [status = 0, ...others] = statusesOf(await caller.closed);
    // A reset may overtake the answer while bytes are still coming in.
    expect([0, 400, 413, 431]).toContain(status);
    expect(others).toEqual([]);
    // As much as sockets hold between the two, and no more.
    expect(sent).toBeLessThan(16 * 1024 * 1024);
    expect(world.lab.us.requests).toEqual([]);
    await expectServing(world);
  });
});

describe(shows('CVE-2026-21710'), () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('%s', async (name) => {
    for (const target of [API, PASSED]) {
      const head = `GET ${target} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n${name}: x\r\n${name}: y\r\n\r\n`;
      const [status = 0] = statusesOf(await exchange(url(), head));
      // Names with underscores are refused altogether: CGI cannot tell them from hyphens.
      expect(status).toBe(name.includes('_') ? 400 : target === API ? 200 : 404);
    }
    await expectServing(world);
  });
});

describe(shows('CVE-2026-58044'), () => {
  const MANY = Array.from({ length: 2_100 }, () => 'a:b\r\n').join('');
  const smuggled = `GET ${API}?smuggled HTTP/1.1\r\nHost: g\r\n\r\n`;

  it.each(TARGETS)('%s', async (target) => {
    const head = `POST ${target} HTTP/1.1\r\nHost: g\r\n${MANY}Content-Length: ${smuggled.length}\r\n\r\n`;
    expect(await expectRefused(world, `${head}${smuggled}`)).toBe(431);
  });

  it('nor are credentials that stand behind them left out unseen', async () => {
    const head = `GET ${API} HTTP/1.1\r\nHost: g\r\n${MANY}Authorization: Basic garbage\r\n\r\n`;
    expect(statusesOf(await exchange(url(), head))).toEqual([431]);
    expect(world.lab.us.requests).toEqual([]);
  });
});
