// Where an account lives, by the rules of the configuration: compiled to lookups once, never scanned for a request.
import type { Found, Locality, RegionName } from '../domain.ts';

/** One rule of `accounts.rules`: an account by its name, or all accounts of a mail domain. */
export type AccountRule = ({ readonly account: string } | { readonly domain: string }) & {
  readonly region: RegionName;
  readonly pinned: boolean;
  readonly also: readonly RegionName[];
};

interface Ranked {
  readonly rank: number;
  readonly found: Found<Locality>;
}

const MISSING: Found<Locality> = { kind: 'missing' };

/** What follows the last `@`, or undefined: account ids (`ur...`) have no domain. */
function domainOf(name: string): string | undefined {
  const at = name.lastIndexOf('@');
  return at === -1 ? undefined : name.slice(at + 1);
}

/**
 * @param rules in order; the first that matches wins
 * @param normalise the form in which names are compared (caller/credentials.ts accountKey); the service itself is
 *   case-sensitive, so two spellings of a name may be two accounts there, but they live in the same region here
 * @returns name -> locality or `missing`, in constant time whatever the number of rules
 */
export function createAccounts(
  rules: readonly AccountRule[],
  normalise: (name: string) => string,
): (name: string) => Found<Locality> {
  const accounts = new Map<string, Ranked>();
  const domains = new Map<string, Ranked>();
  rules.forEach((rule, rank) => {
    const found = {
      kind: 'found',
      value: { home: rule.region, also: rule.also, pinned: rule.pinned },
    } as const satisfies Found<Locality>;
    const [map, key] = 'account' in rule ? [accounts, rule.account] : [domains, rule.domain];
    const compared = normalise(key);
    if (!map.has(compared)) map.set(compared, { rank, found });
  });

  return function locate(name) {
    const compared = normalise(name);
    const byName = accounts.get(compared);
    const domain = domains.size === 0 ? undefined : domainOf(compared);
    const byDomain = domain === undefined ? undefined : domains.get(domain);
    if (byName === undefined) return byDomain?.found ?? MISSING;
    return byDomain === undefined || byName.rank < byDomain.rank ? byName.found : byDomain.found;
  };
}
