// The policy that a configuration means: what decide needs of it, and nothing else.
import type { RegionName } from '../domain.ts';
import type { Policy } from './question.ts';

/** The parts of the configuration (config/types.ts) that decide. */
export interface PolicySource {
  readonly regions: readonly { readonly name: RegionName; readonly hosts: readonly string[] }[];
  readonly accounts: { readonly unknown: Policy['unknownAccounts'] };
  readonly anonymous: { readonly create: RegionName | undefined; readonly retrieve: RegionName | undefined };
  readonly private: { readonly verify: Policy['verifyPrivate']; readonly ownership: Policy['ownership'] };
  readonly self: { readonly region: RegionName | undefined; readonly gateways: ReadonlyMap<RegionName, string> };
}

export function policyOf(config: PolicySource): Policy {
  return {
    regions: config.regions.map(({ name }) => name),
    hosts: new Map(config.regions.flatMap(({ name, hosts }) => hosts.map((host) => [host, name] as const))),
    unknownAccounts: config.accounts.unknown,
    anonymousCreate: config.anonymous.create,
    anonymousRetrieve: config.anonymous.retrieve,
    verifyPrivate: config.private.verify,
    ownership: config.private.ownership,
    self: config.self.region,
    gateways: config.self.gateways,
  };
}
