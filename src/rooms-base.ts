// What a thread has whatever its configuration says, and keeps when another one takes its place: clocks, what outlives the
// process (state.ts), what is counted and remembered.
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { createVerifications } from './caller/verify.ts';
import type { Config } from './config/types.ts';
import type { RegionName } from './domain.ts';
import { createKeyedHash } from './keyed-hash.ts';
import type { LimitReadings } from './limit/admit.ts';
import { createCollect } from './limit/collect.ts';
import { createMemoryUse } from './limit/memory.ts';
import { createPressure } from './limit/pressure.ts';
import { startMeter } from './limit/pressure-meter.ts';
import { createKeyDigest } from './locality/held.ts';
import { type Audit, type AuditSink, createAudit, NO_AUDIT } from './record/audit.ts';
import type { LogLevelSwitch } from './record/level.ts';
import { createMetrics, type Metrics, type Readings } from './record/metrics.ts';
import { createLookup, type Resolve } from './region/lookup.ts';
import { openSent } from './replay/sent.ts';
import { createSharedVault } from './replay/shared-vault.ts';
import { createVault, LARGEST_SHARE } from './replay/vault.ts';
import type { readingsOf } from './rooms-health.ts';
import type { ConfigFile } from './rooms-reload.ts';
import { openState, type State } from './state.ts';
import type { Change } from './store/directory-store.ts';
import type { Together } from './together.ts';
import { type Tracing, UNTRACED } from './trace/trace.ts';

const VERIFIED_GOOD_MS = 5 * 60_000;
const VERIFIED_BAD_MS = 10_000;
export const VERIFIED_ENTRIES = 100_000;

export interface GatewayDependencies {
  readonly log: Logger;
  /** Of that log, in all threads. Left out: it stays as it is. */
  readonly level?: LogLevelSwitch;
  readonly version: string;
  /** Milliseconds; tests move it by hand. */
  readonly now?: () => number;
  /** Milliseconds of a clock that nobody sets; of several threads, one for all. */
  readonly steady?: () => number;
  /** Of a thread that is one of several. */
  readonly together?: Together;
  /** Where audit records go; without it nowhere. */
  readonly audit?: AuditSink;
  /** As the configuration has it (rooms-trace.ts). */
  readonly tracing?: Tracing;
  /** Of the process, for its metrics; left out in threads that have none of it. */
  readonly operations?: Pick<Readings, 'audit' | 'reload'>;
  /** Where the configuration is read again; left out: it came from no file. */
  readonly file?: ConfigFile;
  /** Names of regions and proxies to addresses; left out: by the system. */
  readonly resolve?: Resolve;
  /** For GATEWAY_IDENTITY_KEY. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A step of the day's clock must neither forget an answer nor give an allowance: `steady` is set by nobody. */
export interface Clocks {
  readonly now: () => number;
  readonly steady: () => number;
}

export function clocksOf({ now, steady }: Pick<GatewayDependencies, 'now' | 'steady'>): Clocks {
  return { now: now ?? Date.now, steady: steady ?? now ?? (() => performance.now()) };
}

/** What is asked of the rooms of the configuration in force. */
export interface InForce {
  readonly config: Pick<Config, 'overload'>;
  readonly limits: () => LimitReadings[];
  readonly regions: () => ReturnType<typeof readingsOf>;
  readonly budgets: () => Promise<readonly (readonly [RegionName, number])[]>;
}

/** Of this thread, of all threads, or shared by gateways. The vault in memory has nothing to be closed. */
function openVault(config: Config, state: State, { steady }: Clocks, together: Together | undefined) {
  const { replay, storeTimeoutMs } = config;
  if (replay === undefined) return { vault: undefined, close: async () => {} };
  const { keepMs, maxBytes } = replay;
  const engine = replay.shared && config.store.kind === 'valkey' ? state.store.shared?.replays : undefined;
  if (engine !== undefined) {
    const { replaySalt: salt, olderReplaySalts: olderSalts } = state;
    const vault = createSharedVault(engine, { keepMs, salt, olderSalts, storeTimeoutMs });
    return { vault, close: vault.close };
  }
  if (together === undefined) {
    const kept = { salt: state.replaySalt, sent: openSent(state.store.sent, keepMs, steady) };
    return { vault: createVault({ ...replay, ...kept, now: steady }), close: async () => {} };
  }
  const salt = together.secrets.replaySalt;
  const mostBytes = maxBytes * LARGEST_SHARE;
  const vault = createSharedVault(together.replays, { keepMs, salt, mostBytes, storeTimeoutMs });
  return { vault, close: vault.close };
}

/** A change of the directory, whoever made it. */
export function noteChange(change: Change, metrics: Pick<Metrics, 'directoryChanged'>, audit: Audit): void {
  const { what, hash, actor, detail, epoch } = change;
  metrics.directoryChanged(what);
  audit.directory({ what, account: hash?.toString('hex'), actor, detail, epoch });
}

/**
 * @param inForce asked for whenever something is needed of the rooms that are in use
 * @throws IdentityKeyError, StoreOpenError
 */
export function openBase(config: Config, dependencies: GatewayDependencies, inForce: () => InForce) {
  const { log, version, env = process.env, together, tracing = UNTRACED, audit: sink = NO_AUDIT } = dependencies;
  const clocks = clocksOf(dependencies);
  const state = openState(config, {
    log,
    ...clocks,
    env,
    together,
    onChange: (change) => noteChange(change, metrics, audit),
  });
  const { store, index, directory } = state;
  const audit = createAudit(sink, () => directory.readings().epoch);
  const metrics: Metrics = createMetrics(
    {
      limits: () => inForce().limits(),
      budgets: () => inForce().budgets(),
      regions: () => inForce().regions(),
      keyIndex: () => index.readings(),
      store: () => ({ engine: store.engine, ...store.readings() }),
      directory: () => directory.readings(),
      source: () => state.source?.readings(),
      workers: () => undefined,
      pressure: () => pressure.readings(),
      tracing: tracing.readings,
      audit: () => dependencies.operations?.audit(),
      reload: () => dependencies.operations?.reload(),
    },
    { version, node: process.version },
  );
  const memory = createMemoryUse(together?.memory);
  const pressure = createPressure(() => inForce().config.overload, metrics.shed, createCollect(), memory);
  const endMeter = startMeter(pressure.measured, memory.measure);
  const verifications = createVerifications({
    now: clocks.steady,
    hash: createKeyedHash(together?.secrets.hashKey ?? randomBytes(32)),
    shared: store.shared && { verifications: store.shared.verifications, hash: state.sharedHash },
    goodMs: VERIFIED_GOOD_MS,
    badMs: VERIFIED_BAD_MS,
    entries: VERIFIED_ENTRIES,
    observe: metrics.verified,
  });
  store.onNews((news) => {
    if (news.kind === 'directory') void directory.look();
    else verifications.dropped(news.hash);
  });
  const replays = openVault(config, state, clocks, together);
  return {
    log,
    version,
    clocks,
    together,
    tracing,
    state,
    metrics,
    audit,
    auditSink: sink,
    verifications,
    pressure,
    vault: replays.vault,
    keyDigest: createKeyDigest(state.digest),
    lookup: createLookup(clocks.steady, dependencies.resolve),
    /** Places entries in the tables of the limits, and names credentials: the same in all threads. */
    seed: together?.secrets.seed ?? randomBytes(32),
    /** What is still to be told to the store is told before it is closed; a collector that hangs delays nothing of that. */
    async close(): Promise<void> {
      endMeter();
      const traced = tracing.close();
      await replays.close();
      await state.close();
      await traced;
    },
  };
}

export type Base = ReturnType<typeof openBase>;
