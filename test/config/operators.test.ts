// accounts.order, accounts.source, accounts.lease and the tokens of the admin API.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { errorsOf, REGIONS } from './support.ts';

const parse = (text: string, env: NodeJS.ProcessEnv = {}) =>
  parseConfig(`${text}\n${REGIONS}`, '/etc/gateway/g.yaml', env);
const sayOf = (text: string): string[] => errorsOf(`${text}\n${REGIONS}`).map((line) => line.replace(/^\S+ /, ''));
const HASH = 'ab'.repeat(32);

describe('accounts.order', () => {
  it('is any order of the three places', () => {
    expect(parse('accounts: { order: [rules, directory] }').accounts.order).toEqual(['rules', 'directory']);
  });

  it.each([
    ['[rules, rules]', 'accounts.order[1]: found "rules", expected each place once: rules stands in this list already'],
    ['[]', 'accounts.order: found an empty list, expected a list of directory, source and rules, each at most once'],
    [
      '[drectory]',
      'accounts.order[0]: found "drectory", expected one of directory, source, rules. Did you mean "directory"?',
    ],
  ])('is not %s', (order, message) => {
    expect(sayOf(`accounts: { order: ${order} }`)).toEqual([message]);
  });

  it('names the source where there is one', () => {
    expect(sayOf('accounts: { order: [rules], source: { url: "https://d.example" } }')).toEqual([
      'accounts.source: found a map, expected source in accounts.order, too: without it this source is never asked',
    ]);
  });
});

describe('accounts.source', () => {
  it('has defaults for all but its url', () => {
    expect(parse('accounts: { source: { url: "https://d.example/a?x=1" } }').accounts.source).toStrictEqual({
      url: 'https://d.example/a?x=1',
      timeoutMs: 2_000,
      refreshMs: 300_000,
      expireMs: 86_400_000,
      negativeMs: 30_000,
      file: '/etc/gateway/data/accounts-source',
    });
  });

  it.each([
    ['http://d.example', 'Over http anybody between could answer where an account lives: write https.'],
    ['http://127.0.0.1.d.example', 'Over http anybody between could answer where an account lives: write https.'],
    ['https://me:pw@d.example', 'Write the token under token.'],
    ['https://d.example?account=x', 'The gateway adds account=NAME itself.'],
  ])('does not ask %s', (url, hint) => {
    const [line = '', ...others] = sayOf(`accounts: { source: { url: "${url}" } }`);
    expect(line.endsWith(`. ${hint}`)).toBe(true);
    expect(line).not.toContain('pw@');
    expect(others).toEqual([]);
  });

  it('takes an empty token for none', () => {
    const text = `accounts: { source: { url: "https://d.example", token: "\${T:-}" } }`;
    expect(parse(text).accounts.source?.token).toBeUndefined();
    expect(parse(text, { T: 'tok' }).accounts.source?.token).toBe('tok');
  });

  it.each(['http://127.0.0.1:9/a', 'http://[::1]:9/a', 'http://localhost:9/a'])('asks %s, this machine', (url) => {
    expect(parse(`accounts: { source: { url: "${url}" } }`).accounts.source?.url).toBe(url);
  });

  it.each([
    ['refresh: 2d', 'accounts.source.refresh: found "2d", expected a duration up to that of expire'],
    ['expire: 1m', 'accounts.source.expire: found "1m", expected a duration of refresh or longer'],
  ])('is not used with %s', (age, message) => {
    expect(sayOf(`accounts: { source: { url: "https://d.example", ${age} } }`)).toEqual([message]);
  });

  it('does not show a token that cannot be one', () => {
    const text = `accounts: { source: { url: "https://d.example", token: "\${T}" } }\n${REGIONS}`;
    expect(errorsOf(text, { T: 's3 same' }).join()).toMatch(/token: found the value of \$\{T\}, expected a token of/);
  });
});

describe('admin.tokens', () => {
  it('are kept as hashes', () => {
    const { tokens } = parse(`admin: { tokens: [{ name: ops, role: write, hash: "sha256:${HASH}" }] }`).admin;
    expect(tokens).toEqual([{ name: 'ops', role: 'write', sha256: Buffer.from(HASH, 'hex') }]);
  });

  it.each([
    [`{ name: a b, role: read, hash: "sha256:${HASH}" }`, /tokens\[0\]\.name: .*expected a name for events and logs/],
    [`{ name: a, role: admin, hash: "sha256:${HASH}" }`, /tokens\[0\]\.role: .*expected one of read, write/],
    ['{ name: a, role: read, hash: otga_secret }', /tokens\[0\]\.hash: .*expected the hash of a token/],
    [`{ name: a, role: read }`, /tokens\[0\]\.hash: found nothing/],
  ])('are not %s', (token, message) => {
    const [line = '', ...others] = sayOf(`admin: { tokens: [${token}] }`);
    expect(line).toMatch(message);
    expect(others).toEqual([]);
  });

  it('have names of their own', () => {
    const token = `{ name: ops, role: read, hash: "sha256:${HASH}" }`;
    expect(sayOf(`admin: { tokens: [${token}, ${token}] }`)).toEqual([
      'admin.tokens[1].name: found "ops", expected a name of its own: line 1 has the same',
    ]);
  });
});
