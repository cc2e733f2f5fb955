// From names to entries of the directory: under the current identity key first, then under the older ones.
import type { KeyedHash } from '../domain.ts';
import { accountHash, type HashParts, identityName } from '../keyed-hash.ts';
import type { AccountFacts, AccountRow, DirectoryStore, StoredAccount } from '../store/directory-store.ts';
import { nameFault, nameSentence } from './account-name.ts';
import type { AccountView } from './desk.ts';
import { asking, DeskError, storeTrouble } from './desk-error.ts';

/** The identity keys: entries are written under `current`, and found under all. */
export interface Hashes {
  readonly current: HashParts;
  /** Newest first. */
  readonly older: readonly HashParts[];
}

/** Operators wait longer than requests do. */
const PATIENCE_MS = 5000;

export interface Books {
  /** Of the name under every identity key, the current one first. @throws DeskError `malformed` */
  hashesOf(name: string): readonly [KeyedHash, ...KeyedHash[]];
  rowOf(name: string, facts: AccountFacts): AccountRow;
  /** The first entry that is there. @throws DeskError `unavailable` */
  entryOf(hashes: readonly KeyedHash[]): Promise<StoredAccount | undefined>;
}

export function createBooks(options: {
  readonly store: DirectoryStore;
  readonly hashes: Hashes;
  readonly normalise: (name: string) => string;
}): Books {
  const { store, hashes, normalise } = options;
  const identity = identityName(hashes.current);

  function hashesOf(name: string): readonly [KeyedHash, ...KeyedHash[]] {
    const fault = nameFault(name);
    if (fault !== undefined) throw new DeskError('malformed', nameSentence(fault));
    const account = normalise(name);
    return [accountHash(hashes.current, account), ...hashes.older.map((older) => accountHash(older, account))];
  }
  return {
    hashesOf,
    rowOf(name, facts) {
      const [hash, ...replaces] = hashesOf(name);
      return { ...facts, hash, replaces, identity };
    },
    async entryOf(candidates) {
      const patience = { leftMs: PATIENCE_MS };
      for (const hash of candidates) {
        const answer = await asking(() => store.findAccount(hash, patience));
        if (answer.kind === 'found') return answer.value;
        if (answer.kind === 'unavailable') throw storeTrouble(answer.cause) ?? notAnswered(answer.cause);
      }
      return undefined;
    },
  };
}

function notAnswered(cause: unknown): DeskError {
  return new DeskError('unavailable', 'The store does not answer. Nothing is guessed; try again.', { cause });
}

/** @param id 32 hex digits. @throws DeskError `malformed` */
export function hashOfId(id: string): KeyedHash {
  if (!/^[0-9a-f]{32}$/.test(id))
    throw new DeskError('malformed', 'The id of an account is 32 hex digits, lower case.');
  return Buffer.from(id, 'hex') as KeyedHash;
}

/** An entry as people and programs see it. */
export function viewOf({ hash, region, pinned, also, epoch, move }: StoredAccount): AccountView {
  return {
    id: hash.toString('hex'),
    region,
    pinned,
    also,
    epoch,
    move: move === undefined ? null : viewOfMove(move),
  };
}

function viewOfMove({ sinceMs, ...move }: NonNullable<StoredAccount['move']>): NonNullable<AccountView['move']> {
  return { ...move, since: new Date(sinceMs).toISOString() };
}
