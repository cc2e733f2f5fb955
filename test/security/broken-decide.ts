// A decide that is broken in every way that its types let it be: permits at random, with made-up facts.
import fc from 'fast-check';
import { issuePermit, type Locality, Permit, type PermitFacts, REASONS, type RegionName } from '../../src/domain.ts';
import type { Decide, Decision } from '../../src/policy/question.ts';

/** Two regions, none of this gateway's, and what would break out of a line of the log. */
const PLACES = ['us', 'eu', 'us', 'eu', 'nowhere', 'x","outcome":"delivered', 'x\ny'] as RegionName[];
const HOMES = ['us', 'eu'] as RegionName[];

const locality: fc.Arbitrary<Locality> = fc.record({
  home: fc.constantFrom(...HOMES),
  also: fc.subarray(HOMES),
  pinned: fc.boolean(),
});

const facts: fc.Arbitrary<PermitFacts> = fc.record({
  region: fc.constantFrom(...PLACES),
  credentials: fc.constantFrom('forward', 'strip', 'none'),
  verifyAt: fc.option(fc.constantFrom(...PLACES), { nil: undefined }),
  reason: fc.constantFrom(...REASONS),
  account: fc.option(locality, { nil: undefined }),
});

/** What looks like a permit, and was never issued. */
const forged = facts.map((made): Permit => Object.assign(Object.create(Permit.prototype), made));

/** How one question is answered; `sound`: as by the decide that is not broken. */
const answer: fc.Arbitrary<Decision | 'sound'> = fc.oneof(
  { weight: 1, arbitrary: fc.constant('sound' as const) },
  { weight: 6, arbitrary: facts.map(issuePermit) },
  {
    weight: 1,
    arbitrary: facts.map((made) => ({ kind: 'guarded', permit: issuePermit(made), answer: 'unknown_key' }) as const),
  },
  { weight: 1, arbitrary: forged },
);

/** @param sound the decide that is broken. @param seed of what becomes of it: the same one gives the same answers */
export function breakDecide(sound: Decide, seed: number): Decide {
  const answers = fc.sample(answer, { seed, numRuns: 1000 });
  let asked = 0;
  return (question, note) => {
    const made = answers[asked++ % answers.length] ?? 'sound';
    return made === 'sound' ? sound(question, note) : made;
  };
}
