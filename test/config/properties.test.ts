// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the configuration's own variables
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { ConfigError, parseConfig } from '../../src/config/load.ts';

const shipped = readFileSync(new URL('../../config/gateway.yaml', import.meta.url), 'utf8');
const dense = `listen: &l { port: "\${P}", trustProxy: [10.0.0.0/8, *x] }
regions: &x { us: { upstreams: ["https://a.example"], hosts: [a] }, eu: { upstreams: [https://b.example] } }
accounts: { unknown: eu, rules: [{ account: a@b, region: us, also: [eu] }, { domain: b, region: eu }] }
self: { region: us, gateways: { eu: https://c.example } }
passthrough: [{ prefix: /help, region: eu }, { prefix: /static, region: us, credentials: forward }]
replay: { keep: 5m, maxBytes: "\${P}" }
health: { breaker: { failures: 3, open: 1s } }
store: sqlite:g.db
identityKey: "\${P}/key"
`;

/** Either a configuration or a ConfigError with a place for each problem; anything else fails the property. */
function isHandled(text: string): boolean {
  const lines = text.split(/\r\n|\r|\n/).length;
  try {
    return parseConfig(text, 'g.yaml', { P: 's3same' }).regions.length > 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const placed = error.problems.every(
      ({ line, column, found, expected }) =>
        line >= 1 && line <= lines && column >= 1 && found !== '' && expected !== '' && !found.includes('undefined'),
    );
    return placed && error.problems.length > 0 && !error.message.includes('s3same');
  }
}

const token = fc.constantFrom(
  ...[
    '\n',
    '\n  ',
    '\n    ',
    ': ',
    '- ',
    '? ',
    ', ',
    '[',
    ']',
    '{',
    '}',
    '&a ',
    '*a',
    '"',
    "'",
    '|',
    '>',
    '#',
    '%',
    '!',
    '!!',
  ],
  ...[
    '${P}',
    '${',
    '$${',
    '${N:-1}',
    '<<',
    '~',
    'null',
    'true',
    '.nan',
    '-0',
    '1e999',
    '0x1F',
    '---',
    '...',
    '\t',
    '\u0000',
    '\ud800',
  ],
  ...[
    'regions',
    'us',
    'upstreams',
    'https://a.example',
    'accounts',
    'rules',
    'account',
    'domain',
    'region',
    'also',
    'self',
  ],
  ...[
    'gateways',
    'listen',
    'port',
    'trustProxy',
    '::1/64',
    'limits',
    'perKey',
    'per',
    '60s',
    '__proto__',
    'constructor',
    'toString',
  ],
  ...['passthrough', 'prefix', '/help', 'replay', 'off', 'keep', 'health', 'breaker', 'web', 'store', 'sqlite:x'],
);
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  drop: fc.nat(40),
  insert: fc.oneof(token, fc.string({ unit: 'binary', maxLength: 8 })),
});

function applyEdits(text: string, edits: readonly { at: number; drop: number; insert: string }[]): string {
  return edits.reduce((now, { at, drop, insert }) => {
    const start = Math.floor(at * now.length);
    return now.slice(0, start) + insert + now.slice(start + drop);
  }, text);
}

describe('parseConfig throws nothing but ConfigError', () => {
  it('on any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), isHandled), { numRuns: 1_000 });
  });

  it('on text made of the pieces of YAML and of the configuration', () => {
    const text = fc.array(token, { maxLength: 40 }).map((pieces) => pieces.join(''));
    fc.assert(fc.property(text, isHandled), { numRuns: 2_000 });
  });

  it('on any data', () => {
    const data = fc.dictionary(
      fc.constantFrom(
        'regions',
        'listen',
        'accounts',
        'limits',
        'self',
        'admin',
        'replay',
        'health',
        'passthrough',
        'store',
        'x',
      ),
      fc.jsonValue({ maxDepth: 4 }),
    );
    fc.assert(
      fc.property(data, (value) => isHandled(JSON.stringify(value))),
      { numRuns: 1_000 },
    );
  });

  it('on a working configuration with mistakes', () => {
    const edited = fc
      .tuple(fc.constantFrom(shipped, dense), fc.array(edit, { minLength: 1, maxLength: 4 }))
      .map(([text, edits]) => applyEdits(text, edits));
    fc.assert(fc.property(edited, isHandled), { numRuns: 1_000 });
  });
});
