import { expect, it } from 'vitest';
import type { Found, Locality, RegionName } from '../../src/domain.ts';
import { createLocalities, type Locate } from '../../src/locality/localities.ts';

const found = (home: string): Found<Locality> => ({
  kind: 'found',
  value: { home: home as RegionName, also: [], pinned: true },
});
const MISSING: Found<Locality> = { kind: 'missing' };
const AWAY: Found<Locality> = { kind: 'unavailable', cause: undefined };
const PATIENCE = { leftMs: 10 };

it.each<[string, readonly Found<Locality>[], Found<Locality>]>([
  ['the first that knows decides', [MISSING, found('us'), found('eu')], found('us')],
  ['one that cannot tell ends the search', [AWAY, found('us')], AWAY],
  ['one behind the first that knows is not asked', [found('us'), AWAY], found('us')],
  ['nobody knows', [MISSING, MISSING], MISSING],
  [
    'nobody knows, as long as the directory does not',
    [{ kind: 'missing', term: 3 }, MISSING],
    { kind: 'missing', term: 3 },
  ],
  ['there is nobody to ask', [], MISSING],
])('%s', async (_, answers, expected) => {
  const asked: string[] = [];
  const places = answers.map(
    (answer): Locate =>
      (account) => {
        asked.push(account);
        return answer;
      },
  );
  const locate = createLocalities(places, (name) => name.toLowerCase());
  const answer = locate('ANN', PATIENCE);
  expect(answer).not.toBeInstanceOf(Promise);
  expect(answer).toEqual(expected);
  const end = answers.findIndex(({ kind }) => kind !== 'missing');
  expect(asked).toEqual(answers.slice(0, end === -1 ? undefined : end + 1).map(() => 'ann'));
  const later = createLocalities(
    places.map(
      (place): Locate =>
        async (...about) =>
          place(...about),
    ),
    String,
  );
  expect(await later('ann', PATIENCE)).toEqual(expected);
});
