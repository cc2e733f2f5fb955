import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { errorsOf, REGIONS } from './support.ts';

const parse = (text: string) => parseConfig(`${text}\n${REGIONS}`, '/etc/gateway/g.yaml', {});
const sayOf = (text: string, env: NodeJS.ProcessEnv = {}) =>
  errorsOf(`${text}\n${REGIONS}`, env).map((line) => line.replace(/^g\.yaml:\d+:\d+: /, ''));

describe('store', () => {
  const STORE = 'sqlite: and the path of a file, such as sqlite:data/gateway.db';

  it.each([
    ['sqlite:data/g.db', '/etc/gateway/data/g.db'],
    ['sqlite:../data/g.db', '/etc/data/g.db'],
    ['sqlite:/var/lib/g.db', '/var/lib/g.db'],
    ['"sqlite::memory:"', ':memory:'],
  ])('%s of /etc/gateway/g.yaml is %s', (store, path) => {
    expect(parse(`store: ${store}`).store).toStrictEqual({ kind: 'sqlite', path });
  });

  it.each([
    ['valkey://cache.example', 'Only sqlite is there.'],
    ['redis:6379', 'Only sqlite is there.'],
    ['SQLite:g.db', 'Write sqlite in lower case.'],
    ['data/g.db', 'Write it with sqlite: in front.'],
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
    expect(sayOf('store: valkey://me:s3same@host').join()).not.toContain('s3same');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration's own variable
    expect(sayOf('store: "${URL}"', { URL: 'valkey:s3same' })).toEqual([
      `store: found the value of \${URL}, expected ${STORE}. Only sqlite is there.`,
    ]);
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
  const WHAT = 'expected off or a map with the keys keep, maxBytes';

  it.each([
    ['off', undefined],
    ['{ keep: 1m }', { keepMs: 60_000, maxBytes: 67_108_864 }],
    ['{ maxBytes: 1MiB }', { keepMs: 300_000, maxBytes: 1_048_576 }],
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
    ['{ kep: 5m }', 'replay.kep: found an unknown key, expected one of the keys keep, maxBytes. Did you mean "keep"?'],
    ['{ keep: 25d }', 'replay.keep: found "25d", expected a duration from 1ms to 24d'],
  ])('is not %s', (replay, message) => {
    expect(sayOf(`replay: ${replay}`)).toEqual([message]);
  });

  it('tells all that is wrong within it, with lines', () => {
    expect(errorsOf(`replay:\n  keep: 5\n  maxBytes: 0B\n  mode: off\n${REGIONS}`)).toEqual([
      'g.yaml:2:3: replay.keep: found 5, expected a duration with its unit, such as 200ms, 3s, 10m, 1h or 7d',
      'g.yaml:3:3: replay.maxBytes: found "0B", expected a size from 1B to 1024MiB',
      'g.yaml:4:3: replay.mode: found an unknown key, expected one of the keys keep, maxBytes',
    ]);
  });
});
