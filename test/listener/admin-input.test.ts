// Whatever comes in: it is taken or refused with a sentence that repeats nothing of it.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseInput } from '../../src/listener/admin-input.ts';
import { Problem } from '../../src/listener/admin-problem.ts';
import { ADMIN_ROUTES } from '../../src/listener/admin-routes.ts';

const CANARY = 'Canary-7';
const FIELDS = [
  'account',
  'region',
  'pinned',
  'also',
  'overwrite',
  'to',
  'keep_old',
  'method',
  'path',
  'key',
  'hash',
  'id',
];

const schemas = ADMIN_ROUTES.flatMap(({ id, params, query, body }) =>
  [params, query, body].flatMap((schema) => (schema === undefined ? [] : [{ id, schema }])),
);

const word = fc.oneof(
  fc.constantFrom(...FIELDS, '__proto__', 'constructor', 'toString'),
  fc.string({ maxLength: 12 }).map((text) => `${CANARY}${text}`),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, -1, 1e300, '', 'eu', CANARY, CANARY.repeat(2000)),
    word,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(word, tie('value'), { maxKeys: 5 }),
  ),
}));

it('is refused as input_invalid without a word of what it held, or taken', () => {
  let refused = 0;
  let taken = 0;
  fc.assert(
    fc.property(fc.constantFrom(...schemas), value, ({ schema }, input) => {
      try {
        parseInput(schema, input, 'body');
        taken++;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        refused++;
        expect([error.code, error.status]).toEqual(['input_invalid', 400]);
        expect(error.message.toLowerCase()).not.toContain(CANARY.toLowerCase());
        expect(error.message.length).toBeLessThan(1000);
      }
    }),
    { numRuns: 2000, seed: 4 },
  );
  expect(refused).toBeGreaterThan(500);
  expect(taken).toBeGreaterThan(5);
});
