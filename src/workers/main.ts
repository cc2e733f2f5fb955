// The rooms of the main thread: the store, what is held for the workers, and what operators are told.
import type { Config } from '../config/types.ts';
import { createMetrics, type Metrics } from '../record/metrics.ts';
import type { GatewayDependencies } from '../rooms.ts';
import { openHealth, readingsOf } from '../rooms-health.ts';
import { openState, type State } from '../state.ts';
import type { SqliteStore } from '../store/sqlite.ts';
import { createCommonClock } from './clock.ts';
import { openHosted } from './hosted.ts';
import type { Pool } from './pool.ts';

/** The number that main has among the threads which share memory; it only reads there. */
const MAIN = 65_535;

/** Of the embedded store's file; undefined where the store is a server. */
export function fileIdentityOf({ store }: State): string | undefined {
  return store.engine === 'sqlite' ? (store as SqliteStore).identity : undefined;
}

export type MainDependencies = Pick<GatewayDependencies, 'log' | 'version' | 'env'>;

/** @throws IdentityKeyError, StoreOpenError */
export function openMain(config: Config, { log, version, env = process.env }: MainDependencies, pool: () => Pool) {
  const steady = createCommonClock();
  const state = openState(config, {
    log,
    now: Date.now,
    steady,
    env,
    onChange: ({ what }) => metrics.directoryChanged(what),
  });
  const hosted = openHosted(config, state, steady);
  const shared = { memory: hosted.memory.health, holder: MAIN };
  const health = openHealth(
    config,
    { steady },
    async () => 'nothing',
    () => {},
    shared,
  );
  // It only reads: probes are the workers'.
  health.close();
  const regions = new Map(config.regions.map(({ name }) => [name, { upstreams: [] }]));
  const regionReadings = () => readingsOf(regions, health, state.directory);
  const { store, index, directory, source } = state;
  const metrics: Metrics = createMetrics(
    {
      limits: () => [],
      budgets: async () => [],
      regions: regionReadings,
      keyIndex: () => index.readings(),
      store: () => ({ engine: store.engine, ...store.readings() }),
      directory: () => directory.readings(),
      source: () => source?.readings(),
      workers: () => pool().readings(),
      tracing: () => undefined,
    },
    { version, node: process.version },
  );
  store.onNews((news) => {
    if (news.kind === 'directory') void directory.look();
    // A server tells each thread itself.
    if (store.engine === 'sqlite') pool().tell(news);
  });
  return { state, hosted, metrics, regionReadings };
}

export type Main = ReturnType<typeof openMain>;
