// Permits as decide makes them, and what goes with them to a connection.
import { Permit, type RegionName } from '../../src/domain.ts';
import { createDecide } from '../../src/policy/decide.ts';
import type { Egress } from '../../src/region/forward.ts';
import { ROUTES } from '../../src/route/table.ts';

/** An anonymous caller's, for v1 share. */
export function permitToCreate(region: RegionName): Permit {
  const decide = createDecide({
    regions: [region],
    hosts: new Map(),
    unknownAccounts: { kind: 'refuse' },
    anonymousCreate: region,
    anonymousRetrieve: undefined,
    verifyPrivate: 'authcheck',
    ownership: 'enforce',
    self: undefined,
    gateways: new Map(),
  });
  const route = ROUTES.find((row) => row.effect === 'creates' && row.version === 'v1');
  if (route === undefined) throw new Error('no such route');
  const named = { prefix: undefined, header: undefined, host: undefined };
  const decided = decide({ route, named, account: undefined, held: undefined });
  if (!Permit.isGenuine(decided)) throw new Error('no permit');
  return decided;
}

/** Of an anonymous caller. */
export function egressOfNobody(): Egress {
  return {
    requestId: 'test',
    account: undefined,
    client: undefined,
    standing: 'nobody',
    route: undefined,
    trace: undefined,
    region: undefined,
    upstream: undefined,
    certificate: undefined,
    upstreamMs: undefined,
  };
}
