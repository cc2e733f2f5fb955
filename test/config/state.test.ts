import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { errorsOf, REGIONS } from './support.ts';

const parse = (text: string) => parseConfig(`${text}\n${REGIONS}`, '/etc/gateway/g.yaml', {});
const sayOf = (text: string, env: NodeJS.ProcessEnv = {}) =>
  errorsOf(`${text}\n${REGIONS}`, env).map((line) => line.replace(/^g\.yaml:\d+:\d+: /, ''));

describe('store', () => {
  const STORE = 'sqlite:PATH, or valkey://HOST:PORT (valkeys:// with TLS; redis:// and rediss:// are the same)';

  it.each([
    ['sqlite:data/g.db', '/etc/gateway/data/g.db'],
    ['sqlite:../data/g.db', '/etc/data/g.db'],
    ['sqlite:/var/lib/g.db', '/var/lib/g.db'],
    ['"sqlite::memory:"', ':memory:'],
  ])('%s of /etc/gateway/g.yaml is %s', (store, path) => {
    expect(parse(`store: ${store}`).store).toStrictEqual({ kind: 'sqlite', path });
  });

  it.each([
    ['postgres://db.example', 'There are sqlite, valkey, valkeys, redis and rediss.'],
    ['redis:6379', 'Write it as valkey://HOST:PORT; signs such as @ and / of a password as %40.'],
    ['SQLite:g.db', 'Write sqlite in lower case.'],
    ['Valkey://cache.example', 'Write valkey in lower case.'],
    ['data/g.db', 'Write it with sqlite: or valkey:// in front.'],
    ['valkey://a,b', 'Several hosts are Sentinels (add ?sentinel=NAME) or nodes of a cluster (?cluster=true).'],
    ['valkey://a:70000', 'A host is HOST or HOST:PORT; IPv6 in brackets.'],
    ['valkey://::1', 'A host is HOST or HOST:PORT; IPv6 in brackets.'],
    ['valkey://a/x', 'Behind the host stands the number of a database, such as /0.'],
    ['valkey://a/1?cluster=true', 'A cluster has database 0 alone.'],
    ['valkey://a?cluster=yes', 'Write cluster=true.'],
    ['valkey://a?cluster=true&sentinel=m', 'Sentinel and cluster are two things: write one of them.'],
    ['valkey://a?tls=1', 'Behind the ? there are sentinel, sentinelPassword, cluster, prefix, ca.'],
    ['valkey://a?prefix=a&prefix=b', 'Write prefix once, with a value.'],
    ['valkey://a?prefix={x}', 'A prefix is up to 32 letters, digits and : . _ -'],
    ['valkey://a?ca=ca.pem', 'A ca is for TLS: write valkeys:// or rediss://.'],
    ['valkey://a?sentinelPassword=p', 'sentinelPassword needs sentinel=NAME.'],
    ['sqlite://data/g.db', 'Write the path right behind the colon, without //.'],
    ['sqlite:data/', 'This is a folder: add the name of the file.'],
    ['sqlite:..', 'This is a folder: add the name of the file.'],
    ['sqlite:~/g.db', 'Write the folder itself: ~ stands for nothing here.'],
  ])('is not %s', (store, hint) => {
    expect(sayOf(`store: "${store}"`)).toEqual([`store: found "${store}", expected ${STORE}. ${hint}`]);
  });

  it.each(['"sqlite:"', '"sqlite: x"', '"sqlite:a\\0b"', '{}', '7', ''])('is not %s, without a hint', (store) => {
    const [line = '', ...others] = sayOf(`store: ${store}`);
    expect(line.endsWith(`, expected ${STORE}`)).toBe(true);
    expect(others).toEqual([]);
  });

  it('shows no credentials of another kind of store, nor a value of the environment', () => {
    for (const url of [
      'postgres://me:s3same@host',
      'valkey://s3same@host',
      'valkey://me:s3same%@host',
      'valkey://me:s3same@host:x',
    ])
      expect(sayOf(`store: ${url}`).join()).toMatch(/^store: found (?!.*s3same)/);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration's own variable
    expect(sayOf('store: "${URL}"', { URL: 'mysql:s3same' })).toEqual([
      `store: found the value of \${URL}, expected ${STORE}. There are sqlite, valkey, valkeys, redis and rediss.`,
    ]);
  });

  const PLAIN = { kind: 'valkey', mode: 'single', db: 0, tls: false, prefix: 'otgw:' };
  it.each([
    ['valkey://cache.example', { ...PLAIN, nodes: [{ host: 'cache.example', port: 6379 }] }],
    ['redis://127.0.0.1:6390/3', { ...PLAIN, nodes: [{ host: '127.0.0.1', port: 6390 }], db: 3 }],
    ['valkey://[::1]:6390', { ...PLAIN, nodes: [{ host: '::1', port: 6390 }] }],
    ['rediss://:p%40ss@h', { ...PLAIN, nodes: [{ host: 'h', port: 6379 }], tls: true, password: 'p@ss' }],
    [
      'valkeys://me:pw@h/0?ca=ca.pem&prefix=org1:',
      {
        ...PLAIN,
        nodes: [{ host: 'h', port: 6379 }],
        tls: true,
        username: 'me',
        password: 'pw',
        caFile: '/etc/gateway/ca.pem',
        prefix: 'org1:',
      },
    ],
    [
      'valkey://a,b:1/2?sentinel=main&sentinelPassword=sp',
      {
        ...PLAIN,
        mode: 'sentinel',
        nodes: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 1 },
        ],
        db: 2,
        sentinel: 'main',
        sentinelPassword: 'sp',
      },
    ],
    [
      'valkey://a,b?cluster=true',
      {
        ...PLAIN,
        mode: 'cluster',
        nodes: [
          { host: 'a', port: 6379 },
          { host: 'b', port: 6379 },
        ],
      },
    ],
  ])('%s', (store, expected) => {
    expect(parse(`store: "${store}"`).store).toStrictEqual(expected);
  });

  it('has a bound for waiting', () => {
    expect(parse('storeTimeout: 1s').storeTimeoutMs).toBe(1_000);
    expect(sayOf('storeTimeout: 50')).toEqual([
      'storeTimeout: found 50, expected a duration with its unit, such as 200ms, 3s, 10m, 1h or 7d',
    ]);
  });
});

describe('identityKey', () => {
  it.each([
    ['k', '/etc/gateway/k'],
    ['../data/k', '/etc/data/k'],
    ['/run/secrets/k', '/run/secrets/k'],
  ])('%s of /etc/gateway/g.yaml is %s', (file, path) => {
    expect(parse(`identityKey: ${file}`).identityKeyFile).toBe(path);
  });

  it.each(['""', 'data/', '.', '~/k', '"a\\nb"', '7'])('is not %s', (file) => {
    const [line = '', ...others] = sayOf(`identityKey: ${file}`);
    expect(line).toMatch(/^identityKey: found .*, expected the path of a file, such as data\/identity\.key/);
    expect(others).toEqual([]);
  });

  it.each([
    ['identityKey', 'identityKey: data/../data/gateway.db'],
    ['store', 'store: sqlite:data/identity.key'],
    ['identityKey', 'store: sqlite:x\nidentityKey: x'],
  ])('is no file of the store; told at %s: %j', (key, text) => {
    const [line = '', ...others] = sayOf(text);
    expect(line).toMatch(
      new RegExp(`^${key}: found ".*", expected another file: store and identityKey would be the same$`),
    );
    expect(others).toEqual([]);
  });
});

describe('replay', () => {
  const WHAT = 'expected off or a map with the keys keep, maxBytes, shared';

  it.each([
    ['off', undefined],
    ['{ keep: 1m }', { keepMs: 60_000, maxBytes: 67_108_864, shared: true }],
    ['{ maxBytes: 1MiB }', { keepMs: 300_000, maxBytes: 1_048_576, shared: true }],
  ])('%s', (replay, expected) => {
    expect(parse(`replay: ${replay}`).replay).toStrictEqual(expected);
  });

  it('may be turned off by the environment', () => {
    expect(parseConfig(`replay: "\${R}"\n${REGIONS}`, 'g.yaml', { R: 'off' }).replay).toBeUndefined();
  });

  it.each([
    ['on', `replay: found "on", ${WHAT}`],
    ['false', `replay: found false, ${WHAT}`],
    ['[]', `replay: found an empty list, ${WHAT}`],
    [
      '{ kep: 5m }',
      'replay.kep: found an unknown key, expected one of the keys keep, maxBytes, shared. Did you mean "keep"?',
    ],
    ['{ keep: 25d }', 'replay.keep: found "25d", expected a duration from 1ms to 24d'],
  ])('is not %s', (replay, message) => {
    expect(sayOf(`replay: ${replay}`)).toEqual([message]);
  });

  it('tells all that is wrong within it, with lines', () => {
    expect(errorsOf(`replay:\n  keep: 5\n  maxBytes: 0B\n  mode: off\n${REGIONS}`)).toEqual([
      'g.yaml:2:3: replay.keep: found 5, expected a duration with its unit, such as 200ms, 3s, 10m, 1h or 7d',
      'g.yaml:3:3: replay.maxBytes: found "0B", expected a size from 1B to 1024MiB',
      'g.yaml:4:3: replay.mode: found an unknown key, expected one of the keys keep, maxBytes, shared',
    ]);
  });
});
