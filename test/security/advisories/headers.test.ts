// Headers that a caller sends to change what is sent on: Connection, line breaks, two lengths.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { basic } from '../../support/http.ts';
import { ALICE, BRUNO } from '../../support/lab.ts';
import { shows } from './advisories.ts';
import {
  API,
  AT_ONCE_MS,
  exchange,
  expectRefused,
  expectServing,
  openWorld,
  PASSED,
  statusesOf,
  type World,
} from './world.ts';

vi.setConfig({ testTimeout: 10_000 });

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());
beforeEach(() => world.clear());

type Headers = readonly (readonly [string, string])[];

const send = (bytes: string): Promise<string> => exchange(world.lab.gateway.url, bytes);
/** What a region read, lower case: the values of each name in the order of arrival. */
function valuesOf(headers: Headers | undefined, name: string): string[] {
  return (headers ?? []).flatMap(([given, value]) => (given.toLowerCase() === name ? [value] : []));
}
const atUs = (): Headers | undefined => world.lab.us.requests.at(-1)?.headers;
const atEu = (): Headers | undefined => world.eu.requests.at(-1)?.headers;

describe(shows('GHSA-gwhp-pf74-vj37'), () => {
  const NAMED = 'close, x-forwarded-for, authorization, host, content-length, content-type, x-request-id, user-agent';

  it('under a prefix', async () => {
    const received = await send(
      `POST /app/x HTTP/1.1\r\nHost: g\r\nConnection: ${NAMED}, x-mine\r\nAuthorization: ${basic(BRUNO)}\r\n` +
        'X-Forwarded-For: 6.6.6.6\r\nX-Mine: hop\r\nContent-Length: 5\r\n\r\nwhole',
    );
    expect(statusesOf(received)).toEqual([200]);
    expect(valuesOf(atEu(), 'x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(valuesOf(atEu(), 'authorization')).toEqual([basic(BRUNO)]);
    expect(valuesOf(atEu(), 'host')).toEqual([new URL(world.eu.url).host]);
    expect(valuesOf(atEu(), 'x-mine')).toEqual([]);
  });

  it('under a prefix the body arrives whole, though its length was named', async () => {
    let body = '';
    const { serve } = world;
    world.serve = (req, res) => {
      req.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      serve(req, res);
    };
    await send(`POST /help/x HTTP/1.1\r\nHost: g\r\nConnection: ${NAMED}\r\nContent-Length: 5\r\n\r\nwhole`);
    world.serve = serve;
    expect(body).toBe('whole');
  });

  it('on the API', async () => {
    const body = 'secret=whole';
    const received = await send(
      `POST /api/v1/share HTTP/1.1\r\nHost: g\r\nConnection: ${NAMED}\r\nAuthorization: ${basic(ALICE)}\r\n` +
        `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(statusesOf(received)).toEqual([200]);
    expect(world.lab.us.requests.at(-1)?.body).toBe(body);
    expect(valuesOf(atUs(), 'authorization')).toEqual([basic(ALICE)]);
    expect(valuesOf(atUs(), 'x-forwarded-for')).toEqual(['127.0.0.1']);
    expect(valuesOf(atUs(), 'host')).toEqual([new URL(world.lab.us.url).host]);
    expect(valuesOf(atUs(), 'content-length')).toEqual([String(body.length)]);
  });
});

describe('line breaks', () => {
  const INJECTED = 'X-Injected: 1';
  it.each(
    [
      ['GHSA-3cvr-822r-rqcc', 'a CR in a value', `Accept: a\r${INJECTED}\r\n`],
      ['GHSA-3cvr-822r-rqcc', 'an LF in a value', `User-Agent: a\n${INJECTED}\r\n`],
      ['GHSA-3cvr-822r-rqcc', 'a NUL in a value', `User-Agent: a\0${INJECTED}\r\n`],
      ['GHSA-f772-66g8-q5h3', 'a CR in the type', `Content-Type: text/plain\r${INJECTED}\r\n`],
      ['GHSA-f772-66g8-q5h3', 'an LF in the type', `Content-Type: text/plain\n\n${INJECTED}\r\n`],
      [
        'GHSA-m8rv-5g2x-5cg5',
        'a CR in the type of a body',
        `Content-Type: a/b;c="\r${INJECTED}"\r\nContent-Length: 0\r\n`,
      ],
      ['GHSA-4992-7rv2-5pvq', 'a CR in Upgrade', `Connection: Upgrade\r\nUpgrade: websocket\r${INJECTED}\r\n`],
      ['GHSA-4992-7rv2-5pvq', 'an LF in Upgrade', `Connection: Upgrade\r\nUpgrade: websocket\n${INJECTED}\r\n`],
    ].map(([id = '', what = '', lines = '']) => [shows(id), what, lines] as const),
  )('%s: %s', async (_shown, _what, lines) => {
    for (const target of [API, '/us/api/v1/share', PASSED, '/help/x']) {
      expect(await expectRefused(world, `POST ${target} HTTP/1.1\r\nHost: g\r\n${lines}\r\n`)).toBe(400);
    }
    await expectServing(world);
  });

  it.each(
    [
      ['GHSA-5r9g-qh6m-jxff', 'a CR in Host', `Host: g\rX-Injected: 1`],
      ['GHSA-5r9g-qh6m-jxff', 'an LF in Host', `Host: g\nX-Injected: 1`],
    ].map(([id = '', what = '', host = '']) => [shows(id), what, host] as const),
  )('%s: %s', async (_shown, _what, host) => {
    for (const target of [API, PASSED, '/help/x']) {
      expect(await expectRefused(world, `GET ${target} HTTP/1.1\r\n${host}\r\n\r\n`)).toBe(400);
    }
  });

  it.each(['%0d%0aX-Injected:%201', '%0aX', '%0dX', '%00', '%250d%250aX'])(
    `${shows('GHSA-3cvr-822r-rqcc')}: %s in a path`,
    async (encoded) => {
      for (const target of [`/help/${encoded}`, `/us-help/${encoded}`, `/us/api/v1/secret/${encoded}`]) {
        expect([400, 404]).toContain(
          await expectRefused(world, `GET ${target} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n`),
        );
      }
    },
  );
});

describe(shows('GHSA-2mjp-6q6p-2qxm'), () => {
  const BODY = 'secret=x';
  it.each([
    ['the same twice', ['Content-Length: 8', 'content-length: 8']],
    ['another', ['Content-Length: 8', 'content-length: 4']],
    ['a list', ['Content-Length: 8, 8']],
    ['one that is none', ['content-length: 8', 'CONTENT-LENGTH: x']],
    ['with a sign', ['Content-Length: +8']],
  ])('%s', async (_what, lines) => {
    for (const target of ['/us/api/v1/share', PASSED]) {
      const head = [`POST ${target} HTTP/1.1`, 'Host: g', ...lines, '', ''].join('\r\n');
      expect(await expectRefused(world, head + BODY)).toBe(400);
    }
  });

  it('one in any spelling arrives once', async () => {
    for (const target of ['/us/api/v1/share', PASSED]) {
      await send(`POST ${target} HTTP/1.1\r\nHost: g\r\nConnection: close\r\ncONTENT-lENGTH: 8\r\n\r\n${BODY}`);
      expect(world.lab.us.requests.at(-1)?.body).toBe(BODY);
      expect(valuesOf(atUs(), 'content-length')).toEqual(['8']);
      expect(valuesOf(atUs(), 'transfer-encoding')).toEqual([]);
    }
  });
});

describe(shows('GHSA-r6ch-mqf9-qc9w'), () => {
  it.each([
    ['spaces', ' '.repeat(12_000)],
    ['tabs', '\t'.repeat(12_000)],
    ['between letters', `a${' \t'.repeat(6_000)}b`],
  ])('%s', async (_what, value) => {
    for (const name of [
      'Accept',
      'Authorization',
      'Onetime-Region',
      'Content-Type',
      'Connection',
      'X-Forwarded-For',
      'TE',
    ]) {
      const begun = performance.now();
      expect(
        statusesOf(await send(`GET ${PASSED} HTTP/1.1\r\nHost: g\r\n${name}:${value}\r\nConnection: close\r\n\r\n`)),
      ).toHaveLength(1);
      expect(performance.now() - begun).toBeLessThan(AT_ONCE_MS);
    }
  });
});
