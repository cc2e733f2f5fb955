// The last check before a connection: may this account go there? From the permit and the account's facts alone, without
// trust in decide.
import { Permit, type RegionName } from '../domain.ts';

/**
 * @param permit anything that claims to be one
 * @param region where the bytes would go
 * @param purpose `forward` sends the caller's request, `verify` the question whether its credentials are good
 * @returns what is wrong, in words for the log, or undefined when the request may go
 */
export function violation(permit: Permit, region: RegionName, purpose: 'forward' | 'verify'): string | undefined {
  if (!Permit.isGenuine(permit)) return 'not a permit that decide made';
  const { account } = permit;
  if (purpose === 'forward' && region !== permit.region) return 'not the region of the permit';
  if (account === undefined) {
    if (purpose === 'verify') return 'an anonymous caller has no credentials to verify';
    return permit.credentials === 'none' ? undefined : 'credentials without an account';
  }
  if (region === account.home || account.also.includes(region)) return undefined;
  if (purpose === 'verify') return 'credentials would be verified outside the account’s regions';
  if (account.pinned) return 'a pinned account outside its regions';
  if (permit.credentials !== 'strip') return 'credentials would leave the account’s regions';
  return permit.retrieves ? undefined : 'only a retrieval may leave the account’s regions';
}
