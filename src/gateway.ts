// The composition root: opens the rooms and the listeners, and closes them in order.
import type { Config } from './config/types.ts';
import { openHouse } from './house.ts';
import { createAdminListener } from './listener/admin.ts';
import { describeCause } from './record/record.ts';
import type { Reloader } from './reload.ts';
import { adminApi } from './rooms-admin.ts';
import { openAudit } from './rooms-audit.ts';
import { clocksOf, type GatewayDependencies } from './rooms-base.ts';
import { finishWithin, urlOf } from './rooms-close.ts';
import { noteStart, openReloader } from './rooms-reload.ts';
import { openTracing } from './rooms-trace.ts';

export type { GatewayDependencies } from './rooms-base.ts';

export interface Gateway {
  /** Base URL of the public listener. */
  readonly url: string;
  /** Base URL of the admin listener. */
  readonly adminUrl: string;
  /** Whether callers are answered, as /readyz says it. */
  readonly isReady: () => boolean;
  /** Reads the configuration again (reload.ts); undefined where it came from no file. */
  readonly reload: Reloader['reload'] | undefined;
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
  const audit = openAudit(config.audit, log, clocksOf(dependencies));
  const operations = { audit: () => audit.journal?.readings(), reload: () => reloader?.readings() };
  const given = { ...dependencies, tracing, audit: audit.sink, operations };
  const house = await openHouse(config, given, () => state === 'draining').catch(async (error: unknown) => {
    await audit.close();
    throw error;
  });
  const { base, listener, rooms } = house;
  noteStart(dependencies, base.audit, base.state.hashes.current);
  const reloader = openReloader(dependencies, base.audit, house.prepare);
  const isReady = (): boolean => state === 'ready';
  const admin = createAdminListener({
    scrape: base.metrics.scrape,
    isReady,
    api: adminApi(dependencies, {
      state: base.state,
      inForce: rooms,
      snapshot: base.metrics.snapshot,
      configuration: reloader,
      audit: audit.tools,
    }),
  });

  async function close(): Promise<void> {
    state = 'draining';
    reloader?.end();
    try {
      await house.close();
      await admin.close();
    } finally {
      await audit.close();
    }
  }

  try {
    await admin.listen({ host: config.admin.host, port: config.admin.port });
    await listener.app.listen({ host: config.listen.host, port: config.listen.port });
  } catch (error) {
    await close();
    throw error;
  }
  state = 'ready';
  reloader?.begin();
  log.info({ url: urlOf(listener.app), admin: urlOf(admin), regions: [...rooms().way.regions.keys()] }, 'listening');

  return {
    url: urlOf(listener.app),
    adminUrl: urlOf(admin),
    isReady,
    reload: reloader?.reload,
    close,
    async drain(boundMs) {
      state = 'draining';
      reloader?.end();
      log.info({ bound_ms: boundMs }, 'draining');
      const finished = await finishWithin(listener.drain(), boundMs);
      if (!finished) log.warn('requests were still under way when the time for draining was over');
      await close().catch((error: unknown) => log.error(describeCause(error), 'closing'));
      return finished;
    },
  };
}
