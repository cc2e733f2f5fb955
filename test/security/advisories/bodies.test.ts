// Bodies and their types: what is proxied arrives byte for byte, and the admin API takes no change that it has not checked.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { consoleConfig, WRITER } from '../../console/console-lab.ts';
import { basic } from '../../support/http.ts';
import { ALICE } from '../../support/lab.ts';
import { shows } from './advisories.ts';
import { exchange, expectServing, latin1Caller, openWorld, statusesOf, type World } from './world.ts';

vi.setConfig({ testTimeout: 10_000 });

let world: World;
beforeAll(async () => {
  world = await openWorld({ config: consoleConfig({ request: { bodyLimit: '64KiB' } }) });
});
afterAll(() => world.close());
beforeEach(() => world.clear());

const ODD_TYPES = [
  'application/json ;charset=utf-8',
  'application/json\t',
  'APPLICATION/JSON',
  'application/json;',
  'application/json garbage',
  'constructor',
  '__proto__',
  'text/plain',
];

describe(shows('GHSA-v2v2-hph8-q5xp'), () => {
  const BODY = '{ "secret" : "caf\xc3\xa9" , "n" : 1.0 }';
  it.each(ODD_TYPES)('%j', async (type) => {
    const head = `Host: g\r\nConnection: close\r\nContent-Type: ${type}\r\nContent-Length: ${BODY.length}\r\n\r\n`;
    for (const target of ['/us/api/v1/share', '/us-help/x']) {
      await exchange(world.lab.gateway.url, `POST ${target} HTTP/1.1\r\n${head}${BODY}`);
      const seen = world.lab.us.requests.at(-1);
      expect(Buffer.from(seen?.body ?? '').toString('latin1')).toBe(BODY);
      const values = (wanted: string): string[] =>
        (seen?.headers ?? []).flatMap(([name, value]) => (name.toLowerCase() === wanted ? [value] : []));
      expect(values('content-type')).toEqual([type.trim()]);
      expect(values('content-length')).toEqual([String(BODY.length)]);
      expect(values('transfer-encoding')).toEqual([]);
    }
  });
});

describe('the admin API', () => {
  const ACCOUNT = 'forged@corp.example';
  const TOKEN = `Authorization: Bearer ${WRITER}\r\n`;
  const VALID = JSON.stringify({ account: ACCOUNT, region: 'eu' });
  /** A region that there is not, and a field too many. */
  const INVALID = JSON.stringify({ account: ACCOUNT, region: 'nowhere', admin: true });

  const put = (type: string, body: string, credentials = TOKEN): Promise<string> => {
    const { adminUrl } = world.lab.gateway;
    return exchange(
      adminUrl,
      `POST /admin/v1/accounts HTTP/1.1\r\nHost: ${new URL(adminUrl).host}\r\n${credentials}Connection: close\r\n` +
        `Content-Type:${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  };
  const isKnown = async (): Promise<boolean> => {
    const reply = await world.lab.call('GET', '/api/v1/status', { as: `${ACCOUNT}:token` });
    return reply.status !== 401;
  };

  it.each(
    [
      ['GHSA-mg2h-6x62-wpwc', 'Application/JSON'],
      ['GHSA-mg2h-6x62-wpwc', ' application/json ;charset=utf-8'],
      ['GHSA-jx2c-rxcm-jvmq', ' application/json\ta'],
      ['GHSA-jx2c-rxcm-jvmq', ' application/json\t; a=b'],
      ['GHSA-573f-x89g-hqp9', ' application/json garbage'],
      ['GHSA-573f-x89g-hqp9', ' application/jsonx; a'],
      ['GHSA-247c-9743-5963', '  application/json'],
      ['GHSA-247c-9743-5963', '\t application/json'],
      ['GHSA-455w-c45v-86rg', ' constructor'],
      ['GHSA-455w-c45v-86rg', ' __proto__'],
      ['GHSA-455w-c45v-86rg', ' toString/valueOf'],
      ['GHSA-455w-c45v-86rg', ''],
    ].map(([id = '', type = '']) => [shows(id), type] as const),
  )('%s: %j', async (_shown, type) => {
    const statuses = statusesOf(await put(type, INVALID));
    expect(statuses).toHaveLength(1);
    expect([400, 415]).toContain(statuses[0]);
    expect(await isKnown()).toBe(false);
    await expectServing(world);
  });

  it.each([
    ' text/plain',
    ' text/plain; application/json',
    ' text/plain;charset=application/json',
    ' application/x-www-form-urlencoded',
    ' multipart/form-data; boundary=application/json',
    ' text/plain, application/json',
    ' application/jsonp',
    '',
  ])(`${shows('GHSA-3fjj-p79j-c9hh')}: %j`, async (type) => {
    expect([400, 415]).toContain(statusesOf(await put(type, VALID))[0]);
    expect(await isKnown()).toBe(false);
  });

  it(`${shows('GHSA-3fjj-p79j-c9hh')}; nor without its token, which no page sends by itself`, async () => {
    expect(statusesOf(await put(' application/json', VALID, 'Cookie: token=x\r\n'))).toEqual([401]);
    expect(await isKnown()).toBe(false);
  });

  it('in its own type the same is taken', async () => {
    expect(statusesOf(await put(' application/json', VALID))[0]).toBeLessThan(300);
    expect(await isKnown()).toBe(true);
  });
});

describe(shows('GHSA-6x33-pw7p-hmpq'), () => {
  const LONG = 200_000;
  it.each(['/api/v1/share', '/us-help/x'])('%s', async (target) => {
    const caller = latin1Caller(world.lab.gateway.url);
    caller.send(
      `POST ${target} HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(ALICE)}\r\nContent-Length: ${LONG}\r\n` +
        `Content-Type: text/plain\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n${'x'.repeat(LONG)}`,
    );
    const statuses = statusesOf(await caller.closed);
    // Streamed under a prefix, where no bound of the API's counts.
    const last = statuses.at(-1);
    expect(target === '/api/v1/share' ? [413] : [404, 413]).toContain(last);
    expect(world.lab.us.requests.filter(({ path }) => path.includes('share'))).toEqual([]);
    await expectServing(world);
  });

  it('a short body with Expect is asked for once and served', async () => {
    const caller = latin1Caller(world.lab.gateway.url);
    caller.send(
      `POST /api/v1/share HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(ALICE)}\r\nContent-Length: 8\r\n` +
        'Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
    );
    await caller.sees(/100 Continue/);
    caller.send('secret=x');
    expect(statusesOf(await caller.closed)).toEqual([100, 200]);
    expect(world.lab.us.requests.map(({ body }) => body)).toEqual(['secret=x']);
  });
});
