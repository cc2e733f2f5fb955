import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from '../../src/config/load.ts';
import { RESERVED_SEGMENTS } from '../../src/config/schema.ts';
import { PROXY } from '../../src/config/schema-egress.ts';
import { errorsOf, REGIONS } from './support.ts';

const KEYS =
  'listen, admin, regions, accounts, anonymous, private, errors, passthrough, limits, upstream, health, request, overload, replay, reference, self, reload, workers, store, storeTimeout, identityKey, audit, log, tracing';
const US = 'us: { upstreams: ["https://us.onetimesecret.com"] }';

/** What follows line and column, for a text in front of two working regions. */
function sayOf(text: string): string[] {
  return errorsOf(`${text}\n${REGIONS}`).map((line) => line.replace(/^g\.yaml:\d+:\d+: /, ''));
}

describe('a message', () => {
  it('names file, line, column, key, what was found and what is expected, and what was meant', () => {
    expect(errorsOf(`${REGIONS}limits:\n  perKey:\n    mode: enforced\n`)).toEqual([
      'g.yaml:6:5: limits.perKey.mode: found "enforced", expected one of enforce, shadow, off. Did you mean "enforce"?',
    ]);
  });

  it('comes with the same facts as data', () => {
    const read = () => parseConfig(`errors: verbatm\n${REGIONS}`, 'g.yaml', {});
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        problems: [
          {
            file: 'g.yaml',
            line: 1,
            column: 1,
            key: 'errors',
            found: '"verbatm"',
            expected: 'one of accurate, verbatim',
            hint: 'Did you mean "verbatim"?',
          },
        ],
      }),
    );
  });

  it('stands for each thing that is wrong, in the order of the file', () => {
    const text = `log: { level: loud }
regions:
  eu: { upstreams: ["https://a.example/x"], hosts: [A.example] }
  us: { upstreams: ["https://b.example"], hosts: [a.example], host: b }
accounts:
  rules:
    - { domain: x.example, region: ue }
    - { domain: X.example, region: us, also: [us] }
    - region: \${NOT_SET}
request: { timeout: 30 }
`;
    expect(errorsOf(text).map((line) => line.replace(/: found.*/, ''))).toEqual([
      'g.yaml:1:8: log.level',
      'g.yaml:3:21: regions.eu.upstreams[0]',
      'g.yaml:4:51: regions.us.hosts[0]',
      'g.yaml:4:63: regions.us.host',
      'g.yaml:7:28: accounts.rules[0].region',
      'g.yaml:8:9: accounts.rules[1].domain',
      'g.yaml:8:47: accounts.rules[1].also[0]',
      'g.yaml:9:7: accounts.rules[2]',
      'g.yaml:9:7: accounts.rules[2].region',
      'g.yaml:10:12: request.timeout',
    ]);
  });

  it('shows no credentials of a URL, and no more than the beginning of a long text', () => {
    expect(sayOf('self: { gateways: { us: "https://me:p/w@host/" } }').join()).toContain(
      'found "https://***@host/", expected',
    );
    expect(sayOf(`errors: "${'x'.repeat(10_000)}"`).join().length).toBeLessThan(200);
    expect(sayOf('errors: "a\\nb\\u001b[31m"')).toEqual([
      'errors: found "a\\nb\\u001b[31m", expected one of accurate, verbatim',
    ]);
  });
});

describe('YAML', () => {
  it.each([
    ['errors: a: b', '1:9', 'text that is not valid YAML (Nested mappings are not allowed', 'valid YAML'],
    ['log:\n\tlevel: info', '2:1', 'text that is not valid YAML (Tabs are not allowed as indentation)', 'valid YAML'],
    ['log: !secret x', '1:6', 'text that is not valid YAML (Unresolved tag: !secret)', 'valid YAML'],
    ['log:\n---\nlog:', '2:1', 'a second document', 'one YAML document in the file'],
    [`x: ${'['.repeat(50_000)}`, '1:', 'lists and maps nested too deeply', 'at most 32 levels'],
  ])('%.20j ends at line and column %s', (text, at, found, expected) => {
    const [first = ''] = errorsOf(text);
    expect(first).toMatch(new RegExp(`^g\\.yaml:${at}`));
    expect(first).toContain(`found ${found}`);
    expect(first).toContain(`expected ${expected}`);
  });

  it('has each key once, and tells the line of the first', () => {
    expect(errorsOf(`${REGIONS}log: { level: info }\nerrors: accurate\nlog: { level: warn }\n`)).toEqual([
      'g.yaml:6:1: log: found the same key again, expected each key once; it stands already at line 4',
    ]);
  });

  it('does not unfold aliases that multiply', () => {
    const levels = Array.from({ length: 20 }, (_, i) => `  - &a${i + 1} [${`*a${i}, `.repeat(9)}*a${i}]`);
    const errors = errorsOf(`log:\n  - &a0 [x]\n${levels.join('\n')}\n${REGIONS}`);
    expect(errors.join('\n')).toContain('found too many aliases (*name), expected at most 100');
    expect(errors).toContainEqual(
      'g.yaml:1:1: log: found a list, expected a map with the keys level, format, sample, slow, client',
    );
  });

  it('has no alias without an anchor', () => {
    expect(sayOf('log: *nowhere')).toEqual(['log: found *nowhere, expected the anchor &nowhere somewhere above']);
  });

  it('does not follow an alias into itself', () => {
    expect(errorsOf(`log: &a { level: *a }\n${REGIONS}`).join('\n')).toContain('nested too deeply');
  });

  it('has words as keys', () => {
    expect(sayOf('? [a]\n: b')).toEqual(['["?"]: found a key that cannot be one, expected a word']);
    expect(sayOf('log: { __proto__: { level: info } }')).toEqual([
      'log.__proto__: found a key that cannot be one, expected a word',
    ]);
  });

  it.each(['', '# only a comment\n', '---\n', 'null'])('%j is an empty file', (text) => {
    expect(errorsOf(text)).toEqual([
      'g.yaml:1:1: found an empty file, expected a configuration with at least the key regions',
    ]);
  });

  it.each([
    ['[]', 'an empty list'],
    ['regions', '"regions"'],
    ['7', '7'],
  ])('%s is no map', (text, found) => {
    expect(errorsOf(text)).toEqual([`g.yaml:1:1: found ${found}, expected a map with the keys ${KEYS}`]);
  });
});

describe('keys and kinds', () => {
  it.each([
    ['limit: {}', `limit: found an unknown key, expected one of the keys ${KEYS}. Did you mean "limits"?`],
    ['zzz: {}', `zzz: found an unknown key, expected one of the keys ${KEYS}`],
    [
      'listen: { hots: x }',
      'listen.hots: found an unknown key, expected one of the keys host, port, trustProxy, proxyProtocol, maxConnections, maxConnectionsPerAddress, maxRequestsPerConnection, idleTimeout, tls. Did you mean "host"?',
    ],
    [
      'log: { "a b": 1 }',
      'log["a b"]: found an unknown key, expected one of the keys level, format, sample, slow, client',
    ],
    [
      'limits: { perKey: { missCost: 3 } }',
      'limits.perKey.missCost: found an unknown key, expected one of the keys per, requests, burst, mode',
    ],
    [
      'accounts: { rules: [{ domain: a.example, region: us, pined: true }] }',
      'accounts.rules[0].pined: found an unknown key, expected one of the keys account, domain, region, pinned, also. Did you mean "pinned"?',
    ],
    [
      'listen: 8080',
      'listen: found 8080, expected a map with the keys host, port, trustProxy, proxyProtocol, maxConnections, maxConnectionsPerAddress, maxRequestsPerConnection, idleTimeout, tls',
    ],
    ['admin: []', 'admin: found an empty list, expected a map with the keys host, port, hosts, tokens, console'],
    ['accounts: { rules: { domain: x } }', 'accounts.rules: found a map, expected a list of rules'],
    [
      'accounts: { rules: [x] }',
      'accounts.rules[0]: found "x", expected a map with the keys account, domain, region, pinned, also',
    ],
    ['errors:', 'errors: found nothing, expected one of accurate, verbatim'],
    ['errors: true', 'errors: found true, expected one of accurate, verbatim'],
    [
      'private: { verify: auth-check }',
      'private.verify: found "auth-check", expected one of authcheck, presence. Did you mean "authcheck"?',
    ],
    [
      'log: { level: INFO }',
      'log.level: found "INFO", expected one of fatal, error, warn, info, debug, trace, silent. Did you mean "info"?',
    ],
    ['log: { format: colour }', 'log.format: found "colour", expected one of auto, json, pretty'],
    ['log: { client: ip }', 'log.client: found "ip", expected one of none, hash, address'],
    ['workers: 0', 'workers: found 0, expected auto or a whole number from 1 to 64'],
    ['workers: 65', 'workers: found 65, expected auto or a whole number from 1 to 64'],
    ['workers: many', 'workers: found "many", expected auto or a whole number from 1 to 64'],
    ['upstream: { forwardClientAddress: yes }', 'upstream.forwardClientAddress: found "yes", expected true or false'],
  ])('%s', (text, message) => {
    expect(sayOf(text)).toEqual([message]);
  });
});

describe('numbers, durations, sizes', () => {
  const DURATION = 'a duration with its unit, such as 200ms, 3s, 10m, 1h or 7d';
  const SIZE = 'a size with its unit, such as 512KiB, 2MiB, 500kB or 2MB';
  it.each([
    ['listen: { port: 65536 }', 'listen.port: found 65536, expected a whole number from 0 to 65535'],
    ['listen: { maxConnections: 0 }', 'listen.maxConnections: found 0, expected a whole number from 1 to 1000000'],
    [
      'listen: { maxConnectionsPerAddress: 0 }',
      'listen.maxConnectionsPerAddress: found 0, expected off or a whole number from 1 to 1000000',
    ],
    [
      'listen: { maxRequestsPerConnection: none }',
      'listen.maxRequestsPerConnection: found "none", expected off or a whole number from 1 to 1000000000',
    ],
    ['request: { headerBytes: 512B }', `request.headerBytes: found "512B", expected ${SIZE}; from 1KiB to 1MiB`],
    ['request: { targetLength: 8192 }', `request.targetLength: found 8192, expected ${SIZE}`],
    [
      'request: { minRate: 1KiB }',
      'request.minRate: found "1KiB", expected off, or a size a second such as 512B/s or 1KiB/s',
    ],
    [
      'request: { minRate: 0B/s }',
      'request.minRate: found "0B/s", expected off, or a size a second such as 512B/s or 1KiB/s',
    ],
    ['admin: { port: -1 }', 'admin.port: found -1, expected a whole number from 0 to 65535'],
    ['admin: { port: 80.5 }', 'admin.port: found 80.5, expected a whole number from 0 to 65535'],
    ['limits: { perKey: { requests: 0 } }', 'limits.perKey.requests: found 0, expected a whole number of 1 or more'],
    ['limits: { account: { burst: 0 } }', 'limits.account.burst: found 0, expected a whole number of 1 or more'],
    [
      'limits: { failedAuth: { burst: .inf } }',
      'limits.failedAuth.burst: found Infinity, expected a whole number of 1 or more',
    ],
    [
      'limits: { anonymousRetrieval: { missCost: 0 } }',
      'limits.anonymousRetrieval.missCost: found 0, expected a whole number of 1 or more',
    ],
    [
      'limits: { anonymousRetrieval: { ipv6Prefix: 31 } }',
      'limits.anonymousRetrieval.ipv6Prefix: found 31, expected a whole number from 32 to 128',
    ],
    [
      'limits: { anonymousRetrieval: { ipv6Prefix: 129 } }',
      'limits.anonymousRetrieval.ipv6Prefix: found 129, expected a whole number from 32 to 128',
    ],
    ['log: { sample: 1.01 }', 'log.sample: found 1.01, expected a number from 0 to 1'],
    ['log: { sample: -0.1 }', 'log.sample: found -0.1, expected a number from 0 to 1'],
    ['log: { sample: .nan }', 'log.sample: found NaN, expected a number from 0 to 1'],
    ['log: { sample: 10% }', 'log.sample: found "10%", expected a number from 0 to 1'],
    ['log: { slow: 1 }', `log.slow: found 1, expected ${DURATION}`],
    ['upstream: { proxy: 3128 }', `upstream.proxy: found 3128, expected ${PROXY}`],
    [
      'upstream: { proxy: "proxy:3128" }',
      `upstream.proxy: found a text (hidden: it may hold a password), expected ${PROXY}. Write it with http:// or https:// in front.`,
    ],
    ['upstream: { proxy: [] }', `upstream.proxy: found an empty list, expected ${PROXY}`],
    ['upstream: { connections: 0 }', 'upstream.connections: found 0, expected a whole number of 1 or more'],
    ['upstream: { queue: { most: -1 } }', 'upstream.queue.most: found -1, expected a whole number of 0 or more'],
    ['upstream: { queue: { wait: 3 } }', `upstream.queue.wait: found 3, expected ${DURATION}`],
    ['upstream: { queue: 1024 }', 'upstream.queue: found 1024, expected a map with the keys most, wait'],
    ['overload: { heap: 0 }', 'overload.heap: found 0, expected a number above 0, up to 1'],
    ['overload: { heap: 1.1 }', 'overload.heap: found 1.1, expected a number from 0 to 1'],
    ['overload: { heap: 90% }', 'overload.heap: found "90%", expected a number from 0 to 1'],
    ['overload: { memory: 0 }', 'overload.memory: found 0, expected a number above 0, up to 1'],
    ['overload: { memory: 512MiB }', 'overload.memory: found "512MiB", expected a number from 0 to 1'],
    ['overload: { eventLoopDelay: 500 }', `overload.eventLoopDelay: found 500, expected ${DURATION}`],
    ['overload: { mode: on }', 'overload.mode: found "on", expected one of enforce, shadow, off'],
    ['request: { timeout: 30 }', `request.timeout: found 30, expected ${DURATION}`],
    ['request: { timeout: "30" }', `request.timeout: found "30", expected ${DURATION}`],
    ['request: { timeout: 1.5s }', `request.timeout: found "1.5s", expected ${DURATION}`],
    ['request: { timeout: 3 s }', `request.timeout: found "3 s", expected ${DURATION}`],
    ['request: { timeout: 0s }', 'request.timeout: found "0s", expected a duration from 1ms to 24d'],
    ['limits: { perKey: { per: 25d } }', 'limits.perKey.per: found "25d", expected a duration from 1ms to 24d'],
    ['request: { bodyLimit: 1000 }', `request.bodyLimit: found 1000, expected ${SIZE}`],
    ['request: { bodyLimit: 2mb }', `request.bodyLimit: found "2mb", expected ${SIZE}`],
    ['request: { bodyLimit: 0B }', 'request.bodyLimit: found "0B", expected a size from 1B to 1024MiB'],
  ])('%s', (text, message) => {
    expect(sayOf(text)).toEqual([message]);
  });
});

describe('listeners', () => {
  const CIDR = 'an IP address or a range such as 10.0.0.0/8 or fd00::/8';
  const HOST = 'an IP address or a host name to listen on, such as 127.0.0.1, 0.0.0.0 or "::"';
  const MEET = 'expected another port: listen and admin would meet on the same address';
  it.each([
    [
      'listen: { trustProxy: [10.0.0.0/33] }',
      `listen.trustProxy[0]: found "10.0.0.0/33", expected ${CIDR}, with at most 32 bits`,
    ],
    ['listen: { trustProxy: [lb.example] }', `listen.trustProxy[0]: found "lb.example", expected ${CIDR}`],
    ['listen: { trustProxy: [127.1] }', `listen.trustProxy[0]: found 127.1, expected ${CIDR}`],
    ['listen: { trustProxy: [10.0.0.010/8] }', `listen.trustProxy[0]: found "10.0.0.010/8", expected ${CIDR}`],
    ['listen: { trustProxy: ["fe80::1%eth0"] }', `listen.trustProxy[0]: found "fe80::1%eth0", expected ${CIDR}`],
    [
      'listen: { trustProxy: ["::ffff:10.0.0.0/8"] }',
      `listen.trustProxy[0]: found "::ffff:10.0.0.0/8", expected ${CIDR}. Write it as 10.0.0.0 with the length of an IPv4 range.`,
    ],
    ['listen: { trustProxy: true }', 'listen.trustProxy: found true, expected a list of addresses and ranges'],
    [
      'listen: { trustProxy: 10.0.0.0/8 }',
      'listen.trustProxy: found "10.0.0.0/8", expected a list of addresses and ranges',
    ],
    [
      'listen: { host: "0.0.0.0:80" }',
      `listen.host: found "0.0.0.0:80", expected ${HOST}. The port has a key of its own.`,
    ],
    [
      'listen: { host: "[::1]" }',
      `listen.host: found "[::1]", expected ${HOST}. Write an IPv6 address without brackets.`,
    ],
    ['listen: { host: 10.0.0.300 }', `listen.host: found "10.0.0.300", expected ${HOST}`],
    ['listen: { host: "" }', `listen.host: found "", expected ${HOST}`],
    ['admin: { port: 8080 }', `admin.port: found 8080, ${MEET}`],
    ['listen: { port: 9464 }', `listen.port: found 9464, ${MEET}`],
    ['listen: { host: 10.0.0.1, port: 81 }\nadmin: { host: 10.0.0.1, port: 81 }', `admin.port: found 81, ${MEET}`],
    ['listen: { host: 10.0.0.1, port: 81 }\nadmin: { host: "::", port: 81 }', `admin.port: found 81, ${MEET}`],
  ])('%s', (text, message) => {
    expect(sayOf(text)).toEqual([message]);
  });
});

describe('regions', () => {
  const UPSTREAM = 'expected the origin of an upstream, such as https://eu.onetimesecret.com';
  const say = (text: string) => errorsOf(text).map((line) => line.replace(/^g\.yaml:\d+:\d+: /, ''));

  it.each([
    ['log: {}', 'nothing'],
    ['regions:', 'nothing'],
    ['regions: {}', 'an empty map'],
    ['regions: [us]', 'a list'],
  ])('are needed: %s', (text, found) => {
    expect(say(text)).toEqual([`regions: found ${found}, expected a map from region to its upstreams, at least 1`]);
  });

  it.each([...RESERVED_SEGMENTS].filter((name) => /^[a-z]+$/.test(name)))('are not named /%s', (name) => {
    expect(say(`regions: { ${name}: { upstreams: [https://a.example] } }`)).toEqual([
      `regions.${name}: found "${name}", expected a region name that is not the start of a path that the gateway serves (/${name})`,
    ]);
  });

  it('include every path that the gateway or the service begins with among the reserved names', () => {
    const known = 'api secret private receipt docs openapi.json help metrics livez readyz admin'.split(' ');
    expect(known.filter((name) => !RESERVED_SEGMENTS.has(name))).toEqual([]);
  });

  it.each(['US', '1eu', 'eu_west', 'eu.west', '-eu', 'é', '""'])('are not named %s', (name) => {
    const [line = ''] = say(`regions: { ${name}: { upstreams: [https://a.example] } }`);
    expect(line).toContain(
      'expected a region name: lower-case letters, digits and hyphens, a letter first, such as eu',
    );
  });

  it.each(['refuse', 'named', 'null'])('are not named %s, which means something else', (name) => {
    const [line = ''] = say(`regions: { ${name}: { upstreams: [https://a.example] } }`);
    expect(line).toContain(`expected a region name that is not a word of the configuration (${name})`);
  });

  it.each([
    ['https://a.example/api', `${UPSTREAM}. Write it without a path: the gateway adds the path of the call.`],
    ['https://a.example?x=1', `${UPSTREAM}. Write it without a query.`],
    ['https://a.example#x', `${UPSTREAM}. Write it without a fragment.`],
    ['https://u:p@a.example', `${UPSTREAM}. Write it without credentials: callers bring their own.`],
    ['a.example', `${UPSTREAM}. Write it with https:// or http://.`],
    ['ftp://a.example', UPSTREAM],
    ['https://', UPSTREAM],
    ['https://a.example:99999', UPSTREAM],
    ["https://a'b.example", `${UPSTREAM}. A host is an IP address, or letters, digits, -, _ and dots.`],
    ['https://a{b}.example', `${UPSTREAM}. A host is an IP address, or letters, digits, -, _ and dots.`],
    ['https:\\\\\\\\a.example', `${UPSTREAM}. Write it with https:// or http://.`],
  ])('have no upstream %s', (upstream, expected) => {
    const [line = '', ...others] = say(`regions: { us: { upstreams: ["${upstream}"] } }`);
    expect(line).toMatch(/^regions\.us\.upstreams\[0\]: found ".*", expected/);
    expect(line.endsWith(expected)).toBe(true);
    expect(others).toEqual([]);
  });

  it.each(['https://onetimesecret.com', 'http://www.OneTimeSecret.com:8443', 'https://onetimesecret.com.'])(
    'are not %s, which is no region',
    (upstream) => {
      expect(say(`regions: { us: { upstreams: ["${upstream}"] } }`)).toEqual([
        `regions.us.upstreams[0]: found "${upstream}", expected the host of one region. This host is not a region: it serves several. Name the region, such as https://eu.onetimesecret.com.`,
      ]);
    },
  );

  it.each(['us:', 'us: {}', 'us: { upstreams: [] }', 'us: { upstreams: }'])('have an upstream: %s', (region) => {
    const [line = ''] = say(`regions:\n  ${region}`);
    expect(line).toMatch(
      /^regions\.us\.upstreams: found (nothing|an empty list), expected a list of upstreams, at least one$/,
    );
  });

  it.each([
    'https://us.onetimesecret.com',
    'https://US.onetimesecret.com:443/',
    'http://us.onetimesecret.com',
    'https://us.onetimesecret.com.',
  ])('do not share the server %s, which would make a pin worth nothing', (upstream) => {
    expect(errorsOf(`regions:\n  ${US}\n  eu:\n    upstreams:\n      - ${upstream}\n`)).toEqual([
      `g.yaml:5:9: regions.eu.upstreams[0]: found "${upstream}", expected an upstream that is not listed yet: line 2 has the same server, and a server is in one region`,
    ]);
  });

  it('do not share a host name', () => {
    const text = `regions:
  us: { upstreams: ["https://a.example"], hosts: [s.example] }
  eu: { upstreams: ["https://b.example"], hosts: [S.Example] }`;
    expect(errorsOf(text)).toEqual([
      'g.yaml:3:51: regions.eu.hosts[0]: found "S.Example", expected a host name that is not listed yet: line 2 has the same',
    ]);
  });

  it.each([
    ['https://s.example', '. Write the name alone, without http:// or https://.'],
    ['s.example:8080', '. Write it without a port.'],
    ['"*.s.example"', '. Wildcards are not supported: write each name.'],
    ['"s example"', ''],
    ['""', ''],
  ])('have no host name %s', (host, hint) => {
    const [line = ''] = say(`regions: { us: { upstreams: ["https://a.example"], hosts: [${host}] } }`);
    expect(line.endsWith(`, expected a host name such as eu.secrets.example${hint}`)).toBe(true);
  });
});

describe('references to regions', () => {
  it.each([
    [
      'accounts: { unknown: eur }',
      'accounts.unknown: found "eur", expected refuse, named or the name of a region (us, eu). Did you mean "eu"?',
    ],
    [
      'accounts: { unknown: refused }',
      'accounts.unknown: found "refused", expected refuse, named or the name of a region (us, eu). Did you mean "refuse"?',
    ],
    [
      'anonymous: { create: ue }',
      'anonymous.create: found "ue", expected refuse or the name of a region (us, eu). Did you mean "eu"?',
    ],
    ['anonymous: { retrieve: ca }', 'anonymous.retrieve: found "ca", expected refuse or the name of a region (us, eu)'],
    [
      'accounts: { rules: [{ domain: a.example, region: usa }] }',
      'accounts.rules[0].region: found "usa", expected the name of a region (us, eu). Did you mean "us"?',
    ],
    [
      'accounts: { rules: [{ domain: a.example }] }',
      'accounts.rules[0].region: found nothing, expected the name of a region (us, eu)',
    ],
    [
      'accounts: { rules: [{ domain: a.example, region: us, also: [ca] }] }',
      'accounts.rules[0].also[0]: found "ca", expected the name of a region (us, eu)',
    ],
    ['self: { region: ca }', 'self.region: found "ca", expected the name of a region (us, eu)'],
    [
      'self: { gateways: { use: "https://a.example" } }',
      'self.gateways.use: found "use", expected the name of a region (us, eu). Did you mean "us"?',
    ],
  ])('%s', (text, message) => {
    expect(sayOf(text)).toEqual([message]);
  });
});

describe('rules', () => {
  const rules = (...lines: string[]) =>
    errorsOf(`${REGIONS}accounts:\n  rules:\n${lines.map((line) => `    - ${line}\n`).join('')}`);

  it('name an account or a domain, not both, not neither', () => {
    expect(rules('{ account: a@x.example, domain: y.example, region: us }', '{ region: us }')).toEqual([
      'g.yaml:6:7: accounts.rules[0]: found both account and domain, expected exactly one of the two',
      'g.yaml:7:7: accounts.rules[1]: found neither account nor domain, expected exactly one of the two',
    ]);
  });

  it('do not name their own region in also', () => {
    expect(rules('{ domain: x.example, region: us, also: [eu, us] }')).toEqual([
      `g.yaml:6:51: accounts.rules[0].also[1]: found "us", expected regions other than the rule's own`,
    ]);
  });

  it('do not repeat an account, whatever its case', () => {
    expect(rules('{ account: A@x.example, region: us }', '{ account: " a@X.example", region: eu }')).toEqual([
      'g.yaml:7:9: accounts.rules[1].account: found " a@X.example", expected an account that no rule above matches: line 6 does, so this rule could never match',
    ]);
  });

  it('do not repeat a domain', () => {
    expect(rules('{ domain: x.example, region: us }', '{ domain: X.example, region: eu }')).toEqual([
      'g.yaml:7:9: accounts.rules[1].domain: found "X.example", expected a domain that no rule above matches: line 6 does, so this rule could never match',
    ]);
  });

  it('do not name an account behind the rule for its domain', () => {
    expect(rules('{ domain: x.example, region: us }', '{ account: a@x.example, region: eu }')).toEqual([
      'g.yaml:7:9: accounts.rules[1].account: found "a@x.example", expected an account that no rule above matches: line 6 does, so this rule could never match',
    ]);
  });

  it.each([
    ['domain: "@x.example"', 'the part of account names behind the @, such as corp.example. Write it without the @.'],
    [
      'domain: a@x.example',
      'the part of account names behind the @, such as corp.example. For one account write account: in place of domain:.',
    ],
    [
      'domain: "*.x.example"',
      'the part of account names behind the @, such as corp.example. Wildcards are not supported: write each domain.',
    ],
    ['domain: x..example', 'the part of account names behind the @, such as corp.example'],
    [
      'account: "@x.example"',
      'the name of an account, such as ops@corp.example. For everybody of a domain write domain: in place of account:.',
    ],
    [
      'account: "a:b"',
      'the name of an account, such as ops@corp.example. A name with a colon cannot be sent as Basic credentials.',
    ],
    ['account: " "', 'the name of an account, such as ops@corp.example'],
    ['account: 7', 'the name of an account, such as ops@corp.example'],
  ])('refuse %s', (who, expected) => {
    const [line = '', ...others] = rules(`{ ${who}, region: us }`);
    expect(line.endsWith(`, expected ${expected}`)).toBe(true);
    expect(others).toEqual([]);
  });
});

describe('self', () => {
  it('with a region needs the gateway of every other one', () => {
    expect(sayOf('self: { region: us }')).toEqual([
      "self.gateways: found no gateway of eu, expected the URL of every other region's gateway: callers of eu would not be told where to go",
    ]);
  });

  it.each([
    ['eu.example', '. Write it with https:// or http://.'],
    ['https://u:p@eu.example', '. Write it without credentials: callers bring their own.'],
    ['https://eu.example/?x', '. Write it without a query.'],
    ['https://eu.example/#x', '. Write it without a fragment.'],
  ])('has no gateway %s', (url, hint) => {
    const [line = ''] = sayOf(`self: { gateways: { eu: "${url}" } }`);
    expect(
      line.endsWith(`, expected the URL of that region's gateway, such as https://eu.secrets.example${hint}`),
    ).toBe(true);
  });
});
