// Opens every room from one configuration and hands them to the journey.
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { createAuthenticate } from './caller/authenticate.ts';
import { createClientAddress } from './caller/client-address.ts';
import { accountKey } from './caller/credentials.ts';
import { createIdentify } from './caller/identify.ts';
import { createVerify } from './caller/verify.ts';
import type { Config } from './config/types.ts';
import type { Credentials } from './domain.ts';
import { createJourney, type Rooms as JourneyRooms } from './journey.ts';
import { createKeyedHash, seededDigest } from './keyed-hash.ts';
import { createAdmit } from './limit/admit.ts';
import { createOwn } from './listener/own.ts';
import { createPublicListener } from './listener/public.ts';
import { createRespond } from './listener/respond.ts';
import { createKeyDigest, createKeyRooms, type KeyDigest } from './locality/held.ts';
import { createDecide } from './policy/decide.ts';
import { policyOf } from './policy/policy.ts';
import { clientText } from './record/client.ts';
import type { LogLevelSwitch } from './record/level.ts';
import { createMetrics, type Metrics } from './record/metrics.ts';
import { createRecord } from './record/record.ts';
import { createReference } from './reference/reference.ts';
import { createAsk } from './region/ask.ts';
import { interpretWith } from './region/interpret.ts';
import { createPassthrough } from './region/passthrough.ts';
import { createSend } from './region/send.ts';
import { createReplay } from './replay/replay.ts';
import { createSharedVault } from './replay/shared-vault.ts';
import { createVault, LARGEST_SHARE } from './replay/vault.ts';
import { openRegions, readingsOf } from './rooms-way.ts';
import { createClassify } from './route/classify.ts';
import { LINK, PASSTHROUGH, REFERENCE, ROUTES } from './route/table.ts';
import { openState, type State } from './state.ts';
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
  /** As the configuration has it (rooms-trace.ts). */
  readonly tracing?: Tracing;
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

/** What is spent, and what is counted together with other gateways where the store is shared. */
function openAdmit(
  config: Config,
  state: State,
  metrics: () => Metrics,
  { steady }: Clocks,
  { log, together }: GatewayDependencies,
  keyDigest: KeyDigest,
) {
  const limits = state.store.shared?.limits;
  return createAdmit(
    config.limits,
    {
      now: steady,
      keyDigest,
      seed: together?.secrets.seed ?? randomBytes(32),
      memory: together?.limits,
      onShadow: (limit) => metrics().limited(limit, 'shadow'),
      shared: limits && {
        limits,
        hash: state.sharedHash,
        onFallback: (limit) => log.warn({ limit }, 'the store is away: this limit is counted by this gateway alone'),
      },
    },
    accountKey,
  );
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
  if (together === undefined) return { vault: createVault({ ...replay, now: steady }), close: async () => {} };
  const salt = together.secrets.replaySalt;
  const mostBytes = maxBytes * LARGEST_SHARE;
  const vault = createSharedVault(together.replays, { keepMs, salt, mostBytes, storeTimeoutMs });
  return { vault, close: vault.close };
}

/** As the listener holds it (PublicOptions), for a request that goes on when its checks are over: until what is returned is called. */
function holdOnce({ enter, leave }: State['directory']): () => void {
  const era = enter();
  let held = true;
  return () => {
    if (held) leave(era);
    held = false;
  };
}

/** Everything between the listeners, and what they need of it. */
export function openRooms(config: Config, dependencies: GatewayDependencies, isDraining: () => boolean) {
  const { log, version, env = process.env, together, tracing = UNTRACED } = dependencies;
  const clocks = clocksOf(dependencies);
  const state = openState(config, {
    log,
    ...clocks,
    env,
    together,
    onChange: ({ what }) => metrics.directoryChanged(what),
  });
  const { store, index, directory } = state;
  const keyDigest = createKeyDigest(state.digest);
  // The same in all threads: they place callers in the same tables.
  const seed = (together?.secrets.seed ?? randomBytes(32)).toString('latin1');
  const admit = openAdmit(config, state, () => metrics, clocks, dependencies, keyDigest);
  const metrics: Metrics = createMetrics(
    {
      limits: () => admit.readings(),
      budgets: () => admit.budgetsUsed(config.regions.map(({ name }) => name)),
      regions: () => readingsOf(way.regions, way.health, directory),
      keyIndex: () => index.readings(),
      store: () => ({ engine: store.engine, ...store.readings() }),
      directory: () => directory.readings(),
      source: () => state.source?.readings(),
      workers: () => undefined,
      tracing: tracing.readings,
    },
    { version, node: process.version },
  );
  const way = openRegions(config, state, metrics, clocks, dependencies);
  const { health, onViolation, lapsed } = way;
  const forward = tracing.forward(way.forward);
  const interpret = interpretWith(config.errors);
  const { forwardClientAddress } = config.upstream;
  const verify = createVerify(createAsk(forward, interpret, forwardClientAddress), {
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
    else verify.dropped(news.hash);
  });
  const replays = openVault(config, state, clocks, together);
  const authenticate = createAuthenticate(verify, admit.failedAuth, accountKey);
  const keys = createKeyRooms(index, accountKey, keyDigest);
  const checks = {
    identify: createIdentify(createClientAddress(config.listen.trustProxy), (header) =>
      seededDigest(seed, `credentials\0${header}`),
    ),
    admit,
    locateAccount: state.locateAccount,
    nameOf: ({ name, digest }: Credentials) => directory.nameOf(accountKey(name), digest).hex,
    decide: createDecide(policyOf(config)),
    authenticate,
  };
  const rooms: JourneyRooms = {
    ...checks,
    classify: createClassify([...ROUTES, LINK], REFERENCE),
    locateKey: keys.locateKey,
    replay: createReplay(replays.vault, metrics.replayed),
    send: createSend({
      forward,
      interpret,
      forwardClientAddress,
      budget: ({ permit, trip }) => admit.budget(permit, trip.patience),
      turnedDown: ({ permit, caller }) => authenticate.turnedDown(permit, caller),
      missed: ({ request, caller }) => admit.missed(request, caller),
      learn: tracing.learn(({ permit, caller, trip }, body) => keys.learn(permit, caller, body, trip.patience)),
    }),
    own: createOwn(new Map(config.regions.map(({ name, web }) => [name, web]))),
    reference: createReference({
      ...config.reference,
      routes: [...ROUTES, LINK, ...REFERENCE],
      regions: config.regions.map(({ name }) => name),
      version,
      errors: config.errors,
      replayKeepMs: config.replay?.keepMs,
    }),
  };
  const passthrough = createPassthrough(config.passthrough, {
    ...config.upstream,
    ...checks,
    now: clocks.steady,
    health,
    onViolation,
    lapsed,
    hold: () => holdOnce(directory),
    observe: metrics.upstream,
    route: PASSTHROUGH,
    regions: config.regions,
    requestTimeoutMs: config.request.timeoutMs,
    messageBytes: config.request.bodyLimitBytes,
  });
  const journey = tracing.journey(rooms, createJourney);
  const record = tracing.record(
    createRecord(metrics, log, { ...config.log, client: clientText(config.log.client, state.digest) }),
  );
  const front = createPublicListener(journey, createRespond(isDraining), record, {
    now: clocks.steady,
    bodyLimitBytes: config.request.bodyLimitBytes,
    timeoutMs: config.request.timeoutMs,
    storeTimeoutMs: config.storeTimeoutMs,
    epochs: directory,
    onBegin: metrics.began,
    trace: tracing.begin,
    onUnparsed: metrics.refused,
    passthrough,
  });
  const regionReadings = () => readingsOf(way.regions, health, directory);
  /** What is still to be told to the store, and to the collector, is told before they are closed. */
  async function closeState(): Promise<void> {
    await tracing.close();
    await replays.close();
    await state.close();
  }
  return { front, metrics, regions: way.regions, state, closeState, health, passthrough, regionReadings };
}

export type Rooms = ReturnType<typeof openRooms>;
