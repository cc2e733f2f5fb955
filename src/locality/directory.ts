// Where accounts live, by the directory in the store: a bounded memory in front of it, kept true by following its changes
// (follow.ts), and good only while this gateway holds a lease.
import { createBounded } from '../bounded.ts';
import type { Found, KeyedHash, Locality, Patience, RegionName } from '../domain.ts';
import type { HashParts } from '../keyed-hash.ts';
import type { AccountAnswer, DirectoryStore, Mark, News, StoredAccount } from '../store/directory-store.ts';
import { createFollow, type Follow, type FollowOptions, type FollowReadings } from './follow.ts';
import type { Locate } from './localities.ts';
import { patiently } from './within.ts';

export type { DirectoryEvent } from './follow.ts';

export interface DirectoryOptions extends Omit<FollowOptions, 'forget'> {
  /** Of the identity keys, the current one first. */
  readonly hashes: readonly [HashParts, ...HashParts[]];
  /** Names an account under one identity key (keyed-hash.ts). */
  readonly accountHash: (hash: HashParts, account: string) => KeyedHash;
  /** The configured ones: an account that lives in another cannot be located. */
  readonly regions: ReadonlySet<string>;
  /** Accounts that are remembered, about 300 bytes each; and so many names again of which it is known that nobody has them. */
  readonly entries: number;
}

export interface DirectoryReadings extends FollowReadings {
  /** Counted since the start; of these, `fromMemory` without a question to the store. */
  readonly found: number;
  readonly missing: number;
  readonly unavailable: number;
  readonly fromMemory: number;
  /** As of now. */
  readonly entries: number;
}

export interface Directory
  extends Omit<Follow, 'epochs' | 'isCurrent' | 'readings'>,
    Pick<Follow['epochs'], 'enter' | 'leave'> {
  /** @param account normalised (caller/credentials.ts accountKey). Never throws, never rejects. */
  locate: Locate;
  /**
   * A place that is asked because the directory does not know an account: what it says is in force as long as the
   * directory's word is.
   */
  behind(locate: Locate): Locate;
  /** Everything that is remembered is asked for anew: the configured regions are others. */
  forgetRemembered(): void;
  /** By which the directory, logs and records know an account. @param digest of the credentials, so that it is hashed once */
  nameOf(account: string, digest: string | undefined): AccountName;
  readings(): DirectoryReadings;
}

/** The account's keyed hash. */
export interface AccountName {
  /** One character a byte. */
  readonly bytes: string;
  readonly hex: string;
}

type Known = Found<Locality> & { readonly kind: 'found' };

function unavailable(code: string): Found<never> {
  return { kind: 'unavailable', cause: { name: 'DirectoryError', code } };
}
const NO_LEASE = unavailable('DIRECTORY_LEASE_EXPIRED');
const OTHER_DATA = unavailable('DIRECTORY_CHANGED');
const NO_SUCH_REGION = unavailable('DIRECTORY_REGION_NOT_CONFIGURED');

/** Follows the directory from now on. The store stays the caller's to close. */
export function createDirectory(store: DirectoryStore, options: DirectoryOptions): Directory {
  const { hashes, accountHash, regions } = options;
  const known = createBounded<Known>(options.entries);
  const nobody = createBounded<true>(options.entries);
  const names = createBounded<AccountName>(options.entries);
  const counts = { found: 0, missing: 0, unavailable: 0, fromMemory: 0 };

  function forgetAll(): void {
    known.clear();
    nobody.clear();
  }

  function forget(changes: News['changes']): void {
    if (changes === 'gap') {
      forgetAll();
      return;
    }
    for (const { what, hash } of changes) {
      if (hash !== undefined) {
        known.delete(hash.toString('latin1'));
        // Under an older identity key it has another hash than the one that is remembered.
        if (hashes.length > 1) nobody.clear();
        else nobody.delete(hash.toString('latin1'));
      } else if (what !== 'region_drained' && what !== 'region_undrained') forgetAll();
    }
  }

  const { epochs, isCurrent, ...follow } = createFollow(store, { ...options, forget });

  /**
   * Under the identity keys from `at` on. Stays synchronous as long as the store does. That nobody is known under any of
   * them is true only of one moment: an entry that goes from an older key to the current one in between is asked for again.
   */
  function ask(account: string, at: number, patience: Patience, since?: Mark): AccountAnswer | Promise<AccountAnswer> {
    const hash = hashes[at] as HashParts;
    const answer = store.findAccount(accountHash(hash, account), patience);
    const told = (found: AccountAnswer): AccountAnswer | Promise<AccountAnswer> => {
      if (found.kind !== 'missing' || hashes.length === 1) return found;
      const { epoch, generation } = since ?? found.mark;
      if (found.mark.epoch !== epoch || found.mark.generation !== generation) return ask(account, 0, patience);
      return at + 1 === hashes.length ? found : ask(account, at + 1, patience, found.mark);
    };
    return answer instanceof Promise ? answer.then(told) : told(answer);
  }

  /** One object a term: nobody is known by most names that callers make up. */
  let missing: Found<never> & { kind: 'missing'; term: number } = { kind: 'missing', term: 0 };
  function missingIn(term: number): Found<never> {
    if (missing.term !== term) missing = { kind: 'missing', term };
    return missing;
  }

  /** What an answer means, remembered; undefined when it is of other data than those that are followed. */
  function take(name: string, answer: AccountAnswer, term: number): Found<Locality> | undefined {
    if (answer.kind === 'unavailable') return answer;
    if (!isCurrent(answer.mark)) return undefined;
    if (answer.kind === 'missing') {
      nobody.set(name, true);
      return missingIn(term);
    }
    const {
      value,
      value: { hash },
    } = answer;
    if (!regions.has(value.region)) return NO_SUCH_REGION;
    const found = { kind: 'found', value: localityOf(value, regions, term) } as const;
    // By the hash that changes name; under an older identity key it is asked for again each time.
    if (hash.toString('latin1') === name && follow.term() === term) known.set(name, found);
    return found;
  }

  /** Without a lease, or after an answer of other data: the directory is followed first. */
  async function locateAfterLook(account: string, name: string, patience: Patience): Promise<Found<Locality>> {
    await patiently(follow.look(), patience);
    const term = follow.term();
    if (term === undefined) return NO_LEASE;
    return take(name, await ask(account, 0, patience), term) ?? OTHER_DATA;
  }

  /** Hashing a name costs as much as all else here: who comes again with the same credentials is known by their digest. */
  function nameOf(account: string, digest: string | undefined): AccountName {
    const known = digest === undefined ? undefined : names.get(digest);
    if (known !== undefined) return known;
    const hash = accountHash(hashes[0], account);
    const name = { bytes: hash.toString('latin1'), hex: hash.toString('hex') };
    if (digest !== undefined) names.set(digest, name);
    return name;
  }

  function locate(account: string, patience: Patience, digest?: string): Found<Locality> | Promise<Found<Locality>> {
    const name = nameOf(account, digest).bytes;
    const term = follow.term();
    if (term === undefined) return locateAfterLook(account, name, patience);
    const remembered = known.get(name) ?? (nobody.has(name) ? missingIn(term) : undefined);
    if (remembered !== undefined) {
      counts.fromMemory++;
      return remembered;
    }
    const finish = (answer: AccountAnswer): Found<Locality> | Promise<Found<Locality>> =>
      take(name, answer, term) ?? locateAfterLook(account, name, patience);
    const answer = ask(account, 0, patience);
    return answer instanceof Promise ? answer.then(finish) : finish(answer);
  }

  function count(found: Found<Locality>): Found<Locality> {
    counts[found.kind]++;
    return found;
  }

  const behindThem = new WeakMap<Locality, Known>();
  function during(term: number, found: Found<Locality>): Found<Locality> {
    if (found.kind !== 'found') return found;
    const known = behindThem.get(found.value);
    if (known?.value.term === term) return known;
    const made = { kind: 'found', value: { ...found.value, term } } as const;
    behindThem.set(found.value, made);
    return made;
  }

  return {
    ...follow,
    ...epochs,
    nameOf,
    forgetRemembered: forgetAll,
    behind: (place) => (account, patience, digest) => {
      // Of the moment at which the directory answered: it has just done so.
      const term = follow.term();
      if (term === undefined) return NO_LEASE;
      const answer = place(account, patience, digest);
      return answer instanceof Promise ? answer.then((found) => during(term, found)) : during(term, answer);
    },
    locate(account, patience, digest) {
      const found = locate(account, patience, digest);
      return found instanceof Promise ? found.then(count) : count(found);
    },
    readings: () => ({ ...follow.readings(), ...counts, entries: known.size }),
  };
}

function localityOf(account: StoredAccount, regions: ReadonlySet<string>, term: number): Locality {
  const { region, pinned, move } = account;
  const also = account.also.filter((name) => regions.has(name)) as RegionName[];
  const facts = { home: region as RegionName, also, pinned, term };
  return move === undefined ? facts : { ...facts, moving: true };
}
