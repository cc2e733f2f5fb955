// What a worker has of the main thread, in the forms that rooms know: the embedded store, what credentials are worth, kept
// answers, the organisation's own directory.
import { createBounded } from '../bounded.ts';
import type { Found, KeyedHash, Locality } from '../domain.ts';
import { accountHash, type HashParts } from '../keyed-hash.ts';
import type { Locate } from '../locality/localities.ts';
import type { DirectoryStore, Followed } from '../store/directory-store.ts';
import type { SqliteReader } from '../store/sqlite-reader.ts';
import type { SharedReplays, SharedVerifications, Store, StoredKey, StoreNews } from '../store/store.ts';
import { type MainServices, REMOTE } from './given.ts';
import type { Link } from './link.ts';
import type { Siblings } from './siblings.ts';

type Main = Pick<Link<MainServices>, 'ask' | 'tell'>;

/** What the main thread knows of an account is asked for again after this long. */
const REMEMBERED_MS = 1000;

const found = <T>(value: T): Found<T> => ({ kind: 'found', value });
const unavailable = (cause: unknown): Found<never> => ({ kind: 'unavailable', cause });

function lentDirectory(main: Main, reader: SqliteReader): DirectoryStore {
  const remote = Object.fromEntries(
    REMOTE.map((name) => [name, (...args: unknown[]) => main.ask('directory', name, args)]),
  ) as unknown as Omit<DirectoryStore, 'findAccount' | 'stage'>;
  return {
    ...remote,
    findAccount: reader.findAccount,
    async follow(lease, since): Promise<Followed> {
      try {
        reader.checkFile();
      } catch (cause) {
        return { kind: 'lost', cause };
      }
      return remote.follow(lease, since).catch((cause: unknown) => ({ kind: 'unavailable', cause }));
    },
    leave: (gateway) => remote.leave(gateway).catch(() => {}),
    stage: () => Promise.reject(new Error('imports are the main thread’s')),
  };
}

function lentVerifications(main: Main): SharedVerifications {
  return {
    find: (hash) => main.ask('findVerification', hash).catch(unavailable),
    put: (hash, good, keepMs) => main.tell('putVerification', hash, good, keepMs),
    pass: (hash) => main.tell('passVerification', hash),
    forget: (hash) => main.tell('forgetVerification', hash),
  };
}

/** The main thread needs no clock for a claim: it sees a thread end. */
export function lentReplays(main: Main): SharedReplays {
  return {
    begin: (name, check, owner) => main.ask('beginReplay', name, check, owner).then(found, unavailable),
    extend: (name, owner) => main.ask('extendReplay', name, owner).then(found, unavailable),
    settle: (name, owner, record) => main.ask('settleReplay', name, owner, record).then(found, unavailable),
    over: (name) => main.ask('replayOver', name).catch(() => {}),
  };
}

export interface LentStore {
  readonly store: Store;
  /** The main thread has news of it. */
  news(news: StoreNews): void;
}

interface LentStoreOptions {
  /** Others' keys that the store did not take which are remembered, and found where it does not know them, or cannot tell. */
  readonly entries: number;
  readonly storeTimeoutMs: number;
}

export function lentStore(main: Main, reader: SqliteReader, siblings: Siblings, options: LentStoreOptions): LentStore {
  let tell: (news: StoreNews) => void = () => {};
  const unstored = createBounded<StoredKey>(options.entries);
  siblings.hear((rows) => {
    for (const row of rows) {
      const name = row.hash.toString('latin1');
      // As the store has it, the first of two that disagree.
      if (!unstored.has(name)) unstored.set(name, row);
    }
  });

  function findKey(hash: KeyedHash): Found<StoredKey> {
    const found = reader.findKey(hash);
    if (found.kind === 'found' || unstored.size === 0) return found;
    const row = unstored.get(hash.toString('latin1'));
    return row === undefined || row.expiresAtMs <= Date.now() ? found : { kind: 'found', value: row };
  }

  const store: Store = {
    engine: 'sqlite',
    findKey,
    async putKeys(rows, patience) {
      const startedMs = performance.now();
      // While this is still waited for: after that its caller has the keys, and may come with them to any other worker.
      const timer = setTimeout(siblings.tell, (patience?.leftMs ?? options.storeTimeoutMs) / 2, rows);
      try {
        await main.ask('putKeys', rows, patience?.leftMs);
      } catch (error) {
        siblings.tell(rows);
        throw error;
      } finally {
        clearTimeout(timer);
        if (patience !== undefined) patience.leftMs = Math.max(0, patience.leftMs - (performance.now() - startedMs));
      }
    },
    directory: lentDirectory(main, reader),
    shared: { limits: undefined, verifications: lentVerifications(main), replays: lentReplays(main) },
    readings: reader.readings,
    onNews(listener) {
      tell = listener;
    },
    close: async () => reader.close(),
  };
  return { store, news: (news) => tell(news) };
}

/**
 * A good answer is remembered for a moment, and never longer than the main thread would use it.
 * @param now milliseconds of a clock that nobody sets: a moment must not become hours
 */
export function lentSource(
  main: Main,
  { entries, hash, now }: { readonly entries: number; readonly hash: HashParts; readonly now: () => number },
): Locate {
  const known = createBounded<{ readonly found: Found<Locality>; readonly untilMs: number }>(entries);
  return (account) => {
    const name = accountHash(hash, account).toString('latin1');
    const remembered = known.get(name);
    if (remembered !== undefined && remembered.untilMs > now()) return remembered.found;
    return main.ask('locateBySource', account).then(({ found, leftMs }) => {
      if (found.kind === 'found') known.set(name, { found, untilMs: now() + Math.min(REMEMBERED_MS, leftMs) });
      else known.delete(name);
      return found;
    }, unavailable);
  };
}
