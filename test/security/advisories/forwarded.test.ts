// X-Forwarded-*: who may say where a request comes from, and that nothing else is believed.
import { expect, it, vi } from 'vitest';
import { parseConfig } from '../../../src/config/load.ts';
import { shows } from './advisories.ts';
import { API, AT_ONCE_MS, exchange, openWorld, statusesOf, type World } from './world.ts';

vi.setConfig({ testTimeout: 10_000 });

/** What us was told of the client. */
function clientAt({ lab }: World): string[] {
  const headers = lab.us.requests.at(-1)?.headers ?? [];
  return headers.flatMap(([name, value]) => (name.toLowerCase() === 'x-forwarded-for' ? [value] : []));
}

const FORGED = [
  'X-Forwarded-Host: eu.gateway.example',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Server: eu.gateway.example',
  'Forwarded: host=eu.gateway.example;for=6.6.6.6',
  'X-Forwarded-For: 6.6.6.6',
];
const head = ['GET /api/v1/status HTTP/1.1', 'Host: us.gateway.example', ...FORGED, 'Connection: close', '', ''].join(
  '\r\n',
);

it.each([
  ['from a proxy that is trusted', ['127.0.0.1'], '6.6.6.6'],
  ['from anybody', [], '127.0.0.1'],
  ['from anybody but another', ['10.0.0.1'], '127.0.0.1'],
])(`${shows('GHSA-444r-cwp2-x5xf')}: %s`, async (_who, trustProxy, client) => {
  const trusting = await openWorld({ config: { listen: { host: '127.0.0.1', port: 0, trustProxy } } });
  const { lab } = trusting;
  expect(statusesOf(await exchange(lab.gateway.url, head))).toEqual([200]);
  expect(trusting.eu.requests).toEqual([]);
  const headers = lab.us.requests.at(-1)?.headers;
  const forwarded = headers?.filter(([name]) => /^(x-)?forwarded/i.test(name));
  expect(forwarded).toEqual([['x-forwarded-for', client]]);
  await trusting.close();
});

const parse = (trustProxy: unknown): unknown =>
  parseConfig(
    JSON.stringify({ regions: { us: { upstreams: ['http://127.0.0.1:1'] } }, listen: { trustProxy } }),
    'test.yaml',
    {},
  );

it.each([1, 2, true, '1', ['1'], [1], ['uniquelocal'], ['*']])(`${shows('GHSA-3m5p-2c4r-xxw2')}: %j`, (trustProxy) => {
  expect(() => parse(trustProxy)).toThrow(/listen\.trustProxy/);
});

it.each(['::ffff:10.0.0.0/8', '::ffff:0:0/0', '::ffff:a00:0/24', '10.0.0.0/33', '::/129', '10.0.0.0/'])(
  `${shows('GHSA-jqcg-44mw-7w3h')}: %s`,
  (range) => {
    expect(() => parse([range])).toThrow(/listen\.trustProxy/);
  },
);

it(`${shows('GHSA-jqcg-44mw-7w3h')}; the right one trusts what it says`, async () => {
  const config = { listen: { host: '127.0.0.1', port: 0, trustProxy: ['::ffff:10.0.0.0/104'] } };
  const mapped = await openWorld({ config });
  await exchange(mapped.lab.gateway.url, head);
  expect(clientAt(mapped)).toEqual(['127.0.0.1']);
  await mapped.close();
});

it(shows('GHSA-mpcf-4gmh-23w8'), async () => {
  const config = { listen: { host: '127.0.0.1', port: 0, trustProxy: ['127.0.0.0/8', '10.0.0.0/8'] } };
  const behind = await openWorld({ config });
  for (const value of [
    ' '.repeat(12_000),
    ','.repeat(12_000),
    ' ,'.repeat(6_000),
    '10.0.0.1, '.repeat(1_200),
    `${'1'.repeat(12_000)}x`,
  ]) {
    const begun = performance.now();
    const answer = await exchange(
      behind.lab.gateway.url,
      `GET ${API} HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: ${value}\r\nConnection: close\r\n\r\n`,
    );
    expect(statusesOf(answer)).toEqual([200]);
    expect(performance.now() - begun).toBeLessThan(AT_ONCE_MS);
    expect(clientAt(behind)[0]).toMatch(/^(127|10)\.0\.0\.1$/);
  }
  await behind.close();
});
