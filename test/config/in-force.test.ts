// The configuration as operators are shown it: each value with its place, and no secret in any of them.
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Described, describedSchema } from '../../src/config/described.ts';
import { inForce } from '../../src/config/in-force.ts';
import { ConfigError, parseConfig } from '../../src/config/load.ts';
import { ROOT } from '../support/process.ts';

const REGIONS = 'regions: { us: { upstreams: ["https://us.example"] } }';
const shown = (text: string, env: NodeJS.ProcessEnv = {}) =>
  new Map(inForce(text, '/etc/gateway/g.yaml', env).map((value) => [value.key, value]));
const one = (line: string, key: string, env: NodeJS.ProcessEnv = {}) => shown(`${REGIONS}\n${line}\n`, env).get(key);

describe('where a value comes from', () => {
  it.each([
    ['listen: { port: 81 }', 'listen.port', {}, { value: '81', from: 'file', line: 2 }],
    ['listen: {}', 'listen.port', {}, { value: '8080', from: 'default' }],
    ['listen:', 'listen.port', {}, { value: '8080', from: 'default' }],
    ['', 'limits.perKey.requests', {}, { value: '10', from: 'default' }],
    ['limits:\n  perKey:\n    burst: 3', 'limits.perKey.burst', {}, { value: '3', from: 'file', line: 4 }],
    ['limits:\n  perKey:\n    burst: 3', 'limits.perKey.requests', {}, { value: '10', from: 'default' }],
    [
      `listen: { port: "\${P:-81}" }`,
      'listen.port',
      { P: '82' },
      { value: '82', from: 'environment', line: 2, variable: 'P' },
    ],
    [`listen: { port: "\${P:-81}" }`, 'listen.port', {}, { value: '81', from: 'file', line: 2 }],
    ['listen: { trustProxy: }', 'listen.trustProxy', {}, { value: '[]', from: 'file', line: 2 }],
    [
      `listen: { trustProxy: ["\${A}", 10.0.0.0/8, "\${B}"] }`,
      'listen.trustProxy',
      { A: '192.0.2.1', B: '::1' },
      { value: '[192.0.2.1, 10.0.0.0/8, ::1]', from: 'environment', line: 2, variable: 'A, B' },
    ],
    [
      `listen: { trustProxy: "\${A}" }`,
      'listen.trustProxy',
      { A: '192.0.2.1 ::1' },
      { value: '[192.0.2.1, ::1]', from: 'environment', line: 2, variable: 'A' },
    ],
    ['self: { region: us }', 'self.region', {}, { value: 'us', from: 'file', line: 2 }],
    ['', 'self.region', {}, { value: 'null', from: 'default' }],
    [`self: { region: "\${R:-}" }`, 'self.region', {}, { value: '""', from: 'file', line: 2 }],
    ['replay: off', 'replay', {}, { value: 'off', from: 'file', line: 2 }],
    ['', 'replay.keep', {}, { value: '5m', from: 'default' }],
    ['replay: { keep: 1m }', 'replay.keep', {}, { value: '1m', from: 'file', line: 2 }],
    ['', 'admin.console', {}, { value: 'true', from: 'default' }],
    ['', 'accounts.rules', {}, { value: '[]', from: 'default' }],
    [
      'accounts: { rules: [{ domain: a.example, region: us }] }',
      'accounts.rules[0].domain',
      {},
      { value: 'a.example', from: 'file', line: 2 },
    ],
    [
      'accounts: { rules: [{ domain: a.example, region: us }] }',
      'accounts.rules[0].pinned',
      {},
      { value: 'true', from: 'default' },
    ],
    ['', 'regions.us.upstreams', {}, { value: '[https://us.example]', from: 'file', line: 1 }],
    ['', 'regions.us.hosts', {}, { value: '[]', from: 'default' }],
  ])('%s: %s with %o', (line, key, env, expected) => {
    expect(one(line, key, env)).toEqual({ key, ...expected });
  });

  it('tells of a value that an alias repeats where it was written first', () => {
    const text = `${REGIONS}\nlimits:\n  perKey: &same { burst: 3 }\n  account: *same\n`;
    expect(shown(text).get('limits.account.burst')).toMatchObject({ value: '3', line: 3 });
  });

  it('leaves out what has no value', () => {
    const keys = [...shown(REGIONS).keys()];
    expect(keys.filter((key) => key.startsWith('accounts.source') || key === 'regions.us.web')).toEqual([]);
  });

  it('tells of the identity key that the environment gives, and not what it is', () => {
    const env = { GATEWAY_IDENTITY_KEY: 'ca'.repeat(32) };
    expect(shown(REGIONS, env).get('identityKey')).toEqual({
      key: 'identityKey',
      value: '(hidden)',
      from: 'environment',
      variable: 'GATEWAY_IDENTITY_KEY',
    });
    expect(shown(REGIONS).get('identityKey')).toMatchObject({ value: 'data/identity.key', from: 'default' });
  });

  it('throws what is wrong with a configuration that cannot be in force', () => {
    expect(() => inForce('listen: 7', 'g.yaml', {})).toThrow(ConfigError);
  });

  it.each(globSync('config/{*,examples/*}.yaml', { cwd: ROOT }).toSorted())(
    'shows every line with a value of %s',
    (file) => {
      const text = readFileSync(`${ROOT}${file}`, 'utf8');
      const env = Object.fromEntries([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => [name, 'x']));
      if (!text.includes('regions:')) return;
      const values = inForce(text, `${ROOT}${file}`, env);
      const lines = text.split('\n');
      for (const { key, line } of values.filter(({ from }) => from === 'file')) {
        const last = /(\w+)(?:\[\d+\])?$/.exec(key)?.[1] ?? '';
        expect([key, lines[(line ?? 0) - 1]]).toEqual([key, expect.stringContaining(last)]);
      }
      expect(new Set(values.map(({ key }) => key)).size).toBe(values.length);
    },
  );
});

describe('secrets', () => {
  const CANARY = 'canary-3f9a';
  const HASH = 'ca11ab1e'.repeat(8);
  const everywhere = `
${REGIONS}
admin: { tokens: [{ name: deploy, role: write, hash: "sha256:${HASH}" }] }
accounts:
  source: { url: "https://directory.example/a?apikey=${CANARY}", token: "\${TOKEN}" }
  rules: [{ account: "${CANARY}@corp.example", region: us }]
upstream: { proxy: "http://${CANARY}:${CANARY}@proxy.example:3128" }
tracing: { otlp: "https://spans.example/v1/traces", headers: { Authorization: "Bearer ${CANARY}", X-Key: "\${KEY}" } }
`;
  const env = { TOKEN: `${CANARY}-token`, KEY: `${CANARY}-key`, GATEWAY_IDENTITY_KEY: HASH };
  const stores = [
    `store: "valkeys://${CANARY}-user:${CANARY}-pass@h.example:1/2?prefix=p:"`,
    `store: "valkey://:${CANARY}@h.example,h2.example/?sentinel=main&sentinelPassword=${CANARY}"`,
    `store: "\${STORE}"`,
    `store: "valkey://u:\${PART}@h.example/0"`,
  ];

  it.each(stores)('stand in no value, wherever they are given: %s', (store) => {
    const given = { ...env, STORE: `redis://${CANARY}:${CANARY}@h.example/0`, PART: CANARY };
    const text = `${everywhere}${store}\n`;
    // They are in the configuration, so a hidden one is one that was there.
    expect(JSON.stringify(parseConfig(text, 'g.yaml', given))).toContain(CANARY);
    const values = inForce(text, 'g.yaml', given);
    expect(JSON.stringify(values)).not.toMatch(new RegExp(`${CANARY}|${HASH}`, 'i'));
    expect(values.find(({ key }) => key === 'store')?.value).toContain('(hidden)@h.example');
  });

  it('are hidden, and what stands beside them is shown', () => {
    const values = shown(everywhere, env);
    const texts = [...values.values()].map(({ key, value }) => [key, value]);
    expect(Object.fromEntries(texts)).toMatchObject({
      'admin.tokens[0].name': 'deploy',
      'admin.tokens[0].role': 'write',
      'admin.tokens[0].hash': '(hidden)',
      'accounts.source.url': 'https://directory.example/a?(hidden)',
      'accounts.source.token': '(hidden)',
      'accounts.rules[0].account': '(hidden)',
      'accounts.rules[0].region': 'us',
      'upstream.proxy': 'http://(hidden)@proxy.example:3128',
      'tracing.otlp': 'https://spans.example/v1/traces',
      'tracing.headers.Authorization': '(hidden)',
      'tracing.headers.X-Key': '(hidden)',
    });
    expect(values.get('accounts.source.token')).toMatchObject({ from: 'environment', variable: 'TOKEN' });
  });

  it.each([
    ['valkey://h.example', 'valkey://h.example:6379/0?prefix=otgw:'],
    ['rediss://u:p@[::1]:7/3', 'valkeys://(hidden)@[::1]:7/3?prefix=otgw:'],
    ['valkey://h,i/?cluster=true&prefix=x:', 'valkey://h:6379,i:6379/0?cluster=true&prefix=x:'],
    ['valkey://h/?sentinel=m', 'valkey://h:26379/0?sentinel=m&prefix=otgw:'],
    ['sqlite:../data/x.db', 'sqlite:../data/x.db'],
  ])('the store %s is shown as %s', (written, expected) => {
    expect(one(`store: "${written}"`, 'store')?.value).toBe(expected);
  });

  /** Every key of the schema by its name, with whether it or something around it is hidden. */
  function keysOf(node: Described, path: string, isHidden: boolean): [string, boolean][] {
    const inside = [
      ...Object.entries(node.properties ?? {}).map(([name, inner]) => [`${path}.${name}`, inner] as const),
      ...[node.items, node.additionalProperties, ...(node.anyOf ?? [])].map((inner) => [path, inner] as const),
    ];
    return inside.flatMap(([at, inner]) => {
      if (typeof inner !== 'object' || Array.isArray(inner)) return [];
      const hidden = isHidden || inner.hidden === true;
      const self: [string, boolean] = [at.slice(1), hidden];
      return [self, ...keysOf(inner, at, hidden)];
    });
  }

  it('have no key of the schema that sounds like one and is shown', () => {
    const telling = /(token|hash|secret|passw\w*|credentials|headers|apikey|account)$/i;
    const suspects = keysOf(describedSchema(), '', false).filter(([key, isHidden]) => telling.test(key) && !isHidden);
    // Words (drop, forward), and the section of a limit.
    expect([...new Set(suspects.map(([key]) => key))].toSorted()).toEqual([
      'limits.account',
      'passthrough.credentials',
    ]);
  });
});
