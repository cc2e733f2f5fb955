// Real load balancers that send PROXY headers, before the gateway: Debian's HAProxy and nginx.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Listening } from '../../bench/lib/child.ts';
import type { Twin } from '../../src/twin/twin.ts';
import { askTls, hasHaproxy, hasNginxStream, startHaproxy, startNginxStream } from '../support/balancers.ts';
import { type CertificateFolder, hasOpenssl, openCertificates } from '../support/certificates.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { ALICE, type Lab, openLab } from '../support/lab.ts';
import { until } from '../support/redis.ts';
import { openServed } from '../workers/served.ts';

let folder: Folder;
let certificates: CertificateFolder;
beforeAll(() => {
  certificates = openCertificates();
  if (!hasOpenssl) return;
  certificates.authority('ca');
  certificates.issue('gateway', 'secrets.example', 'ca');
  const pair = Buffer.concat([certificates.read('gateway.pem'), certificates.read('gateway.key')]);
  certificates.write('both.pem', pair.toString('latin1'));
});
afterAll(() => certificates[Symbol.dispose]());
beforeEach(() => {
  folder = openFolder();
});
let lab: Lab | undefined;
let balancer: Listening | undefined;
afterEach(async () => {
  await balancer?.[Symbol.asyncDispose]();
  balancer = undefined;
  await lab?.close();
  lab = undefined;
  folder[Symbol.dispose]();
});

const LISTEN = { host: '127.0.0.1', port: 0, trustProxy: ['127.0.0.1'], proxyProtocol: true };
const listenTls = () => ({
  ...LISTEN,
  tls: { cert: certificates.at('gateway.pem'), key: certificates.at('gateway.key') },
});

async function open(listen: object = LISTEN): Promise<Lab> {
  lab = await openLab({ config: { listen } });
  return lab;
}

const portOf = (url: string): string => new URL(url).port;

/**
 * @param server of its line, behind the address
 * @param bind of its line, behind the port
 * @param option a line more
 */
async function haproxy(gatewayPort: string, server: string, bind = '', option = ''): Promise<number> {
  const text = (port: number): string => `global
  nbthread 1
defaults
  mode tcp
  timeout client 10s
  timeout server 10s
  timeout connect 5s
listen public
  bind 127.0.0.1:${port} ${bind}
  ${option}
  server gateway 127.0.0.1:${gatewayPort} ${server}
`;
  balancer = await startHaproxy(folder.path, text);
  return balancer.ports[0] ?? 0;
}

async function nginx(gatewayPort: string): Promise<number> {
  const text = (port: number): string => `stream {
  server {
    listen 127.0.0.1:${port};
    proxy_pass 127.0.0.1:${gatewayPort};
    proxy_protocol on;
  }
}
`;
  balancer = await startNginxStream(folder.path, text);
  return balancer.ports[0] ?? 0;
}

const forwardedFor = (us: Twin): (string | undefined)[] =>
  us.requests.map(({ headers }) => headers.find(([name]) => name.toLowerCase() === 'x-forwarded-for')?.[1]);
const series = (result: string): string => `onetime_gateway_proxy_headers_total{result="${result}"}`;

/** Nothing that a real load balancer has sent was taken for something else. */
async function nothingRefused(): Promise<void> {
  expect(await lab?.metric(series('missing'))).toBe(0);
  expect(await lab?.metric(series('malformed'))).toBe(0);
}

const VERSIONS = [
  ['HAProxy, version 1', hasHaproxy, (port: string) => haproxy(port, 'send-proxy')],
  ['HAProxy, version 2', hasHaproxy, (port: string) => haproxy(port, 'send-proxy-v2')],
  [
    'HAProxy, version 2 with a checksum and an id',
    hasHaproxy,
    (port: string) => haproxy(port, 'send-proxy-v2 proxy-v2-options crc32c,unique-id'),
  ],
  ['nginx', hasNginxStream, nginx],
] as const;

describe.each(VERSIONS)('behind %s', (_name, isThere, start) => {
  it.runIf(isThere)('callers have their own addresses, and a large body arrives whole', async () => {
    const { gateway, us } = await open();
    const url = `http://127.0.0.1:${await start(portOf(gateway.url))}`;
    for (const from of ['127.0.0.9', '127.0.0.10']) await call(url, 'GET', '/us/api/v1/status', { from });
    expect(forwardedFor(us)).toEqual(['127.0.0.9', '127.0.0.10']);
    const secret = 'x'.repeat(1_500_000);
    const created = await call(url, 'POST', '/api/v1/share', {
      as: ALICE,
      body: `secret=${secret}`,
      from: '127.0.0.9',
    });
    expect(created.status).toBe(200);
    expect(us.requests.at(-1)?.body).toBe(`secret=${secret}`);
    await nothingRefused();
  });

  it.runIf(isThere && hasOpenssl)('which passes TLS on, callers have their own addresses', async () => {
    const { gateway, us } = await open(listenTls());
    const port = await start(portOf(gateway.url));
    const answers = await Promise.all(
      ['127.0.0.9', '127.0.0.10', '127.0.0.11'].map((from) => askTls(port, from, certificates.read('ca.pem'))),
    );
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(forwardedFor(us).toSorted()).toEqual(['127.0.0.10', '127.0.0.11', '127.0.0.9']);
    await nothingRefused();
  });
});

describe.runIf(hasHaproxy)('behind HAProxy', () => {
  it.runIf(hasOpenssl)('which ends TLS and tells of it, callers have their own addresses', async () => {
    const { gateway, us } = await open();
    const bind = `ssl crt ${certificates.at('both.pem')}`;
    const server = 'send-proxy-v2-ssl-cn proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c';
    const port = await haproxy(portOf(gateway.url), server, bind);
    expect(await askTls(port, '127.0.0.9', certificates.read('ca.pem'))).toMatch(/^HTTP\/1\.1 200 /);
    expect(forwardedFor(us)).toEqual(['127.0.0.9']);
    await nothingRefused();
  });

  it.each([
    ['send-proxy', 'named'],
    ['send-proxy-v2', 'own'],
  ])('its checks with %s are taken, and it goes on to send callers', async (server, result) => {
    const { gateway, metric } = await open();
    const checked = `${server} check inter 100ms fall 1`;
    const port = await haproxy(portOf(gateway.url), checked, '', 'option httpchk GET /us/api/v1/status');
    await until(async () => (await metric(series(result))) >= 5);
    expect((await call(`http://127.0.0.1:${port}`, 'GET', '/us/api/v1/status', { from: '127.0.0.9' })).status).toBe(
      200,
    );
    await nothingRefused();
  });

  it('that is not trusted, callers are answered 400 and the region hears of nothing', async () => {
    const { gateway, us } = await open({ ...LISTEN, trustProxy: ['127.0.0.3'] });
    for (const server of ['send-proxy', 'send-proxy-v2']) {
      const url = `http://127.0.0.1:${await haproxy(portOf(gateway.url), server)}`;
      const reply = await call(url, 'GET', '/us/api/v1/status', { from: '127.0.0.9' });
      expect([reply.status, reply.body]).toEqual([400, expect.stringContaining('"request_malformed"')]);
      await balancer?.[Symbol.asyncDispose]();
    }
    expect(us.requests).toEqual([]);
  });

  it('that sends none, callers are cut off and the region hears of nothing', async () => {
    const { gateway, us, metric } = await open();
    const url = `http://127.0.0.1:${await haproxy(portOf(gateway.url), '')}`;
    await expect(call(url, 'GET', '/us/api/v1/status')).rejects.toThrow();
    expect(us.requests).toEqual([]);
    expect(await metric(series('missing'))).toBe(1);
  });

  it.runIf(hasOpenssl)('two threads tell callers apart as one does, with TLS', async () => {
    await using served = await openServed({ workers: 2, config: { listen: listenTls() } });
    const port = await haproxy(portOf(served.url), 'send-proxy-v2');
    const callers = Array.from({ length: 20 }, (_, at) => `127.0.0.${100 + at}`);
    const answers = await Promise.all(callers.map((from) => askTls(port, from, certificates.read('ca.pem'))));
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(forwardedFor(served.us).toSorted()).toEqual(callers);
    expect(await served.metric(series('missing'))).toBe(0);
    expect(await served.metric(series('named'))).toBeGreaterThanOrEqual(callers.length);
  });
});
