// What every request asks of the embedded engine, answered in its own tick, by whichever connection to the file.
import type { DatabaseSync } from 'node:sqlite';
import type { Found, KeyedHash } from '../domain.ts';
import type { AccountAnswer } from './directory-store.ts';
import type { Accounts } from './sqlite-accounts.ts';
import { awayError } from './sqlite-errors.ts';
import { createKeyReader } from './sqlite-keys.ts';
import type { Standing } from './sqlite-standing.ts';
import type { FileWatch } from './sqlite-watch.ts';
import type { StoredKey } from './store.ts';

export interface FindRooms {
  readonly watch: Pick<FileWatch, 'replaced'>;
  readonly standing: Pick<Standing, 'answered' | 'failed'>;
}

/** As Store.findKey. */
export function createFindKey(
  db: DatabaseSync,
  { now, watch, standing }: FindRooms & { readonly now: () => number },
): (hash: KeyedHash) => Found<StoredKey> {
  const read = createKeyReader(db, now);
  return (hash) => {
    try {
      const found = read(hash);
      standing.answered();
      // In a file that nobody else writes any more, what is missing may be known to all others.
      const cause = found.kind === 'missing' ? watch.replaced() : undefined;
      return cause === undefined ? found : { kind: 'unavailable', cause };
    } catch (error) {
      // Not for a lock: in WAL mode readers wait for nobody, whatever another process does with the file.
      standing.failed();
      return { kind: 'unavailable', cause: awayError(error) };
    }
  };
}

/** As DirectoryStore.findAccount. */
export function createFindAccount(
  accounts: Pick<Accounts, 'find'>,
  { watch, standing }: FindRooms,
): (hash: KeyedHash) => AccountAnswer {
  return (hash) => {
    const cause = watch.replaced();
    if (cause !== undefined) return { kind: 'unavailable', cause };
    try {
      const answer = accounts.find(hash);
      standing.answered();
      return answer;
    } catch (error) {
      standing.failed();
      return { kind: 'unavailable', cause: awayError(error) };
    }
  };
}
