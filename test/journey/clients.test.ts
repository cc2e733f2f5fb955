// The habits of real clients (UPSTREAM.md, Real clients): each sends what it sends, and gets what it expects of the service.
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startTwin } from '../../src/twin/twin.ts';
import { send, type WireAnswer } from '../contract/wire.ts';
import { basic } from '../support/http.ts';
import { ALICE, BRUNO, type Lab, type LabOptions, openLab } from '../support/lab.ts';

let lab: Lab;
afterEach(() => lab.close());

async function open(options?: LabOptions): Promise<void> {
  lab = await openLab(options);
}

interface Raw {
  readonly method?: string;
  readonly version?: '1.0' | '1.1';
  readonly headers?: readonly string[];
  readonly body?: string;
  readonly untilClosed?: boolean;
}

/** Exactly these headers, beside Host; nothing is added for the body. */
function raw(path: string, { method = 'POST', version = '1.1', headers = [], body = '', untilClosed }: Raw = {}) {
  const { port, host } = new URL(lab.gateway.url);
  const request = { method, path, version, headers: [`Host: ${host}`, ...headers], body: Buffer.from(body) };
  return send(Number(port), request, untilClosed);
}

const as = (account: string): string => `Authorization: ${basic(account)}`;
const lengthOf = (body: string): string => `Content-Length: ${Buffer.byteLength(body)}`;
const statusOf = ({ statusLine }: WireAnswer): number => Number(statusLine.split(' ')[1]);

function fieldsOf({ body }: WireAnswer): Map<string, unknown> {
  const answer: unknown = JSON.parse(body);
  return new Map(typeof answer === 'object' && answer !== null ? Object.entries(answer) : []);
}

function keyOf(answer: WireAnswer, name: 'secret_key' | 'metadata_key' = 'secret_key'): string {
  return String(fieldsOf(answer).get(name));
}

/** The last request that a region received. */
function received(region: 'us' | 'eu') {
  const last = lab[region].requests.at(-1);
  const headers = new Map(last?.headers.map(([name, value]) => [name.toLowerCase(), value]));
  return { method: last?.method, path: last?.path, body: last?.body, headers };
}

describe('parameters in the query string (Go, PowerShell, Java)', () => {
  it('create and retrieve, and arrive as they were sent', async () => {
    await open();
    const query = '?secret=sp%C3%A4t+%26+fr%C3%BCh&passphrase=p%20w%2B&ttl=3600';
    const made = await raw(`/api/v1/share${query}`, { headers: [as(ALICE), 'Content-Length: 0'] });
    expect(received('us').path).toBe(`/api/v1/share${query}`);
    const got = await raw(`/api/v1/secret/${keyOf(made)}?passphrase=p%20w%2B`, { headers: ['Content-Length: 0'] });
    expect([statusOf(got), fieldsOf(got).get('value')]).toEqual([200, 'spät & früh']);
    expect(received('us').path).toBe(`/api/v1/secret/${keyOf(made)}?passphrase=p%20w%2B`);
  });

  it('a wrong passphrase there leaves the secret where it is', async () => {
    await open();
    const made = await raw('/api/v1/share?secret=x&passphrase=right&ttl=3600', { headers: [as(BRUNO)] });
    expect(statusOf(await raw(`/api/v1/secret/${keyOf(made)}?passphrase=wrong`))).toBe(404);
    expect(lab.eu.secret(keyOf(made))?.consumed).toBe(false);
    expect(fieldsOf(await raw(`/api/v1/secret/${keyOf(made)}?passphrase=right`)).get('value')).toBe('x');
  });
});

describe('bodies', () => {
  it('multipart forms (the bash client) arrive byte for byte, with their boundary', async () => {
    await open();
    const type = 'multipart/form-data; boundary=------------------------f879dcb479b8cfd1';
    const part = (name: string, value: string): string =>
      `--------------------------f879dcb479b8cfd1\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const end = '--------------------------f879dcb479b8cfd1--\r\n';
    const form = part('secret', 'hello\r\nmulti ü') + part('passphrase', 'letmein') + part('ttl', '3600') + end;
    const made = await raw('/api/v1/share', {
      headers: [as(ALICE), lengthOf(form), `Content-Type: ${type}`],
      body: form,
    });
    expect(received('us').body).toBe(form);
    expect(received('us').headers.get('content-type')).toBe(type);

    const ask = part('passphrase', 'letmein') + end;
    const got = await raw(`/api/v1/secret/${keyOf(made)}`, {
      headers: [lengthOf(ask), `Content-Type: ${type}`],
      body: ask,
    });
    expect(fieldsOf(got).get('value')).toBe('hello\r\nmulti ü');
    // It reads metadata without credentials too, which the gateway does not let anybody do; it shows `message`.
    const metadata = await raw(`/api/v1/private/${keyOf(made, 'metadata_key')}`);
    expect([statusOf(metadata), fieldsOf(metadata).get('message')]).toEqual([401, expect.stringMatching(/account/)]);
  });

  it('without a Content-Type are taken for a form, and none is made up', async () => {
    await open();
    const body = 'secret=untyped&ttl=3600';
    const made = await raw('/api/v1/share', { headers: [as(BRUNO), lengthOf(body)], body });
    expect([statusOf(made), received('eu').headers.has('content-type'), received('eu').body]).toEqual([
      200,
      false,
      body,
    ]);
  });

  it.each([
    ['0.20', 400],
    ['0.26', 200],
  ] as const)('JSON in v1 is passed on unchanged: %s itself answers it, %i', async (version, status) => {
    await open({ twins: { version } });
    const body = '{ "secret" : "json\\u00fc",\n"ttl":3600 }';
    const headers = [as(ALICE), lengthOf(body), 'Content-Type: application/json'];
    expect(statusOf(await raw('/api/v1/share', { headers, body }))).toBe(status);
    expect([received('us').body, received('us').headers.get('content-type')]).toEqual([body, 'application/json']);
  });

  it('in chunks arrive whole with a Content-Length, since the service would read the chunks as another request', async () => {
    await open();
    const chunks = (...parts: string[]): string =>
      [...parts, ''].map((part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`).join('');
    const headers = ['Transfer-Encoding: chunked', 'Content-Type: application/x-www-form-urlencoded'];
    const made = await raw('/api/v1/share', {
      headers: [...headers, as(ALICE)],
      body: chunks('secret=in+', 'pieces&pass', 'phrase=pw&ttl=3600'),
    });
    const got = await raw(`/api/v1/secret/${keyOf(made)}`, { headers, body: chunks('passphrase', '=pw') });
    expect(fieldsOf(got).get('value')).toBe('in pieces');
    expect([received('us').body, received('us').headers.get('content-length')]).toEqual(['passphrase=pw', '13']);
    expect(received('us').headers.has('transfer-encoding')).toBe(false);
    expect(lab.us.requests).toHaveLength(2);
  });

  it('none at all, and no Content-Length (curl -u USER:TOKEN -X POST): the region is told the length 0', async () => {
    await open();
    const made = await raw('/api/v1/generate', { headers: [as(BRUNO)] });
    expect([statusOf(made), received('eu').headers.get('content-length')]).toEqual([200, '0']);
    const burnt = await raw(`/api/v1/private/${keyOf(made, 'metadata_key')}/burn`, { headers: [as(BRUNO)] });
    expect([statusOf(burnt), lab.eu.secret(keyOf(made))?.state]).toEqual([200, 'burned']);
    expect(received('eu').headers.get('content-length')).toBe('0');
  });

  it('held back until 100 Continue (PowerShell, curl) are asked for, and the region never sees the Expect', async () => {
    await open();
    const body = 'secret=expected&ttl=3600';
    const socket = connect(Number(new URL(lab.gateway.url).port), '127.0.0.1');
    const head = ['POST /api/v1/share HTTP/1.1', 'Host: gateway', as(ALICE), lengthOf(body), 'Expect: 100-continue'];
    socket.write(`${head.join('\r\n')}\r\nConnection: close\r\n\r\n`);
    const [first] = await once(socket, 'data');
    expect(String(first)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    expect(lab.us.requests).toEqual([]);
    socket.write(body);
    const [second] = await once(socket, 'data');
    expect(String(second)).toMatch(/^HTTP\/1\.1 200 /);
    expect([received('us').body, received('us').headers.has('expect')]).toEqual([body, false]);
    socket.destroy();
  });
});

describe('credentials', () => {
  it('empty ones, always sent (Go): the caller is anonymous and the region sees none', async () => {
    await open();
    const headers = ['Authorization: Basic Og=='];
    const made = await raw('/us/api/v1/share?secret=x&ttl=3600', { headers });
    const got = await raw(`/api/v1/secret/${keyOf(made)}`, { headers });
    expect([fieldsOf(got).get('value'), received('us').headers.has('authorization')]).toEqual(['x', false]);
    expect(statusOf(await raw('/api/v1/private/recent', { method: 'GET', headers }))).toBe(401);
    expect(lab.us.requests).toHaveLength(2);
  });

  it('whose token holds colons are divided at the first one and arrive unchanged', async () => {
    const token = 'to:ken::with:colons:';
    const twin = await startTwin({ region: 'us', accounts: [{ name: 'alice@us.example', token }] });
    await open({ upstreams: { us: [twin.url] } });
    const header = as(`alice@us.example:${token}`);
    const made = await raw('/api/v1/share?secret=x&ttl=3600', { headers: [header] });
    expect([statusOf(made), fieldsOf(made).get('custid')]).toEqual([200, 'alice@us.example']);
    expect(twin.requests.at(-1)?.headers).toContainEqual(['authorization', header.slice('Authorization: '.length)]);
    const metadata = await raw(`/api/v1/private/${keyOf(made, 'metadata_key')}`, { headers: [header] });
    expect(statusOf(metadata)).toBe(200);
    await twin.close();
  });
});

describe('paths', () => {
  it('POST recent (Go) is the list that was meant, asked for with GET', async () => {
    await open();
    const { metadata } = await lab.create({ as: ALICE });
    const list = await raw('/api/v1/private/recent', { headers: [as(ALICE), 'Content-Length: 0'] });
    expect([statusOf(list), list.body]).toEqual([200, expect.stringContaining(metadata)]);
    expect([received('us').method, received('us').path]).toEqual(['GET', '/api/v1/private/recent']);
  });

  it.each(['', '/us'])('base URLs with and without /api (Python, Ruby), region prefix "%s"', async (prefix) => {
    await open();
    const origin = lab.gateway.url;
    for (const [base, rest] of [
      [`${origin}${prefix}`, '/api/v1/share'],
      [`${origin}${prefix}/api`, '/v1/share'],
    ] as const) {
      const { pathname } = new URL(`${base}${rest}`);
      const made = await raw(`${pathname}?secret=x&ttl=3600`, { headers: [as(ALICE)] });
      expect([statusOf(made), received('us').path]).toEqual([200, '/api/v1/share?secret=x&ttl=3600']);
      // And the link that such a client hands out leads to the region's own page.
      const link = await raw(`${prefix}/secret/${keyOf(made)}`, { method: 'GET' });
      expect([statusOf(link), link.headers]).toEqual([
        302,
        expect.arrayContaining([`Location: ${lab.us.url}/secret/${keyOf(made)}`]),
      ]);
      expect(lab.us.secret(keyOf(made))?.state).toBe('new');
    }
  });
});

it('the rate-limit message is the one that npm onetimesecret-api knows', async () => {
  const anonymousRetrieval = { requests: 1, burst: 1, per: '60s' };
  await open({ config: { limits: { anonymousRetrieval } } });
  const retrieve = () => raw('/us/api/v1/secret/nosuchkey000000000000000000000');
  await retrieve();
  const limited = await retrieve();
  expect([statusOf(limited), fieldsOf(limited).get('message')]).toEqual([
    429,
    'Apologies dear citizen! You have been rate limited.',
  ]);
  expect(lab.us.requests).toHaveLength(1);
});

describe('connections', () => {
  it('of HTTP/1.0 get a whole answer with its length, and are closed after it', async () => {
    await open();
    const { secret } = await lab.create({ as: BRUNO });
    const got = await raw(`/api/v1/secret/${secret}`, { version: '1.0', untilClosed: true });
    expect([statusOf(got), fieldsOf(got).get('value'), got.rest]).toEqual([200, 's3cret-value', '']);
    expect(got.headers).toContainEqual(lengthOf(got.body));
    expect(got.headers.filter((line) => /^transfer-encoding/i.test(line))).toEqual([]);
  });

  it('carry one request after the other, of one user and of another: each reaches its own region as itself', async () => {
    await open();
    const { host, port } = new URL(lab.gateway.url);
    const socket = connect(Number(port), '127.0.0.1');
    const ask = async (path: string, ...headers: string[]): Promise<WireAnswer> => {
      socket.write(`${[`POST ${path} HTTP/1.1`, `Host: ${host}`, ...headers].join('\r\n')}\r\n\r\n`);
      const [bytes] = await once(socket, 'data');
      const [head = '', body = ''] = String(bytes).split('\r\n\r\n');
      const [statusLine = '', ...lines] = head.split('\r\n');
      return { statusLine, headers: lines, body, rest: '' };
    };
    const custids = [];
    for (const account of [ALICE, BRUNO, ALICE]) {
      custids.push(fieldsOf(await ask('/api/v1/share?secret=x&ttl=3600', as(account))).get('custid'));
    }
    expect(custids).toEqual(['alice@us.example', 'bruno@eu.example', 'alice@us.example']);
    // Nobody's request inherits the credentials of the one before it.
    const anonymous = await ask('/eu/api/v1/share?secret=x&ttl=3600');
    expect(fieldsOf(anonymous).get('custid')).toBe('anon');
    expect(statusOf(await ask('/api/v1/private/recent'))).toBe(401);
    socket.destroy();

    const sent = (region: 'us' | 'eu') =>
      lab[region].requests.map(({ headers }) => new Map(headers).get('authorization'));
    expect([sent('us'), sent('eu')]).toEqual([
      [basic(ALICE), basic(ALICE)],
      [basic(BRUNO), undefined],
    ]);
  });
});
