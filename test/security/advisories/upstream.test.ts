// What regions answer, sent at the level of bytes: undici's advisories about answers, connections that are kept, and retries.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type BrokenRegion, openBrokenRegion } from '../../support/broken-region.ts';
import { shows } from './advisories.ts';
import { API, AT_ONCE_MS, exchange, latin1Caller, openWorld, PASSED, statusesOf, type World } from './world.ts';

vi.setConfig({ testTimeout: 10_000 });

let world: World;
let us: BrokenRegion;
afterEach(async () => {
  await world.close();
  await us.close();
});

/** us does at the level of bytes what it is told. */
async function open(behave: (socket: Socket, request: string) => void): Promise<void> {
  us = await openBrokenRegion(behave);
  world = await openWorld({ upstreams: { us: us.url } });
}

const answer = (body: string, more = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;
const get = (target: string): Promise<string> =>
  exchange(world.lab.gateway.url, `GET ${target} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n`);
const bodyOf = (received: string): string => received.slice(received.indexOf('\r\n\r\n') + 4);
const POISON = answer('{"poison":1}');

describe.each([API, PASSED])('%s', (target) => {
  it(`${shows('GHSA-35p6-xmwp-9g52')}: in one piece with it`, async () => {
    let count = 0;
    await open((socket) => {
      count++;
      socket.write(answer(`{"n":${count}}`) + (count === 1 ? POISON : ''));
    });
    const first = await get(target);
    const second = await get(target);
    expect(first + second).not.toContain('poison');
    expect(statusesOf(second)).toEqual([200]);
    expect(bodyOf(second)).toBe('{"n":2}');
    expect(us.received).toHaveLength(2);
  });

  it(shows('CVE-2026-48931'), async () => {
    let kept: Socket | undefined;
    let count = 0;
    await open((socket) => {
      kept ??= socket;
      count++;
      socket.write(answer(`{"n":${count}}`));
    });
    expect(bodyOf(await get(target))).toBe('{"n":1}');
    await new Promise<void>((done) => kept?.write(POISON, () => done()));
    const second = await get(target);
    expect(second).not.toContain('poison');
    // On the connection that it came in on, or on another: its own answer, or none.
    if (statusesOf(second)[0] === 200) expect(bodyOf(second)).toBe('{"n":2}');
    else expect(statusesOf(second)).toEqual([502]);
    expect(bodyOf(await get(target))).toMatch(/^\{"n":[23]\}$/);
  });

  it(shows('GHSA-8xcm-r25x-g524'), async () => {
    await open((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 20\r\nETag: "e"\r\n\r\nhalf', () => socket.destroy()),
    );
    const received = await get(target);
    expect(us.received).toHaveLength(1);
    expect(us.received[0]?.toLowerCase()).not.toContain('range:');
    if (target === API) {
      expect(statusesOf(received)).toEqual([502]);
      expect(JSON.parse(bodyOf(received))).toMatchObject({ outcome: 'unknown' });
    } else {
      // Its head has left: the caller sees that less came than was announced.
      expect(received.toLowerCase()).toContain('content-length: 20');
      expect(bodyOf(received).length).toBeLessThan(20);
    }
  });

  it(shows('GHSA-r53p-7pc4-xj5r'), async () => {
    await open((socket) => socket.write(`${answer('{"n":1}')}HTTP/1.1 200 OK\r\nSet-Cookie: split=1\r\n\r\nsplit`));
    const received = await get(target);
    expect(received).not.toContain('split');
    expect(statusesOf(received)).toHaveLength(1);
  });
});

it(shows('GHSA-2gqq-gqf2-x968'), async () => {
  const chunk = 'x'.repeat(0x8000);
  const COUNT = 160;
  await open((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let sent = 0; sent < COUNT; sent++) socket.write(`8000\r\n${chunk}\r\n`);
    socket.write('0\r\n\r\n');
  });
  for (const target of [API, PASSED]) {
    expect((await world.lab.call('GET', target)).body).toHaveLength(COUNT * chunk.length);
  }
});

describe('packed', () => {
  const CHAIN = Array.from({ length: 1_500 }, () => 'gzip').join(', ');
  const BOMB = gzipSync(Buffer.alloc(64 * 1024 * 1024));

  it(shows('GHSA-g9mf-h72j-4rw9'), async () => {
    const packed = gzipSync('small').toString('latin1');
    await open((socket) => socket.write(answer(packed, `Content-Encoding: ${CHAIN}\r\n`), 'latin1'));
    for (const target of [API, PASSED]) {
      const begun = performance.now();
      const received = await get(target);
      expect(performance.now() - begun).toBeLessThan(AT_ONCE_MS);
      const [status] = statusesOf(received);
      expect([200, 502]).toContain(status);
      if (status === 200) expect(bodyOf(received)).toBe(packed);
    }
  });

  it(shows('GHSA-3xpg-4rpp-hhhm'), async () => {
    const bytes = BOMB.toString('latin1');
    await open((socket) => socket.write(answer(bytes, 'Content-Encoding: gzip\r\n'), 'latin1'));
    const before = process.memoryUsage().rss;
    const received = await get(PASSED);
    expect(received.toLowerCase()).toContain('content-encoding: gzip');
    expect(bodyOf(received)).toHaveLength(BOMB.length);
    expect(bodyOf(await get(API)).length).toBeLessThanOrEqual(BOMB.length);
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 1024 * 1024);
    // The API's answers are never asked for packed.
    expect(us.received.find((request) => request.includes('/api/v1/status'))?.toLowerCase()).not.toContain('gzip');
  });
});

describe(shows('GHSA-p88m-4jfj-68fv'), () => {
  const COOKIE = 'sess=a%0d%0aX-Injected:%201%00%3b%3D; Path=/';

  it('undecoded under a prefix with cookies, else not at all', async () => {
    await open((socket) => socket.write(answer('{}', `Set-Cookie: ${COOKIE}\r\n`)));
    world.serve = (_req, res) => res.setHeader('Set-Cookie', COOKIE).setHeader('Content-Length', 2).end('{}');
    const cookies = (received: string): string[] =>
      [...received.matchAll(/^set-cookie: (.*)\r$/gim)].map(([, value = '']) => value);
    expect(cookies(await get('/app/x'))).toEqual([COOKIE]);
    for (const target of ['/help/x', PASSED, API]) {
      const received = await get(target);
      expect(statusesOf(received)).toEqual([200]);
      expect(cookies(received)).toEqual([]);
      expect(received.toLowerCase()).not.toContain('x-injected');
    }
  });
});

it(shows('GHSA-mrq3-vjjr-p77c'), async () => {
  const chunk = randomBytes(64 * 1024);
  const TOTAL = 256 * 1024 * 1024;
  let written = 0;
  await open((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
    const more = (): void => {
      while (written < TOTAL && socket.writable) {
        written += chunk.length;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on('drain', more);
    more();
  });
  const caller = latin1Caller(world.lab.gateway.url);
  caller.send(`GET ${PASSED} HTTP/1.1\r\nHost: g\r\n\r\n`);
  await caller.sees(/^HTTP\/1\.1 200 /);
  caller.socket.pause();
  // Until nothing has moved from one look to the next.
  const looks = [-1];
  await expect
    .poll(() => looks.push(written) > 1 && looks.at(-1) === looks.at(-2), { interval: 200, timeout: 8000 })
    .toBe(true);
  expect(written).toBeLessThan(48 * 1024 * 1024);
  caller.socket.destroy();
});
