// Walks all accounts of the distributed engine page by page, without holding it up.
import type { Cluster, Redis } from 'ioredis';
import { CursorError, type StoredAccount } from './directory-store.ts';
import { decodeAccount, hashOf } from './valkey-accounts.ts';

const HASH_BYTES = 16;
const CURSOR = /^\d{1,20}(?::[0-9a-f]{32})?$/;
/** Names beside accounts are shorter: they are the mark's. */
const isAccount = ({ hash }: Field): boolean => hash.length === HASH_BYTES;

interface Field {
  readonly hash: Buffer;
  readonly entry: Buffer;
}

/** One step of the engine's own walk. It may give more than `count`, and a small hash at once. */
export async function scanFields(
  redis: Redis | Cluster,
  key: string,
  cursor: string,
  count: number,
): Promise<{ readonly cursor: string; readonly fields: readonly Field[] }> {
  const [next, flat] = await redis.hscanBuffer(key, cursor, 'COUNT', count);
  const fields = new Map<string, Field>();
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [hash, entry] = [flat[at], flat[at + 1]];
    if (Buffer.isBuffer(hash) && Buffer.isBuffer(entry)) fields.set(hash.toString('hex'), { hash, entry });
  }
  return { cursor: String(next), fields: [...fields.values()].filter(isAccount) };
}

/** @throws CursorError */
export function checkCursor(after: string | undefined): void {
  if (after !== undefined && !CURSOR.test(after)) throw new CursorError();
}

/**
 * A page of at most `limit` accounts.
 * @param after `CURSOR` begins a step of the engine's walk, `CURSOR:HASH` goes on in it after that hash. A step that is
 *   begun again gives the same accounts, or more.
 */
export async function listAccounts(
  redis: Redis | Cluster,
  key: string,
  after: string | undefined,
  limit: number,
): Promise<{ readonly accounts: readonly StoredAccount[]; readonly next: string | undefined }> {
  const accounts: StoredAccount[] = [];
  let [cursor = '0', last = ''] = (after ?? '0').split(':');
  for (;;) {
    const step = await scanFields(redis, key, cursor, limit);
    const rest = step.fields
      .map(({ hash, entry }) => ({ hash, entry, name: hash.toString('hex') }))
      .filter(({ name }) => name > last)
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    const room = limit - accounts.length;
    for (const { hash, entry } of rest.slice(0, room)) accounts.push(decodeAccount(hashOf(hash), entry));
    if (rest.length > room) return { accounts, next: `${cursor}:${accounts.at(-1)?.hash.toString('hex') ?? last}` };
    if (step.cursor === '0') return { accounts, next: undefined };
    if (accounts.length === limit) return { accounts, next: step.cursor };
    [cursor, last] = [step.cursor, ''];
  }
}
