// A gateway of several threads: this one, the main thread, has the admin listener, the store with all that is written to it,
// and an eye on the workers, which answer callers.
import type { Config } from '../config/types.ts';
import type { Gateway } from '../gateway.ts';
import { newMemoryBook } from '../limit/memory.ts';
import { createAdminListener } from '../listener/admin.ts';
import { scrapeOf, snapshotOf } from '../record/aggregate.ts';
import type { LogLevelSwitch } from '../record/level.ts';
import { describeCause } from '../record/record.ts';
import type { Prepared } from '../reload.ts';
import { adminApi } from '../rooms-admin.ts';
import { type OpenedAudit, openAudit } from '../rooms-audit.ts';
import { clocksOf } from '../rooms-base.ts';
import { finishWithin, urlOf } from '../rooms-close.ts';
import { noteStart, openReloader } from '../rooms-reload.ts';
import { newLease } from '../state.ts';
import { type BegunThread, beginThread, endThreads } from './begun.ts';
import type { Hosted } from './hosted.ts';
import { fileIdentityOf, type Main, type MainDependencies, openMain } from './main.ts';
import { createPool, type Pool, type Share } from './pool.ts';
import { type ClaimedPort, claimPort, type Place } from './port.ts';
import { startThread, type Thread } from './thread.ts';

interface Dependencies extends MainDependencies {
  /** Threads that load their code already. They are ended when this fails. */
  readonly begun: readonly BegunThread[];
  /** Of this thread's log: the workers' have the same, always. */
  readonly level: LogLevelSwitch;
}

/** A worker that is busy with something else takes callers for no longer than this. */
const STOP_MS = 1000;

/** Without what cannot cross to another thread. */
const placeOf = ({ host, port }: Place): Place => ({ host, port });

/** What the configuration allows the gateway as a whole is shared out, to the last one; each has one at least. */
function configOfWorker(config: Config, holder: number): Config {
  const { upstream, workers } = config;
  const part = (of: number): number => Math.floor(of / workers) + Number(holder <= of % workers);
  const { most } = upstream.queue;
  const queue = { ...upstream.queue, most: Math.max(Math.min(1, most), part(most)) };
  return { ...config, upstream: { ...upstream, queue, connections: Math.max(1, part(upstream.connections)) } };
}

/** Workers of a gateway that listens on `place`. */
function openWorkers(config: Config, dependencies: Dependencies, main: Main, place: () => Place): Pool {
  const { log, level, version, begun } = dependencies;
  const { state, hosted, rings } = main;
  const inUse = newMemoryBook(config.workers);
  const first = new Map(begun.map((thread) => [thread.holder, thread]));
  function take(holder: number): BegunThread {
    const thread = first.get(holder);
    first.delete(holder);
    return thread ?? beginThread(holder);
  }

  const pool: Pool = createPool({
    workers: config.workers,
    log,
    open: (holder) =>
      startThread({
        begun: take(holder),
        given: {
          holder,
          config: configOfWorker(main.rooms().config, holder),
          version,
          level: level.get(),
          place: place(),
          lease: newLease({ listen: { ...config.listen, ...place() } }, holder),
          identity: state.keys,
          fileIdentity: fileIdentityOf(state),
          secrets: hosted.secrets,
          memory: hosted.memory(),
          inUse,
          connections: hosted.connections,
          audit: rings?.memoryOf(holder),
        },
        services: servicesOf(hosted, holder, () => pool),
        onExit() {
          hosted.exited(holder);
          rings?.exited(holder);
        },
      }),
    onEnded: ({ holder }: Thread) => hosted.ended(holder),
    // Nothing more is sent by it, so a move need not wait until its lease is over, which it no longer renews.
    onServed: ({ lease }: Thread) => state.store.directory.leave(lease.gateway).catch(() => {}),
  });
  level.onSet(pool.setLevel);
  return pool;
}

function servicesOf(hosted: Hosted, holder: number, pool: () => Pool) {
  return hosted.servicesFor(holder, (news) => pool().tell(news, holder));
}

/** Another configuration in the main thread and in all workers, or in none. */
async function prepareAll(config: Config, main: Main, pool: Pool): Promise<Prepared> {
  const own = main.prepare(config);
  const shareOf = (holder: number): Share => ({ config: configOfWorker(config, holder), memory: own.memory });
  const workers = await pool.prepare(shareOf);
  return {
    async apply() {
      // First: who begins from now on is given the new one.
      own.apply();
      await workers.apply();
    },
    abandon: workers.abandon,
  };
}

/**
 * As openGateway, with `config.workers` threads that listen: all of them do when it returns.
 * @returns `alone`: on this platform one thread alone can listen on a port, and nothing is left open
 * @throws as openGateway
 */
export async function openSeveral(config: Config, dependencies: Dependencies): Promise<Gateway | 'alone'> {
  let audit: OpenedAudit | undefined;
  try {
    audit = openAudit(config.audit, dependencies.log, clocksOf({}));
    const gateway = await open(config, dependencies, audit);
    if (gateway === 'alone') await endThreads(dependencies.begun);
    return gateway;
  } catch (error) {
    await audit?.close();
    await endThreads(dependencies.begun);
    throw error;
  }
}

async function open(config: Config, dependencies: Dependencies, audit: OpenedAudit): Promise<Gateway | 'alone'> {
  const { log } = dependencies;
  let phase: 'starting' | 'ready' | 'draining' = 'starting';
  let claimed: ClaimedPort | undefined;
  const operations = { audit: () => audit.journal?.readings(), reload: () => reloader?.readings() };
  const main = openMain(config, { ...dependencies, audit: audit.sink, operations }, () => pool);
  const pool = openWorkers(config, dependencies, main, () => placeOf(claimed ?? config.listen));
  noteStart(dependencies, main.audit, main.state.hashes.current);
  const reloader = openReloader(dependencies, main.audit, (next) => prepareAll(next, main, pool));
  const snapshots = async () => [await main.metrics.snapshot(), ...(await pool.snapshots())];
  const isReady = (): boolean => phase === 'ready' && pool.readings().listening > 0;
  const admin = createAdminListener({
    scrape: async () => scrapeOf(await snapshots()),
    isReady,
    api: adminApi(dependencies, {
      state: main.state,
      inForce: main.rooms,
      snapshot: async () => snapshotOf(await snapshots()),
      configuration: reloader,
      audit: audit.tools,
    }),
  });

  async function close(boundMs: number): Promise<boolean> {
    phase = 'draining';
    reloader?.end();
    try {
      const finished = await pool.drain(boundMs);
      await admin.close();
      main.rings?.close();
      await main.state.close();
      return finished;
    } finally {
      await audit.close();
      claimed?.started();
      claimed?.release();
    }
  }

  let url: string;
  try {
    await admin.listen({ host: config.admin.host, port: config.admin.port });
    const port = await claimPort(config.listen);
    if (port === 'alone') {
      await close(0);
      return 'alone';
    }
    claimed = port;
    url = await pool.start();
    claimed.started();
  } catch (error) {
    await close(0);
    throw error;
  }
  phase = 'ready';
  reloader?.begin();
  const regions = config.regions.map(({ name }) => name);
  log.info({ url, admin: urlOf(admin), regions, workers: config.workers }, 'listening');

  return {
    url,
    adminUrl: urlOf(admin),
    isReady,
    reload: reloader?.reload,
    close: async () => void (await close(0)),
    async drain(boundMs) {
      const startedMs = performance.now();
      phase = 'draining';
      reloader?.end();
      await finishWithin(pool.stop(), Math.min(boundMs, STOP_MS));
      log.info({ bound_ms: boundMs }, 'draining');
      return close(Math.max(0, boundMs - (performance.now() - startedMs))).catch((error: unknown) => {
        log.error(describeCause(error), 'closing');
        return false;
      });
    },
  };
}
