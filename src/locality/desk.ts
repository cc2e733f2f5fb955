// What operators do with accounts, by name: the same for the command line and the admin API. Names are hashed here and go
// no further.
import type { Found, Locality } from '../domain.ts';
import type {
  AccountFacts,
  AdvanceMove,
  Change,
  GatewayLease,
  ImportSummary,
  Mark,
  PutResult,
  StoredAccount,
} from '../store/directory-store.ts';

/** What is wrong with a request of an operator, as a sentence that helps. */
export class DeskError extends Error {
  override readonly name = 'DeskError';
  readonly code: DeskCode;
  constructor(code: DeskCode, message: string) {
    super(message);
    this.code = code;
  }
}

export type DeskCode =
  /** A name, region or cursor that cannot be one. */
  | 'malformed'
  | 'unknown_region'
  | 'not_found'
  /** Another move is under way, or it is too late for this one to be aborted. */
  | 'conflict'
  /** A rule of the configuration comes first and would hide what the directory says. */
  | 'hidden_by_rule'
  /** The pinned account would no longer reach what it made before: say keepOld true or false. */
  | 'keep_old_required'
  /** The store is away, or has no mark. */
  | 'unavailable';

/** An account as people and programs see it. */
export interface AccountView {
  /** 32 hex digits: the keyed hash by which the directory, logs and events know it. */
  readonly id: string;
  readonly region: string;
  readonly pinned: boolean;
  readonly also: readonly string[];
  readonly epoch: number;
  readonly move: {
    readonly from: string;
    readonly to: string;
    readonly phase: 'frozen' | 'cutover';
    readonly keepOld: boolean;
    /** ISO 8601. */
    readonly since: string;
  } | null;
}

/** What is in force for a name, and which part of the configuration says so. */
export interface Standing {
  readonly id: string;
  /** `unknown`: accounts.unknown decides. */
  readonly by: 'directory' | 'source' | 'rules' | 'unknown';
  readonly locality: Locality | undefined;
  readonly entry: AccountView | undefined;
}

export interface Desk {
  show(name: string): Promise<Standing>;
  find(id: string): Promise<AccountView | undefined>;
  add(name: string, facts: AccountFacts, overwrite: boolean): Promise<{ result: PutResult; account: AccountView }>;
  /** By name, or by id. */
  remove(who: { name: string } | { id: string }): Promise<'removed' | 'missing' | 'moving'>;
  list(after: string | undefined, limit: number): Promise<{ accounts: AccountView[]; next: string | undefined }>;
  count(): Promise<number>;
  /** @param keepOld undefined: only where it makes no difference */
  move(name: string, to: string, keepOld: boolean | undefined): Promise<{ begun: boolean; account: AccountView }>;
  /** One step of a move, where it can be taken. */
  advance(id: string): Promise<AdvanceMove>;
  abort(who: { name: string } | { id: string }): Promise<'aborted' | 'none' | 'too_late'>;
  moves(): Promise<AccountView[]>;
  gateways(): Promise<readonly GatewayLease[]>;
  mark(): Promise<Mark | undefined>;
  events(before: number | undefined, limit: number): Promise<readonly Change[]>;
  setDrained(region: string, drained: boolean): Promise<boolean>;
}

export type { AccountFacts, Change, Found, GatewayLease, ImportSummary, Mark, PutResult, StoredAccount };
