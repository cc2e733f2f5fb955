// What the front door takes of one request and on one connection: at each bound, below it and above it.
import { afterEach, describe, expect, it } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { type RawCaller, rawCaller } from '../support/raw.ts';

const OFF = { mode: 'off' };
const LIMITS = { anonymousRetrieval: OFF, perKey: OFF, account: OFF, failedAuth: OFF };
const LISTEN = { host: '127.0.0.1', port: 0 };
const API = '/us/api/v1/status';
const HOST = 'Host: g';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(config: Readonly<Record<string, unknown>>): Promise<Lab> {
  const lab = await openLab({ config: { limits: LIMITS, ...config } });
  closing.push(() => lab.close());
  return lab;
}

function dial(lab: Lab, bytes = ''): RawCaller {
  const caller = rawCaller(lab.gateway.url);
  closing.push(() => caller.socket.destroy());
  if (bytes !== '') caller.send(bytes);
  return caller;
}

const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;
const get = (...headers: string[]): string => head(`GET ${API} HTTP/1.1`, HOST, ...headers);
const statuses = (text: string): string[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status ?? '');
const refused = (lab: Lab, code: string) => lab.metric(`onetime_gateway_refusals_total{code="${code}"}`);

/** The answer to bytes, with what the region was sent; refused, the connection is closed. */
async function answerTo(lab: Lab, bytes: string): Promise<{ status: string; error: string; sent: number }> {
  lab.clearLedgers();
  const caller = dial(lab, bytes);
  await caller.sees(/\r\n\r\n.*}/s);
  const text = caller.received();
  const error = /"error":"(\w+)"/.exec(text)?.[1] ?? '';
  if (error !== '') await caller.closed;
  caller.socket.destroy();
  return { status: statuses(text)[0] ?? '', error, sent: lab.us.requests.length };
}
const TAKEN = { status: '200', error: '', sent: 1 };

describe('the head of a request', () => {
  /** `bytes` of headers, Host among them, as they stand on the wire. */
  const withBytes = (bytes: number): string => get(`X: ${'x'.repeat(bytes - `${HOST}\r\nX: \r\n`.length)}`);
  const tooLarge = { status: '431', error: 'headers_too_large', sent: 0 };

  it('is taken up to headerBytes of headers, and 431 beyond', async () => {
    const lab = await open({ request: { headerBytes: '2KiB' } });
    for (const bytes of [2000, 2048]) expect(await answerTo(lab, withBytes(bytes))).toEqual(TAKEN);
    // The parser itself gives up where target and headers are longer than both may be.
    for (const bytes of [2049, 4000, 30_000]) expect(await answerTo(lab, withBytes(bytes))).toEqual(tooLarge);
    expect(await refused(lab, 'headers_too_large')).toBe(3);
  });

  it('is taken up to 16 KiB by default, and more where more is configured', async () => {
    const usual = await open({});
    expect(await answerTo(usual, withBytes(16_384))).toEqual(TAKEN);
    expect(await answerTo(usual, withBytes(16_385))).toEqual(tooLarge);
    const wide = await open({ request: { headerBytes: '64KiB' } });
    expect(await answerTo(wide, withBytes(65_536))).toEqual(TAKEN);
    expect(await answerTo(wide, withBytes(65_537))).toEqual(tooLarge);
  });

  it('is taken with up to headerCount headers, and 431 with more', async () => {
    const lab = await open({ request: { headerCount: 10 } });
    const withCount = (count: number) => get(...Array.from({ length: count - 1 }, () => 'X: 1'));
    for (const count of [9, 10]) expect(await answerTo(lab, withCount(count))).toEqual(TAKEN);
    for (const count of [11, 100]) expect(await answerTo(lab, withCount(count))).toEqual(tooLarge);
  });

  it('is taken with a target of up to targetLength, and 414 beyond, also far beyond', async () => {
    const lab = await open({ request: { targetLength: '1KiB' } });
    const withTarget = (bytes: number) => head(`GET ${API}?${'x'.repeat(bytes - API.length - 1)} HTTP/1.1`, HOST);
    for (const bytes of [1023, 1024]) expect(await answerTo(lab, withTarget(bytes))).toEqual(TAKEN);
    const tooLong = { status: '414', error: 'target_too_long', sent: 0 };
    for (const bytes of [1025, 16_000]) expect(await answerTo(lab, withTarget(bytes))).toEqual(tooLong);
  });

  it('is bound by what a reload says: at once for what is read by the gateway, for all on new connections', async () => {
    const lab = await open({});
    expect((await lab.reload({ request: { headerBytes: '64KiB', targetLength: '16KiB' } })).result).toBe('applied');
    expect(await answerTo(lab, withBytes(65_536))).toEqual(TAKEN);
    expect((await lab.reload({ request: { headerBytes: '1KiB' } })).result).toBe('applied');
    expect(await answerTo(lab, withBytes(1024))).toEqual(TAKEN);
    expect(await answerTo(lab, withBytes(1025))).toEqual(tooLarge);
  });
});

describe('a request that comes slowly', () => {
  const CREATE = ['POST /us/api/v1/share HTTP/1.1', HOST, 'Content-Type: application/x-www-form-urlencoded'];

  /** Sends a piece now and then until the connection is closed. @returns everything received, and after how long */
  async function trickle(caller: RawCaller, piece: string, everyMs: number): Promise<{ text: string; tookMs: number }> {
    const startMs = performance.now();
    const timer = setInterval(() => caller.send(piece), everyMs);
    closing.push(() => clearInterval(timer));
    const text = await caller.closed;
    clearInterval(timer);
    return { text, tookMs: performance.now() - startMs };
  }

  it('is 408 where its head has not come within headersTimeout, and its body may take longer', async () => {
    const lab = await open({ request: { headersTimeout: '500ms', timeout: '20s', minRate: 'off' } });
    const slow = await trickle(dial(lab, `GET ${API} HTTP/1.1\r\n`), 'X: 1\r\n', 100);
    expect(statuses(slow.text)).toEqual(['408']);
    expect(slow.tookMs).toBeGreaterThanOrEqual(490);
    const patient = dial(lab, head(...CREATE, 'Content-Length: 8'));
    const timer = setTimeout(() => patient.send('secret=x'), 1500);
    closing.push(() => clearTimeout(timer));
    await patient.sees(/^HTTP\/1\.1 200 /);
    expect(lab.us.requests).toHaveLength(1);
  });

  const RATE = { minRate: '1KiB/s', minRateAfter: '500ms', headersTimeout: '20s', timeout: '20s' };
  it.each([
    ['head', `GET ${API} HTTP/1.1\r\n`],
    ['body', head(...CREATE, 'Content-Length: 100000')],
    ['chunk', `${head(...CREATE, 'Transfer-Encoding: chunked')}ffff\r\n`],
    ['head after another request', `${get()}GET ${API} HTTP/1.1\r\n`],
  ])('is 408 where its %s comes below minRate once minRateAfter is over', async (_what, bytes) => {
    const lab = await open({ request: RATE });
    const caller = dial(lab, bytes);
    const { text, tookMs } = await trickle(caller, 'X-Y: 1\r\n', 100);
    expect(statuses(text).at(-1)).toBe('408');
    expect(text).toContain('"error":"request_timeout"');
    expect(tookMs).toBeGreaterThanOrEqual(490);
    expect(tookMs).toBeLessThan(5_000);
    expect(lab.us.requests.map(({ path }) => path)).toEqual(bytes.startsWith(get()) ? ['/api/v1/status'] : []);
  });

  it('is served where it comes faster than minRate', async () => {
    const lab = await open({ request: RATE });
    const body = `secret=${'x'.repeat(3993)}`;
    const caller = dial(lab, head(...CREATE, `Content-Length: ${body.length}`));
    let sent = 0;
    const timer = setInterval(() => {
      caller.send(body.slice(sent, sent + 200));
      sent += 200;
    }, 100);
    closing.push(() => clearInterval(timer));
    await caller.sees(/^HTTP\/1\.1 200 /);
    expect(lab.us.requests[0]?.body).toBe(body);
  });

  it('is served however slowly where minRate is off', async () => {
    const lab = await open({ request: { ...RATE, minRate: 'off' } });
    const caller = dial(lab, head(...CREATE, 'Content-Length: 8'));
    for (const [at, byte] of [...'secret=x'].entries()) {
      const timer = setTimeout(() => caller.send(byte), 200 * at);
      closing.push(() => clearTimeout(timer));
    }
    await caller.sees(/^HTTP\/1\.1 200 /);
  });

  it('is not told so behind empty lines alone', async () => {
    const lab = await open({ request: RATE, listen: { ...LISTEN, idleTimeout: '60s' } });
    const caller = dial(lab, get());
    await caller.sees(/^HTTP\/1\.1 200 /);
    caller.send('\r\n');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    caller.send(get());
    await expect.poll(() => statuses(caller.received())).toEqual(['200', '200']);
  });
});

describe('a connection', () => {
  it('takes maxRequestsPerConnection requests, and the last answer says that it closes', async () => {
    const lab = await open({ listen: { ...LISTEN, maxRequestsPerConnection: 3 } });
    const caller = dial(lab);
    for (let count = 1; count < 3; count++) {
      caller.send(get());
      await expect.poll(() => statuses(caller.received())).toEqual(Array(count).fill('200'));
    }
    expect(caller.received()).not.toMatch(/Connection: close/i);
    caller.send(get());
    const text = await caller.closed;
    expect(statuses(text)).toEqual(['200', '200', '200']);
    expect(text.match(/Connection: close/gi)).toHaveLength(1);
    expect(text.slice(text.search(/Connection: close/i))).not.toMatch(/HTTP\/1\.1/);
  });

  it('serves none beyond them, also of those that came in the same packet: no secret is asked for', async () => {
    const lab = await open({ listen: { ...LISTEN, maxRequestsPerConnection: 2 } });
    const { secret } = await lab.create({ region: 'us' });
    lab.clearLedgers();
    const caller = dial(
      lab,
      get() + get() + head(`POST /us/api/v1/secret/${secret} HTTP/1.1`, HOST, 'Content-Length: 0'),
    );
    expect(statuses(await caller.closed)).toEqual(['200', '200']);
    expect(lab.us.requests.map(({ path }) => path)).toEqual(['/api/v1/status', '/api/v1/status']);
    expect(lab.us.secret(secret)?.consumed).toBe(false);
  });

  it('that has had more than a reload allows takes one more, and then closes', async () => {
    const lab = await open({ listen: LISTEN });
    const callers = [dial(lab), dial(lab)];
    for (let count = 1; count <= 3; count++) {
      for (const caller of callers) caller.send(get());
      for (const caller of callers) await expect.poll(() => statuses(caller.received())).toHaveLength(count);
    }
    expect((await lab.reload({ listen: { ...LISTEN, maxRequestsPerConnection: 2 } })).result).toBe('applied');
    callers[0]?.send(get());
    callers[1]?.send(get() + get());
    const texts = await Promise.all(callers.map(({ closed }) => closed));
    expect(texts.map(statuses)).toEqual([Array(4).fill('200'), Array(4).fill('200')]);
    expect(texts.map((text) => text.match(/Connection: close/gi)?.length)).toEqual([1, 1]);
  });

  it('whose last request never arrives whole ends with 408', async () => {
    const lab = await open({ listen: { ...LISTEN, maxRequestsPerConnection: 1 }, request: { timeout: '400ms' } });
    const caller = dial(lab, head('POST /us/api/v1/share HTTP/1.1', HOST, 'Content-Length: 100'));
    expect(statuses(await caller.closed)).toEqual(['408']);
  });

  it('takes any number of them where that is off', async () => {
    const lab = await open({ listen: { ...LISTEN, maxRequestsPerConnection: 'off' } });
    const caller = dial(lab);
    for (let count = 1; count <= 40; count++) {
      caller.send(get());
      await expect.poll(() => statuses(caller.received())).toEqual(Array(count).fill('200'));
    }
    expect(caller.received()).not.toMatch(/Connection: close/i);
  });

  it('that is unused ends after idleTimeout without a word, whether it was used before or never', async () => {
    const lab = await open({ listen: { ...LISTEN, idleTimeout: '700ms' }, request: { headersTimeout: '300ms' } });
    const startMs = performance.now();
    const [never, once] = [dial(lab), dial(lab, get())];
    expect(await never.closed).toBe('');
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(690);
    expect(statuses(await once.closed)).toEqual(['200']);
    // With the second that Node allows for requests on their way.
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(690);
    expect(await refused(lab, 'request_timeout')).toBe(0);
  });

  it.each([
    ['was never used', ''],
    ['was used', get()],
  ])('that %s is not kept for empty lines', async (_what, first) => {
    const lab = await open({
      listen: { ...LISTEN, idleTimeout: '1s' },
      request: { headersTimeout: '300ms', minRate: 'off' },
    });
    const caller = dial(lab, first);
    // Not before Node's own time for a first head is over.
    const timer = setInterval(() => caller.send('\r\n'), 700);
    closing.push(() => clearInterval(timer));
    const late = Promise.withResolvers<string>();
    const bound = setTimeout(() => late.resolve('kept'), 4000);
    closing.push(() => clearTimeout(bound));
    expect(statuses(await Promise.race([caller.closed, late.promise]))).toEqual(first === '' ? [] : ['200']);
    expect(caller.socket.closed).toBe(true);
  });

  it('on which a head is coming keeps the time that it had when it began, also through a reload', async () => {
    const request = { headersTimeout: '20s', minRate: 'off' };
    const lab = await open({ request });
    const caller = dial(lab, get().slice(0, 10));
    await expect.poll(() => lab.metric('onetime_gateway_connections')).toBe(1);
    const listen = { ...LISTEN, idleTimeout: '300ms' };
    expect((await lab.reload({ listen, request: { ...request, headersTimeout: '300ms' } })).result).toBe('applied');
    await new Promise((resolve) => setTimeout(resolve, 2500));
    caller.send(get().slice(10));
    await caller.sees(/^HTTP\/1\.1 200 /);
  });

  it('that is unused for less is kept', async () => {
    const lab = await open({
      listen: { ...LISTEN, idleTimeout: '30s' },
      request: { headersTimeout: '300ms', timeout: '400ms' },
    });
    const [never, once] = [dial(lab), dial(lab, get())];
    await once.sees(/^HTTP\/1\.1 200 /);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const caller of [never, once]) caller.send(get());
    await never.sees(/^HTTP\/1\.1 200 /);
    await once.sees(/(HTTP\/1\.1 200 [\s\S]*){2}/);
  });
});

describe('Expect: 100-continue', () => {
  const create = (...headers: string[]): string =>
    head('POST /us/api/v1/share HTTP/1.1', HOST, 'Content-Type: application/x-www-form-urlencoded', ...headers);

  it.each([
    ['a body over the bound', create('Expect: 100-continue', 'Content-Length: 3000000'), '413'],
    [
      'a path that is none',
      head('POST /api/v1/nothing HTTP/1.1', HOST, 'Expect: 100-continue', 'Content-Length: 8'),
      '404',
    ],
    ['credentials that are none', create('Expect: 100-continue', 'Content-Length: 8', 'Authorization: Basic ?'), '401'],
    [
      'a Host that is none',
      head('POST /us/api/v1/share HTTP/1.1', 'Host: a b', 'Expect: 100-continue', 'Content-Length: 8'),
      '400',
    ],
  ])('is answered without 100 where it comes with %s, and the connection ends', async (_what, bytes, status) => {
    const lab = await open({});
    const text = await dial(lab, bytes).closed;
    expect(statuses(text)).toEqual([status]);
    expect(text).toMatch(/\r\nConnection: close\r\n/i);
    expect(lab.us.requests).toEqual([]);
  });

  it('is not passed over to what comes behind it: the body that was not asked for is no request', async () => {
    const lab = await open({});
    const { secret } = await lab.create({ region: 'us' });
    lab.clearLedgers();
    const inner = head(`POST /us/api/v1/secret/${secret} HTTP/1.1`, HOST, 'Content-Length: 0');
    const bytes = head(
      'POST /api/v1/nothing HTTP/1.1',
      HOST,
      'Expect: 100-continue',
      `Content-Length: ${inner.length}`,
    );
    expect(statuses(await dial(lab, bytes + inner + inner).closed)).toEqual(['404']);
    expect(lab.us.requests).toEqual([]);
    expect(lab.us.secret(secret)?.consumed).toBe(false);
  });

  it('invites a body in its turn, behind the answer before it', async () => {
    const lab = await open({});
    const caller = dial(lab, get() + create('Expect: 100-continue', 'Content-Length: 8'));
    await caller.sees(/HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 100 Continue\r\n\r\n$/);
    caller.send('secret=x');
    await caller.sees(/100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });

  it('invites one of a passed-through path when the region is ready for it', async () => {
    const lab = await open({ passthrough: [{ prefix: '/help', region: 'us' }] });
    const caller = dial(lab, head('POST /help HTTP/1.1', HOST, 'Expect: 100-continue', 'Content-Length: 4'));
    await caller.sees(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    caller.send('body');
    await caller.sees(/100 Continue\r\n\r\nHTTP\/1\.1 \d{3} /);
    expect(lab.us.requests.map(({ body }) => body)).toEqual(['body']);
  });

  it('of HTTP/1.0 means nothing', async () => {
    const lab = await open({});
    const caller = dial(
      lab,
      `POST /us/api/v1/share HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 8\r\n\r\nsecret=x`,
    );
    expect(await caller.closed).toMatch(/^HTTP\/1\.1 200 /);
  });
});
