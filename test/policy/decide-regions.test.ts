// A request that began by one configuration, located by what the next one knows: no permit for a region that is not its own.
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import type { Locality, RegionName } from '../../src/domain.ts';
import { createDecide } from '../../src/policy/decide.ts';
import { policyOf } from '../../src/policy/policy.ts';
import { Refusal } from '../../src/refusal.ts';
import { ROUTES } from '../../src/route/table.ts';

const decide = createDecide(
  policyOf(parseConfig('regions: { us: { upstreams: ["https://us.example"] } }', 'gateway.yaml', {})),
);
const NEW = 'eu' as RegionName;
const named = { prefix: undefined, header: undefined, host: undefined };
const routeOf = (id: string) => {
  const route = ROUTES.find((row) => row.id === id);
  if (route === undefined) throw new Error(`no route ${id}`);
  return route;
};
const found = <T>(value: T) => ({ kind: 'found', value }) as const;

it('a key that is held in a new region is not looked for by the configuration before', () => {
  const held = found({ region: NEW, owner: 'nobody' as const });
  const answer = decide({ route: routeOf('v1.secret'), named, account: undefined, held });
  expect(answer).toBeInstanceOf(Refusal);
  expect(answer).toMatchObject({ code: 'index_unavailable', status: 503, outcome: 'not_sent' });
});

it('an account that lives in a new region is not sent there by the configuration before', () => {
  const account = found<Locality>({ home: NEW, also: [], pinned: true });
  const answer = decide({ route: routeOf('v1.share'), named, account, held: undefined });
  expect(answer).toMatchObject({ code: 'directory_unavailable', status: 503, outcome: 'not_sent' });
});
