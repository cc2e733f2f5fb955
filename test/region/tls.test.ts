// TLS towards a region: whom the gateway believes, and what it shows. Certificates are made by openssl, servers are real.
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { tlsReasonOf } from '../../src/region/dial.ts';
import { type CertificateFolder, hasOpenssl, openCertificates } from '../support/certificates.ts';
import { type Lab, openLab } from '../support/lab.ts';

let folder: CertificateFolder;
const at = (name: string): string => folder.at(name);

beforeAll(() => {
  folder = openCertificates();
  if (!hasOpenssl) return;
  folder.authority('ca');
  folder.authority('other-ca');
  folder.issue('region', 'localhost', 'ca');
  folder.issue('elsewhere', 'elsewhere.example', 'ca');
  folder.issue('gateway', 'gateway.example', 'ca');
});
afterAll(() => folder[Symbol.dispose]());

const pinOf = (name: string): string => {
  const key = new X509Certificate(readFileSync(at(`${name}.pem`))).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
};

interface Region {
  readonly url: string;
  readonly requests: string[];
  readonly names: (string | false | null)[];
  readonly clients: (string | undefined)[];
}

/** @param answer written as it is, in place of an ordinary one */
async function openRegion(certificate: string, options: ServerOptions = {}, answer?: string): Promise<Region> {
  const seen: Pick<Region, 'requests' | 'names' | 'clients'> = { requests: [], names: [], clients: [] };
  const files = { key: readFileSync(at(`${certificate}.key`)), cert: readFileSync(at(`${certificate}.pem`)) };
  const server = createServer({ ...files, ...options }, (req, res) => {
    seen.requests.push(req.url ?? '');
    if (answer === undefined) res.setHeader('Content-Length', 2).end('{}');
    else req.socket.write(answer);
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    seen.names.push(socket.servername);
    seen.clients.push(socket.getPeerX509Certificate()?.subject);
  });
  await new Promise<void>((done) => server.listen(0, 'localhost', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, ...seen };
}

async function openGateway({ url }: Region, tls: object | undefined): Promise<Lab> {
  const regions = {
    us: { upstreams: ['http://127.0.0.1:9'] },
    eu: { upstreams: [url], ...(tls && { tls }) },
  };
  const passthrough = [{ prefix: '/app', region: 'eu' }];
  const lab = await openLab({ config: { regions, passthrough, accounts: {} } });
  onTestFinished(() => lab.close());
  return lab;
}

const ask = (lab: Lab, path = '/eu/api/v1/status') => lab.call('GET', path, { headers: { host: 'evil.example' } });
const failures = (lab: Lab, reason: string) =>
  lab.metric(`onetime_gateway_upstream_tls_failures_total{region="eu",reason="${reason}"}`);

describe.skipIf(!hasOpenssl)('TLS towards a region', () => {
  it('is by the authorities that are configured, and by the name of the upstream, whatever the caller says', async () => {
    const region = await openRegion('region');
    const lab = await openGateway(region, { ca: at('ca.pem') });
    expect((await ask(lab)).status).toBe(200);
    expect((await ask(lab, '/app/x')).status).toBe(200);
    expect(region.requests).toEqual(['/api/v1/status', '/app/x']);
    expect(new Set(region.names)).toEqual(new Set(['localhost']));
  });

  it.each([
    ['untrusted', 'no authority that is known', 'region', () => undefined],
    ['untrusted', 'another authority', 'region', () => ({ ca: at('other-ca.pem') })],
    ['name', 'another host’s certificate', 'elsewhere', () => ({ ca: at('ca.pem') })],
    ['pin', 'none of the pinned keys', 'region', () => ({ ca: at('ca.pem'), pinSha256: [pinOf('elsewhere')] })],
    ['untrusted', 'the pinned key, but no trust', 'region', () => ({ pinSha256: [pinOf('region')] })],
  ])('gives up, %s: %s', async (reason, _what, certificate, tls) => {
    const region = await openRegion(certificate);
    const lab = await openGateway(region, tls());
    for (const path of ['/eu/api/v1/status', '/app/x']) {
      const { status, headers, body } = await ask(lab, path);
      expect([status, headers['onetime-gateway-outcome']]).toEqual([502, 'not_sent']);
      expect(body).not.toContain('localhost');
    }
    expect(region.requests).toEqual([]);
    expect(await failures(lab, reason)).toBe(2);
  });

  it.each([
    [
      'behind 100 that nobody asked for',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
      200,
      'delivered',
    ],
    ['with a bare CR in the status line', 'HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\n{}', 502, 'unknown'],
    [
      'with a coding beside chunked',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      502,
      'unknown',
    ],
  ])('reads an answer %s as it does without TLS', async (_what, answer, status, outcome) => {
    const lab = await openGateway(await openRegion('region', {}, answer), { ca: at('ca.pem') });
    for (const path of ['/eu/api/v1/status', '/app/x']) {
      const reply = await ask(lab, path);
      expect([reply.status, reply.headers['onetime-gateway-outcome']]).toEqual([status, outcome]);
    }
  });

  it('takes one of several pinned keys', async () => {
    const region = await openRegion('region');
    const pins = [pinOf('elsewhere'), pinOf('region')];
    const lab = await openGateway(region, { ca: at('ca.pem'), pinSha256: pins });
    expect((await ask(lab)).status).toBe(200);
    expect((await ask(lab, '/app/x')).status).toBe(200);
  });

  it('shows the gateway’s certificate to a region that asks for it, and without one nothing is sent', async () => {
    const asks = { requestCert: true, ca: readFileSync(at('ca.pem')), maxVersion: 'TLSv1.2' } as const;
    const region = await openRegion('region', asks);
    const shown = { clientCert: at('gateway.pem'), clientKey: at('gateway.key') };
    const known = await openGateway(region, { ca: at('ca.pem'), ...shown });
    expect((await ask(known)).status).toBe(200);
    expect(region.clients).toEqual(['CN=gateway']);
    region.requests.length = 0;
    const nobody = await openGateway(region, { ca: at('ca.pem') });
    expect(await ask(nobody)).toMatchObject({ status: 502, headers: { 'onetime-gateway-outcome': 'not_sent' } });
    expect(region.requests).toEqual([]);
  });

  it('speaks no older version than minVersion', async () => {
    const region = await openRegion('region', { maxVersion: 'TLSv1.2' });
    const strict = await openGateway(region, { ca: at('ca.pem'), minVersion: 'TLSv1.3' });
    expect(await ask(strict)).toMatchObject({ status: 502, headers: { 'onetime-gateway-outcome': 'not_sent' } });
    expect(await failures(strict, 'protocol')).toBe(1);
    const usual = await openGateway(region, { ca: at('ca.pem') });
    expect((await ask(usual)).status).toBe(200);
  });

  it('is configured with files that are read with it: a renewed one makes another configuration', () => {
    const file = at('renewed.pem');
    const read = () => {
      const text = `regions: { eu: { upstreams: ["https://eu.example"], tls: { ca: renewed.pem } } }`;
      return parseConfig(text, at('g.yaml'), {}).regions[0]?.tls?.ca;
    };
    writeFileSync(file, readFileSync(at('ca.pem')));
    const before = read();
    writeFileSync(file, readFileSync(at('other-ca.pem')));
    expect([before, read()]).toEqual(['ca', 'other-ca'].map((name) => readFileSync(at(`${name}.pem`), 'utf8')));
  });

  it.each([
    ['{ ca: nowhere.pem }', /regions\.eu\.tls\.ca: .*certificates in PEM\. The file cannot be read \(ENOENT\)\./],
    ['{ ca: ca.key }', /tls\.ca: .*certificates in PEM\. The file holds something else\./],
    ['{ clientCert: gateway.pem }', /tls\.clientCert: .*clientCert and clientKey together/],
    ['{ clientKey: gateway.key }', /tls\.clientKey: .*clientCert and clientKey together/],
    ['{ clientCert: gateway.pem, clientKey: region.key }', /tls\.clientKey: .*the key that belongs to the certificate/],
    ['{ pinSha256: [abc] }', /tls\.pinSha256\[0\]: .*base64, 44 characters/],
    ['{ minVersion: TLSv1.1 }', /tls\.minVersion: .*one of TLSv1\.2, TLSv1\.3/],
  ])('%s is refused with its line', (tls, message) => {
    const text = `regions:\n  eu:\n    upstreams: ["https://eu.example"]\n    tls: ${tls}\n`;
    expect(() => parseConfig(text, at('g.yaml'), {})).toThrow(message);
    expect(() => parseConfig(text, at('g.yaml'), {})).toThrow(/g\.yaml:4:/);
  });

  it('is refused for an upstream without TLS', () => {
    const text = 'regions: { eu: { upstreams: ["http://eu.example"], tls: { ca: ca.pem } } }';
    expect(() => parseConfig(text, at('g.yaml'), {})).toThrow(/upstreams that all begin with https/);
  });
});

it('tells failures of TLS from others', () => {
  const reasonOf = (code: string) => tlsReasonOf(Object.assign(new Error(), { code }));
  expect(reasonOf('CERT_HAS_EXPIRED')).toBe('expired');
  expect(reasonOf('ERR_SSL_WRONG_VERSION_NUMBER')).toBe('protocol');
  expect(['ECONNREFUSED', 'UND_ERR_SOCKET', ''].map(reasonOf)).toEqual([undefined, undefined, undefined]);
  expect(tlsReasonOf(undefined)).toBeUndefined();
});
