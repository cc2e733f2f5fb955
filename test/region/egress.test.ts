// Regions through an HTTP proxy: Debian's tinyproxy, and one that does what no honest proxy does.
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { forwardTo, openProxy } from '../support/broken-proxy.ts';
import { closedPort } from '../support/broken-region.ts';
import { type CertificateFolder, hasOpenssl, openCertificates } from '../support/certificates.ts';
import { openFolder } from '../support/folder.ts';
import { basic } from '../support/http.ts';
import { BRUNO, type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { openPageRegion, type PageRegion } from '../support/page-region.ts';
import { type Running, start } from '../support/process.ts';

const hasTinyproxy = needs('tinyproxy', 'apt-get install tinyproxy');
const USER = 'canary-user';
const PASSWORD = 'canary p@ss:word';
const USERINFO = `${USER}:${encodeURIComponent(PASSWORD)}`;
const CREDENTIALS = basic(`${USER}:${PASSWORD}`);

function okay(answer = '{"status":"nominal"}') {
  return (_req: unknown, res: { setHeader(name: string, value: number): { end(body: string): void } }): void => {
    res.setHeader('Content-Length', answer.length).end(answer);
  };
}

async function openRegion(): Promise<PageRegion> {
  const region = await openPageRegion(okay(), (peer) => peer.on('message', (data) => peer.send(String(data))));
  onTestFinished(() => region.close());
  return region;
}

interface Egress {
  readonly proxy?: string | null;
  /** Of the region eu. */
  readonly own?: string | null;
  readonly tls?: object;
}

async function openGateway(eu: string, { proxy, own, tls }: Egress, more: object = {}, health = {}): Promise<Lab> {
  const lab = await openLab({
    config: {
      regions: {
        us: { upstreams: ['http://127.0.0.1:9'] },
        eu: { upstreams: [eu], ...(own !== undefined && { proxy: own }), ...(tls && { tls }) },
      },
      upstream: { connectTimeout: '400ms', ...(proxy !== undefined && { proxy }), ...more },
      passthrough: [{ prefix: '/app', region: 'eu' }],
      health,
    },
  });
  onTestFinished(() => lab.close());
  return lab;
}

const ask = (lab: Lab, path = '/eu/api/v1/status') => lab.call('GET', path);
const outcomeOf = ({ status, headers }: Awaited<ReturnType<typeof ask>>) => [
  status,
  headers['onetime-gateway-outcome'],
];
/** What stands behind a name of the access log's, of every line that has it. */
const logged = (lab: Lab, name: string): unknown[] =>
  lab.log.flatMap((line) => {
    const value: unknown = Reflect.get(JSON.parse(line) as object, name);
    return value === undefined ? [] : [value];
  });

/** A WebSocket through the gateway: what comes back of a message, or the status in place of one. */
function echo(lab: Lab): Promise<string> {
  const socket = new WebSocket(`${lab.gateway.url.replace('http', 'ws')}/app/socket`);
  return new Promise((settle) => {
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => {
      socket.close();
      settle(String(data));
    };
    socket.onerror = () => settle('none');
  });
}

/** Connections that the proxies did not make, by region and reason; those that never happened are left out. */
async function proxyFailures(lab: Lab): Promise<Record<string, number>> {
  const series = (await lab.metrics()).matchAll(
    /^onetime_gateway_upstream_proxy_failures_total\{region="(\w+)",reason="(\w+)"\} (\d+)$/gm,
  );
  const counts = [...series].map(([, region, reason, count]) => [`${region} ${reason}`, Number(count)] as const);
  expect(counts).toHaveLength(2 * REASONS.length);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** What the metric says of each code of the log's. */
const REASON_OF: Readonly<Record<string, string>> = {
  ERR_PROXY_UNREACHABLE: 'unreachable',
  ERR_PROXY_TIMEOUT: 'timeout',
  ERR_PROXY_STALLED: 'stalled',
  ERR_PROXY_CLOSED: 'closed',
  ERR_PROXY_ANSWER: 'garbled',
  ERR_PROXY_AUTHENTICATION: 'authentication',
  ERR_PROXY_REFUSED: 'refused',
  ERR_PROXY_NO_ROUTE: 'no_route',
};
const REASONS = Object.values(REASON_OF);

function expectNothingTold(lab: Lab, ...bodies: string[]): void {
  const told = [...lab.log, ...bodies].join('\n');
  expect(told).not.toContain('canary');
  expect(told).not.toContain(CREDENTIALS.slice('Basic '.length));
}

describe.skipIf(!hasTinyproxy)('through tinyproxy', () => {
  let port: number;
  let tinyproxy: Running;
  const folder = openFolder();
  beforeAll(async () => {
    port = await closedPort();
    const lines = [
      `Port ${port}`,
      'Listen 127.0.0.1',
      'Allow 127.0.0.1',
      'Timeout 60',
      'LogLevel Info',
      'MaxClients 50',
    ];
    // What stands in its file is no more than a word.
    const file = folder.write('tinyproxy.conf', `${[...lines, 'BasicAuth canary word'].join('\n')}\n`);
    tinyproxy = await start('tinyproxy', ['-d', '-c', file]);
    await tinyproxy.line(/Accepting connections|Starting main loop/);
  });
  afterAll(async () => {
    await tinyproxy[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });
  const urlOf = (userinfo: string): string => `http://${userinfo}@127.0.0.1:${port}`;

  it('go API calls, passed-through paths and WebSockets, and the record names the region', async () => {
    const eu = await openRegion();
    const lab = await openGateway(eu.url, { proxy: urlOf('canary:word') });
    expect(outcomeOf(await ask(lab))).toEqual([200, 'delivered']);
    expect(outcomeOf(await ask(lab, '/app/x'))).toEqual([200, 'delivered']);
    expect(await echo(lab)).toBe('hello');
    const { host } = new URL(eu.url);
    expect(eu.requests.map(({ target }) => target)).toEqual(['/api/v1/status', '/app/x', '/app/socket']);
    expect(tinyproxy.output().split(`CONNECT ${host} `)).toHaveLength(4);
    expect(new Set(logged(lab, 'upstream'))).toEqual(new Set([host]));
    expect(JSON.stringify(eu.requests)).not.toMatch(/proxy-/i);
    expectNothingTold(lab);
  });

  it('goes nothing with a password that it does not take', async () => {
    const eu = await openRegion();
    const lab = await openGateway(eu.url, { proxy: urlOf('canary:wrong-word') });
    for (const path of ['/eu/api/v1/status', '/app/x']) {
      const reply = await ask(lab, path);
      expect(outcomeOf(reply)).toEqual([502, 'not_sent']);
      expectNothingTold(lab, reply.body);
    }
    expect(await echo(lab)).toBe('none');
    expect(eu.connections()).toBe(0);
    expect(logged(lab, 'cause')).toContainEqual(expect.objectContaining({ code: 'ERR_PROXY_AUTHENTICATION' }));
  });

  it('is not gone where the proxy cannot reach the region', async () => {
    const lab = await openGateway(`http://127.0.0.1:${await closedPort()}`, { proxy: urlOf('canary:word') });
    expect(outcomeOf(await ask(lab))).toEqual([502, 'not_sent']);
    expect(logged(lab, 'cause')).toContainEqual(expect.objectContaining({ code: 'ERR_PROXY_NO_ROUTE' }));
    expect(await proxyFailures(lab)).toEqual({ 'eu no_route': expect.any(Number) });
  });

  it('goes a region with a proxy of its own, and another with null does not', async () => {
    const eu = await openRegion();
    const nowhere = `http://127.0.0.1:${await closedPort()}`;
    const own = await openGateway(eu.url, { proxy: nowhere, own: urlOf('canary:word') });
    expect(outcomeOf(await ask(own))).toEqual([200, 'delivered']);
    const none = await openGateway(eu.url, { proxy: nowhere, own: null });
    expect(outcomeOf(await ask(none))).toEqual([200, 'delivered']);
    expect([await proxyFailures(own), await proxyFailures(none)]).toEqual([{}, {}]);
    const everybodys = await openGateway(eu.url, { proxy: nowhere });
    expect(outcomeOf(await ask(everybodys))).toEqual([502, 'not_sent']);
  });

  it('goes what is asked after a reload', async () => {
    const eu = await openRegion();
    const lab = await openGateway(eu.url, { proxy: `http://127.0.0.1:${await closedPort()}` });
    expect(outcomeOf(await ask(lab))).toEqual([502, 'not_sent']);
    const report = await lab.reload({
      upstream: { proxy: urlOf('canary:word') },
      regions: { us: { upstreams: ['http://127.0.0.1:9'] }, eu: { upstreams: [eu.url] } },
    });
    expect(report).toMatchObject({ result: 'applied', needsRestart: [] });
    expect(JSON.stringify(report)).not.toContain('canary');
    expect(outcomeOf(await ask(lab))).toEqual([200, 'delivered']);
  });
});

describe('a proxy', () => {
  it('is asked for host and port with its credentials, and told nothing of a caller', async () => {
    const eu = await openRegion();
    await using proxy = await openProxy(forwardTo);
    const lab = await openGateway(eu.url, { proxy: `http://${USERINFO}@127.0.0.1:${proxy.port}` });
    const reply = await lab.call('GET', '/eu/api/v1/authcheck', { as: BRUNO, headers: { 'Proxy-Authorization': 'x' } });
    expect(reply.status).toBe(200);
    const { host } = new URL(eu.url);
    expect(proxy.heads).toEqual([
      `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\nProxy-Authorization: ${CREDENTIALS}\r\n\r\n`,
    ]);
    expect(JSON.stringify(eu.requests)).not.toMatch(/proxy-/i);
    expectNothingTold(lab, reply.body);
  });

  it('may take its time over its answer, byte by byte', async () => {
    const eu = await openRegion();
    await using proxy = await openProxy((socket, head) => {
      const answer = 'HTTP/1.0 200 Connection established\r\nProxy-agent: x\r\n\r\n';
      for (const byte of answer.slice(0, -1)) socket.write(byte);
      setImmediate(() => forwardTo(socket, head, answer.slice(-1)));
    });
    const lab = await openGateway(eu.url, { proxy: `http://127.0.0.1:${proxy.port}` });
    expect(outcomeOf(await ask(lab))).toEqual([200, 'delivered']);
  });

  const FAULTS: readonly [string, string, (socket: Socket) => void][] = [
    ['hangs', 'ERR_PROXY_TIMEOUT', () => {}],
    ['dribbles an answer without an end', 'ERR_PROXY_TIMEOUT', (socket) => void socket.write('HTTP/1.1 200 OK\r\nX: ')],
    ['closes', 'ERR_PROXY_CLOSED', (socket) => socket.destroy()],
    ['resets', 'ERR_PROXY_CLOSED', (socket) => void socket.resetAndDestroy()],
    ['answers half', 'ERR_PROXY_CLOSED', (socket) => void socket.end('HTTP/1.1 200 O')],
    ['answers garbage', 'ERR_PROXY_ANSWER', (socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n')],
    ['answers without a status', 'ERR_PROXY_ANSWER', (socket) => void socket.write('HTTP/1.1 2000 OK\r\n\r\n')],
    ['answers in HTTP/2', 'ERR_PROXY_ANSWER', (socket) => void socket.write('HTTP/2 200\r\n\r\n')],
    [
      'answers with 9 kB',
      'ERR_PROXY_ANSWER',
      (socket) => void socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(9000)}`),
    ],
    [
      'says more than a head',
      'ERR_PROXY_ANSWER',
      (socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n'),
    ],
    [
      'answers 407',
      'ERR_PROXY_AUTHENTICATION',
      (socket) => void socket.write('HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n'),
    ],
    ['answers 403', 'ERR_PROXY_REFUSED', (socket) => void socket.write('HTTP/1.1 403 No\r\n\r\n')],
    [
      'answers 302',
      'ERR_PROXY_REFUSED',
      (socket) => void socket.write('HTTP/1.1 302 No\r\nLocation: http://x\r\n\r\n'),
    ],
    ['answers 502', 'ERR_PROXY_NO_ROUTE', (socket) => void socket.write('HTTP/1.1 502 No\r\n\r\n')],
    ['answers 204', 'ERR_PROXY_REFUSED', (socket) => void socket.write('HTTP/1.1 204 No\r\n\r\n')],
  ];
  it.each(FAULTS)('that %s: 502 not_sent, %s, and nobody is told its credentials', async (_what, code, behave) => {
    const eu = await openRegion();
    await using proxy = await openProxy(behave);
    const lab = await openGateway(eu.url, { proxy: `http://${USERINFO}@127.0.0.1:${proxy.port}` });
    const replies = await Promise.all([ask(lab), ask(lab, '/app/x'), echo(lab)]);
    expect(replies.slice(0, 2).map((reply) => outcomeOf(reply as Awaited<ReturnType<typeof ask>>))).toEqual([
      [502, 'not_sent'],
      [502, 'not_sent'],
    ]);
    expect(replies[2]).toBe('none');
    expect(eu.connections()).toBe(0);
    const codes = logged(lab, 'cause').map((cause) => Reflect.get(cause as object, 'code'));
    expect(codes.length).toBeGreaterThanOrEqual(2);
    expect(new Set(codes)).toEqual(new Set([code]));
    // The call, the passed-through one and the WebSocket; and whatever the gateway asks by itself.
    const failed = await proxyFailures(lab);
    expect(Object.keys(failed)).toEqual([`eu ${REASON_OF[code]}`]);
    expect(Object.values(failed)[0]).toBeGreaterThanOrEqual(3);
    const metrics = await lab.metrics();
    expectNothingTold(lab, metrics, ...replies.map((reply) => JSON.stringify(reply)));
    expect(JSON.stringify(replies)).not.toContain(String(proxy.port));
  });

  it('that is not there: 502 not_sent', async () => {
    const eu = await openRegion();
    const lab = await openGateway(eu.url, { proxy: `http://127.0.0.1:${await closedPort()}` });
    const reply = await ask(lab);
    expect(outcomeOf(reply)).toEqual([502, 'not_sent']);
    expect(logged(lab, 'cause')).toEqual([{ name: 'Error', code: 'ERR_PROXY_UNREACHABLE', errcode: 'ECONNREFUSED' }]);
    expect(await proxyFailures(lab)).toEqual({ 'eu unreachable': expect.any(Number) });
  });

  it('that fails a probe is counted, also while no caller asks', async () => {
    const eu = await openRegion();
    const lab = await openGateway(
      eu.url,
      { proxy: `http://127.0.0.1:${await closedPort()}` },
      {},
      { probe: '1s', breaker: { failures: 1, open: '1s' } },
    );
    expect(outcomeOf(await ask(lab))).toEqual([502, 'not_sent']);
    await expect.poll(async () => (await proxyFailures(lab))['eu unreachable'], { timeout: 10_000 }).toBeGreaterThan(2);
    expect(logged(lab, 'status')).toEqual([502]);
  });

  it('that fails once is asked again by the next call, and the one before is not repeated', async () => {
    const eu = await openRegion();
    let good = false;
    await using proxy = await openProxy((socket, head) => (good ? forwardTo(socket, head) : socket.destroy()));
    const lab = await openGateway(eu.url, { proxy: `http://127.0.0.1:${proxy.port}` });
    expect(outcomeOf(await ask(lab))).toEqual([502, 'not_sent']);
    const failing = 'onetime_gateway_upstream_proxy_failing{region="eu",reason="closed"}';
    expect(await lab.metric(failing)).toBe(1);
    good = true;
    expect(outcomeOf(await ask(lab))).toEqual([200, 'delivered']);
    expect(await lab.metric(failing)).toBe(0);
    expect([proxy.heads.length, eu.requests.length]).toEqual([2, 1]);
  });
});

describe.skipIf(!hasOpenssl)('TLS through a proxy', () => {
  let certificates: CertificateFolder;
  beforeAll(() => {
    certificates = openCertificates();
    certificates.authority('ca');
    certificates.issue('region', 'localhost', 'ca');
    certificates.issue('elsewhere', 'elsewhere.example', 'ca');
  });
  afterAll(() => certificates[Symbol.dispose]());
  const filesOf = (name: string) => ({
    key: certificates.read(`${name}.key`),
    cert: certificates.read(`${name}.pem`),
  });

  async function openTlsRegion(name: string) {
    const requests: string[] = [];
    const server = createTlsServer(filesOf(name), (req, res) => {
      requests.push(req.url ?? '');
      okay()(req, res);
    });
    await new Promise<void>((done) => server.listen(0, 'localhost', done));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return { url: `https://localhost:${(server.address() as AddressInfo).port}`, requests };
  }

  it('is with the region: its name and authority are verified, the proxy sees nothing of it', async () => {
    const eu = await openTlsRegion('region');
    let seen = '';
    await using proxy = await openProxy((socket, head) => {
      socket.on('data', (chunk) => {
        seen += chunk.toString('latin1');
      });
      forwardTo(socket, head);
    });
    const lab = await openGateway(eu.url, {
      proxy: `http://127.0.0.1:${proxy.port}`,
      tls: { ca: certificates.at('ca.pem') },
    });
    expect(outcomeOf(await ask(lab))).toEqual([200, 'delivered']);
    expect(outcomeOf(await ask(lab, '/app/x'))).toEqual([200, 'delivered']);
    expect(proxy.heads[0]).toContain(`CONNECT ${new URL(eu.url).host} HTTP/1.1\r\n`);
    expect(seen.length).toBeGreaterThan(100);
    expect(seen).not.toContain('/api/v1/status');
    expect(new Set(logged(lab, 'upstream'))).toEqual(new Set([new URL(eu.url).host]));
  });

  it.each([
    ['name', 'elsewhere', true],
    ['untrusted', 'region', false],
  ])('is given up as without a proxy: %s', async (reason, certificate, trusts) => {
    const eu = await openTlsRegion(certificate);
    await using proxy = await openProxy(forwardTo);
    const lab = await openGateway(eu.url, {
      proxy: `http://127.0.0.1:${proxy.port}`,
      ...(trusts && { tls: { ca: certificates.at('ca.pem') } }),
    });
    expect(outcomeOf(await ask(lab))).toEqual([502, 'not_sent']);
    expect(eu.requests).toEqual([]);
    const series = `onetime_gateway_upstream_tls_failures_total{region="eu",reason="${reason}"}`;
    expect(await lab.metric(series)).toBe(1);
  });

  it.each([
    ['does not begin', 'ERR_PROXY_STALLED', 'stalled', () => {}],
    ['is ended', 'ERR_PROXY_STALLED', 'stalled', (socket: Socket) => socket.once('data', () => socket.end())],
    ['is cut', 'ERR_PROXY_STALLED', 'stalled', (socket: Socket) => socket.once('data', () => socket.resetAndDestroy())],
    [
      'is answered with garbage',
      'ERR_SSL_\\w+',
      undefined,
      (socket: Socket) => socket.once('data', () => socket.write('HTTP/1.1 400 No\r\n\r\n')),
    ],
  ])('that %s: 502 not_sent, asked for once, and counted', async (_what, code, reason, behave) => {
    await using proxy = await openProxy((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      behave(socket);
    });
    const lab = await openGateway('https://localhost:1', { proxy: `http://127.0.0.1:${proxy.port}` });
    expect(outcomeOf(await ask(lab))).toEqual([502, 'not_sent']);
    expect(logged(lab, 'cause')).toEqual([expect.objectContaining({ code: expect.stringMatching(`^${code}$`) })]);
    expect(proxy.heads).toHaveLength(1);
    expect(await proxyFailures(lab)).toEqual(reason === undefined ? {} : { [`eu ${reason}`]: 1 });
  });

  it('is also with the proxy where its URL begins with https, whose name is verified', async () => {
    const usual = getCACertificates('default');
    onTestFinished(() => setDefaultCACertificates(usual));
    setDefaultCACertificates([...usual, certificates.read('ca.pem').toString()]);
    const eu = await openTlsRegion('region');
    await using proxy = await openProxy(forwardTo, filesOf('region'));
    const tls = { ca: certificates.at('ca.pem') };
    const good = await openGateway(eu.url, { proxy: `https://${USERINFO}@localhost:${proxy.port}`, tls });
    expect(outcomeOf(await ask(good))).toEqual([200, 'delivered']);
    expect(outcomeOf(await ask(good, '/app/x'))).toEqual([200, 'delivered']);
    expect(proxy.heads[0]).toContain(CREDENTIALS);

    await using strange = await openProxy(forwardTo, filesOf('elsewhere'));
    const wrong = await openGateway(eu.url, { proxy: `https://${USERINFO}@localhost:${strange.port}`, tls });
    expect(outcomeOf(await ask(wrong))).toEqual([502, 'not_sent']);
    expect(strange.heads).toEqual([]);
    expect(logged(wrong, 'cause')).toEqual([
      { name: 'Error', code: 'ERR_PROXY_UNREACHABLE', errcode: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    ]);
    // The region showed nothing that was wrong.
    expect(await wrong.metrics()).not.toMatch(/upstream_tls_failures_total\{[^}]*\} [1-9]/);
  });
});
