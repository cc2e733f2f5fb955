// Prefixes outside the API: passed to their region as they come, with the same permit; nothing else gets past the journey.
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closedPort, openBrokenRegion } from '../support/broken-region.ts';
import { basic } from '../support/http.ts';
import { ALICE, BRUNO, type Lab, openLab, WANDERER } from '../support/lab.ts';
import { openPageRegion, type PageRegion } from '../support/page-region.ts';

const PREFIXES = [
  { prefix: '/help', region: 'eu' },
  { prefix: '/app', region: 'eu', credentials: 'forward' },
  { prefix: '/us-app', region: 'us', credentials: 'forward' },
];

let lab: Lab;
let us: PageRegion;
let eu: PageRegion;
let serve: (req: IncomingMessage, res: ServerResponse) => void;
beforeEach(async () => {
  serve = (req, res) => {
    req.resume();
    req.on('end', () => res.setHeader('Content-Length', 2).end('ok'));
  };
  us = await openPageRegion((req, res) => serve(req, res));
  eu = await openPageRegion((req, res) => serve(req, res));
  lab = await open();
});
afterEach(async () => {
  await lab.close();
  await Promise.all([us.close(), eu.close()]);
});

function open(config: Record<string, unknown> = {}, euUpstreams = [eu.url]): Promise<Lab> {
  return openLab({ upstreams: { us: [us.url], eu: euUpstreams }, config: { passthrough: PREFIXES, ...config } });
}
async function reopen(config: Record<string, unknown>, euUpstreams?: string[]): Promise<void> {
  await lab.close();
  lab = await open(config, euUpstreams);
}

/** Sends bytes as they are and resolves with all that came back until the connection closed. */
function raw(bytes: string, then?: (received: string) => string | undefined): Promise<string> {
  const { hostname, port } = new URL(lab.gateway.url);
  return new Promise((settle) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes, 'latin1'));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const more = then?.(received);
      if (more !== undefined) socket.write(more);
    });
    socket.on('close', () => settle(received));
  });
}
const get = (path: string, headers = ''): Promise<string> =>
  raw(`GET ${path} HTTP/1.1\r\nHost: g\r\nConnection: close\r\n${headers}\r\n`);
const statusOf = (answer: string): number => Number(answer.split(' ')[1] ?? 0);
const sentHeaders = (region: PageRegion): Map<string, string> => new Map(region.requests.at(-1)?.headers);
const logged = (): Record<string, unknown>[] =>
  lab.log.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ route }) => route === 'passthrough');

describe('paths', () => {
  it.each([
    '/help',
    '/help/',
    '/help?',
    '/help/faq',
    "/help/a;b=c/~x/d'e!f$g&h(i)*j+k,l:m@n/o.p/.q/r.",
    '/help/caf%C3%A9/100%25/%20',
    `/help/${'long/'.repeat(200)}`,
    '/help/x?a=/../&b=%2e%2e&c=\'"<>|{}\\^`&d=%zz&e=?&f',
  ])('%s is sent as it came', async (path) => {
    expect(statusOf(await get(path))).toBe(200);
    expect(eu.requests.map(({ target }) => target)).toEqual([path]);
    expect(us.requests).toEqual([]);
  });

  it.each([
    '/help/.',
    '/help/..',
    '/help/../api/v1/status',
    '/help/./x',
    '/help/..;/api/v1/status',
    '/help/.;/x',
    '/help/..x',
    '/help/x../y',
    '/help/%2e%2e/api/v1/status',
    '/help/.%2E/x',
    '/help/%2e',
    '/help/%252e%252e/x',
    '/help/%25252e%25252e/x',
    '/help/%25%32%65%25%32%65/x',
    '/help/x%2fy',
    '/help/..%2fapi',
    '/help/x%252Fy',
    '/help\\..\\api',
    '/help/\\x',
    '/help/%5cx',
    '/help/%255cx',
    '/help/x%00',
    '/help/x%0d%0aX:y',
    '/help/x%250a',
    '/help/x%7f',
    '/help/x%C2%85',
    '/help/%zz',
    '/help/%',
    '/help/%u002e',
    '/help/%ff',
    '/help/%c0%ae%c0%ae/x',
    '/help//x',
    '/help//',
    '/help/x//',
    '//help/x',
    '/help/x#y',
    '/help/x?#y',
    '/help/{x}',
    '/help/x|y',
    '/help/caf\u00e9',
    '/help/x?\u00e9',
  ])('%s is refused, and nothing is sent', async (path) => {
    const answer = await get(path);
    expect(statusOf(answer)).toBe(400);
    expect(answer).toMatch(/"error":"(path|request)_malformed"/);
    expect([us.requests, eu.requests]).toEqual([[], []]);
  });

  it.each([
    '/Help',
    '/helpful',
    '/help;x',
    '/hel%70',
    '/hel%70/x',
    '/help%2fx',
    '/%68elp/x',
    '/eu/help',
    '/xhelp/help',
    '/HELP/x',
    '/./help/x',
    '/x/../help/x',
    'http://g/help/x',
    '/help/../app',
    '/apps',
    '/api/v1/help',
    '/secret/help',
  ])('%s is not under a prefix: nothing is sent', async (path) => {
    expect([400, 404]).toContain(statusOf(await get(path)));
    expect([us.requests, eu.requests]).toEqual([[], []]);
  });

  it('other methods than a proxy’s are 405', async () => {
    for (const method of ['TRACE', 'PROPFIND']) {
      const reply = await lab.call(method, '/help/x');
      expect([reply.status, reply.headers.allow]).toEqual([405, 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']);
    }
    expect(eu.requests).toEqual([]);
  });

  it('the API takes the journey all the same', async () => {
    expect((await lab.call('GET', '/api/v1/status')).json()).toEqual({ status: 'nominal', locale: 'en' });
    expect(statusOf(await get('/help/x', 'Expect: something\r\n'))).toBe(200);
    expect(sentHeaders(eu).has('expect')).toBe(false);
  });
});

describe('headers', () => {
  it('that forge where a request comes from, or belong to one connection, stay here; all others cross', async () => {
    const headers = {
      Accept: 'text/html',
      'X-Own': 'a',
      'If-None-Match': '"1"',
      'Accept-Encoding': 'br',
      'X-Forwarded-For': '6.6.6.6',
      'X-Forwarded-Host': 'evil',
      Forwarded: 'for=6.6.6.6',
      'X-Real-IP': '6.6.6.6',
      'X-Original-URL': '/api/v1/private/recent',
      'X-HTTP-Method-Override': 'DELETE',
      Via: '1.1 evil',
      'O-Domain-Context': 'x',
      Connection: 'close, X-Named',
      'X-Named': 'hop',
      TE: 'trailers',
      'Keep-Alive': 'timeout=5',
      Upgrade: 'h2c',
      'HTTP2-Settings': 'AAMAAABkAAQAAP__',
      'Idempotency-Key': 'abcdefghijklmnop',
      'Sec-WebSocket-Key': 'x',
    };
    expect((await lab.call('GET', '/help/x', { headers })).status).toBe(200);
    expect(Object.fromEntries([...sentHeaders(eu)].toSorted())).toEqual({
      accept: 'text/html',
      'accept-encoding': 'br',
      connection: 'keep-alive',
      host: new URL(eu.url).host,
      'if-none-match': '"1"',
      'x-forwarded-for': '127.0.0.1',
      'x-own': 'a',
    });
  });

  it('forwardClientAddress: false sends no address', async () => {
    await reopen({ upstream: { forwardClientAddress: false } });
    await lab.call('GET', '/help', { headers: { 'X-Forwarded-For': '6.6.6.6' } });
    expect(sentHeaders(eu).has('x-forwarded-for')).toBe(false);
  });

  it('of the region cross but for its connection’s and its cookies', async () => {
    serve = (_req, res) => {
      res.writeHead(206, {
        'Content-Type': 'text/x',
        'Content-Length': 2,
        'X-Own': ['a', 'b'],
        'Set-Cookie': ['a=1', 'b=2'],
        'X-Request-Id': 'forged',
        'Onetime-Gateway-Region': 'forged',
        'Alt-Svc': 'h3=":443"',
        Refresh: '0; url=http://elsewhere',
        Via: '1.1 inside',
        Connection: 'close, X-Named',
        'X-Named': 'hop',
      });
      res.end('ok');
    };
    const { status, headers, body } = await lab.call('GET', '/help/x');
    expect([status, body]).toEqual([206, 'ok']);
    expect(headers).toMatchObject({
      'content-type': 'text/x',
      'content-length': '2',
      'x-own': 'a, b',
      'onetime-gateway-region': 'eu',
      'onetime-gateway-outcome': 'delivered',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    for (const name of ['set-cookie', 'alt-svc', 'refresh', 'via', 'x-named']) expect(headers).not.toHaveProperty(name);
    expect((await lab.call('GET', '/app')).headers['set-cookie']).toBe('a=1,b=2');
  });

  it('a Trailer beside Content-Length does not end the process', async () => {
    const broken = await openBrokenRegion((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nContent-Length: 2\r\n\r\nok'),
    );
    await reopen({}, [broken.url]);
    for (const _ of [1, 2]) expect((await lab.call('GET', '/help')).body).toBe('ok');
    await broken.close();
  });

  it('HEAD, 204 and 304 have no body and end', async () => {
    serve = (req, res) => {
      if (req.method === 'HEAD') res.writeHead(200, { 'Content-Length': 1000 });
      else res.writeHead(req.url === '/help/204' ? 204 : 304, { ETag: '"1"' });
      res.end();
    };
    const head = await lab.call('HEAD', '/help');
    expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '1000', '']);
    expect((await lab.call('GET', '/help/204')).status).toBe(204);
    const unchanged = await lab.call('GET', '/help/304');
    expect([unchanged.status, unchanged.headers.etag]).toEqual([304, '"1"']);
  });

  it.each([
    ['/help/y', true],
    ['../y?a=b', true],
    ['https://docs.example/y', true],
    ['//us.gateway.example/y', false],
    ['/\\us.gateway.example/y', false],
    ['http://US.gateway.example.:8080/y', false],
    ['UPSTREAM/y', false],
    ['http://[', false],
    ['javascript:alert(1)', false],
  ])('a redirect to %s is not followed; its Location crosses: %s', async (location, crosses) => {
    const sent = location.replace('UPSTREAM', us.url);
    serve = (_req, res) => res.writeHead(302, { Location: sent, 'Content-Length': 0 }).end();
    const reply = await lab.call('GET', '/help/x');
    expect([reply.status, reply.headers.location]).toEqual([302, crosses ? sent : undefined]);
    expect([us.requests.length, eu.requests.length]).toEqual([0, 1]);
  });
});

describe('credentials', () => {
  it('are dropped by default, good, bad or malformed, and the caller is nobody', async () => {
    for (const authorization of [basic(ALICE), basic('no@body.example:x'), 'Bearer x', 'Basic ?']) {
      const reply = await lab.call('GET', '/help', { headers: { Authorization: authorization, Cookie: 'sess=1' } });
      expect(reply.status).toBe(200);
      expect([...sentHeaders(eu).keys()].sort()).toEqual(['connection', 'host', 'x-forwarded-for']);
    }
    expect(await lab.metric('onetime_gateway_decisions_total{reason="anonymous_named"}')).toBe(4);
  });

  it('travel with credentials: forward, to the account’s own region', async () => {
    expect((await lab.call('GET', '/app', { as: BRUNO, headers: { Cookie: 'sess=1' } })).status).toBe(200);
    expect(sentHeaders(eu).get('authorization')).toBe(basic(BRUNO));
    expect(sentHeaders(eu).get('cookie')).toBe('sess=1');
  });

  it.each([
    ['an eu-pinned account', { as: BRUNO }, 403, 'region_not_allowed'],
    ['an unpinned account', { as: WANDERER }, 403, 'region_not_allowed'],
    ['an account nobody knows', { as: 'no@body.example:x' }, 401, 'unknown_account'],
    ['no Basic', { headers: { Authorization: 'Bearer x' } }, 401, 'credentials_malformed'],
  ])('%s at a us prefix is refused, and nothing is sent', async (_who, call, status, error) => {
    const reply = await lab.call('GET', '/us-app/x', call);
    expect([reply.status, reply.json().error]).toEqual([status, error]);
    expect([us.requests, eu.requests]).toEqual([[], []]);
  });

  it('a region named beside the prefix’s own is a conflict', async () => {
    for (const headers of [{ 'Onetime-Region': 'us' }, { Host: 'us.gateway.example' }]) {
      expect((await lab.call('GET', '/help', { headers })).json().error).toBe('region_conflict');
    }
    expect((await lab.call('GET', '/help', { headers: { 'Onetime-Region': 'eu' } })).status).toBe(200);
    expect([us.requests.length, eu.requests.length]).toEqual([0, 1]);
  });

  it('a gateway of another region sends nothing there', async () => {
    await reopen({ self: { region: 'us', gateways: { eu: 'https://eu.gateway.example' } } });
    const reply = await lab.call('GET', '/help/x');
    expect([reply.status, reply.json().error]).toEqual([421, 'misdirected']);
    expect(eu.requests).toEqual([]);
  });
});

describe('streaming', () => {
  it('brings the first byte before the last is sent, both ways, and a body beyond the limit', async () => {
    await reopen({ request: { bodyLimit: '64KiB', timeout: '5s' } });
    serve = (req, res) => {
      res.writeHead(200);
      req.on('data', (chunk: Buffer) => res.write(chunk));
      req.on('end', () => res.end());
    };
    const { hostname, port } = new URL(lab.gateway.url);
    const headers = { 'content-type': 'text/plain', 'content-length': 200_006 };
    const req = request({ hostname, port, method: 'POST', path: '/help', headers });
    req.write('first.');
    const res = await new Promise<IncomingMessage>((settle) => req.once('response', settle));
    const first = await new Promise((settle) => res.once('data', settle));
    expect(String(first)).toBe('first.');
    req.end(Buffer.alloc(200_000, 'x'));
    expect(await text(res)).toBe('x'.repeat(200_000));
    expect(sentHeaders(eu).get('content-length')).toBe('200006');
  });

  it.each(['application/json', 'text/plain', 'x/y; z', 'no type at all;;', undefined])(
    'a body of the type %s arrives as it is',
    async (type) => {
      const received = new Promise<string>((settle) => {
        serve = async (req, res) => {
          settle(await text(req));
          res.setHeader('Content-Length', 0).end();
        };
      });
      const head = type === undefined ? '' : `Content-Type: ${type}\r\n`;
      const body = '6\r\n{"a": \r\n0\r\n\r\n';
      const answer = await raw(
        `PUT /help HTTP/1.1\r\nHost: g\r\n${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
      );
      if (type?.startsWith('no')) return expect(answer).toContain('"error":"request_malformed"');
      expect(await received).toBe('{"a": ');
      expect(sentHeaders(eu).get('content-type')).toBe(type);
    },
  );

  it('an answer that breaks off is cut, not ended, and its outcome is unknown', async () => {
    serve = (_req, res) => {
      res.write('half');
      setTimeout(() => res.destroy(), 50);
    };
    const answer = await get('/help/x');
    expect(answer).toContain('half');
    expect(answer).not.toContain('\r\n0\r\n');
    await expect.poll(() => logged().map(({ outcome, msg }) => [outcome, msg])).toEqual([['unknown', 'caller gone']]);
  });

  it('a slow sender is 408 and the region’s connection is cut', async () => {
    await reopen({ request: { bodyLimit: '64KiB', timeout: '400ms' } });
    const cut = new Promise((settle) => {
      serve = (req) => req.on('data', () => {}).once('error', settle);
    });
    const answer = await raw('POST /help HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\nhalf');
    expect([statusOf(answer), JSON.parse(answer.split('\r\n\r\n')[1] ?? '')]).toMatchObject([
      408,
      { error: 'request_timeout', outcome: 'unknown' },
    ]);
    await cut;
  });

  it('a slow sender whose answer has begun is cut', async () => {
    await reopen({ request: { bodyLimit: '64KiB', timeout: '400ms' } });
    serve = (req, res) => {
      req.resume();
      res.write('begun');
    };
    const answer = await raw('POST /help HTTP/1.1\r\nHost: g\r\nContent-Length: 9\r\n\r\nhalf');
    expect(answer).toMatch(/^HTTP\/1.1 200 [\s\S]*begun/);
    expect(answer).not.toContain('HTTP/1.1 408');
  });

  it('the region’s connection is cut when the caller leaves', async () => {
    const left = new Promise((settle) => {
      serve = (_req, res) => {
        res.write('first');
        res.once('close', settle);
      };
    });
    const { hostname, port } = new URL(lab.gateway.url);
    const socket = connect(Number(port), hostname, () => socket.write('GET /help HTTP/1.1\r\nHost: g\r\n\r\n'));
    socket.once('data', () => socket.destroy());
    await left;
    await expect.poll(() => logged().map(({ msg }) => msg)).toEqual(['caller gone']);
  });
});

describe('failures', () => {
  it('a 503 goes to the caller; the GET was sent once', async () => {
    serve = (_req, res) => res.writeHead(503, { 'Retry-After': '0', 'Content-Length': 0 }).end();
    const reply = await lab.call('GET', '/help');
    expect([reply.status, reply.headers['onetime-gateway-outcome']]).toEqual([503, 'delivered']);
    await wait(200);
    expect(eu.requests).toHaveLength(1);
  });

  it.each(['GET', 'POST'])('%s: a refused connection is 502 not_sent, and names no address', async (method) => {
    const port = await closedPort();
    await reopen({}, [`http://127.0.0.1:${port}`]);
    const reply = await lab.call(method, '/help/x', { body: method === 'POST' ? 'x'.repeat(100_000) : undefined });
    expect([reply.status, reply.json()]).toMatchObject([502, { error: 'region_unreachable', outcome: 'not_sent' }]);
    expect(reply.headers['onetime-gateway-outcome']).toBe('not_sent');
    expect(JSON.stringify([reply.headers, reply.body])).not.toMatch(new RegExp(`${port}|127\\.0\\.0|ECONN`));
    expect(await lab.metric('onetime_gateway_refusals_total{code="region_unreachable"}')).toBe(1);
  });

  it('a URL that refuses is not used: the region’s next one is, body and all', async () => {
    await reopen({}, [`http://127.0.0.1:${await closedPort()}`, eu.url]);
    serve = async (req, res) => {
      const body = await text(req);
      res.setHeader('Content-Length', body.length).end(body);
    };
    expect((await lab.call('POST', '/help/x', { body: 'whole' })).body).toBe('whole');
    expect(eu.requests).toHaveLength(1);
  });

  it('a URL that refuses says nothing of what becomes of the request at the next one', async () => {
    const broken = await openBrokenRegion((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', () => socket.end()),
    );
    await reopen({}, [`http://127.0.0.1:${await closedPort()}`, broken.url]);
    expect((await lab.call('GET', '/help')).json()).toMatchObject({ error: 'region_failed', outcome: 'unknown' });
    expect(broken.received).toHaveLength(1);
    await broken.close();
  });

  it.each([
    ['a reset', 502, 'region_failed', (req: IncomingMessage) => req.socket.resetAndDestroy()],
    ['silence', 504, 'region_timeout', () => {}],
  ])('%s after the request was sent is unknown, and it is not sent again', async (_fault, status, error, fault) => {
    await reopen({ upstream: { headersTimeout: '300ms' } });
    serve = fault;
    const reply = await lab.call('GET', '/help');
    expect([reply.status, reply.json()]).toMatchObject([status, { error, outcome: 'unknown' }]);
    await wait(100);
    expect(eu.requests).toHaveLength(1);
  });

  it.each([
    ['an answer without a length', 'HTTP/1.1 200 OK\r\n\r\nok'],
    ['a status that is none', 'HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n'],
    ['garbage', 'garbage\r\n\r\n'],
  ])('%s is 502 unknown', async (_what, bytes) => {
    const broken = await openBrokenRegion((socket) => socket.end(bytes));
    await reopen({}, [broken.url]);
    expect((await lab.call('GET', '/help')).json()).toMatchObject({ error: 'region_failed', outcome: 'unknown' });
    expect(broken.received).toHaveLength(1);
    await broken.close();
  });

  it('after failed connections nothing is sent: 503 region_down', async () => {
    await reopen({ health: { breaker: { failures: 2, open: '30s' } } }, [`http://127.0.0.1:${await closedPort()}`]);
    for (const _ of [1, 2]) await lab.call('GET', '/help');
    const reply = await lab.call('GET', '/help');
    expect([reply.status, reply.json().error, reply.headers['retry-after']]).toEqual([503, 'region_down', '30']);
  });
});

it('is recorded once, and neither path, query nor header is logged', async () => {
  await lab.call('GET', '/app/pathmarker?q=querymarker', { as: BRUNO, headers: { 'X-M': 'headermarker' } });
  await lab.call('GET', '/help/../pathmarker');
  await expect.poll(logged).toMatchObject([
    { region: 'eu', outcome: 'delivered', status: 200, reason: 'account_named', method: 'GET' },
    { refusal: 'path_malformed', status: 400 },
  ]);
  expect(lab.log.join('')).not.toMatch(/marker|help|\/app|bruno/);
  const series = 'onetime_gateway_requests_total{route="passthrough",region="eu",class="2xx"}';
  expect(await lab.metric(series)).toBe(1);
  const outcomes = 'onetime_gateway_outcomes_total{region="eu",purpose="forward",effect="none",outcome="delivered"}';
  expect(await lab.metric(outcomes)).toBe(1);
});

it('draining lets an answer that streams end, and takes no more', async () => {
  let end = (): void => {};
  serve = (_req, res) => {
    res.write('first.');
    end = () => res.end('last');
  };
  let drained: Promise<boolean> | undefined;
  const answer = raw('GET /help HTTP/1.1\r\nHost: g\r\n\r\n', (received) => {
    if (!received.includes('first.') || drained !== undefined) return undefined;
    drained = lab.gateway.drain(5000);
    setTimeout(() => end(), 100);
    return undefined;
  });
  expect(await answer).toMatch(/first\.[\s\S]*last\r\n0\r\n\r\n$/);
  expect(await drained).toBe(true);
});
