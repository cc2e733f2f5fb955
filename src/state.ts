// What outlives the process, and what is shared with other gateways: the identity keys, the store, and the rooms over it.
// For the gateway and for commands that look into the store beside it.
import { createHmac, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from './config/types.ts';
import { lastWrittenMs, watchDayClock } from './day-clock.ts';
import { accountHash, createKeyedDigest, createKeyedHash } from './keyed-hash.ts';
import type { Hashes } from './locality/desk-books.ts';
import { createDirectory, type DirectoryEvent } from './locality/directory.ts';
import { isForeign } from './locality/foreign-key.ts';
import { createKeyIndex } from './locality/key-index.ts';
import { createSource, type Source, type SourceEvent } from './locality/source.ts';
import { type Places, placesOf } from './places.ts';
import { describeCause } from './record/record.ts';
import type { Change } from './store/directory-store.ts';
import { loadIdentityKeys } from './store/identity-key.ts';
import { openStore } from './store/open.ts';
import type { Store } from './store/store.ts';
import type { ValkeyEvent } from './store/valkey-client.ts';
import type { Together } from './together.ts';

/** Keys and accounts that are remembered in memory before the store is asked. */
export const FRONT_ENTRIES = 100_000;
const STORE_NEWS_MS = 10_000;
/** An embedded store is asked in this process; a server tells of news itself, and is asked in case that was lost. */
const POLL_MS = { sqlite: 250, valkey: 1000 } as const;
const POLL_MOVING_MS = 100;

export interface StateDependencies {
  readonly log: Logger;
  /** Milliseconds of the day's clock; tests move it by hand. */
  readonly now: () => number;
  /** That nobody sets. */
  readonly steady: () => number;
  /** For GATEWAY_IDENTITY_KEY. */
  readonly env: NodeJS.ProcessEnv;
  /** For metrics: a change of the directory was seen. */
  readonly onChange: (change: Change) => void;
  /** Of a thread that is one of several. The main thread tells of changes, and of a foreign key. */
  readonly together?: Pick<Together, 'identity' | 'lease' | 'store' | 'source'> | undefined;
}

/** Trouble, once in a while for each kind: a busy gateway would write it for each request, and metrics count it. */
function occasionally(log: Logger, steady: () => number, message: string): (what: string, cause: unknown) => void {
  const said = new Map<string, number>();
  return (what, cause) => {
    if (steady() - (said.get(what) ?? Number.NEGATIVE_INFINITY) < STORE_NEWS_MS) return;
    said.set(what, steady());
    log.warn({ ...describeCause(cause), what }, message);
  };
}

/** Events of the directory, whoever made them: every gateway's log has them all. */
function noteDirectory({ log, onChange, together }: StateDependencies): (event: DirectoryEvent) => void {
  return (event) => {
    if (event.kind === 'changed') {
      if (together !== undefined) return;
      onChange(event.change);
      const { what, hash, actor, detail, epoch } = event.change;
      log.info({ event: what, account: hash?.toString('hex'), actor, detail, epoch }, 'directory changed');
    } else if (event.kind === 'back') log.info('the directory is followed again');
    else if (event.kind === 'away') log.warn(describeCause(event.cause), 'the directory cannot be followed');
    else log.error(describeCause(event.cause), 'the store has lost data: see onetime-gateway store status');
  };
}

function noteEngine(log: Logger): (event: ValkeyEvent) => void {
  return (event) => {
    if (event.kind === 'up') log.info('the store can be asked');
    else if (event.kind === 'away') log.warn({ why: event.why }, 'the store is away');
    else
      log.error(
        { policy: event.policy },
        'the store may forget what it is given: set its maxmemory-policy to noeviction',
      );
  };
}

/** A gateway with another identity key finds nobody, and would answer 401 to everybody without a word. */
async function warnOfForeignKey(store: Store, hashes: Hashes, log: Logger): Promise<void> {
  if (!(await isForeign(store.directory, hashes))) return;
  log.error(
    'the directory was written under another identity key: none of its accounts is found by this gateway. Give it the same GATEWAY_IDENTITY_KEY as the others',
  );
}

function openIdentity(config: Config, { now, env, together }: StateDependencies) {
  const keys =
    together?.identity ?? loadIdentityKeys({ file: config.identityKeyFile, env: env.GATEWAY_IDENTITY_KEY, now });
  const { current, older } = keys;
  const derive = (key: Buffer, label: string): Buffer => createHmac('sha256', key).update(label).digest();
  return {
    keys,
    /** Of the current identity key. */
    digest: createKeyedDigest(current),
    hashes: { current: createKeyedHash(current), older: older.map(createKeyedHash) },
    /** For what gateways share and forget within minutes. */
    sharedHash: createKeyedHash(derive(current, 'onetime-gateway shared')),
    replaySalt: derive(current, 'onetime-gateway replay salt'),
    olderReplaySalts: older.map((key) => derive(key, 'onetime-gateway replay salt')),
  };
}

/** Of the thread that has what is kept: one word in the log, not one of each. */
function watchClock({ store }: Pick<Config, 'store'>, { log, now, steady, together }: StateDependencies) {
  if (together !== undefined) return undefined;
  const knownMs = store.kind === 'sqlite' ? lastWrittenMs([store.path, `${store.path}-wal`]) : undefined;
  const onSet = (byMs: number): void =>
    log.warn(
      { by_s: Math.round(byMs / 1000) },
      'the clock of this machine was set: for a day nothing is removed for its age',
    );
  return watchDayClock({ now, steady, knownMs, onSet });
}

/** For people: the machine's name, the port, and which of several threads. */
export function newLease({ listen }: Pick<Config, 'listen'>, thread?: number): Together['lease'] {
  const label = `${hostname()}:${listen.port}${thread === undefined ? '' : `#${thread}`}`;
  return { gateway: randomBytes(8).toString('hex'), label };
}

function openSource(
  config: Config,
  identity: ReturnType<typeof openIdentity>,
  { log, now, steady, together }: StateDependencies,
  regions: ReadonlySet<string>,
) {
  const { source } = config.accounts;
  // Its file has one writer.
  if (source === undefined || together !== undefined) return undefined;
  const note = occasionally(log, steady, 'accounts.source');
  return createSource({
    ...source,
    token: source.token,
    entries: FRONT_ENTRIES,
    hash: identity.hashes.current,
    regions,
    now,
    observe: (event: SourceEvent, cause) => note(event, cause),
  });
}

/**
 * Opens identity, store and what is over them; nothing is waited for.
 * @throws IdentityKeyError, StoreOpenError
 */
export function openState(config: Config, dependencies: StateDependencies) {
  const { log, now, steady, together } = dependencies;
  const identity = openIdentity(config, dependencies);
  const { hashes } = identity;
  const regions = new Set<string>(config.regions.map(({ name }) => name));
  const clock = watchClock(config, dependencies);
  const { storeTimeoutMs } = config;
  const isSettled = (): boolean => clock?.isSettled() ?? true;
  const store: Store =
    together?.store ?? openStore(config.store, { now, steady, isSettled, storeTimeoutMs, observe: noteEngine(log) });
  const index = createKeyIndex(store, {
    now,
    keys: hashes,
    regions,
    frontEntries: FRONT_ENTRIES,
    storeTimeoutMs,
    observe: occasionally(log, steady, 'store away'),
  });
  const directory = createDirectory(store.directory, {
    hashes: [hashes.current, ...hashes.older],
    accountHash,
    regions,
    ...(together?.lease ?? newLease(config)),
    leaseMs: config.accounts.leaseMs,
    pollMs: POLL_MS[store.engine],
    pollMovingMs: POLL_MOVING_MS,
    entries: FRONT_ENTRIES,
    now,
    steady,
    observe: noteDirectory(dependencies),
  });
  if (together === undefined) void directory.look().then(() => warnOfForeignKey(store, hashes, log));
  const source: Source | undefined = openSource(config, identity, dependencies, regions);
  const parts = { store, directory, hashes, source, locateBySource: together?.source ?? source?.locate };

  return {
    ...identity,
    store,
    index,
    directory,
    source,
    ...placesOf(config, parts),
    /** Where accounts live by another configuration, which has the same store and source. */
    placesOf: (other: Config): Places => placesOf(other, parts),
    /** Those of another configuration: what is remembered of accounts and keys is read with them from now on. */
    useRegions(names: readonly string[]): void {
      regions.clear();
      for (const name of names) regions.add(name);
      directory.forgetRemembered();
    },
    async close(): Promise<void> {
      clock?.end();
      await directory.close();
      await source?.close();
      await store.close();
    },
  };
}

export type State = ReturnType<typeof openState>;
