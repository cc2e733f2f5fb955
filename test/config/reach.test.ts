import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { RESERVED_SEGMENTS } from '../../src/config/schema.ts';
import { errorsOf, REGIONS } from './support.ts';

const parse = (text: string) => parseConfig(text, 'g.yaml', {});
const sayOf = (text: string) => errorsOf(`${text}\n${REGIONS}`).map((line) => line.replace(/^g\.yaml:\d+:\d+: /, ''));

describe('web', () => {
  const regions = (web: string) => `regions:
  us: { upstreams: ["https://a.example:8443", "https://b.example"], hosts: [us.secrets.example] }
  eu: { upstreams: ["https://c.example"], web: "${web}" }
`;
  const WEB = "the URL of that region's web pages, such as https://eu.onetimesecret.com";

  it('is the first upstream where nothing is said', () => {
    expect(parse(regions('https://w.example')).regions[0]?.web).toBe('https://a.example:8443');
  });

  it.each([
    ['https://W.example/', 'https://w.example'],
    ['http://w.example:80/base//', 'http://w.example/base'],
    ['https://c.example', 'https://c.example'],
    ['https://us.secrets.example:8443', 'https://us.secrets.example:8443'],
  ])('%s is %s', (web, expected) => {
    expect(parse(regions(web)).regions[1]?.web).toBe(expected);
  });

  it.each([
    ['w.example', `${WEB}. Write it with https:// or http://.`],
    ['javascript://w.example', WEB],
    ['https://u:p@w.example', `${WEB}. Write it without credentials: callers bring their own.`],
    ['https://w.example?x', `${WEB}. Write it without a query.`],
    ['https://w.example#x', `${WEB}. Write it without a fragment.`],
    [
      'https://onetimesecret.com',
      'the host of one region. This host is not a region: it serves several. Name the region, such as https://eu.onetimesecret.com.',
    ],
    [
      'https://b.example/pages',
      'a URL of the region itself: line 2 has this server in another region, which must not learn the key',
    ],
    [
      'https://US.secrets.example/',
      'a URL of the region: line 2 says that this host is the gateway, and links would lead back to it',
    ],
  ])('is not %s', (web, expected) => {
    const [line = '', ...others] = errorsOf(regions(web));
    expect(line).toMatch(/^g\.yaml:3:43: regions\.eu\.web: found ".*", expected /);
    expect(line.endsWith(`, expected ${expected}`)).toBe(true);
    expect(others).toEqual([]);
  });
});

describe('passthrough', () => {
  const PREFIX = 'a path prefix such as /help';

  it('reads prefixes, without credentials unless it says otherwise', () => {
    const text = `passthrough:
  - { prefix: /help, region: eu }
  - { prefix: /helpers/v1.2_x-y, region: us, credentials: forward }
${REGIONS}`;
    expect(parse(text).passthrough).toStrictEqual([
      { prefix: '/help', region: 'eu', credentials: 'drop' },
      { prefix: '/helpers/v1.2_x-y', region: 'us', credentials: 'forward' },
    ]);
  });

  it.each([
    ['/', '. All paths begin with /: the API would be covered too.'],
    ['help', '. Begin it with /.'],
    ['https://x.example/help', '. Begin it with /.'],
    ['/help/', '. Write it without the slash at the end.'],
    ['//', '. Write it without the slash at the end.'],
    ['/help/../api', '. Write it without . and .. between slashes.'],
    ['/./api', '. Write it without . and .. between slashes.'],
    ['//api', '. Between slashes stand letters, digits, dots, hyphens and underscores, at least one.'],
    ['/%61pi', '. Between slashes stand letters, digits, dots, hyphens and underscores, at least one.'],
    ['/help\\api', '. Between slashes stand letters, digits, dots, hyphens and underscores, at least one.'],
    ['/help?x', '. Between slashes stand letters, digits, dots, hyphens and underscores, at least one.'],
    ['/help/*', '. Between slashes stand letters, digits, dots, hyphens and underscores, at least one.'],
  ])('has no prefix %s', (prefix, hint) => {
    expect(sayOf(`passthrough: [{ prefix: '${prefix}', region: eu }]`)).toEqual([
      `passthrough[0].prefix: found ${JSON.stringify(prefix)}, expected ${PREFIX}${hint}`,
    ]);
  });

  const pages = ['assets', 'help', 'static'];
  const own = [...RESERVED_SEGMENTS].filter((name) => !pages.includes(name));
  it.each([...own.map((name) => `/${name}`), '/API', '/api/v2/help', '/Secret/x'])('never covers %s', (prefix) => {
    expect(sayOf(`passthrough: [{ prefix: '${prefix}', region: eu }]`)).toEqual([
      `passthrough[0].prefix: found "${prefix}", expected a path prefix outside the API and the gateway's own paths, such as /help`,
    ]);
  });

  it.each(pages)('may be /%s', (name) => {
    expect(sayOf(`passthrough: [{ prefix: /${name}, region: eu }]`)).toEqual([]);
  });

  it.each(['/eu', '/us/api', '/EU/help'])('never begins with a region: %s', (prefix) => {
    expect(sayOf(`passthrough: [{ prefix: ${prefix}, region: eu }]`)).toEqual([
      `passthrough[0].prefix: found "${prefix}", expected a path prefix that does not begin with the name of a region: its API stands there`,
    ]);
  });

  it.each([
    ['/help', '/help', 'covers it'],
    ['/help', '/help/faq', 'covers it'],
    ['/help/faq', '/help', 'it covers'],
  ])('has no two prefixes of which one covers the other: %s, %s', (first, second, how) => {
    const text = `passthrough:\n  - { prefix: ${first}, region: eu }\n  - { prefix: ${second}, region: us }\n${REGIONS}`;
    expect(errorsOf(text)).toEqual([
      `g.yaml:3:7: passthrough[1].prefix: found "${second}", expected a path prefix apart from the others: line 2 has one that ${how}`,
    ]);
  });

  it.each([
    ['/help', 'passthrough: found "/help", expected a list of prefixes'],
    ['[/help]', 'passthrough[0]: found "/help", expected a map with the keys prefix, region, credentials'],
    ['[{ region: eu }]', `passthrough[0].prefix: found nothing, expected ${PREFIX}`],
    ['[{ prefix: /help }]', 'passthrough[0].region: found nothing, expected the name of a region (us, eu)'],
    [
      '[{ prefix: /help, region: ue }]',
      'passthrough[0].region: found "ue", expected the name of a region (us, eu). Did you mean "eu"?',
    ],
    [
      '[{ prefix: /help, region: eu, credentials: forwrad }]',
      'passthrough[0].credentials: found "forwrad", expected one of drop, forward. Did you mean "forward"?',
    ],
    [
      '[{ prefix: /help, region: eu, credential: drop }]',
      'passthrough[0].credential: found an unknown key, expected one of the keys prefix, region, credentials. Did you mean "credentials"?',
    ],
  ])('is not %s', (passthrough, message) => {
    expect(sayOf(`passthrough: ${passthrough}`)).toEqual([message]);
  });
});

describe('health, ownership, the regions\u2019 budget', () => {
  it('are read', () => {
    const {
      health,
      limits,
      private: privateRoutes,
    } = parse(`health: { probe: 2m, breaker: { failures: 1, open: 1s, mode: shadow } }
limits: { regionBudget: { requests: 5, mode: enforce } }
private: { ownership: off }
${REGIONS}`);
    expect(health).toStrictEqual({ probeMs: 120_000, breaker: { failures: 1, openMs: 1_000, mode: 'shadow' } });
    expect(limits.regionBudget).toStrictEqual({ perMs: 1_200_000, requests: 5, burst: 800, mode: 'enforce' });
    expect(privateRoutes).toStrictEqual({ verify: 'authcheck', ownership: 'off' });
  });

  it.each([
    [
      'health: { breaker: { failure: 3 } }',
      'health.breaker.failure: found an unknown key, expected one of the keys failures, open, mode. Did you mean "failures"?',
    ],
    ['health: { breaker: { failures: 0 } }', 'health.breaker.failures: found 0, expected a whole number of 1 or more'],
    ['health: { breaker: off }', 'health.breaker: found "off", expected a map with the keys failures, open, mode'],
    ['health: { probe: 0s }', 'health.probe: found "0s", expected a duration from 1ms to 24d'],
    ['private: { ownership: true }', 'private.ownership: found true, expected one of enforce, off'],
    [
      'limits: { regionBudget: { mode: shadwo } }',
      'limits.regionBudget.mode: found "shadwo", expected one of enforce, shadow, off. Did you mean "shadow"?',
    ],
  ])('%s', (text, message) => {
    expect(sayOf(text)).toEqual([message]);
  });
});
