// What the gateway asks of a store, whatever engine is behind it: an embedded one may answer at once, a distributed one
// with a promise.
import type { Found, KeyedHash } from '../domain.ts';

/** Where one key is held. Nothing in it tells the key or the account's name. */
export interface StoredKey {
  /** Of the secret key or metadata key, 16 bytes. */
  readonly hash: KeyedHash;
  readonly region: string;
  readonly kind: 'secret' | 'metadata';
  /** Of the account that made it, 16 bytes; undefined: made anonymously. */
  readonly owner: KeyedHash | undefined;
  /** Unix time in milliseconds, whole; from then on the entry is missing. */
  readonly expiresAtMs: number;
}

export interface Store {
  /**
   * Never throws and never rejects: trouble of the engine is `unavailable` with its cause, within the store's timeout.
   * Expired is missing, swept or not.
   */
  findKey(hash: KeyedHash): Found<StoredKey> | Promise<Found<StoredKey>>;
  /**
   * Settles when a kill -9 of the process can no longer lose the rows; rejects otherwise, within the store's timeout.
   * Rows of one call are stored together or not at all; a later row of the same hash replaces an earlier one.
   */
  putKeys(rows: readonly StoredKey[]): Promise<void>;
  /** Stores what was put before, then lets go of the engine. Afterwards lookups are unavailable and puts reject. */
  close(): Promise<void>;
}
