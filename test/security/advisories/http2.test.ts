// HTTP/2, which the listener does not speak: what Node's advisories about it send reaches no session.
import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hasOpenssl, openCertificates } from '../../support/certificates.ts';
import { shows } from './advisories.ts';
import { API, expectRefused, expectServing, openWorld, statusesOf, type World } from './world.ts';

vi.setConfig({ testTimeout: 10_000 });

const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION] = [0, 1, 3, 4, 6, 8, 9];
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** `:method: GET`, `:path: /`, `:scheme: http`, by their numbers in HPACK's static table. */
const FIELDS = '\x82\x84\x86';

/** One frame (RFC 9113, 4.1), a character a byte. */
function frame(type = 0, flags = 0, stream = 0, payload = ''): string {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head.toString('latin1') + payload;
}

const many = (count: number, frameOf: (stream: number) => string): string =>
  Array.from({ length: count }, (_, at) => frameOf(2 * at + 1)).join('');

const ATTACKS = [
  ['CVE-2023-44487', many(100, (id) => frame(HEADERS, 5, id, FIELDS) + frame(RST_STREAM, 0, id, '\0\0\0\x08'))],
  ['CVE-2024-27983', many(50, (id) => frame(HEADERS, 1, id, FIELDS) + frame(CONTINUATION, 0, id, 'x'.repeat(99)))],
  ['CVE-2026-21714', many(20, () => frame(WINDOW_UPDATE, 0, 0, '\x7f\xff\xff\xff'))],
  ['CVE-2026-48937', many(20, () => frame(DATA, 0, 0, 'on no stream'))],
  ['CVE-2026-56846', many(100, (id) => frame(HEADERS, 4, id, FIELDS))],
  ['CVE-2026-56848', many(100, () => frame(SETTINGS) + frame(PING, 0, 0, '12345678'))],
] as const;

describe('without TLS', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.close());

  it.each(ATTACKS.map(([id, frames]) => [shows(id), frames] as const))('%s', async (_shown, frames) => {
    expect(await expectRefused(world, `${PREFACE}${frame(SETTINGS)}${frames}`)).toBe(400);
    await expectServing(world);
  });

  it('nor is a request upgraded to it: it is answered as HTTP/1.1', async () => {
    const headers = {
      Connection: 'Upgrade, HTTP2-Settings',
      Upgrade: 'h2c',
      'HTTP2-Settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
    };
    for (const target of [API, '/help/x']) expect((await world.lab.call('GET', target, { headers })).status).toBe(200);
    const crossed = world.eu.requests[0]?.headers.map(([name]) => name);
    expect(crossed).not.toContain('upgrade');
    expect(crossed).not.toContain('http2-settings');
  });
});

describe.runIf(hasOpenssl)('with TLS', () => {
  const files = openCertificates();
  let world: World;
  beforeAll(async () => {
    files.authority('authority');
    files.issue('gateway', 'localhost', 'authority');
    const tls = { cert: files.at('gateway.pem'), key: files.at('gateway.key') };
    world = await openWorld({ config: { listen: { host: '127.0.0.1', port: 0, tls } } });
  });
  afterAll(async () => {
    await world.close();
    files[Symbol.dispose]();
  });

  it.each(ATTACKS.map(([id, frames]) => [shows(id), frames] as const))('%s', async (_shown, frames) => {
    const port = Number(new URL(world.lab.gateway.url).port);
    const ca = files.read('authority.pem');
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca, ALPNProtocols: ['h2', 'http/1.1'] });
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.write(`${PREFACE}${frame(SETTINGS)}${frames}`, 'latin1');
    await once(socket, 'close');
    expect(statusesOf(received)).toEqual([400]);
    expect([world.lab.us.requests, world.eu.requests]).toEqual([[], []]);
  });
});
