// Load balancers that name their callers in a PROXY header, before the whole gateway: whom it counts and tells the region of, and
// whose word it takes.
import { isIP, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { headerV2, lineV1, summedV2 } from '../support/proxy-headers.ts';
import { type RawCaller, rawCaller } from '../support/raw.ts';

const OFF = { mode: 'off' };
const LISTEN = { host: '127.0.0.1', port: 0, trustProxy: ['127.0.0.1'], proxyProtocol: true };
const STATUS = 'GET /us/api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n';
const CALLER = '203.0.113.9';

let lab: Lab;
const callers: Socket[] = [];
afterEach(async () => {
  for (const socket of callers.splice(0)) socket.destroy();
  await lab.close();
});

async function open(listen: object = {}, more: object = {}): Promise<void> {
  lab = await openLab({ config: { listen: { ...LISTEN, ...listen }, ...more } });
}

/** @param from a local address of 127.0.0.0/8; else 127.0.0.1, the load balancer's */
function dial(bytes: string | Buffer, from = '127.0.0.1'): RawCaller {
  const caller = rawCaller(`http://127.0.0.1:${new URL(lab.gateway.url).port}`, { localAddress: from });
  callers.push(caller.socket);
  caller.socket.write(bytes);
  return caller;
}

const behind = (header: Buffer, text = STATUS): Buffer => Buffer.concat([header, Buffer.from(text)]);
const forwardedFor = (): (string | undefined)[] =>
  lab.us.requests.map(({ headers }) => headers.find(([name]) => name.toLowerCase() === 'x-forwarded-for')?.[1]);
const counted = (result: string): Promise<number> =>
  lab.metric(`onetime_gateway_proxy_headers_total{result="${result}"}`);
const warnings = (): string[] => lab.log.filter((line) => line.includes('PROXY header'));

describe('a trusted load balancer', () => {
  it.each([
    ['1', lineV1('TCP4', CALLER), CALLER],
    ['1, IPv6', lineV1('TCP6', '2001:DB8::7'), '2001:db8::7'],
    ['1, IPv4 in IPv6', lineV1('TCP6', `::ffff:${CALLER}`), CALLER],
    ['2', headerV2(), CALLER],
    ['1, UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), '127.0.0.1'],
    ['2, LOCAL', headerV2({ command: 0x20 }), '127.0.0.1'],
    ['2, of no known family', headerV2({ family: 0 }), '127.0.0.1'],
  ])('in version %s names its caller to all rooms, for the whole connection', async (_version, header, address) => {
    await open();
    const caller = dial(behind(header));
    await caller.sees(/nominal/);
    caller.send(STATUS);
    await caller.sees(/nominal[\s\S]*nominal/);
    expect(forwardedFor()).toEqual([address, address]);
    expect(await counted(address === '127.0.0.1' ? 'own' : 'named')).toBe(1);
    expect(warnings()).toEqual([]);
  });

  it('whose caller it names has an allowance of its own', async () => {
    await open({}, { limits: { anonymousRetrieval: { per: '1h', requests: 2, burst: 2, missCost: 1 }, perKey: OFF } });
    const post =
      'POST /us/api/v1/secret/nosuchkey000000000000000000000 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
    const ask = async (address: string): Promise<string> => {
      const caller = dial(behind(lineV1('TCP4', address), post));
      await caller.sees(/HTTP\/1\.1 \d{3} [\s\S]*\}$/);
      return caller.received().slice(9, 12);
    };
    expect([await ask(CALLER), await ask(CALLER), await ask(CALLER)]).toEqual(['404', '404', '429']);
    expect(await ask('203.0.113.10')).toBe('404');
  });

  it('is not taken at its word for another header: X-Forwarded-For is believed when its caller is trusted itself', async () => {
    await open({ trustProxy: ['127.0.0.1', '198.51.100.0/24'] });
    const forged = STATUS.replace('Host', 'X-Forwarded-For: 192.0.2.77\r\nHost');
    for (const address of [CALLER, '198.51.100.3']) await dial(behind(lineV1('TCP4', address), forged)).sees(/nominal/);
    expect(forwardedFor()).toEqual([CALLER, '192.0.2.77']);
  });

  it.each([
    ['a request', STATUS, 'missing'],
    ['a TLS handshake', Buffer.from('1603010005', 'hex'), 'missing'],
    ['nothing that is anything', 'x', 'missing'],
    ['a header that is none', `PROXY TCP4 ${CALLER}\r\n${STATUS}`, 'malformed'],
    ['a header of another version', behind(headerV2({ command: 0x31 })), 'malformed'],
    ['a header without its end', `PROXY TCP4 ${CALLER} 192.0.2.5 1 2 ${'x'.repeat(80)}`, 'malformed'],
  ])('that begins with %s is cut off without a word, counted and told of', async (_what, bytes, result) => {
    await open();
    expect(await dial(bytes).closed).toBe('');
    expect(lab.us.requests).toEqual([]);
    expect(await counted(result)).toBe(1);
    const [line = '', ...others] = warnings();
    expect(others).toEqual([]);
    expect(JSON.parse(line)).toMatchObject({ level: 40, problem: result, connections: 1 });
    expect(line).not.toMatch(/127\.0\.0\.1|203\.0\.113/);
  });

  it('that only looks whether somebody listens is not told of', async () => {
    await open();
    const caller = dial('');
    caller.socket.end();
    expect(await caller.closed).toBe('');
    expect(await counted('unfinished')).toBe(1);
    expect(warnings()).toEqual([]);
  });

  it('has one header a connection: a second one is its caller’s, and no request', async () => {
    await open();
    for (const second of [lineV1('TCP4', '192.0.2.77'), headerV2()]) {
      const caller = dial(Buffer.concat([headerV2(), second, Buffer.from(STATUS)]));
      expect(await caller.closed).toMatch(/^HTTP\/1\.1 400 [\s\S]*"request_malformed"/);
    }
    const later = dial(behind(headerV2()));
    await later.sees(/nominal/);
    later.socket.write(behind(lineV1('TCP4', '192.0.2.77')));
    expect(await later.closed).toMatch(/nominal[\s\S]*HTTP\/1\.1 400 /);
    expect(forwardedFor()).toEqual([CALLER]);
  });

  it('names the callers of paths that are passed through, too', async () => {
    await open({}, { passthrough: [{ prefix: '/help', region: 'us' }] });
    const caller = dial(behind(lineV1('TCP4', CALLER), 'GET /help/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
    expect(await caller.closed).toMatch(/^HTTP\/1\.1 \d{3} /);
    expect(forwardedFor()).toEqual([CALLER]);
  });

  it('is known by each way of writing its address', async () => {
    // Here it is ::ffff:127.0.0.1.
    await open({ host: '::' });
    await dial(behind(lineV1('TCP4', CALLER))).sees(/nominal/);
    expect(forwardedFor()).toEqual([CALLER]);
  });

  it('leaves no address of its caller in any line of the log', async () => {
    await open();
    await dial(behind(lineV1('TCP4', CALLER))).sees(/nominal/);
    await dial(`PROXY TCP4 ${CALLER} bad\r\n`).closed;
    expect(lab.log.length).toBeGreaterThan(1);
    expect(lab.log.join('')).not.toContain(CALLER);
    expect(await lab.metrics()).not.toContain(CALLER);
  });
});

it('headers that are made wrong by chance are counted once each, name addresses or nobody, and leave the gateway as it was', async () => {
  await open({}, { limits: { anonymousRetrieval: OFF, perKey: OFF } });
  const good = fc.constantFrom(
    lineV1('TCP4', CALLER),
    lineV1('TCP6', '2001:db8::7'),
    headerV2(),
    summedV2(),
    headerV2({ command: 0x20 }),
  );
  const wrong = fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 2 });
  let connections = 0;
  let served = 0;
  await fc.assert(
    fc.asyncProperty(good, wrong, fc.option(fc.nat(60)), async (header, changes, end) => {
      const bytes = Buffer.from(header.subarray(0, end ?? header.length));
      for (const [at, byte] of changes) bytes[at % Math.max(bytes.length, 1)] = byte;
      const caller = rawCaller(`http://127.0.0.1:${new URL(lab.gateway.url).port}`, { allowHalfOpen: true });
      callers.push(caller.socket);
      caller.socket.end(behind(bytes));
      caller.socket.once('end', () => caller.socket.destroy());
      const text = await caller.closed;
      connections++;
      if (/^HTTP\/1\.1 200 /.test(text)) served++;
      else expect(text).toMatch(/^$|^HTTP\/1\.1 400 /);
      expect(lab.us.requests).toHaveLength(served);
    }),
    { numRuns: 150 },
  );
  for (const address of forwardedFor()) expect(isIP(address ?? ''), address).not.toBe(0);
  const results = ['named', 'own', 'missing', 'malformed', 'timeout', 'unfinished'];
  const counts = await Promise.all(results.map(counted));
  expect(counts.reduce((sum, count) => sum + count)).toBe(connections);
  expect(counts.filter((count) => count > 0).length).toBeGreaterThan(3);
  const caller = dial(behind(headerV2()));
  await caller.sees(/nominal/);
});

describe('anybody else', () => {
  const STRANGER = '127.0.0.2';

  it('is served as itself', async () => {
    await open();
    await dial(STATUS, STRANGER).sees(/nominal/);
    expect(forwardedFor()).toEqual([STRANGER]);
    expect(await counted('missing')).toBe(0);
  });

  it.each([
    ['1', lineV1('TCP4', CALLER)],
    ['2', headerV2()],
    ['2, LOCAL', headerV2({ command: 0x20, family: 0, addresses: Buffer.alloc(0) })],
  ])('names nobody: a header of version %s is a malformed request', async (_version, header) => {
    await open();
    expect(await dial(behind(header), STRANGER).closed).toMatch(/^HTTP\/1\.1 400 [\s\S]*"request_malformed"/);
    expect(lab.us.requests).toEqual([]);
    expect(await lab.metric('onetime_gateway_refusals_total{code="request_malformed"}')).toBe(1);
    expect(await counted('named')).toBe(0);
  });

  it('names nobody where listen.proxyProtocol is off, whoever it is', async () => {
    await open({ proxyProtocol: false });
    expect(await dial(behind(lineV1('TCP4', CALLER))).closed).toMatch(/^HTTP\/1\.1 400 /);
    expect(lab.us.requests).toEqual([]);
  });
});

describe('half a head in one packet with its header', () => {
  it('is too slow after the time for a head: no unused connection', async () => {
    await open({}, { request: { headersTimeout: '300ms' } });
    expect(await dial(behind(headerV2(), STATUS.slice(0, 30))).closed).toMatch(/^HTTP\/1\.1 408 /);
    expect(await lab.metric('onetime_gateway_refusals_total{code="request_timeout"}')).toBe(1);
  });
});

describe('while it runs', () => {
  it('a drain waits for no header', async () => {
    await open();
    const silent = dial('');
    const half = dial('PROXY TCP4 203.');
    // A third one that is served shows that the gateway has the two others.
    await dial(behind(headerV2())).sees(/nominal/);
    expect(await lab.gateway.drain(30_000)).toBe(true);
    expect([await silent.closed, await half.closed]).toEqual(['', '']);
  });

  it('a reload decides for connections that are opened then, and leaves those there are as they are', async () => {
    await open({ proxyProtocol: false });
    const before = dial(STATUS);
    await before.sees(/nominal/);
    expect(await lab.reload({ listen: LISTEN })).toMatchObject({
      result: 'applied',
      changed: ['listen.proxyProtocol'],
    });
    const named = dial(behind(lineV1('TCP4', CALLER)));
    await named.sees(/nominal/);
    expect(await dial(STATUS).closed).toBe('');
    before.send(STATUS);
    await before.sees(/nominal[\s\S]*nominal/);
    expect(await lab.reload({ listen: { ...LISTEN, trustProxy: ['127.0.0.3'] } })).toMatchObject({ result: 'applied' });
    await dial(STATUS).sees(/nominal/);
    named.send(STATUS);
    await named.sees(/nominal[\s\S]*nominal/);
    expect(forwardedFor()).toEqual(['127.0.0.1', CALLER, '127.0.0.1', '127.0.0.1', CALLER]);
  });
});

describe('the configuration', () => {
  const parse = (listen: string, env: NodeJS.ProcessEnv = {}) =>
    parseConfig(`regions: { us: { upstreams: ["http://127.0.0.1:9"] } }\nlisten: ${listen}\n`, 'g.yaml', env).listen;
  const NOBODY = /g\.yaml:2:\d+: listen\.proxyProtocol: .*in listen\.trustProxy the addresses/;

  it.each([
    ['{ proxyProtocol: true }', {}],
    ['{ proxyProtocol: true, trustProxy: [] }', {}],
    [`{ proxyProtocol: true, trustProxy: "\${T:-}" }`, {}],
    [`{ proxyProtocol: "\${P}", trustProxy: "\${T}" }`, { P: 'true', T: '' }],
  ])('%s believes nobody, and is refused', (listen, env) => {
    expect(() => parse(listen, env)).toThrow(NOBODY);
  });

  it.each(['yes', '1', '[10.0.0.0/8]'])('proxyProtocol: %s is refused', (value) => {
    expect(() => parse(`{ trustProxy: [10.0.0.1], proxyProtocol: ${value} }`)).toThrow(
      /listen\.proxyProtocol: .*true or false/,
    );
  });

  it('may come from the environment, and is off without a word', () => {
    const env = { P: 'true', T: '10.0.0.0/8' };
    expect(parse(`{ proxyProtocol: "\${P}", trustProxy: "\${T}" }`, env)).toMatchObject({ proxyProtocol: true });
    expect(parse('{ trustProxy: [10.0.0.1] }')).toMatchObject({ proxyProtocol: false });
  });
});
