import { expect, it } from 'vitest';
import { Permit, type RegionName } from '../../src/domain.ts';
import { createLapsed } from '../../src/locality/lapsed.ts';
import { createDecide } from '../../src/policy/decide.ts';
import type { Policy } from '../../src/policy/question.ts';
import { ROUTES } from '../../src/route/table.ts';

const US = 'us' as RegionName;
const EU = 'eu' as RegionName;
const POLICY: Policy = {
  regions: [US, EU],
  hosts: new Map(),
  unknownAccounts: { kind: 'refuse' },
  anonymousCreate: undefined,
  anonymousRetrieve: undefined,
  verifyPrivate: 'authcheck',
  ownership: 'enforce',
  self: undefined,
  gateways: new Map(),
};
const decide = createDecide(POLICY);

function ask(effect: 'creates' | 'destroys', more: object) {
  const route = ROUTES.find((row) => row.effect === effect && row.version === 'v1');
  if (route === undefined) throw new Error('no such route');
  const value = { home: US, also: [], pinned: true, ...more };
  return decide({
    route,
    named: { prefix: undefined, header: undefined, host: undefined },
    account: { kind: 'found', value },
    held: undefined,
  });
}

function permit(term: number | undefined) {
  const decided = ask('creates', term === undefined ? {} : { term });
  if (!Permit.isGenuine(decided)) throw new Error('no permit');
  return decided;
}

it.each([
  [1, 1, undefined],
  [1, 2, 'directory_unavailable'],
  [1, undefined, 'directory_unavailable'],
  [undefined, undefined, undefined],
])('located in term %s, sent in term %s: %s', (located, term, code) => {
  const lapsed = createLapsed({ term: () => term, isDrained: () => false });
  expect(lapsed(permit(located), US)?.code).toBe(code);
});

it('an account that nobody knew is sent to the region of accounts.unknown in the same term only', () => {
  const route = ROUTES.find((row) => row.effect === 'creates' && row.version === 'v1');
  if (route === undefined) throw new Error('no such route');
  const unknown = createDecide({ ...POLICY, unknownAccounts: { kind: 'region', region: US } });
  const named = { prefix: undefined, header: undefined, host: undefined };
  const decided = unknown({ route, named, account: { kind: 'missing', term: 1 }, held: undefined });
  if (!Permit.isGenuine(decided)) throw new Error('no permit');
  const inTerm = (term: number) => createLapsed({ term: () => term, isDrained: () => false })(decided, US)?.code;
  expect([inTerm(1), inTerm(2)]).toEqual([undefined, 'directory_unavailable']);
});

it('a drained region is refused for everybody, not sent', () => {
  const lapsed = createLapsed({ term: () => 1, isDrained: (region) => region === US });
  expect(lapsed(permit(undefined), US)).toMatchObject({ code: 'region_drained', outcome: 'not_sent' });
  expect(lapsed(permit(undefined), EU)).toBeUndefined();
});

it('an account that is being moved creates nothing, and goes on retrieving', () => {
  expect(ask('creates', { moving: true })).toMatchObject({ code: 'account_moving', outcome: 'not_sent' });
  expect(ask('destroys', { moving: true })).toMatchObject({ region: US, reason: 'account_home' });
});
