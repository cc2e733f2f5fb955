// What operators do with accounts, by name: the same for the command line and the admin API. Names are hashed here and go
// no further.
import type { Found, KeyedHash, Locality, RegionName } from '../domain.ts';
import type {
  AccountFacts,
  AdvanceMove,
  Change,
  DirectoryStore,
  GatewayLease,
  ImportSummary,
  Mark,
  PutResult,
  StoredAccount,
} from '../store/directory-store.ts';
import { createBooks, type Hashes, hashOfId, viewOf } from './desk-books.ts';
import { asking, DeskError, storeTrouble } from './desk-error.ts';
import { createMoving } from './desk-moves.ts';
import { createRegions } from './desk-regions.ts';
import { createStanding } from './desk-standing.ts';

export { type DeskCode, DeskError } from './desk-error.ts';

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
  /** Undefined also where the directory names a region that the configuration does not have (any more). */
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

/** Where localities come from, in the order in which they are asked. */
export type Order = readonly ('directory' | 'source' | 'rules')[];

export interface DeskOptions {
  readonly store: DirectoryStore;
  /** Who is at the desk: `cli:USER`, `token:NAME`. */
  readonly actor: string;
  readonly hashes: Hashes;
  /** The form in which names are compared (caller/credentials.ts accountKey). */
  readonly normalise: (name: string) => string;
  readonly regions: readonly RegionName[];
  readonly order: Order;
  readonly locateByRules: (name: string) => Found<Locality>;
  readonly locateBySource?: (account: string) => Found<Locality> | Promise<Found<Locality>>;
  /** `Did you mean "eu"?`, where one of the names is near. */
  readonly suggest?: (text: string, names: readonly string[]) => string | undefined;
}

/** Of one page of a list. */
const LIST_LIMIT = 1000;
/** What a store gives as `next`; anything else cannot be one. */

/** All of it throws DeskError where the request or the store is at fault; nothing in its sentences is a name of an account. */
export function createDesk(options: DeskOptions): Desk {
  const { store, actor } = options;
  const books = createBooks(options);
  const regions = createRegions(options);
  const standing = createStanding(options, books);
  const moving = createMoving(options, { books, regions, standing });
  const hashesOf = (who: { name: string } | { id: string }): readonly KeyedHash[] =>
    'name' in who ? books.hashesOf(who.name) : [hashOfId(who.id)];

  return {
    show: standing.show,
    async find(id) {
      const entry = await books.entryOf([hashOfId(id)]);
      return entry && viewOf(entry);
    },
    async add(name, facts, overwrite) {
      const row = books.rowOf(name, regions.facts(facts));
      const result = await asking(() => store.put(row, overwrite, actor));
      // What was in the way may lie under an older identity key.
      const entry = await books.entryOf([row.hash, ...row.replaces]);
      if (entry === undefined)
        throw new DeskError('conflict', 'The account was removed at the same moment. Try again.');
      return { result, account: viewOf(entry) };
    },
    async remove(who) {
      const hashes = hashesOf(who);
      return asking(() => store.remove(hashes, actor));
    },
    async list(after, limit) {
      checkPage(limit);
      const { accounts, next } = await asking(() => store.list(after, limit));
      return { accounts: accounts.map(viewOf), next };
    },
    count: () => asking(() => store.count()),
    ...moving,
    async moves() {
      const followed = await store.follow(undefined, undefined);
      if (followed.kind === 'found') return followed.value.moving.map(viewOf);
      throw storeTrouble(followed.cause) ?? followed.cause;
    },
    gateways: () => asking(() => store.gateways()),
    mark: () => asking(() => store.mark()),
    async events(before, limit) {
      checkPage(limit);
      return asking(() => store.changes(before, limit));
    },
    async setDrained(region, drained) {
      // One that was drained and then left the configuration can still be taken off the list.
      if (drained) regions.check(region);
      return asking(() => store.setDrained(region, drained, actor));
    },
  };
}

function checkPage(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIST_LIMIT) return;
  throw new DeskError('malformed', `A page has 1 to ${LIST_LIMIT} entries.`);
}
