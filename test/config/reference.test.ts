// `reference`: which of the two pages are answered, and that their paths are nobody else's.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { REGIONS } from './support.ts';

const parse = (text: string) => parseConfig(`${REGIONS}\n${text}`, 'gateway.yaml', {});

describe('reference', () => {
  it.each([
    ['', { openapi: true, docs: true }],
    ['reference:', { openapi: true, docs: true }],
    ['reference: { docs: false }', { openapi: true, docs: false }],
    ['reference: { openapi: false, docs: false }', { openapi: false, docs: false }],
  ])('of %j is %j', (text, expected) => {
    expect(parse(text).reference).toEqual(expected);
  });

  it.each([
    ['reference: off', /reference: found "off", expected a map with the keys openapi, docs/],
    ['reference: { docs: maybe }', /reference\.docs: found "maybe", expected true or false/],
    ['reference: { doc: true }', /reference\.doc: found an unknown key, .* Did you mean "docs"\?/],
  ])('of %j is refused', (text, problem) => {
    expect(() => parse(text)).toThrow(problem);
  });

  it.each(['/docs', '/docs/faq', '/openapi.json', '/DOCS'])(
    'keeps %s from being passed through, also when off',
    (prefix) => {
      const text = `passthrough: [{ prefix: ${prefix}, region: eu }]`;
      for (const reference of ['', 'reference: { openapi: false, docs: false }']) {
        expect(() => parse(`${text}\n${reference}`)).toThrow(
          /passthrough\[0\]\.prefix: found ".*", expected a path prefix outside the API and the gateway's own paths/,
        );
      }
    },
  );

  it.each(['docs', 'openapi'])('keeps %s from being the name of a region', (name) => {
    expect(() =>
      parseConfig(`regions: { ${name}: { upstreams: ["http://127.0.0.1:9"] } }`, 'gateway.yaml', {}),
    ).toThrow(`a region name that is not the start of a path that the gateway serves (/${name})`);
  });
});
