// Whose certificate stands in the record: the one that was shown on the very connection, also while a region changes it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openAudited } from '../support/audited.ts';
import { openFolder } from '../support/folder.ts';
import { needs } from '../support/needs.ts';
import { until } from '../support/redis.ts';

interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** As openssl says it. */
  readonly fingerprint: string;
}

/** Made by openssl, and trusted until the test is over. */
function certificate(): Certificate {
  using folder = openFolder();
  const [key, cert] = [join(folder.path, 'key.pem'), join(folder.path, 'cert.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=region', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const said = execFileSync('openssl', ['x509', '-in', cert, '-noout', '-fingerprint', '-sha256'], {
    encoding: 'utf8',
  });
  const fingerprint = said
    .slice(said.indexOf('=') + 1)
    .replaceAll(':', '')
    .trim()
    .toLowerCase();
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8'), fingerprint };
}

function trust(...certificates: readonly Certificate[]): void {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, ...certificates.map(({ cert }) => cert)]);
  onTestFinished(() => setDefaultCACertificates(before));
}

interface TlsRegion {
  readonly server: Server;
  readonly url: string;
  /** For each connection whether it went on with the session of an earlier one. */
  readonly resumed: boolean[];
  /** Who is to be answered; empty: everybody is at once. */
  readonly held: ServerResponse[];
  hold: boolean;
  close: boolean;
}

const answer = (res: ServerResponse): unknown => res.setHeader('Content-Length', 2).end('{}');

async function openTlsRegion({ key, cert }: Certificate): Promise<TlsRegion> {
  const server = createServer({ key, cert }, (_req, res) => {
    if (region.close) res.setHeader('Connection', 'close');
    if (region.hold) region.held.push(res);
    else answer(res);
  });
  server.on('secureConnection', (socket: TLSSocket) => region.resumed.push(socket.isSessionReused()));
  await new Promise<void>((settle) => server.listen(0, 'localhost', settle));
  const { port } = server.address() as AddressInfo;
  const url = `https://localhost:${port}`;
  const region: TlsRegion = { server, url, resumed: [], held: [], hold: false, close: false };
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((settle) => server.close(settle));
  });
  return region;
}

const config = { passthrough: [{ prefix: '/app', region: 'eu' }] };

describe.skipIf(!needs('openssl', 'apt-get install openssl'))('the certificate of a region', () => {
  it.each([
    ['a call', '/eu/api/v1/status'],
    ['a passed-through path', '/app/x'],
  ])(
    'of %s is the one that openssl shows, on each of its connections, and the new one when it changes',
    async (_what, path) => {
      const [one, two] = [certificate(), certificate()];
      trust(one, two);
      const region = await openTlsRegion(one);
      region.close = true;
      await using lab = await openAudited({ upstreams: { eu: [region.url] }, config });
      const certificateOf = async (): Promise<unknown> => {
        const reply = await lab.call('GET', path);
        expect(reply.status).toBe(200);
        return (await lab.recordOf(reply)).certificate;
      };
      expect([await certificateOf(), await certificateOf(), await certificateOf()]).toEqual(
        Array(3).fill(one.fingerprint),
      );
      expect(region.resumed).toEqual([false, false, false]);
      region.server.setSecureContext({ key: two.key, cert: two.cert });
      expect(await certificateOf()).toBe(two.fingerprint);
    },
  );

  it.each([
    ['a call', '/eu/api/v1/status'],
    ['a passed-through path', '/app/x'],
  ])('of %s is that of its own connection, while others have another one', async (_what, path) => {
    const [one, two] = [certificate(), certificate()];
    trust(one, two);
    const region = await openTlsRegion(one);
    await using lab = await openAudited({ upstreams: { eu: [region.url] }, config });
    const [first, second] = await (async () => {
      region.hold = true;
      const old = lab.call('GET', path);
      await until(() => region.held.length === 1);
      region.server.setSecureContext({ key: two.key, cert: two.cert });
      const young = lab.call('GET', path);
      await until(() => region.held.length === 2);
      const [older, younger] = region.held.splice(0);
      if (older === undefined || younger === undefined) throw new Error('nobody is held');
      answer(younger);
      const replies = [await young];
      answer(older);
      return [await old, ...replies];
    })();
    if (first === undefined || second === undefined) throw new Error('no answer');
    expect((await lab.recordOf(first)).certificate).toBe(one.fingerprint);
    expect((await lab.recordOf(second)).certificate).toBe(two.fingerprint);
    // Both are kept. Of two at once each is on its own.
    const both = [lab.call('GET', path), lab.call('GET', path)];
    await until(() => region.held.length === 2);
    const own = new Map<string, number>();
    for (const res of region.held.splice(0)) answer(res);
    for (const reply of await Promise.all(both)) {
      const { certificate: shown } = await lab.recordOf(reply);
      own.set(String(shown), (own.get(String(shown)) ?? 0) + 1);
    }
    expect([...own].toSorted()).toEqual(
      [
        [one.fingerprint, 1],
        [two.fingerprint, 1],
      ].toSorted(),
    );
    expect(region.resumed).toHaveLength(2);
  });
});
