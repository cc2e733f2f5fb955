// Whether the directory was written under another identity key than the one at hand: then nobody in it is found by name.
import { identityName } from '../keyed-hash.ts';
import type { DirectoryStore } from '../store/directory-store.ts';
import type { Hashes } from './desk-books.ts';

/** So many entries are looked at; they come in the order of hashes, so they are any. */
const SAMPLE = 100;

/** True when there are entries, and none of those looked at is under a key of `hashes`. False where the store is away. */
export async function isForeign(directory: Pick<DirectoryStore, 'list'>, hashes: Hashes): Promise<boolean> {
  const own = new Set([hashes.current, ...hashes.older].map(identityName));
  const { accounts } = await directory.list(undefined, SAMPLE).catch(() => ({ accounts: [] }));
  return accounts.length > 0 && !accounts.some(({ identity }) => own.has(identity));
}
