import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Route } from '../../src/domain.ts';
import { Refusal } from '../../src/refusal.ts';
import { createClassify } from '../../src/route/classify.ts';
import { LINK, REFERENCE, ROUTES } from '../../src/route/table.ts';

const ALL = [...ROUTES, LINK];
const classify = createClassify(ALL);
const KEY = 'abcdefghijklmnopqrst0123456789-_';
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'get'];
const segmentsOf = ({ version, path }: Route): string[] => [...(version === 'link' ? [] : ['api', version]), ...path];
const codeOf = (found: ReturnType<typeof classify>) => (found instanceof Refusal ? found.code : undefined);

/** As the table is read by a person: segment by segment. */
function reference(method: string, path: string): { id: string; key: string | undefined } | string {
  const given = path.slice(1).split('/');
  if (given.some((segment) => !/^[\w-]+$/.test(segment))) return 'refused';
  const segments = given[0] === 'api' || given[0] === 'secret' ? given : given.slice(1);
  const rows = ALL.filter((route) => {
    const shape = segmentsOf(route);
    return shape.length === segments.length && shape.every((one, at) => one === 'KEY' || one === segments[at]);
  });
  // `recent` is a literal where it stands for one, and never a key.
  const literal = rows.filter((route) => segmentsOf(route).every((one, at) => one === segments[at] && one !== 'KEY'));
  const fitting = literal.length > 0 ? literal : rows;
  const key = segmentsOf(fitting[0] ?? (LINK as Route)).indexOf('KEY');
  const value = fitting.length > 0 && key !== -1 ? segments[key] : undefined;
  if (value !== undefined && !/^[0-9A-Za-z_-]{20,128}$/.test(value)) return 'refused';
  const route = fitting.find(({ accepts }) => (accepts as readonly string[]).includes(method));
  return route === undefined ? 'refused' : { id: route.id, key: value };
}

describe('classify', () => {
  it.each(ALL.map((route) => [route.id, route] as const))(
    'knows %s by every method, with and without a region',
    (_id, route) => {
      const path = `/${segmentsOf(route).join('/').replace('KEY', KEY)}`;
      for (const method of route.accepts) {
        for (const prefix of ['', '/eu']) {
          const found = classify(method, `${prefix}${path}?a=b`);
          const key = segmentsOf(route).includes('KEY') ? KEY : undefined;
          expect(found).toMatchObject({ route: { id: route.id }, path, key, prefix: prefix === '' ? undefined : 'eu' });
        }
      }
    },
  );

  it('takes the name that stands for a key in the table for no key', () => {
    expect(codeOf(classify('POST', '/api/v1/secret/KEY'))).toBe('key_malformed');
    expect(codeOf(classify('GET', '/api/v1/private/KEY'))).toBe('key_malformed');
    expect(codeOf(classify('POST', '/api/v1/private/KEY/burn'))).toBe('key_malformed');
    expect(codeOf(classify('GET', '/secret/KEY'))).toBe('key_malformed');
    expect(codeOf(classify('POST', '/api/v1/secret/*'))).toBe('path_malformed');
  });

  it('reads random paths as the table does, segment by segment', () => {
    const words = [...new Set(ALL.flatMap(segmentsOf)), KEY, 'eu', 'KEY', '*', '', 'x'.repeat(129), 'api', 'v1', 'v3'];
    const path = fc
      .oneof(
        fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 7 }),
        fc.tuple(fc.constantFrom(...ALL), fc.constantFrom(...words), fc.nat(6)).map(([route, word, at]) => {
          const segments = segmentsOf(route).map((segment) => (segment === 'KEY' ? KEY : segment));
          segments.splice(at, at % 2, word);
          return segments;
        }),
      )
      .map((segments) => `/${segments.join('/')}`);
    fc.assert(
      fc.property(fc.constantFrom(...METHODS), path, (method, target) => {
        const found = classify(method, target);
        const read = found instanceof Refusal ? 'refused' : { id: found.route.id, key: found.key };
        expect(read).toEqual(reference(method, target));
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('classify with pages', () => {
  const withPages = createClassify(ALL, REFERENCE);

  it('knows each page at exactly its path, and gives it no query', () => {
    for (const { id, path } of REFERENCE) {
      for (const query of ['', '?a=b']) {
        const found = withPages('GET', `/${path[0]}${query}`);
        expect(found).toMatchObject({
          route: { id },
          path: `/${path[0]}`,
          query: '',
          key: undefined,
          prefix: undefined,
        });
      }
      expect(codeOf(withPages('POST', `/${path[0]}`))).toBe('method_not_allowed');
    }
  });

  it('says of everything else what it says without them', () => {
    const names = REFERENCE.flatMap(({ path }) => path);
    const words = [
      ...new Set([...ALL.flatMap(segmentsOf), ...names]),
      KEY,
      'eu',
      '.',
      '..',
      '',
      'DOCS',
      'openapi',
      'json',
    ];
    const path = fc
      .array(fc.constantFrom(...words), { minLength: 1, maxLength: 5 })
      .map((segments) => `/${segments.join('/')}`)
      .filter((one) => !names.includes(one.slice(1)));
    fc.assert(
      fc.property(fc.constantFrom(...METHODS), path, (method, target) => {
        expect(withPages(method, target)).toEqual(classify(method, target));
      }),
      { numRuns: 10_000 },
    );
  });
});
