// decide, for every policy, account and request that fast-check can think of: the promise about regions holds.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createStandingOf, type Found, type Locality, Permit, type RegionName, type Route } from '../../src/domain.ts';
import { createDecide } from '../../src/policy/decide.ts';
import type { Decision, Held, Policy, Question } from '../../src/policy/question.ts';
import { Refusal } from '../../src/refusal.ts';
import { violation } from '../../src/region/guard.ts';
import { ROUTES } from '../../src/route/table.ts';

const RUNS = 100_000;
const NAMES = ['us', 'eu', 'ca'] as RegionName[];
const region = fc.constantFrom(...NAMES);
const maybeRegion = fc.option(region, { nil: undefined });
/** What a caller may write where a region is named. */
const given = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  { weight: 4, arbitrary: region },
  { weight: 1, arbitrary: fc.constantFrom('', 'xx', 'EU', 'us ') },
);
const HOSTS = new Map(NAMES.map((name) => [`${name}.gateway.example`, name]));

const policy: fc.Arbitrary<Policy> = fc.record({
  regions: fc.constant(NAMES),
  hosts: fc.constant(HOSTS),
  unknownAccounts: fc.oneof(
    fc.constant({ kind: 'refuse' } as const),
    fc.constant({ kind: 'named' } as const),
    region.map((name) => ({ kind: 'region', region: name }) as const),
  ),
  anonymousCreate: maybeRegion,
  anonymousRetrieve: maybeRegion,
  verifyPrivate: fc.constantFrom('authcheck', 'presence'),
  ownership: fc.constantFrom('enforce', 'off'),
  self: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: region }),
  gateways: fc.constant(new Map()),
});

const locality: fc.Arbitrary<Locality> = fc.record({
  home: region,
  also: fc.uniqueArray(region, { maxLength: 2 }),
  pinned: fc.boolean(),
});

const account: fc.Arbitrary<Found<Locality> | undefined> = fc.oneof(
  { weight: 5, arbitrary: locality.map((value) => ({ kind: 'found', value }) as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'missing' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'unavailable', cause: 'store' } as const) },
  { weight: 2, arbitrary: fc.constant(undefined) },
);

const held: fc.Arbitrary<Found<Held>> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({ region, owner: fc.constantFrom('caller', 'other', 'nobody') })
      .map((value) => ({ kind: 'found', value }) as const),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'missing' } as const) },
  { weight: 1, arbitrary: fc.constant({ kind: 'unavailable', cause: 'store' } as const) },
);

const question: fc.Arbitrary<Question> = fc
  .tuple(fc.constantFrom(...ROUTES), held)
  .chain(([route, where]) => questionAbout(route, route.key === 'none' ? undefined : where));

const questionAbout = (route: Route, where: Found<Held> | undefined): fc.Arbitrary<Question> =>
  fc.record({
    route: fc.constant(route),
    held: fc.constant(where),
    named: fc.record({
      prefix: given,
      header: given,
      host: fc.option(fc.constantFrom('gateway.example', 'localhost', ...HOSTS.keys()), { nil: undefined, freq: 2 }),
    }),
    account,
  });

/** The region that an unambiguous request names. */
function namedBy({ named }: Question): string | undefined {
  return named.prefix ?? named.header ?? HOSTS.get(named.host ?? '');
}

function checkAccount(decision: Permit, { home, also, pinned }: Locality, asked: Question): void {
  const own = decision.region === home || also.includes(decision.region);
  if (!own) {
    expect({ pinned, retrieves: asked.route.retrieves, credentials: decision.credentials }).toEqual({
      pinned: false,
      retrieves: true,
      credentials: 'strip',
    });
    expect(decision.verifyAt).toBe(home);
  } else if (decision.region === home || namedBy(asked) !== undefined) {
    expect(decision.credentials).toBe('forward');
  } else {
    // Where the index led to another region of the account, its credentials for home stay here.
    expect([decision.credentials, decision.verifyAt, asked.route.retrieves]).toEqual(['strip', home, true]);
  }
  if (decision.verifyAt !== undefined) expect([home, ...also]).toContain(decision.verifyAt);
}

/** Rule 5: what is known of the key binds every way to a region, and another's key no region at all. */
function checkHeld(decision: Decision, asked: Question, rules: Policy): void {
  const { route, held: known } = asked;
  const owned = route.access === 'private' && rules.ownership === 'enforce';
  if (decision !== 'here' && 'kind' in decision) {
    expect(route.access).toBe('private');
    expect(known?.kind).toBe('found');
    if (decision.answer === 'unknown_key') expect(known).toMatchObject({ value: { owner: 'other' } });
    // Verified where the credentials would have gone, whatever private.verify says.
    const { verifyAt, account } = decision.permit;
    expect(verifyAt).toBe(namedBy(asked) ?? account?.home);
    return;
  }
  if (!Permit.isGenuine(decision)) return;
  if (known?.kind === 'found') {
    expect(decision.region).toBe(known.value.region);
    if (owned) expect(known.value.owner).not.toBe('other');
  }
  if (known?.kind === 'unavailable') expect([namedBy(asked) !== undefined, owned]).toEqual([true, false]);
}

it(`never gives a permit outside home and also, but for an unpinned account’s retrieval without credentials (${RUNS} cases)`, () => {
  let permits = 0;
  fc.assert(
    fc.property(policy, question, (rules, asked) => {
      const decision = createDecide(rules)(asked);
      checkHeld(decision, asked, rules);
      if (!Permit.isGenuine(decision)) return;
      permits++;
      const named = namedBy(asked);
      if (named !== undefined) expect(decision.region).toBe(named);
      if (rules.self !== undefined) {
        expect(decision.region).toBe(rules.self);
        expect([undefined, rules.self]).toContain(decision.verifyAt);
      }
      const standing = createStandingOf(rules.unknownAccounts.kind === 'refuse' ? 'unknown' : 'admitted')(
        asked.account,
      );
      const held = { permit: decision, standing, retrieves: asked.route.retrieves };
      const headers = decision.credentials === 'forward' ? ['authorization', 'Basic eDp5'] : [];
      expect(violation({ ...held, purpose: 'forward' }, decision.region, headers)).toBeUndefined();
      if (decision.verifyAt !== undefined) {
        expect(violation({ ...held, purpose: 'verify' }, decision.verifyAt, headers)).toBeUndefined();
      }

      if (asked.account?.kind === 'found') checkAccount(decision, asked.account.value, asked);
      if (asked.account?.kind === 'missing') {
        const { unknownAccounts } = rules;
        expect(unknownAccounts.kind).not.toBe('refuse');
        expect(decision.region).toBe(unknownAccounts.kind === 'region' ? unknownAccounts.region : named);
        expect(decision.credentials).toBe('forward');
      }
      expect(asked.account?.kind).not.toBe('unavailable');
      if (asked.account === undefined) {
        expect([decision.credentials, asked.route.access === 'private']).toEqual(['none', false]);
      } else if (asked.route.access === 'private' && rules.verifyPrivate === 'authcheck') {
        expect(decision.verifyAt).toBe(decision.region);
      }
    }),
    { numRuns: RUNS },
  );
  // The property would hold of a gateway that refuses everything, too.
  expect(permits).toBeGreaterThan(RUNS / 5);
}, 120_000);

it('answers the same question with the same answer, and says why in the order of the rules', () => {
  fc.assert(
    fc.property(policy, question, (rules, asked) => {
      const decide = createDecide(rules);
      const notes: number[] = [];
      const silent = decide(asked);
      const told = decide(asked, (rule) => notes.push(rule));
      expect(JSON.stringify(told)).toBe(JSON.stringify(silent));
      if (notes.length === 0) expect(told).toBeInstanceOf(Refusal);
      expect(notes).toEqual(notes.toSorted((a, b) => a - b));
    }),
    { numRuns: 5_000 },
  );
});
