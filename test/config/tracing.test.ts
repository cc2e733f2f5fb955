import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { errorsOf, REGIONS } from './support.ts';

const parse = (tracing: string, env: NodeJS.ProcessEnv = {}) =>
  parseConfig(`tracing: ${tracing}\n${REGIONS}`, 'g.yaml', env).tracing;
const sayOf = (tracing: string, env: NodeJS.ProcessEnv = {}) =>
  errorsOf(`tracing: ${tracing}\n${REGIONS}`, env).map((line) => line.replace(/^g\.yaml:\d+:\d+: /, ''));

describe('tracing', () => {
  it.each(['', '{}', '{ otlp: null }', '{ otlp: "" }', `{ otlp: "\${OTLP:-}" }`, '{ sample: 1 }'])(
    '%s is off',
    (text) => {
      expect(parse(text)).toBeUndefined();
    },
  );

  it('needs a collector alone', () => {
    expect(parse('{ otlp: "http://127.0.0.1:4318" }')).toStrictEqual({
      url: 'http://127.0.0.1:4318/v1/traces',
      headers: {},
      sample: 0.1,
      service: 'onetime-gateway',
      timeoutMs: 5_000,
    });
  });

  it.each([
    ['http://collector:4318/', 'http://collector:4318/v1/traces'],
    ['https://otlp.example/otlp/v1/traces', 'https://otlp.example/otlp/v1/traces'],
  ])('sends to %s as %s', (otlp, url) => {
    expect(parse(`{ otlp: "${otlp}" }`)?.url).toBe(url);
  });

  it.each([
    ['collector:4318', '. Write it with https:// or http://.'],
    ['grpc://collector', ''],
    ['http://', ''],
    ['http://collector:99999', ''],
    ['http://me:pw@collector:4318', '. Write credentials under headers.'],
    ['http://collector:4318/#x', '. Write it without a query and a fragment; tokens go under headers.'],
    ['http://collector:4318?x=1', '. Write it without a query and a fragment; tokens go under headers.'],
    ['http://collector:4317', '. Port 4317 speaks gRPC; for HTTP collectors have another, 4318.'],
  ])('does not send to %s', (otlp, hint) => {
    const [line = '', ...others] = sayOf(`{ otlp: "${otlp}" }`);
    expect(line).toMatch(/^tracing\.otlp: found .*, expected the URL of a collector/);
    expect(line.endsWith(`such as http://127.0.0.1:4318${hint}`)).toBe(true);
    expect(line).not.toContain('pw@');
    expect(others).toEqual([]);
  });

  it('takes headers, and leaves out those whose variable is empty', () => {
    const text = `{ otlp: "http://c", headers: { Authorization: "Bearer \${TOKEN}", X-Scope-OrgID: "\${ORG:-}" } }`;
    expect(parse(text, { TOKEN: 'tok' })?.headers).toEqual({ Authorization: 'Bearer tok' });
  });

  it.each([
    ['{ "a b": x }', 'names of headers, such as Authorization'],
    ['{ Content-Type: x }', 'headers other than Content-Type, which the gateway sets itself'],
    ['{ a: x, A: x }', 'A once, in upper or in lower case'],
    ['{ a: "s3cr\\u00e9t" }', 'text of printable characters, at most 4096, as the value of a'],
    ['{ a: "s3cret\\n" }', 'text of printable characters, at most 4096, as the value of a'],
    ['{ a: 7 }', 'text of printable characters, at most 4096, as the value of a'],
    [`{ ${Array.from({ length: 33 }, (_, at) => `h${at}: x`).join(', ')} }`, 'at most 32 headers'],
  ])('refuses the headers %s without a word of their values', (headers, expected) => {
    expect(sayOf(`{ otlp: "http://c", headers: ${headers} }`)).toEqual([
      `tracing.headers: found a map, expected ${expected}`,
    ]);
  });

  it.each([
    ['headers: [a]', 'headers: found a list, expected a map from header to value'],
    ['sample: 1.1', 'sample: found 1.1, expected a number from 0 to 1'],
    ['sample: -0.1', 'sample: found -0.1, expected a number from 0 to 1'],
    ['sample: half', 'sample: found "half", expected a number from 0 to 1'],
    ['service: ""', 'service: found "", expected a name for this service: 1 to 255 printable characters'],
    ['timeout: 5', 'timeout: found 5, expected a duration with its unit, such as 200ms, 3s, 10m, 1h or 7d'],
    ['timeout: 11s', 'timeout: found "11s", expected a duration from 1ms to 10s'],
    [
      'sampel: 1',
      'sampel: found an unknown key, expected one of the keys otlp, headers, sample, service, timeout. Did you mean "sample"?',
    ],
  ])('refuses %s', (text, expected) => {
    expect(sayOf(`{ otlp: "http://c", ${text} }`)).toEqual([`tracing.${expected}`]);
  });

  it('takes the share from the environment', () => {
    expect(parse(`{ otlp: "http://c", sample: "\${SHARE}" }`, { SHARE: '0.25' })?.sample).toBe(0.25);
  });
});
