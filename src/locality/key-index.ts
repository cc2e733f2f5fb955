// Which region holds a key: learned when a secret is created through the gateway, kept in the store by keyed hash, with
// a bounded front in memory.
import { timingSafeEqual } from 'node:crypto';
import { createBounded } from '../bounded.ts';
import type { Found, KeyedHash, Patience, RegionName } from '../domain.ts';
import { type HashParts, hashOfDigest } from '../keyed-hash.ts';
import type { Store, StoredKey } from '../store/store.ts';
import { within } from './within.ts';

/** What the index knows of a key. */
export interface HeldKey {
  readonly region: RegionName;
  readonly kind: 'secret' | 'metadata';
  /** undefined: made anonymously. Compare with `isOwner` only: it depends on the identity key that was current then. */
  readonly owner: KeyedHash | undefined;
  /** Which identity key hashed it: 0 the current one, then the older ones in order. */
  readonly hashedBy: number;
}

/** A key as a successful create's answer told it. */
export interface LearnKey {
  /** A capability: hashed here, not kept. */
  readonly key: string;
  readonly kind: 'secret' | 'metadata';
  readonly region: RegionName;
  /** Normalised account name (caller/credentials.ts accountKey); undefined: made anonymously. */
  readonly owner: string | undefined;
  readonly ttlSeconds: number;
}

/** Counted since the start; `frontEntries` is as of now. */
export interface KeyIndexReadings {
  /** Of these, `fromFront` were answered from memory. */
  readonly found: number;
  readonly fromFront: number;
  readonly missing: number;
  readonly unavailable: number;
  /** Keys, not calls. */
  readonly learned: number;
  readonly failed: number;
  readonly frontEntries: number;
}

export interface KeyIndexOptions {
  /** Hashers of the identity keys (keyed-hash.ts over store/identity-key.ts), older ones in the order of the file. */
  readonly keys: { readonly current: HashParts; readonly older: readonly HashParts[] };
  /** The configured regions: an entry of a region that is gone is missing. */
  readonly regions: ReadonlySet<string>;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** How many keys the front remembers, about 250 bytes each. */
  readonly frontEntries: number;
  /** The longest that `find` and `learn` wait for the store. */
  readonly storeTimeoutMs: number;
  /** Called for each trouble with the store, for the log. The cause holds no key and no name. */
  readonly observe?: (what: 'find' | 'learn', cause: unknown) => void;
}

export interface KeyIndex {
  /**
   * @param digest of the key under the current identity key, where it is at hand (keyed-hash.ts createKeyedDigest)
   * @returns at once when the front or an embedded store answers. Never throws, never rejects.
   */
  find(key: string, patience?: Patience, digest?: string): Found<HeldKey> | Promise<Found<HeldKey>>;
  /** What the store has of a key, or of the hash of one, as it is: for operators. Never throws, never rejects. */
  entry(by: string | KeyedHash): Found<StoredKey> | Promise<Found<StoredKey>>;
  /** Whether this account (normalised name) made the key. In constant time; false for keys made anonymously. */
  isOwner(held: HeldKey, account: string): boolean;
  /**
   * Never rejects. `stored`: every gateway on this store finds them from now on, also after a kill -9. `failed`: only
   * this one knows them, from memory (and the store possibly later: a timeout does not take a put back).
   */
  learn(keys: readonly LearnKey[], patience?: Patience): Promise<'stored' | 'failed'>;
  readings(): KeyIndexReadings;
}

/** In the front; the owner as a string, since a small Buffer would take ten times its bytes. */
interface Fronted {
  readonly region: RegionName;
  readonly kind: 'secret' | 'metadata';
  readonly owner: string | undefined;
  readonly hashedBy: number;
  readonly expiresAtMs: number;
}

const MISSING = { kind: 'missing' } as const;
/** The purpose under which keys are hashed. */
export const HELD_KEY = 'held-key';
/** Beyond any life of a key; keeps an absurd `ttl` in an answer from being an unstorable number. */
const TTL_MAX_SECONDS = 366 * 86_400;

/** Makes the room. State: the front. The store stays the caller's to close. */
export function createKeyIndex(store: Store, options: KeyIndexOptions): KeyIndex {
  const { regions, now, storeTimeoutMs, observe } = options;
  const hashers = [options.keys.current, ...options.keys.older];
  const [current] = hashers as [HashParts, ...HashParts[]];
  // Only what was found is remembered. "Missing" is true for a moment: another gateway may learn the key right now, and
  // its first reader, sent here, would be told that there is no such secret.
  const front = createBounded<Fronted>(options.frontEntries);
  const counts = { found: 0, fromFront: 0, missing: 0, unavailable: 0, learned: 0, failed: 0 };

  const isConfigured = (region: string): region is RegionName => regions.has(region);

  function fromFront(name: string): Found<HeldKey> | undefined {
    const known = front.get(name);
    if (known === undefined) return undefined;
    // Configured no more: the store is asked again, in case the key was learned anew.
    if (known.expiresAtMs <= now() || !isConfigured(known.region)) {
      front.delete(name);
      return undefined;
    }
    counts.found++;
    counts.fromFront++;
    const { region, kind, owner, hashedBy } = known;
    const bytes = owner === undefined ? undefined : (Buffer.from(owner, 'latin1') as KeyedHash);
    return { kind: 'found', value: { region, kind, owner: bytes, hashedBy } };
  }

  /** Tries the identity keys from `hashedBy` on. Stays synchronous as long as the store does. */
  function ask(
    key: string,
    name: string,
    hash: KeyedHash,
    hashedBy: number,
    patience: Patience | undefined,
  ): Found<HeldKey> | Promise<Found<HeldKey>> {
    const answer = store.findKey(hash, patience);
    return answer instanceof Promise ? answer.then(told) : told(answer);

    function told(found: Found<StoredKey>): Found<HeldKey> | Promise<Found<HeldKey>> {
      if (found.kind === 'unavailable') return found;
      if (found.kind === 'found') return keep(name, found.value, hashedBy);
      const older = hashers[hashedBy + 1];
      return older === undefined ? MISSING : ask(key, name, older(HELD_KEY, key), hashedBy + 1, patience);
    }
  }

  function keep(name: string, stored: StoredKey, hashedBy: number): Found<HeldKey> {
    const { region, kind, owner, expiresAtMs } = stored;
    if (!isConfigured(region)) return MISSING;
    front.set(name, { region, kind, owner: owner?.toString('latin1'), hashedBy, expiresAtMs });
    return { kind: 'found', value: { region, kind, owner, hashedBy } };
  }

  function count(found: Found<HeldKey>): Found<HeldKey> {
    counts[found.kind]++;
    if (found.kind === 'unavailable') observe?.('find', found.cause);
    return found;
  }

  function toRow(learned: LearnKey): StoredKey {
    const { key, kind, region, owner, ttlSeconds } = learned;
    const expiresAtMs = Math.ceil(now() + Math.min(ttlSeconds, TTL_MAX_SECONDS) * 1000);
    const ownerHash = owner === undefined ? undefined : current('key-owner', owner);
    return { hash: current(HELD_KEY, key), region, kind, owner: ownerHash, expiresAtMs };
  }

  function keepInFront({ hash, region, kind, owner, expiresAtMs }: StoredKey): void {
    const name = hash.toString('latin1');
    if (!isConfigured(region) || front.has(name)) return;
    front.set(name, { region, kind, owner: owner?.toString('latin1'), hashedBy: 0, expiresAtMs });
  }

  return {
    find(key, patience, digest) {
      const hash = digest === undefined ? current(HELD_KEY, key) : hashOfDigest(digest);
      const name = hash.toString('latin1');
      const known = fromFront(name);
      if (known !== undefined) return known;
      const answer = ask(key, name, hash, 0, patience);
      if (!(answer instanceof Promise)) return count(answer);
      return within(answer, storeTimeoutMs).then(count, (cause) => count({ kind: 'unavailable', cause }));
    },
    async entry(by) {
      const hashes = typeof by === 'string' ? hashers.map((hasher) => hasher(HELD_KEY, by)) : [by];
      let found: Found<StoredKey> = MISSING;
      for (const hash of hashes) {
        found = await store.findKey(hash);
        if (found.kind !== 'missing') break;
      }
      return found;
    },
    isOwner({ owner, hashedBy }, account) {
      const hasher = hashers[hashedBy];
      return owner !== undefined && hasher !== undefined && timingSafeEqual(owner, hasher('key-owner', account));
    },
    async learn(keys, patience) {
      // Also keeps NaN out.
      const kept = keys.filter(({ ttlSeconds }) => ttlSeconds > 0);
      const rows = kept.map(toRow);
      if (rows.length === 0) return 'stored';
      try {
        await within(store.putKeys(rows, patience), storeTimeoutMs);
        counts.learned += rows.length;
        // Into the front as the store has them: it keeps the first of two that disagree.
        for (const [at, { hash }] of rows.entries()) {
          void ask(kept[at]?.key ?? '', hash.toString('latin1'), hash, 0, undefined);
        }
        return 'stored';
      } catch (cause) {
        // Then at least this gateway knows them.
        for (const row of rows) keepInFront(row);
        counts.failed += rows.length;
        observe?.('learn', cause);
        return 'failed';
      }
    },
    readings: () => ({ ...counts, frontEntries: front.size }),
  };
}
