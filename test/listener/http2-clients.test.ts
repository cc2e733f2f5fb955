// Clients of HTTP/2 that people have: each chooses it by itself, and gets what it would get over HTTP/1.1.
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CertificateFolder, hasOpenssl, openCertificates } from '../support/certificates.ts';
import { callStream, type Http2Lab, openHttp2Lab } from '../support/http2.ts';
import { needs } from '../support/needs.ts';
import { rawCaller } from '../support/raw.ts';

const run = promisify(execFile);
const { Agent, request } = createRequire(import.meta.url)('undici') as typeof import('undici');

const hasCurl = hasOpenssl && needs('curl', 'apt-get install curl');
const hasNghttp = hasOpenssl && needs('nghttp', 'apt-get install nghttp2-client');

describe.runIf(hasOpenssl)('who chooses HTTP/2', () => {
  let lab: Http2Lab;
  let folder: CertificateFolder;
  let ca = '';
  let port = '';
  beforeAll(async () => {
    const limits = { anonymousRetrieval: { mode: 'off' }, perKey: { mode: 'off' } };
    lab = await openHttp2Lab({ config: { limits } });
    folder = openCertificates();
    ca = folder.write('ca.pem', lab.ca.toString());
    ({ port } = new URL(lab.gateway.url));
  });
  afterAll(async () => {
    folder[Symbol.dispose]();
    await lab.close();
  });
  beforeEach(() => lab.clearLedgers());

  const curl = async (...args: string[]): Promise<string> => {
    const all = [
      '--silent',
      '--cacert',
      ca,
      '--resolve',
      `localhost:${port}:127.0.0.1`,
      '--write-out',
      '\n%{http_version} %{http_code}',
      ...args,
    ];
    return (await run('curl', all)).stdout;
  };
  const at = (path: string): string => `https://localhost:${port}${path}`;

  it.runIf(hasCurl)('curl creates a secret over HTTP/2, and reads it once over HTTP/1.1', async () => {
    const made = await curl('--data', 'secret=s3cret', at('/us/api/v1/share'));
    expect(made).toMatch(/\n2 200$/);
    const key = /"secret_key":"(\w+)"/.exec(made)?.[1] ?? '';
    const read = await curl('--http1.1', '--request', 'POST', at(`/us/api/v1/secret/${key}`));
    expect(read).toMatch(/"value":"s3cret"[\s\S]*\n1\.1 200$/);
    expect(await curl('--request', 'POST', at(`/us/api/v1/secret/${key}`))).toMatch(/\n2 404$/);
  });

  it.runIf(hasCurl)('curl sends 1 MB, asks before it does, and is told at once that it is too much', async () => {
    const file = folder.write('body', `secret=${'x'.repeat(1_000_000)}`);
    const sent = ['--data-binary', `@${file}`, '--header', 'Expect: 100-continue'];
    expect(await curl(...sent, at('/us/api/v1/share'))).toMatch(/\n2 200$/);
    expect(lab.us.requests[0]?.body.length).toBe(1_000_007);
    const large = folder.write('large', `secret=${'x'.repeat(4_000_000)}`);
    expect(await curl('--data-binary', `@${large}`, at('/us/api/v1/share'))).toMatch(/"body_too_large"[\s\S]*\n2 413$/);
    expect(lab.us.requests).toHaveLength(1);
  });

  it('undici does so with allowH2', async () => {
    const agent = new Agent({ allowH2: true, connect: { ca: lab.ca, servername: 'localhost' } });
    const options = { dispatcher: agent, headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        request(`${lab.gateway.url}/us/api/v1/share`, { ...options, method: 'POST', body: `secret=${i}` }),
      ),
    );
    for (const { statusCode, body } of answers) {
      expect([statusCode, await body.json()]).toEqual([200, expect.objectContaining({ state: 'new' })]);
    }
    await agent.close();
    expect(lab.us.requests.map(({ body }) => body).sort()).toEqual(
      Array.from({ length: 20 }, (_, i) => `secret=${i}`).sort(),
    );
  });

  it.runIf(hasNghttp)('nghttp gets an answer, and h2load 2,000 without an error', async () => {
    const { stdout } = await run('nghttp', [
      '--null-out',
      '--stat',
      `https://127.0.0.1:${port}/us/api/v1/status`,
      '--no-verify-peer',
    ]);
    expect(stdout).toMatch(/ 200 +\d+ \/us\/api\/v1\/status/);
    const load = await run('h2load', ['-n', '2000', '-c', '4', '-m', '50', `https://127.0.0.1:${port}/api/v1/status`]);
    expect(load.stdout).toMatch(/2000 succeeded, 0 failed, 0 errored, 0 timeout/);
  });

  it('does so in the handshake alone: without TLS there is none, and with it nobody is asked to upgrade', async () => {
    const session = lab.connect();
    const reply = await callStream(session, 'GET', '/us/api/v1/status');
    expect([session.alpnProtocol, reply.headers['alt-svc'], reply.headers.upgrade]).toEqual([
      'h2',
      undefined,
      undefined,
    ]);
    const plain = rawCaller(lab.gateway.url.replace('https', 'http'));
    plain.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await plain.closed;
    expect(plain.received()).not.toContain('HTTP');
  });
});
