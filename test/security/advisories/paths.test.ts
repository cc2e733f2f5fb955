// Ways out of a prefix, or past the routes: what is proxied is what was matched, byte for byte.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { shows } from './advisories.ts';
import { API, AT_ONCE_MS, exchange, expectRefused, expectServing, openWorld, statusesOf, type World } from './world.ts';

vi.setConfig({ testTimeout: 10_000 });

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());
beforeEach(() => world.clear());

const request = (target: string, method = 'GET', more = ''): string =>
  `${method} ${target} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n${more}\r\n`;
const send = (bytes: string): Promise<string> => exchange(world.lab.gateway.url, bytes);
const seen = (): string[] => world.eu.requests.map(({ target }) => target);

/** Refused with 400 or 404, and neither region has seen anything. */
async function expectNoWay(target: string): Promise<void> {
  const statuses = statusesOf(await send(request(target)));
  expect(statuses).toHaveLength(1);
  expect([400, 404]).toContain(statuses[0]);
  expect(seen()).toEqual([]);
  expect(world.lab.us.requests).toEqual([]);
}

describe(shows('GHSA-qmw8-3v4g-gwj4'), () => {
  it.each([
    '/help/../priv',
    '/help/./../priv',
    '/help/x/../../priv',
    '/help/..',
    '/help/%2e%2e/priv',
    '/help/.%2e/priv',
    '/help/%2E./priv',
    '/help/..\\priv',
    '/help/..%5cpriv',
    '/help\\..\\priv',
  ])('%s', expectNoWay);

  it('a path without them passes as it came', async () => {
    expect(statusesOf(await send(request('/help/pub/a..b/.c.d')))).toEqual([200]);
    expect(seen()).toEqual(['/help/pub/a..b/.c.d']);
  });
});

describe(shows('GHSA-c4qr-gmr9-v23w'), () => {
  it.each([
    '/helppriv',
    '/help-priv',
    '/help.priv',
    '/help%2fpriv',
    '/help;/priv',
    '/hel%70/priv',
    '/HELP/priv',
    '//help/priv',
    '/./help/priv',
    '/priv/..;/help',
    '/help//priv',
  ])('%s', expectNoWay);
});

describe(shows('GHSA-2q7r-29rg-6m5h'), () => {
  it.each([
    '/help/%252e%252e/priv',
    '/help/%25252e%25252e/priv',
    '/help/%2e%252e/priv',
    '/help/..%2fpriv',
    '/help/..%252fpriv',
    '/help/%2e%2e%2fpriv',
    '/help/..;x=y/priv',
    '/help/%c0%ae%c0%ae/priv',
    '/help/%u002e%u002e/priv',
    '/us/api/v1/secret/%2e%2e/private/recent',
    '/us/api/v1/../colonel/info',
  ])('%s', expectNoWay);

  it('dots in a query are no path', async () => {
    expect(statusesOf(await send(request('/help/x?y=../../priv')))).toEqual([200]);
    expect(seen()).toEqual(['/help/x?y=../../priv']);
  });
});

describe(shows('GHSA-8qr4-xgw6-wmr3'), () => {
  it.each([
    'http://HOST/help/x',
    '//HOST/help/x',
    '///HOST/help/x',
    '/\\HOST/help/x',
    '@HOST/help/x',
    '/us//HOST/api/v1/status',
    '/help/http://HOST/x',
  ])('%s', (target) => expectNoWay(target.replace('HOST', new URL(world.eu.url).host)));
});

describe(shows('GHSA-c96f-x56v-gq3h'), () => {
  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'])('%s', async (method) => {
    for (const target of [API, '/help/x', '/us-help/x']) {
      expect(await expectRefused(world, request(target, method))).toBe(400);
    }
    await expectServing(world);
  });
});

describe(shows('GHSA-rrr8-f88r-h8q6'), () => {
  it.each([
    ['dashes in a key', `/us/api/v1/secret/${'-'.repeat(7_900)}a`],
    ['dots in a key', `/us/api/v1/secret/${'.a'.repeat(3_900)}`],
    ['dashes under a prefix', `/help/${'-'.repeat(7_900)}a`],
    ['slashes under a prefix', `/help/${'a/'.repeat(3_900)}`],
    ['escapes under a prefix', `/help/${'%41'.repeat(2_600)}`],
    ['a query', `/help/x?${'a=&'.repeat(2_600)}`],
  ])('%s', async (_what, target) => {
    const begun = performance.now();
    const [status] = statusesOf(await send(request(target)));
    expect(performance.now() - begun).toBeLessThan(AT_ONCE_MS);
    // Read to its end, not refused for its length.
    expect([200, 400, 404, 405]).toContain(status);
  });
});

it(shows('GHSA-jgrh-5m3h-9c5f'), async () => {
  for (const target of [API, '/help/x', '/us-help/x', '/us/api/v1/nothing']) {
    const plain = statusesOf(await send(request(target)));
    expect(statusesOf(await send(request(target, 'GET', 'Accept-Version: 9.x\r\n')))).toEqual(plain);
  }
  const crossed = world.lab.us.requests
    .filter(({ path }) => path === '/api/v1/status')
    .flatMap(({ headers }) => headers);
  expect(crossed.map(([name]) => name.toLowerCase())).not.toContain('accept-version');
});
