// Stores with a population in them: written by the store's own code, under the identity key that the gateway is given.
import type { KeyedHash } from '../src/domain.ts';
import { accountHash, createKeyedHash, identityName } from '../src/keyed-hash.ts';
import { openStore } from '../src/store/open.ts';
import type { Store, StoredKey } from '../src/store/store.ts';
import { accountName, keyName } from './growth-load.ts';

const ACCOUNT_CHUNK = 1000;
const KEY_CHUNK = 5000;
const PATIENCE_MS = 600_000;
const TTL_MS = 14 * 86_400_000;
const HASH_BYTES = 16;
const BUCKETS = 65_536;
const REGIONS = ['us', 'eu'] as const;

async function withStore(file: string, work: (store: Store) => Promise<void>): Promise<void> {
  const store = openStore({ kind: 'sqlite', path: file }, { now: Date.now, storeTimeoutMs: PATIENCE_MS });
  await work(store).finally(() => store.close());
}

/** Imports accounts, as `accounts import` does. */
export function fillAccounts(file: string, identityKey: Buffer, count: number): Promise<void> {
  const hash = createKeyedHash(identityKey);
  const identity = identityName(hash);
  return withStore(file, async ({ directory }) => {
    const stage = await directory.stage();
    for (let from = 0; from < count; from += ACCOUNT_CHUNK) {
      const rows = Array.from({ length: Math.min(ACCOUNT_CHUNK, count - from) }, (_, index) => ({
        hash: accountHash(hash, accountName(from + index)),
        region: REGIONS[(from + index) % 2] ?? 'us',
        pinned: true,
        also: [],
        identity,
        replaces: [],
        line: from + index + 1,
      }));
      await stage.add(rows);
    }
    await stage.compare();
    const { written } = await stage.commit('cli:bench', false);
    if (!written) throw new Error('the import was not written');
  });
}

/** Hashes of all keys, nearly sorted: written in any other order, each row of a large file would be a page of its own to read. */
function sortedHashes(identityKey: Buffer, count: number): Buffer {
  const hash = createKeyedHash(identityKey);
  const all = Buffer.alloc(count * HASH_BYTES);
  const sizes = new Uint32Array(BUCKETS + 1);
  for (let member = 0; member < count; member++) {
    const one = hash('held-key', keyName(member));
    one.copy(all, member * HASH_BYTES);
    const bucket = one.readUInt16BE(0) + 1;
    sizes[bucket] = (sizes[bucket] ?? 0) + 1;
  }
  for (let bucket = 1; bucket <= BUCKETS; bucket++) sizes[bucket] = (sizes[bucket] ?? 0) + (sizes[bucket - 1] ?? 0);
  const sorted = Buffer.alloc(all.length);
  for (let at = 0; at < all.length; at += HASH_BYTES) {
    const bucket = all.readUInt16BE(at);
    const place = sizes[bucket] ?? 0;
    sizes[bucket] = place + 1;
    all.copy(sorted, place * HASH_BYTES, at, at + HASH_BYTES);
  }
  return sorted;
}

/** Puts keys of secrets, each made by an account. */
export function fillKeys(file: string, identityKey: Buffer, count: number): Promise<void> {
  const owner = createKeyedHash(identityKey)('key-owner', accountName(0));
  const expiresAtMs = Date.now() + TTL_MS;
  return withStore(file, async (store) => {
    const hashes = sortedHashes(identityKey, count);
    for (let from = 0; from < count; from += KEY_CHUNK) {
      const rows = Array.from({ length: Math.min(KEY_CHUNK, count - from) }, (_, index): StoredKey => {
        const at = (from + index) * HASH_BYTES;
        const hash = hashes.subarray(at, at + HASH_BYTES) as KeyedHash;
        return { hash, region: REGIONS[index % 2] ?? 'us', kind: 'secret', owner, expiresAtMs };
      });
      await store.putKeys(rows, { leftMs: PATIENCE_MS });
    }
  });
}
