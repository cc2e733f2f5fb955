// What the gateway asks of a store about accounts: where they live, what moves, who is watching. The same for both
// engines; test/store/conformance holds them to it.
//
// Nothing here is a name: an account is the keyed hash of its normalised name (`account`, keyed-hash.ts). The directory
// has one mark: a random generation, made by `init` alone, and an epoch that every change raises by one. An engine
// without the mark does not know nobody; it knows nothing, and says so.
import type { KeyedHash, Patience } from '../domain.ts';

export interface Mark {
  /** 32 hex digits, made by `init`. Another one means: other data. */
  readonly generation: string;
  /** 1 after `init`; one more with every change. Never goes back within a generation. */
  readonly epoch: number;
}

/** Where an account lives and where it may go, as names of regions that the configuration may not know (any more). */
export interface AccountFacts {
  readonly region: string;
  readonly pinned: boolean;
  /** Sorted, without `region`. */
  readonly also: readonly string[];
}

/**
 * A move under way.
 *
 *     active -> frozen   creates are refused, everything else still goes to `from`
 *            -> cutover  `to` is the account's region; creates are still refused
 *            -> active   (no move)
 *
 * A step is taken when every gateway has seen the epoch of the one before it, or its lease has expired.
 */
export interface Move {
  readonly from: string;
  readonly to: string;
  readonly phase: 'frozen' | 'cutover';
  /** Whether `from` stays in `also`: secrets made before stay there, and a pinned account reaches them only then. */
  readonly keepOld: boolean;
  /** Unix time in milliseconds at which the move began. */
  readonly sinceMs: number;
}

export interface StoredAccount extends AccountFacts {
  readonly hash: KeyedHash;
  /** Of the directory when this entry was written. */
  readonly epoch: number;
  /** Which identity key hashed the name (`identityName`, keyed-hash.ts): 8 hex digits that tell nothing of the key. */
  readonly identity: string;
  readonly move: Move | undefined;
}

/** An account as it is to be. */
export interface AccountRow extends AccountFacts {
  readonly hash: KeyedHash;
  /** The same name under older identity keys: entries there are replaced by this one. */
  readonly replaces: readonly KeyedHash[];
  readonly identity: string;
  /** Of an import: the line of the file, to name it in a conflict. */
  readonly line?: number;
}

/** Answer and mark are of the same moment. */
export type AccountAnswer =
  | { readonly kind: 'found'; readonly value: StoredAccount; readonly mark: Mark }
  | { readonly kind: 'missing'; readonly mark: Mark }
  /** The engine is away, too slow, or has no mark (a MarkMissingError as cause). */
  | { readonly kind: 'unavailable'; readonly cause: unknown };

export const CHANGES = [
  'initialised',
  'renewed',
  'account_added',
  'account_changed',
  'account_removed',
  'accounts_imported',
  'move_begun',
  'move_cut_over',
  'move_finished',
  'move_aborted',
  'region_drained',
  'region_undrained',
] as const;
export type ChangeKind = (typeof CHANGES)[number];

/** One change, and who made it: at once the events that are shown, and what gateways drop from memory. */
export interface Change {
  /** Of the directory after the change. */
  readonly epoch: number;
  /** Unix time in milliseconds. */
  readonly atMs: number;
  readonly what: ChangeKind;
  /** The account that changed; undefined: any may have (import), or none (regions). */
  readonly hash: KeyedHash | undefined;
  /** `cli:USER`, `token:NAME`, `gateway:ID`. */
  readonly actor: string;
  /** What changed, without names of accounts: `us -> eu`, `100000 added, 3 changed`, `eu`. */
  readonly detail: string;
}

/** A gateway that watches the directory. */
export interface Lease {
  /** Random, new for each process. */
  readonly gateway: string;
  /** For people: host name and port. */
  readonly label: string;
  /** Every request that was located before this epoch has been answered. */
  readonly seen: number;
  /** How long the gateway may go on with what it has seen. It counts from before it asked, the engine from later on. */
  readonly leaseMs: number;
}

export interface GatewayLease {
  readonly gateway: string;
  readonly label: string;
  readonly seen: number;
  /** By the engine's clock. */
  readonly leftMs: number;
}

/** A mark, and what the engine told with it (`News.last`), to be told again. */
export interface Since extends Mark {
  readonly last?: Buffer | undefined;
}

export interface News {
  readonly mark: Mark;
  /** Of an engine that may lose its last changes: what the change of this epoch was, so that another one is noticed. */
  readonly last?: Buffer | undefined;
  /** After `since`, oldest first. `gap`: more than are kept, or `since` was undefined; forget all that is remembered. */
  readonly changes: readonly Change[] | 'gap';
  /** Leases, some of which may have expired: among so many the work of moves is shared out. */
  readonly gateways: number;
  /**
   * True: the engine no longer had this gateway's lease when it asked, whatever the gateway believed. A failover lost it,
   * or the engine's clock has jumped, or the gateway was stopped together with its clocks; moves did not wait for it.
   */
  readonly lapsed?: boolean;
  /** Regions taken out of service by an operator. */
  readonly drained: readonly string[];
  /** Moves under way. */
  readonly moving: readonly StoredAccount[];
}

export type Followed =
  | { readonly kind: 'found'; readonly value: News }
  /**
   * Without the mark: nothing was written. Or with older or other data than `since` says: a distributed engine notes the
   * gateway as one that has seen nothing, so that moves wait for it; it gets no lease of its own.
   */
  | { readonly kind: 'lost'; readonly cause: unknown }
  | { readonly kind: 'unavailable'; readonly cause: unknown };

export interface ImportSummary {
  readonly added: number;
  readonly changed: number;
  readonly same: number;
  /** Known in another region: only written with `overwrite`, since a move freezes first. Part of `changed`. */
  readonly regionChanged: number;
  /** Being moved: never written. */
  readonly moving: number;
  /** The first ones that stand against the import, by their line. */
  readonly conflicts: readonly { readonly line: number; readonly why: 'region' | 'moving' }[];
}

/** Rows that are to be written together. */
export interface Stage {
  /** Every hash once; a later row of the same hash replaces an earlier one. */
  add(rows: readonly AccountRow[]): Promise<void>;
  /** What `commit` would do. */
  compare(): Promise<ImportSummary>;
  /**
   * All rows or none, in one step that nobody sees half of. With conflicts nothing is written, unless they are of
   * `region` alone and `overwrite` is true.
   */
  commit(actor: string, overwrite: boolean): Promise<{ readonly written: boolean; readonly summary: ImportSummary }>;
  /** Removes what was staged. Harmless after `commit`. */
  discard(): Promise<void>;
}

export type PutResult =
  | 'added'
  | 'changed'
  | 'same'
  /** Nothing was written: it is being moved. */
  | 'moving'
  /** Nothing was written: it is known in another region, and `overwrite` was false. */
  | 'region';

export interface MoveRequest {
  /** As stored, or to be stored. */
  readonly hash: KeyedHash;
  readonly to: string;
  readonly keepOld: boolean;
  /** Where it lives if the directory does not know it (a rule knows it): written with the move. */
  readonly otherwise: AccountRow | undefined;
}

export type BeginMove =
  /** `joined`: this very move was under way already. */
  | { readonly kind: 'begun' | 'joined'; readonly account: StoredAccount }
  /** It lives there. */
  | { readonly kind: 'there'; readonly account: StoredAccount }
  /** Another move of it is under way. */
  | { readonly kind: 'other'; readonly account: StoredAccount }
  | { readonly kind: 'missing' };

export type AdvanceMove =
  /** A gateway has not seen the last step, and its lease has not expired. */
  | { readonly kind: 'waiting'; readonly account: StoredAccount; readonly for: readonly GatewayLease[] }
  /** One step further: into cutover, or `finished`. */
  | { readonly kind: 'cutover' | 'finished'; readonly account: StoredAccount }
  /** No move of it is under way. */
  | { readonly kind: 'none' };

/** The engine holds no directory: it is new, was emptied, or lost its data. */
export class MarkMissingError extends Error {
  override readonly name = 'MarkMissingError';
  readonly code = 'STORE_MARK_MISSING';
  constructor() {
    super('the store holds no directory: it is new, or it has lost its data');
  }
}

/** The engine's data are older than what was seen of them: a restored backup, or a failover that lost writes. */
export class MarkRegressedError extends Error {
  override readonly name = 'MarkRegressedError';
  readonly code = 'STORE_MARK_REGRESSED';
  constructor() {
    super('the store’s data are older than what was seen of them before');
  }
}

/** What is to be gone on from is nothing that a page of this engine ended with. */
export class CursorError extends Error {
  override readonly name = 'CursorError';
  readonly code = 'STORE_CURSOR_UNKNOWN';
  constructor() {
    super('not a cursor of this store');
  }
}

/** All but `findAccount` may take seconds, and reject when the engine is away (StoreAwayError) or has no mark. */
export interface DirectoryStore {
  /**
   * Never throws and never rejects. At once from an embedded engine; never longer than `patience` from another, and
   * what it took is taken off.
   */
  findAccount(hash: KeyedHash, patience: Patience): AccountAnswer | Promise<AccountAnswer>;
  /**
   * Renews the lease (undefined: only looks) and tells what has changed. Never rejects.
   * @param since the mark that was seen last, with what came with it; undefined: none
   */
  follow(lease: Lease | undefined, since: Since | undefined): Promise<Followed>;
  /** Gives the lease back. Never rejects. */
  leave(gateway: string): Promise<void>;
  /** Of unexpired leases. */
  gateways(): Promise<readonly GatewayLease[]>;
  /**
   * Makes the mark. `new`: on an engine that has none (else `exists`). `renew`: a new generation over the data that are
   * there, after somebody has looked at them; makes one where there is none.
   */
  init(how: 'new' | 'renew', actor: string): Promise<'made' | 'renewed' | 'exists'>;
  /** Undefined: there is none. */
  mark(): Promise<Mark | undefined>;
  put(row: AccountRow, overwrite: boolean, actor: string): Promise<PutResult>;
  /** `hashes` are one name under several identity keys. */
  remove(hashes: readonly KeyedHash[], actor: string): Promise<'removed' | 'missing' | 'moving'>;
  /**
   * In no useful order, each once even while others are written; `after` is what the last page gave as `next`.
   * @throws CursorError where it is not
   */
  list(
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly accounts: readonly StoredAccount[]; readonly next: string | undefined }>;
  count(): Promise<number>;
  stage(): Promise<Stage>;
  beginMove(request: MoveRequest, actor: string): Promise<BeginMove>;
  /** Atomic: of several that try, one takes the step. */
  advanceMove(hash: KeyedHash, actor: string): Promise<AdvanceMove>;
  /** `too_late`: after cutover. */
  abortMove(hash: KeyedHash, actor: string): Promise<'aborted' | 'none' | 'too_late'>;
  /** False: it was so already. */
  setDrained(region: string, drained: boolean, actor: string): Promise<boolean>;
  /** Newest first, before `before`; a bounded number of them is kept. */
  changes(before: number | undefined, limit: number): Promise<readonly Change[]>;
}

/** Changes that are kept. Who missed more forgets all that it remembers. */
export const CHANGES_KEPT = 10_000;
