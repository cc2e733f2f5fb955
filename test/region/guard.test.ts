// The connections' own check, with permits that a broken decide might make: nothing leaves.
import { describe, expect, it } from 'vitest';
import { issuePermit, type Locality, Permit, type PermitFacts, type RegionName } from '../../src/domain.ts';
import { violation } from '../../src/region/guard.ts';

const US = 'us' as RegionName;
const EU = 'eu' as RegionName;
const PINNED: Locality = { home: EU, also: [], pinned: true };
const LOOSE: Locality = { home: EU, also: [], pinned: false };

function permit(facts: Partial<PermitFacts>): Permit {
  return issuePermit({
    region: EU,
    credentials: 'forward',
    verifyAt: undefined,
    reason: 'account_home',
    account: PINNED,
    retrieves: false,
    ...facts,
  });
}

describe('what a permit does not excuse', () => {
  it.each([
    ['a pinned account outside its region', permit({ region: US }), US, 'forward'],
    [
      'a pinned account outside its region, even without credentials',
      permit({ region: US, credentials: 'strip', retrieves: true }),
      US,
      'forward',
    ],
    ['credentials of an unpinned account', permit({ region: US, account: LOOSE, retrieves: true }), US, 'forward'],
    [
      'an unpinned account that does not retrieve',
      permit({ region: US, account: LOOSE, credentials: 'strip' }),
      US,
      'forward',
    ],
    ['another region than the permit’s', permit({}), US, 'forward'],
    ['credentials verified outside the account’s regions', permit({ verifyAt: US }), US, 'verify'],
    ['credentials without an account', permit({ account: undefined }), EU, 'forward'],
    ['a verification without an account', permit({ account: undefined, credentials: 'none' }), EU, 'verify'],
  ] as const)('%s', (_what, ticket, region, purpose) => {
    expect(violation(ticket, region, purpose)).toBeTypeOf('string');
  });

  it('an object that looks like a permit', () => {
    const forged = { ...permit({}) } as unknown;
    expect(Permit.isGenuine(forged)).toBe(false);
    expect(violation(Object.assign(Object.create(Permit.prototype), permit({})), EU, 'forward')).toMatch(
      /not a permit/,
    );
  });
});

it('lets the permits of decide pass', () => {
  expect(violation(permit({}), EU, 'forward')).toBeUndefined();
  expect(violation(permit({ verifyAt: EU }), EU, 'verify')).toBeUndefined();
  expect(violation(permit({ account: { ...PINNED, also: [US] }, region: US }), US, 'forward')).toBeUndefined();
  expect(
    violation(permit({ region: US, account: LOOSE, credentials: 'strip', retrieves: true }), US, 'forward'),
  ).toBeUndefined();
  expect(violation(permit({ account: undefined, credentials: 'none' }), EU, 'forward')).toBeUndefined();
});
