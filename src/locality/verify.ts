// Whether the directory is sound: by itself, and against a file that says how it ought to be.
import type { RegionName } from '../domain.ts';
import { type HashParts, identityName } from '../keyed-hash.ts';
import type { DirectoryStore, GatewayLease, Mark, StoredAccount } from '../store/directory-store.ts';
import type { AccountView } from './desk.ts';
import { viewOf } from './desk-books.ts';
import { asking, storeTrouble } from './desk-error.ts';

export interface VerifyOptions {
  readonly store: DirectoryStore;
  readonly hashes: { readonly current: HashParts; readonly older: readonly HashParts[] };
  readonly regions: readonly RegionName[];
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** A move that has lasted longer hangs: every lease has expired by then. */
  readonly hangMs: number;
}

/** One thing that is off, counted, with the first ids that show it. */
export interface Finding {
  readonly what:
    | 'region_not_configured'
    | 'also_not_configured'
    | 'identity_unknown'
    /** No fault: these are found as long as the older key is kept. */
    | 'identity_older'
    | 'move_to_unconfigured';
  /** The region, or the identity key's name. */
  readonly which: string;
  readonly count: number;
  readonly ids: readonly string[];
}

export interface MoveReport {
  readonly account: AccountView;
  readonly ageMs: number;
  /** It should have ended by now. */
  readonly hangs: boolean;
  /** Gateways that have not seen its last step. */
  readonly waitsFor: readonly GatewayLease[];
}

export interface Report {
  readonly mark: Mark;
  readonly accounts: number;
  readonly findings: readonly Finding[];
  readonly moves: readonly MoveReport[];
  readonly gateways: readonly GatewayLease[];
  /** Nothing is off. */
  readonly sound: boolean;
}

const PAGE = 1000;
const IDS_SHOWN = 5;

/** @throws DeskError `unavailable`, also where the store has no mark */
export async function verifyDirectory(options: VerifyOptions, onProgress: (accounts: number) => void): Promise<Report> {
  const { store, now, hangMs } = options;
  const followed = await store.follow(undefined, undefined);
  if (followed.kind !== 'found') throw storeTrouble(followed.cause) ?? followed.cause;
  const gateways = await asking(() => store.gateways());
  const tally = createTally(options);
  let accounts = 0;
  for await (const page of pagesOf(store)) {
    page.forEach(tally.look);
    accounts += page.length;
    onProgress(accounts);
  }
  const moves = followed.value.moving.map((account) => moveReport(account, gateways, now(), hangMs));
  const findings = tally.findings();
  return {
    mark: followed.value.mark,
    accounts,
    findings,
    moves,
    gateways,
    sound: findings.every(({ what }) => what === 'identity_older') && !moves.some(({ hangs }) => hangs),
  };
}

/** All entries, by the page. @throws DeskError `unavailable` */
export async function* pagesOf(store: DirectoryStore): AsyncGenerator<readonly StoredAccount[]> {
  let after: string | undefined;
  do {
    const from = after;
    const { accounts, next } = await asking(() => store.list(from, PAGE));
    yield accounts;
    after = next;
  } while (after !== undefined);
}

function moveReport(
  account: StoredAccount,
  gateways: readonly GatewayLease[],
  nowMs: number,
  hangMs: number,
): MoveReport {
  const ageMs = Math.max(0, nowMs - (account.move?.sinceMs ?? nowMs));
  const waitsFor = gateways.filter(({ seen }) => seen < account.epoch);
  return { account: viewOf(account), ageMs, hangs: ageMs > hangMs, waitsFor };
}

function createTally({ regions, hashes }: VerifyOptions) {
  const known = new Set<string>(regions);
  const current = identityName(hashes.current);
  const older = new Set(hashes.older.map(identityName));
  const found = new Map<string, { what: Finding['what']; which: string; count: number; ids: string[] }>();

  function note(what: Finding['what'], which: string, { hash }: StoredAccount): void {
    const key = `${what} ${which}`;
    const finding = found.get(key) ?? { what, which, count: 0, ids: [] };
    finding.count++;
    if (finding.ids.length < IDS_SHOWN) finding.ids.push(hash.toString('hex'));
    found.set(key, finding);
  }
  return {
    look(account: StoredAccount): void {
      const { region, also, identity, move } = account;
      if (!known.has(region)) note('region_not_configured', region, account);
      for (const other of also) if (!known.has(other)) note('also_not_configured', other, account);
      if (move !== undefined && !known.has(move.to)) note('move_to_unconfigured', move.to, account);
      if (identity === current) return;
      note(older.has(identity) ? 'identity_older' : 'identity_unknown', identity, account);
    },
    findings: (): Finding[] => [...found.values()],
  };
}
