// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the configuration's own variables
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { errorsOf, REGIONS } from './support.ts';

const parse = (text: string, env: NodeJS.ProcessEnv) => parseConfig(`${text}\n${REGIONS}`, 'g.yaml', env);

describe('variables', () => {
  it('stand for text, also in the middle of one', () => {
    const text = 'accounts: { rules: [{ domain: "${TEAM}.${TLD:-example}", region: "${HOME_REGION}" }] }';
    expect(parse(text, { TEAM: 'Blue', HOME_REGION: 'eu' }).accounts.rules).toEqual([
      { domain: 'blue.example', region: 'eu', pinned: true, also: [] },
    ]);
  });

  it('stand for numbers, booleans and lists where they stand alone', () => {
    const text = `listen: { port: "\${P}", trustProxy: "\${T}" }
upstream: { forwardClientAddress: "\${F}", connections: "\${C:-7}" }`;
    const config = parse(text, { P: '80', T: '10.0.0.0/8, 192.0.2.7', F: 'false' });
    expect(config.listen).toMatchObject({ port: 80, trustProxy: ['10.0.0.0/8', '192.0.2.7/32'] });
    expect(config.upstream).toMatchObject({ forwardClientAddress: false, connections: 7 });
  });

  it('stay text where the schema wants text', () => {
    expect(parse('accounts: { rules: [{ account: "${A}", region: us }] }', { A: '123' }).accounts.rules).toMatchObject([
      { account: '123' },
    ]);
  });

  it.each([
    ['unset', {}],
    ['empty', { P: '' }],
  ])('take the default when %s', (_, env) => {
    expect(parse('listen: { port: "${P:-81}" }', env).listen.port).toBe(81);
  });

  it.each(['', 'null'])('leave self.region open with %j', (region) => {
    expect(parse('self: { region: "${R}" }', { R: region }).self.region).toBeUndefined();
  });

  it.each(['', 'null'])('leave the audit log off with %j', (file) => {
    expect(parse('audit: { file: "${F}" }', { F: file }).audit).toBeUndefined();
  });

  it('are not read from the prototype of the environment', () => {
    expect(errorsOf(`errors: "\${toString}"\n${REGIONS}`)).toEqual([
      expect.stringContaining('${toString}, which is not set'),
    ]);
  });

  it('are escaped with $${', () => {
    expect(
      parse('accounts: { rules: [{ account: "a$${B}$$c", region: us }] }', { B: 'no' }).accounts.rules,
    ).toMatchObject([{ account: 'a${b}$$c' }]);
  });

  it('do not number quoted text of the file', () => {
    expect(errorsOf(`listen: { port: "80" }\n${REGIONS}`)).toEqual([
      'g.yaml:1:11: listen.port: found "80", expected a whole number from 0 to 65535',
    ]);
  });
});

describe('what is wrong with variables', () => {
  it('names an unset variable and its line, once', () => {
    expect(errorsOf(`listen:\n  port: \${PORT_OF_GATEWAY}\n${REGIONS}`)).toEqual([
      'g.yaml:2:3: listen.port: found ${PORT_OF_GATEWAY}, which is not set, expected the environment variable PORT_OF_GATEWAY, or a default: ${PORT_OF_GATEWAY:-...}',
    ]);
  });

  it.each(['${1X}', '${X:y}', '${X', '${}', '${X-y}'])('says how a variable is written when it finds %s', (text) => {
    expect(errorsOf(`errors: "a ${text}"\n${REGIONS}`, { X: 'v' })).toEqual([
      `g.yaml:1:1: errors: found ${JSON.stringify(text)}, expected \${NAME} or \${NAME:-default}; $\${ is a literal \${`,
    ]);
  });

  const wrong = `listen: { host: "\${V}", port: "\${V}", trustProxy: ["\${V}"] }
admin: { host: "a \${V} b" }
regions:
  us: { upstreams: "\${V}", hosts: ["\${V}"] }
  eu: { upstreams: ["https://\${V}/path"] }
accounts:
  unknown: \${V}
  rules: [{ account: ":\${V}", region: "\${V}" }, { domain: "@\${V}", region: eu, pinned: "\${V}" }]
errors: \${V}
limits: { perKey: { per: "\${V}", mode: "\${V}" } }
request: { bodyLimit: "\${V}" }
self: { gateways: { us: "\${V}" } }
private: \${V}
`;

  it('names the variable in place of a value, which may be a secret', () => {
    const errors = errorsOf(wrong, { V: 's3same enforced' });
    expect(errors).toHaveLength(19);
    expect(errors).toContain('g.yaml:9:1: errors: found the value of ${V}, expected one of accurate, verbatim');
    expect(errors).toContainEqual(
      expect.stringContaining('found "https://${V}/path" with the value of ${V}, expected'),
    );
  });

  it.each([
    's3same',
    's3same enforced',
    'https://s3same:s3same@x/?s3same',
    '\u0000s3same',
    's3same:1',
    'enforces3same',
  ])('never shows %j', (value) => {
    const text = errorsOf(wrong, { V: value }).join('\n');
    expect(text).toContain('the value of ${V}');
    expect(text).not.toContain('s3same');
  });

  it('suggests nothing that would tell of the value', () => {
    expect(errorsOf(`errors: \${V}\n${REGIONS}`, { V: 'acurate' }).join()).not.toContain('Did you mean');
  });

  it('says that a value is empty', () => {
    expect(errorsOf(`errors: \${V}\n${REGIONS}`, { V: '' })).toEqual([
      'g.yaml:1:1: errors: found the value of ${V}, which is empty, expected one of accurate, verbatim',
    ]);
  });
});
