import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createClientAddress } from '../../src/caller/client-address.ts';
import { parseConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problem.ts';
import { REASONS } from '../../src/domain.ts';
import { createKeyedDigest } from '../../src/keyed-hash.ts';
import { LIMITS } from '../../src/limit/limit.ts';
import { accessLines } from '../../src/record/access-line.ts';
import { clientText } from '../../src/record/client.ts';
import { REFUSAL_CODES } from '../../src/refusal.ts';
import { LINK, PASSTHROUGH, ROUTES } from '../../src/route/table.ts';

const ROUTE_IDS = ['none', ...[...ROUTES, LINK, PASSTHROUGH].map(({ id }) => id)];
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const tenths = fc.oneof(
  fc.double({ min: 0, max: 1e9, noNaN: true }).map((ms) => Math.round(ms * 10) / 10),
  fc.integer({ min: 0, max: 20_000 }).map((ms) => ms / 10),
);
const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });

/** As the configuration reads them: what it takes of any text. */
const upstream = fc
  .tuple(
    fc.constantFrom('http://', 'https://'),
    fc.oneof(
      fc.webAuthority(),
      fc.string(),
      fc.ipV6().map((ip) => `[${ip}]:1`),
    ),
  )
  .map(([scheme, host]) => upstreamOf(`${scheme}${host}`))
  .filter((host) => host !== undefined);
const region = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/), fc.string()).filter(isRegion);

function upstreamOf(origin: string): string | undefined {
  const [first] = configOf({ us: { upstreams: [origin] } })?.regions ?? [];
  return first?.upstreams[0] && new URL(first.upstreams[0]).host;
}

function isRegion(name: string): boolean {
  return configOf({ [name]: { upstreams: ['http://127.0.0.1:9'] } }) !== undefined;
}

/** Undefined: it is refused. */
function configOf(regions: object) {
  try {
    return parseConfig(JSON.stringify({ regions }), 'g.yaml', {});
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** From what a socket and trusted proxies say. */
const client = fc
  .tuple(
    fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4().map((ip) => `::ffff:${ip}`),
      fc.ipV6().map((ip) => `${ip}%eth0`),
    ),
    fc.array(
      fc.oneof(
        fc.string(),
        fc.ipV4(),
        fc.ipV6(),
        fc.ipV6().map((ip) => `[${ip}]:1`),
      ),
      { maxLength: 3 },
    ),
    fc.constantFrom('hash' as const, 'address' as const),
  )
  .map(([socket, forwarded, kind]) => {
    const address = createClientAddress(['0.0.0.0/0', '::/0'])(socket, forwarded);
    return clientText(kind, createKeyedDigest(Buffer.alloc(32)))?.(address);
  });

const line = fc.record({
  request_id: fc.uuid(),
  trace_id: maybe(hex(32)),
  method: fc.constantFrom('GET', 'POST', 'other'),
  route: fc.constantFrom(...ROUTE_IDS),
  account: maybe(hex(16)),
  client: maybe(client),
  region: maybe(region),
  reason: maybe(fc.constantFrom(...REASONS)),
  upstream: maybe(upstream),
  upstream_ms: maybe(tenths),
  outcome: maybe(fc.constantFrom('not_sent', 'unknown', 'delivered')),
  replayed: maybe(fc.constant(true as const)),
  refusal: maybe(fc.constantFrom(...REFUSAL_CODES)),
  limit: maybe(fc.constantFrom(...LIMITS)),
  status: maybe(fc.integer({ min: 100, max: 599 })),
  duration_ms: tenths,
  request_bytes: fc.nat(),
  response_bytes: fc.maxSafeNat(),
  sample: maybe(fc.double({ min: 0, max: 1, noNaN: true })),
});
const message = fc.constantFrom('answered', 'caller gone');

function openLog() {
  const written: string[] = [];
  const log = pino({ level: 'info' }, { write: (text: string) => void written.push(text) });
  return { written, loggers: [log, log.child({ worker: 2 })] };
}

describe('the access line', () => {
  it('is the line that pino itself would write, but for the time', () => {
    const { written, loggers } = openLog();
    fc.assert(
      fc.property(line, message, fc.constantFrom(...loggers), (fields, words, to) => {
        written.length = 0;
        accessLines(to)(fields, words);
        to.info(fields, words);
        const [ours, theirs] = written.map((one) => one.replace(/"time":\d+/, '"time":0'));
        expect(ours).toBe(theirs);
      }),
      { numRuns: 500 },
    );
  });

  it('holds nothing that JSON would have to escape, whatever callers and the configuration say', () => {
    const { written, loggers } = openLog();
    fc.assert(
      fc.property(line, message, fc.constantFrom(...loggers), (fields, words, to) => {
        written.length = 0;
        accessLines(to)(fields, words);
        expect(JSON.parse(String(written[0]))).toMatchObject(JSON.parse(JSON.stringify(fields)));
        for (const value of Object.values(fields)) {
          if (typeof value === 'string') expect(JSON.stringify(value)).toBe(`"${value}"`);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each(['a"b.example', 'a\\b.example', "a'b.example", 'a\u0001b.example', 'a\u2028b.example', 'a{b}.example'])(
    'has no upstream %j: the configuration refuses it',
    (host) => {
      expect(upstreamOf(`https://${host}`)).toBeUndefined();
    },
  );
});

describe('the client', () => {
  const digest = (key: number) => createKeyedDigest(Buffer.alloc(32, key));

  it('is not written, or as it is', () => {
    expect(clientText('none', digest(1))).toBeUndefined();
    expect(clientText('address', digest(1))?.('2001:db8::1')).toBe('2001:db8::1');
  });

  it('as a hash is the same for the same key, and another for another key or address', () => {
    const hashOf = (key: number, address: string) => clientText('hash', digest(key))?.(address);
    const one = hashOf(1, '192.0.2.7');
    expect(one).toMatch(/^[0-9a-f]{16}$/);
    expect(hashOf(1, '192.0.2.7')).toBe(one);
    expect(new Set([one, hashOf(2, '192.0.2.7'), hashOf(1, '192.0.2.8')]).size).toBe(3);
  });
});
