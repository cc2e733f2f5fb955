// Where accounts live, by one configuration: the directory, a source of the organisation's own, and the rules, in the
// configured order; and the desk at which operators change what the directory says.
import { accountKey } from './caller/credentials.ts';
import type { Config } from './config/types.ts';
import { createAccounts } from './locality/accounts.ts';
import { createDesk, type Desk } from './locality/desk.ts';
import type { Hashes } from './locality/desk-books.ts';
import type { Directory } from './locality/directory.ts';
import { createLocalities, type Locate } from './locality/localities.ts';
import type { Source } from './locality/source.ts';
import type { Store } from './store/store.ts';

/** What stays when the configuration changes. */
export interface PlaceParts {
  readonly store: Store;
  readonly directory: Directory;
  readonly hashes: Hashes;
  /** Undefined also where another thread has it. */
  readonly source: Source | undefined;
  /** Asks the source, wherever it is. */
  readonly locateBySource: Locate | undefined;
}

export interface Places {
  readonly locateAccount: Locate;
  /** @param actor whom the events of its changes name */
  readonly desk: (actor: string) => Desk;
}

export function placesOf({ accounts, regions }: Config, parts: PlaceParts): Places {
  const { store, directory, hashes, source, locateBySource } = parts;
  const { order } = accounts;
  const locateByRules = createAccounts(accounts.rules, accountKey);
  const places = { directory: directory.locate, source: locateBySource, rules: locateByRules };
  const behind = order.slice(order.indexOf('directory') + 1);
  const asked = order.flatMap((place) => {
    const locate = places[place];
    if (locate === undefined) return [];
    return order.includes('directory') && behind.includes(place) ? [directory.behind(locate)] : [locate];
  });
  return {
    locateAccount: createLocalities(asked, accountKey),
    desk: (actor) =>
      createDesk({
        store: store.directory,
        actor,
        hashes,
        normalise: accountKey,
        regions: regions.map(({ name }) => name),
        order,
        locateByRules,
        ...(source === undefined ? {} : { locateBySource: source.locate }),
      }),
  };
}
