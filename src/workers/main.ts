// The rooms of the main thread: the store, what is held for the workers, and what operators are told.
import type { Config } from '../config/types.ts';
import { type AuditSink, createAudit } from '../record/audit.ts';
import { createMetrics, type Metrics } from '../record/metrics.ts';
import { type GatewayDependencies, noteChange } from '../rooms-base.ts';
import { openHealth, readingsOf } from '../rooms-health.ts';
import { isSameWay } from '../rooms-way.ts';
import { openState, type State } from '../state.ts';
import type { SqliteStore } from '../store/sqlite.ts';
import { type AuditRings, openAuditRings } from './audit-ring.ts';
import { createCommonClock } from './clock.ts';
import { openHosted } from './hosted.ts';
import type { Pool } from './pool.ts';

/** The number that main has among the threads which share memory; it only reads there. */
const MAIN = 65_535;

/** Of the embedded store's file; undefined where the store is a server. */
export function fileIdentityOf({ store }: State): string | undefined {
  return store.engine === 'sqlite' ? (store as SqliteStore).identity : undefined;
}

export type MainDependencies = Pick<GatewayDependencies, 'log' | 'version' | 'env' | 'file'>;

/** How long a worker's audit record may wait for this thread. */
const COLLECT_MS = 25;

function openRings({ audit: config }: Config, sink: AuditSink): AuditRings | undefined {
  if (config === undefined) return undefined;
  const mustRefuse = config.onFailure === 'refuse';
  return openAuditRings({ mustRefuse, everyMs: COLLECT_MS, append: sink.append, isFailing: sink.refuses });
}

/** What the main thread has of the rooms: where accounts live, and how the regions are. */
function openMainRooms(config: Config, state: State, steady: () => number, memory: SharedArrayBuffer) {
  const health = openHealth(
    config,
    { steady },
    async () => 'nothing',
    () => {},
    { memory, holder: MAIN },
  );
  // It only reads: probes are the workers'.
  health.close();
  const regions = new Map(config.regions.map(({ name }) => [name, { upstreams: [] }]));
  return { config, places: state.placesOf(config), regions: () => readingsOf(regions, health, state.directory) };
}

/** @throws IdentityKeyError, StoreOpenError */
export function openMain(
  config: Config,
  dependencies: MainDependencies & Required<Pick<GatewayDependencies, 'audit' | 'operations'>>,
  pool: () => Pool,
) {
  const { log, version, env = process.env, audit: sink, operations } = dependencies;
  const audit = createAudit(sink, () => state.directory.readings().epoch);
  const steady = createCommonClock();
  const state = openState(config, {
    log,
    now: Date.now,
    steady,
    env,
    onChange: (change) => noteChange(change, metrics, audit),
  });
  const hosted = openHosted(config, state, steady);
  let current = openMainRooms(config, state, steady, hosted.memory().health);
  const { store, index, directory, source } = state;
  const metrics: Metrics = createMetrics(
    {
      limits: () => [],
      budgets: async () => [],
      regions: () => current.regions(),
      keyIndex: () => index.readings(),
      store: () => ({ engine: store.engine, ...store.readings() }),
      directory: () => directory.readings(),
      source: () => source?.readings(),
      workers: () => pool().readings(),
      tracing: () => undefined,
      pressure: () => [],
      ...operations,
    },
    { version, node: process.version },
  );
  store.onNews((news) => {
    if (news.kind === 'directory') void directory.look();
    // A server tells each thread itself.
    if (store.engine === 'sqlite') pool().tell(news);
  });
  return {
    state,
    hosted,
    metrics,
    audit,
    /** Of the workers' audit records; undefined where there is no log. */
    rings: openRings(config, sink),
    rooms: () => current,
    /** Opens what another configuration brings. @returns its memory, and what puts it in the place of the one in force */
    prepare(next: Config) {
      const { memory, apply } = hosted.renew(next);
      const rooms = openMainRooms(next, state, steady, memory.health);
      return {
        memory,
        apply() {
          apply();
          if (!isSameWay(current.config, next)) state.useRegions(next.regions.map(({ name }) => name));
          current = rooms;
        },
      };
    },
  };
}

export type Main = ReturnType<typeof openMain>;
