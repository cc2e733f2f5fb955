// What is in force for a name: the first part of the configuration that knows it.
import type { Found, Locality, RegionName } from '../domain.ts';
import type { StoredAccount } from '../store/directory-store.ts';
import type { DeskOptions, Standing } from './desk.ts';
import { type Books, viewOf } from './desk-books.ts';
import { DeskError } from './desk-error.ts';

type Place = DeskOptions['order'][number];

/** What one place of the order says of a name. */
export interface Said {
  readonly by: Place;
  readonly locality: Locality | undefined;
}

export interface Standings {
  show(name: string): Promise<Standing>;
  /** The first of `places` that knows the name. @throws DeskError `unavailable` */
  first(places: readonly Place[], name: string, entry: StoredAccount | undefined): Promise<Said | undefined>;
}

export function createStanding(options: DeskOptions, books: Books): Standings {
  const { order, normalise, locateByRules, locateBySource } = options;
  const known = new Set<string>(options.regions);

  function ofEntry({ region, also, pinned, move }: StoredAccount): Locality | undefined {
    if (!known.has(region)) return undefined;
    const others = also.filter((other) => known.has(other)) as RegionName[];
    return { home: region as RegionName, also: others, pinned, ...(move === undefined ? {} : { moving: true }) };
  }

  async function ask(place: Exclude<Place, 'directory'>, name: string): Promise<Found<Locality>> {
    if (place === 'rules') return locateByRules(name);
    return locateBySource === undefined ? { kind: 'missing' } : locateBySource(normalise(name));
  }

  async function first(places: readonly Place[], name: string, entry: StoredAccount | undefined) {
    for (const by of places) {
      if (by === 'directory') {
        if (entry !== undefined) return { by, locality: ofEntry(entry) };
        continue;
      }
      const found = await ask(by, name);
      if (found.kind === 'found') return { by, locality: found.value };
      if (found.kind === 'unavailable') {
        throw new DeskError('unavailable', 'The source of accounts (accounts.source) does not answer. Try again.', {
          cause: found.cause,
        });
      }
    }
    return undefined;
  }

  return {
    first,
    async show(name) {
      const hashes = books.hashesOf(name);
      const entry = await books.entryOf(hashes);
      const said = await first(order, name, entry);
      return {
        id: (entry?.hash ?? hashes[0]).toString('hex'),
        by: said?.by ?? 'unknown',
        locality: said?.locality,
        entry: entry && viewOf(entry),
      };
    },
  };
}
