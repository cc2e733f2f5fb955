// The composition root: opens the rooms and the listeners, and closes them in order.
import type { Config } from './config/types.ts';
import { createAdminListener } from './listener/admin.ts';
import { describeCause } from './record/record.ts';
import { type GatewayDependencies, openRooms } from './rooms.ts';
import { adminApi } from './rooms-admin.ts';
import { closeFront, finishWithin, urlOf } from './rooms-close.ts';
import { openTracing } from './rooms-trace.ts';

export type { GatewayDependencies } from './rooms.ts';

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

/**
 * Opens the gateway: both listeners listen when it returns.
 * @throws the system's error (EADDRINUSE, EACCES) with `address` and `port` when a listener cannot listen; nothing is
 *   left open then
 */
export async function openGateway(config: Config, dependencies: GatewayDependencies): Promise<Gateway> {
  const { log } = dependencies;
  let state: 'starting' | 'ready' | 'draining' = 'starting';
  const tracing = await openTracing(config, dependencies);
  const rooms = openRooms(config, { ...dependencies, tracing }, () => state === 'draining');
  const { front, metrics, regions } = rooms;
  const admin = createAdminListener({
    scrape: metrics.scrape,
    isReady: () => state === 'ready',
    api: adminApi(config, dependencies, rooms),
  });

  async function close(): Promise<void> {
    state = 'draining';
    await closeFront(rooms);
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
