// What the gateway asks of a store, whatever engine is behind it: an embedded one may answer at once, a distributed one
// with a promise.
import type { Found, KeyedHash, Patience } from '../domain.ts';
import type { DirectoryStore } from './directory-store.ts';

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

/** The engine cannot be asked: not connected, too slow, or closed. Its message names no address and no secret. */
export class StoreAwayError extends Error {
  override readonly name = 'StoreAwayError';
  readonly code: string;
  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface Store {
  readonly engine: 'sqlite' | 'valkey';
  /**
   * Never throws and never rejects: trouble of the engine is `unavailable` with its cause, within `patience` (of which
   * it takes off what it took; undefined: the store's own timeout). Expired is missing, swept or not.
   */
  findKey(hash: KeyedHash, patience?: Patience): Found<StoredKey> | Promise<Found<StoredKey>>;
  /**
   * Settles when every gateway on this store finds the rows, and a kill -9 of this process can no longer lose them;
   * rejects otherwise, within `patience`. Rows of one call are stored together or not at all (in an engine of several
   * nodes each by itself); a later row of the same hash does not change where it is held or whose it is.
   */
  putKeys(rows: readonly StoredKey[], patience?: Patience): Promise<void>;
  readonly directory: DirectoryStore;
  /** What gateways, or threads of one, share beside the directory and the keys; undefined: each has its own. */
  readonly shared: SharedState | undefined;
  /** Left out where nothing outlives the process, or where all of it does. */
  readonly sent?: SentCalls | undefined;
  /** Whether the engine can be asked at the moment. */
  readings(): StoreReadings;
  /** Called when something may have changed at another gateway: sooner than polling tells. One listener. */
  onNews(listener: (news: StoreNews) => void): void;
  /** Stores what was put before, then lets go of the engine. Afterwards lookups are unavailable and puts reject. */
  close(): Promise<void>;
}

export interface StoreReadings {
  readonly up: boolean;
  /** Counted since the start: times that it went away, questions that it did not answer (in time). */
  readonly wentAway: number;
  readonly failed: number;
}

export type StoreNews =
  | { readonly kind: 'directory' }
  /** Credentials that were found good are so no longer; the hash is that of SharedVerifications. */
  | { readonly kind: 'verification'; readonly hash: KeyedHash };

/** Held by a distributed engine for all gateways, or by one thread for the others. Nothing here throws or rejects. */
export interface SharedState {
  /** Undefined among threads: they count in memory that they share. */
  readonly limits: SharedLimits | undefined;
  readonly verifications: SharedVerifications;
  readonly replays: SharedReplays;
}

/** One limit's rate, in whole microseconds of the engine's clock (limit/gcra.ts says what they mean). */
export interface SharedRate {
  readonly emissionUs: number;
  readonly toleranceUs: number;
}

export interface SharedDecision {
  readonly allowed: boolean;
  readonly retryAfterMs: number;
  readonly remaining: number;
  readonly resetMs: number;
}

export interface SharedLimits {
  /**
   * The generic cell rate algorithm in one atomic step, by the engine's clock (limit/gcra.ts).
   * - `spend`: `cost` if it is allowed, else nothing
   * - `peek`: what a cost of 1 would be told; `remaining` and `resetMs` as they are before it
   * - `charge`: debits, allowed or not, as gcraCharge bounds it
   * @param limit its name, part of the entry's
   * @param key whose allowance
   */
  apply(
    how: 'spend' | 'peek' | 'charge',
    limit: string,
    key: KeyedHash,
    rate: SharedRate,
    cost: number,
    patience: Patience | undefined,
  ): Promise<Found<SharedDecision>>;
}

/** `leftMs`: how much longer it may be kept; undefined: nobody tells. */
export type SharedVerification = Found<boolean> & { readonly leftMs?: number };

export interface SharedVerifications {
  /**
   * Whether the credentials of this hash were found good (true) or bad. Among threads, `missing` makes the asker the one
   * who finds out: others who ask meanwhile wait until it tells by `put` or `pass`.
   */
  find(hash: KeyedHash, patience: Patience | undefined): Promise<SharedVerification>;
  /** Not waited for. */
  put(hash: KeyedHash, good: boolean, keepMs: number): void;
  /** What was asked after a `missing` has no answer that could be put: the next one who waits finds out. Not waited for. */
  readonly pass?: (hash: KeyedHash) => void;
  /** For every gateway, also what they remember themselves. Not waited for. */
  forget(hash: KeyedHash): void;
}

/** A call with Idempotency-Key, by name and check (replay/seal.ts): 16 bytes each. */
export interface SentCall {
  readonly name: Buffer;
  readonly check: Buffer;
}

/** Which of them were sent, for whoever begins on the same file. Nothing here throws. */
export interface SentCalls {
  /** As processes before have left them: asked once, before any is put. */
  before(): readonly SentCall[];
  /**
   * One that is about to be sent; handed to the system when this returns, or as soon as the file takes it.
   * @returns takes it away again: it surely was not
   */
  put(call: SentCall, keepMs: number): () => void;
}

/** What lies under the name of a call with Idempotency-Key. */
export type SharedRecord =
  /** Nothing was there, and now it is claimed by the asker, who has to `settle` or to `extend` in time. */
  | { readonly kind: 'claimed' }
  /** Somebody is sending it. `check` as it was claimed. */
  | { readonly kind: 'under_way'; readonly check: Buffer }
  /** Who claimed it has not settled in time: it may have been sent, and nobody knows what came of it. */
  | { readonly kind: 'lapsed'; readonly check: Buffer }
  /** A settled record (replay/seal.ts). */
  | { readonly kind: 'record'; readonly record: Buffer };

export interface SharedReplays {
  /**
   * Claims a name, or tells what is there, in one atomic step. Unavailable also where the engine has lost its data: then
   * nobody can tell whether the call was sent before.
   * @param name 16 bytes (replay/seal.ts)
   * @param check 16 bytes: tells whether it is the same request
   * @param owner random, names the claim
   * @param claimMs how long the claim stands without `extend`; afterwards it is `lapsed`, until `keepMs` are over
   */
  begin(
    name: Buffer,
    check: Buffer,
    owner: Buffer,
    claimMs: number,
    keepMs: number,
    patience: Patience,
  ): Promise<Found<SharedRecord>>;
  /** Keeps the claim alive. */
  extend(name: Buffer, owner: Buffer, claimMs: number, keepMs: number): Promise<Found<boolean>>;
  /** Puts the record in place of the claim, or (undefined) takes the claim away. False: it was no longer this owner's. */
  settle(name: Buffer, owner: Buffer, record: Buffer | undefined, keepMs: number): Promise<Found<boolean>>;
  /** Resolves when the claim under this name is over. Where it is not there, the claim has to be asked about. Never rejects. */
  readonly over?: (name: Buffer) => Promise<void>;
}
