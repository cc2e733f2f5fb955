// TLS on the listener for callers: who is shown what, renewed while callers stay connected, and who may not connect.
import { X509Certificate } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectPlain } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { startTwin, type Twin } from '../../src/twin/twin.ts';
import { type CertificateFolder, hasOpenssl, openCertificates } from '../support/certificates.ts';
import { callStream } from '../support/http2.ts';
import { type Running, startCli } from '../support/process.ts';

let folder: CertificateFolder;
let us: Twin;
beforeAll(async () => {
  us = await startTwin({ region: 'us' });
  folder = openCertificates();
  if (!hasOpenssl) return;
  folder.authority('ca');
  folder.authority('clients');
  folder.issue('first', 'secrets.example', 'ca');
  folder.issue('second', 'secrets.example', 'ca');
  folder.issue('eu', 'eu.secrets.example', 'ca');
  folder.issue('caller', 'caller.example', 'clients');
});
afterAll(async () => {
  folder[Symbol.dispose]();
  await us.close();
});
beforeEach(() => us.clearLedger());

function use(name: string): void {
  copyFileSync(folder.at(`${name}.pem`), folder.at('used.pem'));
  copyFileSync(folder.at(`${name}.key`), folder.at('used.key'));
}

interface Served extends AsyncDisposable {
  readonly url: URL;
  readonly running: Running;
  /** Writes its file again, with another `listen.tls`. */
  rewrite(tls: object): void;
}

let files = 0;
async function serve(first: object, more: object = {}): Promise<Served> {
  const number = ++files;
  const configOf = (tls: object) => ({
    listen: { host: '127.0.0.1', port: 0, tls: { cert: 'used.pem', key: 'used.key', ...tls } },
    admin: { host: '127.0.0.1', port: 0 },
    regions: { us: { upstreams: [us.url] } },
    workers: 1,
    store: 'sqlite::memory:',
    audit: { file: null },
    reload: { watch: false },
    identityKey: `identity-${number}.key`,
    ...more,
  });
  const write = (tls: object): string => folder.write(`g-${number}.yaml`, JSON.stringify(configOf(tls)));
  const running = await startCli(['serve', '--config', write(first)]);
  const [, url = ''] = await running.line(/"url":"([^"]+)"/);
  const rewrite = (tls: object): void => void write(tls);
  return { url: new URL(url), running, rewrite, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

/** A connection whose handshake is done; rejects when it is not. */
function dial({ url }: Served, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((settle, reject) => {
    const socket = connect({
      host: url.hostname,
      port: Number(url.port),
      servername: 'secrets.example',
      ca: folder.read('ca.pem'),
      ...options,
    });
    socket.once('secureConnect', () => settle(socket));
    socket.once('error', reject);
    onTestFinished(() => void socket.destroy());
  });
}

const nameOf = (socket: TLSSocket): string | undefined => socket.getPeerX509Certificate()?.subject;

/** The first answer on a connection that stays open. */
function ask(socket: TLSSocket, path = '/us/api/v1/status'): Promise<string> {
  return new Promise((settle, reject) => {
    let text = '';
    const take = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (!/\r\n\r\n[\s\S]*\}$/.test(text)) return;
      socket.off('data', take);
      settle(text);
    };
    socket.on('data', take);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`closed: ${text}`)));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: secrets.example\r\n\r\n`);
  });
}

describe.skipIf(!hasOpenssl)('TLS for callers', () => {
  it('is what the listener speaks, HTTP/1.1 in it, and its URL says so', async () => {
    use('first');
    await using served = await serve({});
    expect(served.url.protocol).toBe('https:');
    const socket = await dial(served);
    expect([socket.alpnProtocol, socket.authorized, nameOf(socket)]).toEqual([false, true, 'CN=first']);
    expect(await ask(socket)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*nominal/);
    expect(await ask(socket)).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(us.requests).toHaveLength(2);
  });

  it.each([
    ['h2, http/1.1', { http2: true }, ['h2', 'http/1.1'], 'h2'],
    ['http/1.1, h2', { http2: true }, ['http/1.1', 'h2'], 'h2'],
    ['http/1.1', { http2: true }, ['http/1.1'], 'http/1.1'],
    ['h2, http/1.1 where HTTP/2 is off', { http2: false }, ['h2', 'http/1.1'], 'http/1.1'],
  ])('takes of %s what it speaks best', async (_what, tls, ALPNProtocols, chosen) => {
    use('first');
    await using served = await serve(tls);
    expect((await dial(served, { ALPNProtocols })).alpnProtocol).toBe(chosen);
    await expect(dial(served, { ALPNProtocols: ['spdy/3'] })).rejects.toThrow(/no application protocol/);
  });

  it.each([1, 2])(
    'speaks HTTP/2 or not from the reload on that says so, and drops nobody (workers: %s)',
    async (workers) => {
      use('first');
      await using served = await serve({}, { workers, store: `sqlite:http2-${workers}.db` });
      const before = connectHttp2(served.url, { ca: folder.read('ca.pem'), servername: 'secrets.example' });
      onTestFinished(() => before.destroy());
      expect((await callStream(before, 'GET', '/us/api/v1/status')).status).toBe(200);
      served.rewrite({ http2: false });
      served.running.kill('SIGHUP');
      await served.running.line(/"msg":"reloaded"/);
      expect((await dial(served, { ALPNProtocols: ['h2', 'http/1.1'] })).alpnProtocol).toBe('http/1.1');
      expect((await callStream(before, 'GET', '/us/api/v1/status')).status).toBe(200);
    },
  );

  it('shows further certificates to who asks for their names, and the first to everybody else', async () => {
    use('first');
    await using served = await serve({ certificates: [{ cert: 'eu.pem', key: 'eu.key' }] });
    expect(nameOf(await dial(served, { servername: 'eu.secrets.example' }))).toBe('CN=eu');
    expect(nameOf(await dial(served))).toBe('CN=first');
    const lax = { rejectUnauthorized: false };
    expect(nameOf(await dial(served, { ...lax, servername: 'nobody.example' }))).toBe('CN=first');
    expect(nameOf(await dial(served, { ...lax, servername: '' }))).toBe('CN=first');
  });

  it.each([1, 2])('shows a renewed certificate after a reload, and drops nobody (workers: %s)', async (workers) => {
    use('first');
    await using served = await serve({}, { workers, store: `sqlite:renewed-${workers}.db` });
    const before = await dial(served);
    expect(await ask(before)).toContain('200 OK');
    use('second');
    served.running.kill('SIGHUP');
    await served.running.line(/"msg":"reloaded"/);
    expect(nameOf(await dial(served))).toBe('CN=second');
    expect(await ask(before)).toContain('200 OK');
    expect(nameOf(before)).toBe('CN=first');
  });

  it('goes on with the old certificate where the new one is not whole', async () => {
    use('first');
    await using served = await serve({});
    copyFileSync(folder.at('second.pem'), folder.at('used.pem'));
    served.running.kill('SIGHUP');
    await served.running.line(/"msg":"reload refused"/);
    expect(served.running.stdout()).toContain('the key that belongs to the certificate');
    expect(nameOf(await dial(served))).toBe('CN=first');
    use('first');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'takes sessions of %s up again, but for callers that need a certificate',
    async (maxVersion) => {
      use('first');
      await using open = await serve({});
      await using closed = await serve({ clientCa: 'clients.pem' });
      const shown = { cert: folder.read('caller.pem'), key: folder.read('caller.key'), maxVersion };
      const isReused = async (served: Served): Promise<boolean> => {
        let session: Buffer | undefined;
        const first = await dial(served, shown);
        first.on('session', (found: Buffer) => {
          session = found;
        });
        expect(await ask(first)).toContain('200 OK');
        const second = await dial(served, { ...shown, session: session ?? first.getSession() });
        expect(await ask(second)).toContain('200 OK');
        return second.isSessionReused();
      };
      expect([await isReused(open), await isReused(closed)]).toEqual([true, false]);
    },
  );

  it('agrees on nothing anew in the middle of a connection', async () => {
    use('first');
    await using served = await serve({});
    const socket = await dial(served, { maxVersion: 'TLSv1.2' });
    const error = await new Promise((settle) => {
      socket.on('error', settle);
      socket.renegotiate({}, settle);
    });
    expect(String(error)).toMatch(/renegotiation/i);
  });

  it('takes callers of HTTP/2 with a certificate alone, too, and no older version of TLS', async () => {
    use('first');
    await using served = await serve({ clientCa: 'clients.pem', minVersion: 'TLSv1.3' });
    const shown = { cert: folder.read('caller.pem'), key: folder.read('caller.key') };
    const statusWith = async (more: ConnectionOptions): Promise<number> => {
      const session = connectHttp2(served.url, { ca: folder.read('ca.pem'), servername: 'secrets.example', ...more });
      session.on('error', () => {});
      onTestFinished(() => session.destroy());
      return (await callStream(session, 'GET', '/us/api/v1/status')).status;
    };
    expect(await statusWith(shown)).toBe(200);
    us.clearLedger();
    expect(await statusWith({})).toBe(0);
    expect(await statusWith({ ...shown, maxVersion: 'TLSv1.2' })).toBe(0);
    expect(us.requests).toEqual([]);
  });

  it('takes callers with a certificate alone where it has authorities for them', async () => {
    use('first');
    await using served = await serve({ clientCa: 'clients.pem' });
    const shown = { cert: folder.read('caller.pem'), key: folder.read('caller.key') };
    expect(await ask(await dial(served, shown))).toContain('200 OK');
    us.clearLedger();
    // With TLS 1.3 who shows none hears of it when it has sent its request.
    const without = dial(served).then((socket) => ask(socket));
    await expect(without).rejects.toThrow();
    const foreign = { cert: folder.read('eu.pem'), key: folder.read('eu.key') };
    await expect(dial(served, foreign).then((socket) => ask(socket))).rejects.toThrow();
    expect(us.requests).toEqual([]);
  });

  it('speaks no older version than minVersion', async () => {
    use('first');
    await using strict = await serve({ minVersion: 'TLSv1.3' });
    await expect(dial(strict, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/);
    expect((await dial(strict)).getProtocol()).toBe('TLSv1.3');
    await using usual = await serve({});
    expect((await dial(usual, { maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2');
    await expect(dial(usual, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).rejects.toThrow();
  });

  it('answers nobody who speaks without it, and ends with connections that never shook hands', async () => {
    use('first');
    await using served = await serve({});
    const { hostname, port } = served.url;
    const plain = connectPlain(Number(port), hostname, () => plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    const received = await new Promise<string>((settle) => {
      let text = '';
      plain.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      plain.on('error', () => {});
      plain.on('close', () => settle(text));
    });
    expect(received).not.toContain('HTTP');
    const silent = connectPlain(Number(port), hostname);
    await new Promise((settle) => silent.once('connect', settle));
    const cut = new Promise((settle) => silent.once('close', settle));
    silent.on('error', () => {});
    served.running.kill('SIGTERM');
    await cut;
    expect(await served.running.exited).toMatchObject({ code: 0 });
  });

  it.each([
    ['{ cert: first.pem }', /listen\.tls\.key: .*private key in PEM/],
    ['{ cert: first.pem, key: second.key }', /listen\.tls\.key: .*belongs to the certificate in cert/],
    ['{ cert: first.pem, key: first.key, certificates: [{ cert: eu.pem, key: first.key }] }', /certificates\[0\]\.key/],
    ['{ cert: first.pem, key: first.key, clientCa: first.key }', /clientCa: .*holds something else/],
  ])('%s is refused', (tls, message) => {
    const text = `regions: { us: { upstreams: ["http://127.0.0.1:9"] } }\nlisten: { tls: ${tls} }\n`;
    expect(() => parseConfig(text, folder.at('g.yaml'), {})).toThrow(message);
  });

  it('is told apart from a key that is no secret any more: the key is in nothing that is shown', async () => {
    use('first');
    await using served = await serve({});
    const [, admin = ''] = await served.running.line(/"admin":"([^"]+)"/);
    const shown = await (await fetch(`${admin}/admin/v1/config`)).text();
    expect(shown).toContain('used.key');
    expect(shown + served.running.output()).not.toContain('PRIVATE KEY');
    expect(new X509Certificate(folder.read('used.pem')).subject).toBe('CN=first');
  });
});
