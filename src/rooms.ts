// Opens every room from one configuration and hands them to the journey.
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { createAuthenticate } from './caller/authenticate.ts';
import { createClientAddress } from './caller/client-address.ts';
import { accountKey } from './caller/credentials.ts';
import { createIdentify } from './caller/identify.ts';
import { createVerify } from './caller/verify.ts';
import type { Config } from './config/types.ts';
import type { RegionName } from './domain.ts';
import { createJourney } from './journey.ts';
import { createKeyedHash } from './keyed-hash.ts';
import { createAdmit } from './limit/admit.ts';
import { createOwn } from './listener/own.ts';
import { createPublicListener } from './listener/public.ts';
import { createRespond } from './listener/respond.ts';
import { createAccounts } from './locality/accounts.ts';
import { createKeyRooms } from './locality/held.ts';
import { createKeyIndex } from './locality/key-index.ts';
import { createDecide } from './policy/decide.ts';
import { policyOf } from './policy/policy.ts';
import { createMetrics, type Metrics } from './record/metrics.ts';
import { createRecord, describeCause } from './record/record.ts';
import { createAsk } from './region/ask.ts';
import { createForward } from './region/forward.ts';
import { createHealth, type Health, type HealthEvent } from './region/health.ts';
import { interpretWith } from './region/interpret.ts';
import { createPassthrough } from './region/passthrough.ts';
import { createProbe } from './region/probe.ts';
import { createRegion, type Region } from './region/region.ts';
import { createSend } from './region/send.ts';
import { createReplay } from './replay/replay.ts';
import { createVault } from './replay/vault.ts';
import { createClassify } from './route/classify.ts';
import { LINK, PASSTHROUGH, ROUTES } from './route/table.ts';
import { loadIdentityKeys } from './store/identity-key.ts';
import { openSqliteStore } from './store/sqlite.ts';

/** An answer of a region up to this size leaves only when it is whole; a longer one streams. */
const COLLECT_BYTES = 8 * 1024 * 1024;
const VERIFIED_GOOD_MS = 5 * 60_000;
const VERIFIED_BAD_MS = 10_000;
const VERIFIED_ENTRIES = 100_000;
/** Keys that are remembered in memory before the store is asked. */
const FRONT_ENTRIES = 100_000;
const STORE_NEWS_MS = 10_000;

export interface GatewayDependencies {
  readonly log: Logger;
  readonly version: string;
  /** Milliseconds; tests move it by hand. */
  readonly now?: () => number;
  /** For GATEWAY_IDENTITY_KEY. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Trouble with the store, once in a while: a busy gateway would write it for each request, and metrics count it. */
function storeNews(log: Logger, now: () => number): (what: string, cause: unknown) => void {
  let saidMs = Number.NEGATIVE_INFINITY;
  return (what, cause) => {
    if (now() - saidMs < STORE_NEWS_MS) return;
    saidMs = now();
    log.warn({ ...describeCause(cause), what }, 'store away');
  };
}

/** What outlives the process: the identity keys and the store, and the index over them. */
function openState(config: Config, now: () => number, { log, env = process.env }: GatewayDependencies) {
  const identity = loadIdentityKeys({ file: config.identityKeyFile, env: env.GATEWAY_IDENTITY_KEY, now });
  const store = openSqliteStore(config.store.path, { now, storeTimeoutMs: config.storeTimeoutMs });
  const index = createKeyIndex(store, {
    now,
    keys: { current: createKeyedHash(identity.current), older: identity.older.map(createKeyedHash) },
    regions: new Set(config.regions.map(({ name }) => name)),
    frontEntries: FRONT_ENTRIES,
    storeTimeoutMs: config.storeTimeoutMs,
    observe: storeNews(log, now),
  });
  return { store, index };
}

function readingsOf(regions: ReadonlyMap<RegionName, Region>, health: Health) {
  const states = new Map(health.readings().map((reading) => [reading.region, reading]));
  return [...regions.values()].map(({ name, upstreams }) => ({
    name,
    up: states.get(name)?.up ?? true,
    breaker: states.get(name)?.state ?? 'closed',
    inUse: upstreams.reduce((sum, upstream) => sum + upstream.inUse, 0),
    waiting: upstreams.reduce((sum, upstream) => sum + upstream.waiting, 0),
  }));
}

/** A region that goes down or comes back is news; what is only counted is not. */
function noteHealth(log: Logger, metrics: Metrics, region: RegionName, event: HealthEvent): void {
  if (event.kind === 'held') metrics.held(region, event.enforced);
  else if (event.kind === 'probed') metrics.probed(region, event.answer);
  else log.warn({ region, ...event }, event.kind === 'opened' ? 'region is down' : 'region is back');
}

/** Everything between the listeners, and what they need of it. */
export function openRooms(config: Config, dependencies: GatewayDependencies, isDraining: () => boolean) {
  const { log, version } = dependencies;
  /** Of the day, for what outlives the process. */
  const now = dependencies.now ?? Date.now;
  /** That nobody sets: a step of the day's clock must neither forget an answer nor give an allowance. */
  const steady = dependencies.now ?? (() => performance.now());
  const hash = createKeyedHash(randomBytes(32));

  const { store, index } = openState(config, now, dependencies);
  const regions = new Map<RegionName, Region>(
    config.regions.map(({ name, upstreams }) => [name, createRegion(name, upstreams, config.upstream)]),
  );
  const admit = createAdmit(
    config.limits,
    { now: steady, hash, seed: randomBytes(32), onShadow: (limit) => metrics.limited(limit, 'shadow') },
    accountKey,
  );
  const metrics: Metrics = createMetrics(
    { limits: () => admit.readings(), regions: () => readingsOf(regions, health), keyIndex: () => index.readings() },
    { version, node: process.version },
  );
  const bounds = { bodyTimeoutMs: config.upstream.bodyTimeoutMs, patienceMs: config.upstream.connectTimeoutMs };
  const health = createHealth(new Map(config.regions.map(({ name, upstreams }) => [name, upstreams])), {
    ...config.health.breaker,
    now: steady,
    probeMs: config.health.probeMs,
    probe: createProbe(regions, bounds),
    observe: (region, event) => noteHealth(log, metrics, region, event),
  });
  const onViolation = (problem: string): void => {
    metrics.violated();
    log.fatal({ problem }, 'pin violation stopped');
  };
  const forward = createForward(regions, {
    ...bounds,
    health,
    collectBytes: COLLECT_BYTES,
    observe: metrics.upstream,
    onViolation,
  });
  const interpret = interpretWith(config.errors);
  const { forwardClientAddress } = config.upstream;
  const verify = createVerify(createAsk(forward, interpret, forwardClientAddress), {
    now: steady,
    hash,
    goodMs: VERIFIED_GOOD_MS,
    badMs: VERIFIED_BAD_MS,
    entries: VERIFIED_ENTRIES,
    observe: metrics.verified,
  });
  const authenticate = createAuthenticate(verify, admit.failedAuth, accountKey);
  const keys = createKeyRooms(index, accountKey);
  const checks = {
    identify: createIdentify(createClientAddress(config.listen.trustProxy)),
    admit,
    locateAccount: createAccounts(config.accounts.rules, accountKey),
    decide: createDecide(policyOf(config)),
    authenticate,
  };
  const journey = createJourney({
    ...checks,
    classify: createClassify([...ROUTES, LINK]),
    locateKey: keys.locateKey,
    replay: createReplay(config.replay && createVault({ ...config.replay, now: steady }), metrics.replayed),
    send: createSend({
      forward,
      interpret,
      forwardClientAddress,
      budget: ({ permit }) => admit.budget(permit),
      turnedDown: ({ permit, caller }) => authenticate.turnedDown(permit, caller),
      missed: ({ request, caller }) => admit.missed(request, caller),
      learn: ({ permit, caller }, body) => keys.learn(permit, caller, body),
    }),
    own: createOwn(new Map(config.regions.map(({ name, web }) => [name, web]))),
  });
  const passthrough = createPassthrough(config.passthrough, {
    ...config.upstream,
    ...checks,
    now: steady,
    health,
    onViolation,
    observe: metrics.upstream,
    route: PASSTHROUGH,
    regions: config.regions,
    requestTimeoutMs: config.request.timeoutMs,
    messageBytes: config.request.bodyLimitBytes,
  });
  const front = createPublicListener(journey, createRespond(isDraining), createRecord(metrics, log), {
    now: steady,
    bodyLimitBytes: config.request.bodyLimitBytes,
    timeoutMs: config.request.timeoutMs,
    storeTimeoutMs: config.storeTimeoutMs,
    onBegin: metrics.began,
    onUnparsed: metrics.refused,
    passthrough,
  });
  return { front, metrics, regions, store, health, passthrough };
}
