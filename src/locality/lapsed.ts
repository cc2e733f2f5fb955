// Right before a connection is used: does what the permit rests on still hold? A request may have waited long for its body,
// its verification or a free connection.
import type { Permit, RegionName } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import type { Directory } from './directory.ts';

/** Undefined when the call may go. */
export type Lapsed = (permit: Permit, to: RegionName) => Refusal | undefined;

/** An operator takes a region out of service for minutes, not for seconds. */
const DRAINED_RETRY_SECONDS = 30;

export function createLapsed({ term, isDrained }: Pick<Directory, 'term' | 'isDrained'>): Lapsed {
  return (permit, to) => {
    const located = permit.account?.term;
    // When the lease was interrupted the account may live elsewhere by now: a move did not wait for this gateway.
    if (located !== undefined && located !== term()) {
      const cause = { name: 'DirectoryError', code: 'DIRECTORY_LEASE_EXPIRED' };
      return new Refusal('directory_unavailable', { outcome: 'not_sent', headers: ['Retry-After', '1'], cause });
    }
    if (!isDrained(to)) return undefined;
    const headers = ['Retry-After', String(DRAINED_RETRY_SECONDS)];
    return new Refusal('region_drained', { outcome: 'not_sent', headers });
  };
}
