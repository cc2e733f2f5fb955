import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { configSchema } from '../../src/config/schema.ts';
import { REGIONS } from './support.ts';

const folder = fileURLToPath(new URL('../../config/', import.meta.url));
const shipped = `${folder}gateway.yaml`;
const text = readFileSync(shipped, 'utf8');
/** The shipped file with its commented examples, rules and prefixes, made real. */
const uncommented = text
  .replace(/^( *)(rules|passthrough|tokens): \[\]$/gm, '$1$2:')
  .replace(/^( *)# {2}- /gm, '$1  - ')
  .replace(/^ {2}#source:\n(?: {2}# .*\n)+/m, (block) => block.replace(/^ {2}#/gm, '  '));
/** And with the example of TLS, whose files are nowhere. */
const withTls = uncommented
  .replace(/^( +)#tls:\n(?: +# .*\n)+/gm, (block) => block.replace(/^( +)#/gm, '$1'))
  .replace(/^( +)#proxy:/gm, '$1proxy:');
const env = { DIRECTORY_TOKEN: 'a-token' };

type Node = z.core.JSONSchema._JSONSchema | undefined;

/** Every key of the schema with its schema: `*` stands for a region, `[]` for a list's item; choices are gone through. */
function keysOf(node: Node, path: string[] = []): [string[], z.core.JSONSchema.BaseSchema][] {
  if (typeof node !== 'object') return [];
  const inner = Object.entries(node.properties ?? {}).map(([key, value]): [string, Node] => [key, value]);
  if (typeof node.additionalProperties === 'object') inner.push(['*', node.additionalProperties]);
  for (const choice of node.anyOf ?? []) inner.push(['|', choice]);
  if (node.items !== undefined && !Array.isArray(node.items)) inner.push(['[]', node.items]);
  return inner.flatMap(([key, value]) => {
    if (typeof value !== 'object') return [];
    return key === '|' ? keysOf(value, path) : [[[...path, key], value], ...keysOf(value, [...path, key])];
  });
}

function has(value: unknown, [first, ...rest]: string[]): boolean {
  if (first === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (first === '*' || first === '[]') return Object.values(value).some((item) => has(item, rest));
  return Object.hasOwn(value, first) && has(Reflect.get(value, first), rest);
}

const keys = keysOf(z.toJSONSchema(configSchema(), { io: 'input' }));
const named = keys.filter(([path]) => !['*', '[]'].includes(path.at(-1) ?? ''));

describe('config/gateway.yaml', () => {
  it('works as it is, without any environment', () => {
    const config = loadConfig(shipped, {});
    expect(config.regions.map(({ name, upstreams }) => [name, upstreams])).toEqual([
      ['us', ['https://us.onetimesecret.com']],
      ['eu', ['https://eu.onetimesecret.com']],
    ]);
  });

  it('has the defaults of the schema but for accounts.unknown, which is named', () => {
    // beside config/, the folder of the file
    const defaults = parseConfig(REGIONS, fileURLToPath(new URL('../../gateway.yaml', import.meta.url)), {});
    expect(loadConfig(shipped, {})).toStrictEqual({
      ...defaults,
      accounts: { ...defaults.accounts, unknown: { kind: 'named' } },
    });
  });

  it('takes from the environment what a container wants', () => {
    const config = loadConfig(shipped, {
      GATEWAY_HOST: '::',
      GATEWAY_PORT: '81',
      GATEWAY_TRUST_PROXY: '10.0.0.0/8,fd00::/8',
      GATEWAY_ADMIN_HOST: '0.0.0.0',
      GATEWAY_ADMIN_PORT: '82',
      GATEWAY_LOG_LEVEL: 'debug',
    });
    expect(config.listen).toEqual({
      host: '::',
      port: 81,
      trustProxy: ['10.0.0.0/8', 'fd00::/8'],
      proxyProtocol: false,
      maxConnections: 10_000,
      maxConnectionsPerAddress: undefined,
      maxRequestsPerConnection: 10_000,
      idleTimeoutMs: 72_000,
    });
    expect(config.admin).toEqual({ host: '0.0.0.0', port: 82, hosts: [], tokens: [], console: true });
    expect(config.log).toMatchObject({ level: 'debug' });
  });

  it('has an example token, rules, a source and prefixes that work', () => {
    const { accounts, admin, passthrough } = parseConfig(uncommented, 'g.yaml', env);
    expect(admin.tokens).toMatchObject([{ name: 'deploy', role: 'write' }]);
    expect(accounts.source).toMatchObject({ url: 'https://directory.corp.example/accounts', token: 'a-token' });
    expect(accounts.rules).toHaveLength(3);
    expect(passthrough).toEqual([
      { prefix: '/help', region: 'eu', credentials: 'drop' },
      { prefix: '/static/help', region: 'eu', credentials: 'drop' },
    ]);
  });

  it.each(named.map(([path]) => path.join('.')))('contains %s', (path) => {
    expect(has(parse(withTls), path.split('.'))).toBe(true);
  });
});

describe('config/examples', () => {
  const examples = globSync('examples/*.yaml', { cwd: folder }).toSorted();

  it('shows a few situations', () => {
    expect(examples.length).toBeGreaterThanOrEqual(3);
  });

  it.each(examples)('%s loads, without any environment', (file) => {
    expect(loadConfig(`${folder}${file}`, {}).regions.length).toBeGreaterThan(1);
  });

  it.each(['us', 'eu', 'ca'])('gateway-per-region.yaml serves %s when the environment says so', (region) => {
    const { self } = loadConfig(`${folder}examples/gateway-per-region.yaml`, { GATEWAY_SELF_REGION: region });
    expect(self.region).toBe(region);
  });

  it('behind-load-balancer.yaml believes the load balancers of the environment', () => {
    const { listen } = loadConfig(`${folder}examples/behind-load-balancer.yaml`, { TRUSTED_PROXIES: '192.0.2.1' });
    expect(listen.trustProxy).toEqual(['192.0.2.1/32']);
  });
});

describe('the schema', () => {
  it.each(named.map(([path, node]) => [path.join('.'), node.description] as const))(
    'documents %s',
    (_, description) => {
      expect(description).toMatch(/^\S.{10,}\.$/);
    },
  );
});
