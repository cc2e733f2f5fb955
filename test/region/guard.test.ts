// The connections' own check, with permits that a broken decide might make: nothing leaves.
import { describe, expect, it } from 'vitest';
import {
  issuePermit,
  type Locality,
  Permit,
  type PermitFacts,
  type RegionName,
  type Standing,
} from '../../src/domain.ts';
import { probeViolation, violation } from '../../src/region/guard.ts';

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
    ...facts,
  });
}

const CREDENTIALS = ['accept', '*/*', 'Authorization', 'Basic eDp5'];

/** Facts of a permit, and of its route. */
type Facts = Partial<PermitFacts> & { readonly retrieves?: boolean };

/** What is wrong with sending `headers` to `region` for an account that was located as `standing`. */
function stopped(
  standing: Standing | undefined,
  region: RegionName,
  { retrieves = false, ...facts }: Facts = {},
  purpose: 'forward' | 'verify' = 'forward',
  headers: readonly string[] = [],
): string | undefined {
  return violation({ permit: permit({ region, ...facts }), purpose, standing, retrieves }, region, headers);
}

describe('what a permit does not excuse', () => {
  const anonymous = { account: undefined, credentials: 'none' } as const;
  it.each([
    ['a pinned account outside its region', stopped(PINNED, US)],
    ['the same without credentials', stopped(PINNED, US, { credentials: 'strip', retrieves: true })],
    ['credentials of an unpinned account', stopped(LOOSE, US, { account: LOOSE, retrieves: true })],
    ['an unpinned account that does not retrieve', stopped(LOOSE, US, { account: LOOSE, credentials: 'strip' })],
    ['credentials verified outside the account’s regions', stopped(PINNED, US, { verifyAt: US }, 'verify')],
    ['credentials without an account', stopped('nobody', EU, { account: undefined })],
    ['an account where nobody was located', stopped('nobody', EU, { credentials: 'none' })],
    ['a verification without an account', stopped('nobody', EU, anonymous, 'verify')],
    // What decide copied is not what was located.
    ['an account that decide takes for another', stopped(PINNED, US, { account: { ...PINNED, home: US } })],
    ['an account that decide takes for nobody', stopped(PINNED, US, anonymous)],
    [
      'a pinned account that decide takes for a loose one',
      stopped(PINNED, US, { account: LOOSE, credentials: 'strip' }),
    ],
    ['an account that nobody could tell of', stopped('untold', EU)],
    ['an account that was not looked for', stopped(undefined, EU)],
    ['an unknown account where such are refused', stopped('unknown', EU)],
    ['an unknown account without a region', stopped('admitted', EU, { account: undefined })],
    ['an unknown account outside the region it was given', stopped('admitted', US)],
    // What is written is not what the permit says.
    [
      'stripped credentials that travel',
      stopped(LOOSE, US, { credentials: 'strip', retrieves: true }, 'forward', CREDENTIALS),
    ],
    ['credentials of nobody', stopped('nobody', EU, anonymous, 'forward', CREDENTIALS)],
  ])('%s', (_what, problem) => {
    expect(problem).toBeTypeOf('string');
  });

  it('a connection to another region than the permit’s', () => {
    const standing = { ...PINNED, also: [US] };
    const ticket = { permit: permit({ region: EU }), purpose: 'forward', standing, retrieves: false } as const;
    expect(violation(ticket, US, [])).toMatch(/not the region of the permit/);
  });

  it('an object that looks like a permit', () => {
    const genuine = permit({});
    const forged = Object.assign(Object.create(Permit.prototype), genuine);
    expect(Permit.isGenuine({ ...genuine })).toBe(false);
    expect(violation({ permit: forged, purpose: 'forward', standing: PINNED, retrieves: false }, EU, [])).toMatch(
      /not a permit/,
    );
  });
});

it('lets the permits of decide pass', () => {
  const passing = [
    stopped(PINNED, EU, {}, 'forward', CREDENTIALS),
    stopped(PINNED, EU, { verifyAt: EU }, 'verify', CREDENTIALS),
    stopped({ ...PINNED, also: [US] }, US),
    stopped(LOOSE, US, { account: LOOSE, credentials: 'strip', retrieves: true }),
    stopped('nobody', EU, { account: undefined, credentials: 'none' }),
    stopped('admitted', EU, {}, 'forward', CREDENTIALS),
  ];
  expect(passing).toEqual(passing.map(() => undefined));
});

it('lets no probe out but the one for the status', () => {
  expect(probeViolation('GET', '/api/v1/status', ['accept', '*/*'])).toBeUndefined();
  for (const [method, target, headers] of [
    ['POST', '/api/v1/status', []],
    ['GET', '/api/v1/status?key=x', []],
    ['GET', '/api/v1/status', CREDENTIALS],
  ] as const) {
    expect(probeViolation(method, target, headers)).toBeTypeOf('string');
  }
});
