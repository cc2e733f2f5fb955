// The composition root: opens every room from one configuration, hands them to the journey, and closes them in order.
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { createAuthenticate } from './caller/authenticate.ts';
import { createClientAddress } from './caller/client-address.ts';
import { accountKey } from './caller/credentials.ts';
import { createIdentify } from './caller/identify.ts';
import { type Ask, createVerify } from './caller/verify.ts';
import type { Config } from './config/types.ts';
import type { RegionName } from './domain.ts';
import { createJourney } from './journey.ts';
import { createKeyedHash } from './keyed-hash.ts';
import { createAdmit } from './limit/admit.ts';
import { createAdminListener } from './listener/admin.ts';
import { createPublicListener } from './listener/public.ts';
import { createRespond } from './listener/respond.ts';
import { createAccounts } from './locality/accounts.ts';
import { createDecide } from './policy/decide.ts';
import { policyOf } from './policy/policy.ts';
import { createMetrics, type Metrics } from './record/metrics.ts';
import { createRecord, describeCause } from './record/record.ts';
import { createForward, type Forward } from './region/forward.ts';
import { interpretWith } from './region/interpret.ts';
import { createRegion, type Region } from './region/region.ts';
import { createClassify } from './route/classify.ts';
import { ROUTES } from './route/table.ts';

/** An answer of a region up to this size leaves only when it is whole; a longer one streams. */
const COLLECT_BYTES = 8 * 1024 * 1024;
const VERIFIED_GOOD_MS = 5 * 60_000;
const VERIFIED_BAD_MS = 10_000;
const VERIFIED_ENTRIES = 100_000;

export interface GatewayDependencies {
  readonly log: Logger;
  readonly version: string;
  /** Milliseconds; tests move it by hand. */
  readonly now?: () => number;
}

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

/** Asks a region's authcheck: the one harmless way to verify credentials (UPSTREAM.md). */
function createAsk(forward: Forward, interpret: ReturnType<typeof interpretWith>, forwardAddress: boolean): Ask {
  const downstream = { isGone: () => false, onGone: () => {} };
  return async (permit, at, credentials, clientAddress) => {
    const headers = ['accept', 'application/json', 'authorization', credentials.header];
    if (forwardAddress) headers.push('x-forwarded-for', clientAddress);
    const request = { method: 'GET', target: '/api/v1/authcheck', headers, body: undefined } as const;
    const forwarded = await forward(permit, at, 'verify', 'none', request, downstream);
    if (forwarded.kind !== 'answered') {
      return { kind: 'unavailable', cause: forwarded.kind === 'refused' ? forwarded.refusal.details.cause : undefined };
    }
    const { meaning } = interpret(forwarded.answer);
    if (meaning === 'success') return 'good';
    return meaning === 'not_authorized' ? 'bad' : { kind: 'unavailable', cause: { code: `AUTHCHECK_${meaning}` } };
  };
}

/** Everything between the listeners, and what they need of it. */
function compose(config: Config, dependencies: GatewayDependencies, isDraining: () => boolean) {
  const { log, version } = dependencies;
  const now = dependencies.now ?? Date.now;
  const hash = createKeyedHash(randomBytes(32));

  const regions = new Map<RegionName, Region>(
    config.regions.map(({ name, upstreams }) => [name, createRegion(name, upstreams, config.upstream)]),
  );
  const admit = createAdmit(
    config.limits,
    { now, hash, seed: randomBytes(32), observe: (limit, mode) => metrics.limited(limit, mode) },
    accountKey,
  );
  const metrics: Metrics = createMetrics(
    {
      limits: () => admit.readings(),
      regions: () =>
        [...regions.values()].map(({ name, up, upstreams }) => ({
          name,
          up,
          inUse: upstreams.reduce((sum, upstream) => sum + upstream.inUse, 0),
          waiting: upstreams.reduce((sum, upstream) => sum + upstream.waiting, 0),
        })),
    },
    { version, node: process.version },
  );
  const forward = createForward(regions, {
    now,
    collectBytes: COLLECT_BYTES,
    bodyTimeoutMs: config.upstream.bodyTimeoutMs,
    patienceMs: config.upstream.connectTimeoutMs,
    observe: metrics.upstream,
    onViolation(problem) {
      metrics.violated();
      log.fatal({ problem }, 'pin violation stopped');
    },
  });
  const interpret = interpretWith(config.errors);
  const { forwardClientAddress } = config.upstream;
  const verify = createVerify(createAsk(forward, interpret, forwardClientAddress), {
    now,
    hash,
    goodMs: VERIFIED_GOOD_MS,
    badMs: VERIFIED_BAD_MS,
    entries: VERIFIED_ENTRIES,
    observe: metrics.verified,
  });
  const journey = createJourney({
    classify: createClassify(ROUTES),
    identify: createIdentify(createClientAddress(config.listen.trustProxy)),
    admit,
    locate: createAccounts(config.accounts.rules, accountKey),
    decide: createDecide(policyOf(config)),
    authenticate: createAuthenticate(verify, admit.failedAuth),
    forward,
    interpret,
    forwardClientAddress,
  });
  const front = createPublicListener(journey, createRespond(isDraining), createRecord(metrics, log), {
    now,
    bodyLimitBytes: config.request.bodyLimitBytes,
    timeoutMs: config.request.timeoutMs,
    onBegin: metrics.began,
    onUnparsed: metrics.refused,
  });
  return { front, metrics, regions };
}

/**
 * Opens the gateway: both listeners listen when it returns.
 * @throws the system's error (EADDRINUSE, EACCES) with `address` and `port` when a listener cannot listen; nothing is
 *   left open then
 */
export async function openGateway(config: Config, dependencies: GatewayDependencies): Promise<Gateway> {
  const { log } = dependencies;
  let state: 'starting' | 'ready' | 'draining' = 'starting';
  const { front, metrics, regions } = compose(config, dependencies, () => state === 'draining');
  const admin = createAdminListener({ scrape: metrics.scrape, isReady: () => state === 'ready' });

  async function close(): Promise<void> {
    state = 'draining';
    front.server.closeAllConnections();
    await front.close();
    await Promise.all([...regions.values()].map((region) => region.close()));
    await admin.close();
  }

  try {
    await admin.listen({ host: config.admin.host, port: config.admin.port });
    await front.listen({ host: config.listen.host, port: config.listen.port });
  } catch (error) {
    await close();
    throw error;
  }
  state = 'ready';
  log.info({ url: urlOf(front), admin: urlOf(admin), regions: [...regions.keys()] }, 'listening');

  return {
    url: urlOf(front),
    adminUrl: urlOf(admin),
    close,
    async drain(boundMs) {
      state = 'draining';
      log.info({ bound_ms: boundMs }, 'draining');
      const finished = await finishWithin(front.close(), boundMs);
      if (!finished) log.warn('requests were still under way when the time for draining was over');
      await close().catch((error: unknown) => log.error(describeCause(error), 'closing'));
      return finished;
    },
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
