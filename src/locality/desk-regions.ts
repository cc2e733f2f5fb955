// Regions as operators name them: the configured ones, and nothing else.
import type { RegionName } from '../domain.ts';
import type { AccountFacts } from '../store/directory-store.ts';
import { DeskError } from './desk-error.ts';

export interface Regions {
  /** @throws DeskError `unknown_region` */
  check(region: string): RegionName;
  /** What is stored of them: `also` sorted, each once, without the region itself. @throws DeskError */
  facts(facts: AccountFacts): AccountFacts;
}

export function createRegions(options: {
  readonly regions: readonly RegionName[];
  readonly suggest?: ((text: string, names: readonly string[]) => string | undefined) | undefined;
}): Regions {
  const { regions, suggest } = options;
  const known = new Set<string>(regions);

  function check(region: string): RegionName {
    if (known.has(region)) return region as RegionName;
    const nearest = suggest?.(region, regions);
    const shown = JSON.stringify(region.length > 80 ? `${region.slice(0, 80)}...` : region);
    throw new DeskError(
      'unknown_region',
      `There is no region ${shown}. Configured: ${regions.join(', ')}.${nearest === undefined ? '' : ` ${nearest}`}`,
    );
  }
  return {
    check,
    facts: ({ region, pinned, also }) => ({
      region: check(region),
      pinned,
      also: [...new Set(also.map(check))].filter((other) => other !== region).sort(),
    }),
  };
}
