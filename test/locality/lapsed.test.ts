import { expect, it } from 'vitest';
import { Permit, type RegionName } from '../../src/domain.ts';
import { createLapsed } from '../../src/locality/lapsed.ts';
import { createDecide } from '../../src/policy/decide.ts';
import { ROUTES } from '../../src/route/table.ts';

const US = 'us' as RegionName;
const EU = 'eu' as RegionName;
const decide = createDecide({
  regions: [US, EU],
  hosts: new Map(),
  unknownAccounts: { kind: 'refuse' },
  anonymousCreate: undefined,
  anonymousRetrieve: undefined,
  verifyPrivate: 'authcheck',
  ownership: 'enforce',
  self: undefined,
  gateways: new Map(),
});

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

it('a drained region is refused for everybody, not sent', () => {
  const lapsed = createLapsed({ term: () => 1, isDrained: (region) => region === US });
  expect(lapsed(permit(undefined), US)).toMatchObject({ code: 'region_drained', outcome: 'not_sent' });
  expect(lapsed(permit(undefined), EU)).toBeUndefined();
});

it('an account that is being moved creates nothing, and goes on retrieving', () => {
  expect(ask('creates', { moving: true })).toMatchObject({ code: 'account_moving', outcome: 'not_sent' });
  expect(ask('destroys', { moving: true })).toMatchObject({ region: US, reason: 'account_home' });
});
