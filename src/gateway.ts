// The composition root: opens the rooms and the listeners, and closes them in order.
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { explain, keyLookup } from './cli/explain.ts';
import type { Config } from './config/types.ts';
import { type AdminApi, createAdminListener } from './listener/admin.ts';
import { describeCause } from './record/record.ts';
import { type GatewayDependencies, openRooms } from './rooms.ts';

export type { GatewayDependencies } from './rooms.ts';

/** An operator may wait longer for the store than a request does. */
const EXPLAIN_PATIENCE_MS = 2000;

export interface Gateway {
  /** Base URL of the public listener. */
  readonly url: string;
  /** Base URL of the admin listener. */
  readonly adminUrl: string;
  /**
   * Readiness off, no new connections, requests in flight finish within `boundMs`, then everything is closed.
   * @returns whether all of them finished
   */
  drain(boundMs: number): Promise<boolean>;
  /** Closes at once. */
  close(): Promise<void>;
}

function urlOf(listener: FastifyInstance): string {
  const { address, family, port } = listener.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/**
 * Opens the gateway: both listeners listen when it returns.
 * @throws the system's error (EADDRINUSE, EACCES) with `address` and `port` when a listener cannot listen; nothing is
 *   left open then
 */
export async function openGateway(config: Config, dependencies: GatewayDependencies): Promise<Gateway> {
  const { log } = dependencies;
  let state: 'starting' | 'ready' | 'draining' = 'starting';
  const rooms = openRooms(config, dependencies, () => state === 'draining');
  const { front, metrics, regions, health, passthrough } = rooms;
  const admin = createAdminListener({
    scrape: metrics.scrape,
    isReady: () => state === 'ready',
    api: adminApi(config, dependencies, rooms),
  });

  async function close(): Promise<void> {
    state = 'draining';
    front.app.server.closeAllConnections();
    passthrough.cut();
    await front.app.close();
    health.close();
    await Promise.all([...regions.values()].map((region) => region.close()));
    await admin.close();
    await rooms.closeState();
  }

  try {
    await admin.listen({ host: config.admin.host, port: config.admin.port });
    await front.app.listen({ host: config.listen.host, port: config.listen.port });
  } catch (error) {
    await close();
    throw error;
  }
  state = 'ready';
  log.info({ url: urlOf(front.app), admin: urlOf(admin), regions: [...regions.keys()] }, 'listening');

  return {
    url: urlOf(front.app),
    adminUrl: urlOf(admin),
    close,
    async drain(boundMs) {
      state = 'draining';
      log.info({ bound_ms: boundMs }, 'draining');
      const finished = await finishWithin(front.drain(), boundMs);
      if (!finished) log.warn('requests were still under way when the time for draining was over');
      await close().catch((error: unknown) => log.error(describeCause(error), 'closing'));
      return finished;
    },
  };
}

/** What operators may do, with the very rooms that serve callers. */
function adminApi(
  config: Config,
  { log, version, now = Date.now }: GatewayDependencies,
  rooms: ReturnType<typeof openRooms>,
): AdminApi {
  const { state, regionReadings } = rooms;
  return {
    log,
    version,
    now,
    tokens: config.admin.tokens,
    hosts: config.admin.hosts,
    desk: state.desk,
    regions: regionReadings,
    store: state.store,
    lookupKey: (by) => state.index.entry('key' in by ? by.key : by.hash),
    explain: (request) =>
      explain(config, request, {
        account: (name) => state.locateAccount(name, { leftMs: EXPLAIN_PATIENCE_MS }),
        key: keyLookup(state.index),
        isDrained: state.directory.isDrained,
      }),
  };
}

async function finishWithin(work: PromiseLike<unknown>, boundMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<false>((settle) => {
    timer = setTimeout(settle, boundMs, false);
  });
  const finished = await Promise.race([Promise.resolve(work).then(() => true), bound]);
  clearTimeout(timer);
  return finished;
}
