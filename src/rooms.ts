// Opens the rooms of one configuration, over what outlives it, and hands them to the journey.
import { createAuthenticate } from './caller/authenticate.ts';
import { createClientAddress, createTrust } from './caller/client-address.ts';
import { accountKey } from './caller/credentials.ts';
import { createIdentify } from './caller/identify.ts';
import type { Verify } from './caller/verify.ts';
import type { Config } from './config/types.ts';
import { type Credentials, createStandingOf } from './domain.ts';
import { createJourney, type Rooms as JourneyRooms } from './journey.ts';
import { seededDigest } from './keyed-hash.ts';
import { type Admit, createAdmit } from './limit/admit.ts';
import type { Front } from './listener/fronts.ts';
import { createOwn } from './listener/own.ts';
import { createKeyRooms } from './locality/held.ts';
import type { Places } from './places.ts';
import { createDecide } from './policy/decide.ts';
import { policyOf } from './policy/policy.ts';
import { NO_AUDIT } from './record/audit.ts';
import { clientText } from './record/client.ts';
import { createRecord, type Recorder } from './record/record.ts';
import { createReference } from './reference/reference.ts';
import { createAsk } from './region/ask.ts';
import { interpretWith } from './region/interpret.ts';
import { createPassthrough } from './region/passthrough.ts';
import { createSend } from './region/send.ts';
import { createReplay } from './replay/replay.ts';
import type { Base, InForce } from './rooms-base.ts';
import { dialsOf, isSameWay, openWay, readingsOf, type Way } from './rooms-way.ts';
import { createClassify } from './route/classify.ts';
import { LINK, PASSTHROUGH, REFERENCE, ROUTES } from './route/table.ts';
import type { State } from './state.ts';
import type { Together } from './together.ts';

/** Memory that threads share, and that goes with a configuration. */
export type SharedParts = Pick<Together, 'limits' | 'health'>;

/** The rooms of one configuration. */
export interface Rooms extends InForce {
  readonly config: Config;
  readonly front: Front;
  readonly admit: Admit;
  readonly way: Way;
  readonly places: Places;
}

/** What is spent, and what is counted together with other gateways where the store is shared. */
function openAdmit(config: Config, base: Base, shared: SharedParts | undefined, before: Rooms | undefined): Admit {
  const { state, log, metrics } = base;
  const limits = state.store.shared?.limits;
  return createAdmit(
    config.limits,
    {
      now: base.clocks.steady,
      keyDigest: base.keyDigest,
      seed: base.seed,
      memory: shared?.limits,
      before: before?.admit,
      onShadow: (limit) => metrics.limited(limit, 'shadow'),
      shared: limits && {
        limits,
        hash: state.sharedHash,
        onFallback: (limit) => log.warn({ limit }, 'the store is away: this limit is counted by this gateway alone'),
      },
    },
    accountKey,
  );
}

/** What the front door takes. */
function boundsOf({ request, listen, limits }: Config) {
  const { headersTimeoutMs, headerBytes, headerCount, targetBytes, minRate, ...whole } = request;
  const { maxRequestsPerConnection, maxConnectionsPerAddress, idleTimeoutMs, trustProxy } = listen;
  return {
    ...whole,
    head: { timeoutMs: Math.min(headersTimeoutMs, request.timeoutMs), headerBytes, headerCount, targetBytes },
    leastRate: minRate,
    connections: {
      requests: maxRequestsPerConnection ?? Number.POSITIVE_INFINITY,
      idleMs: idleTimeoutMs,
      perAddress: maxConnectionsPerAddress ?? Number.POSITIVE_INFINITY,
      ipv6Prefix: limits.anonymousRetrieval.ipv6Prefix,
      isExempt: createTrust(trustProxy),
    },
  };
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

/** The rooms that a request passes before it is known where it goes. */
function openChecks(config: Config, base: Base, verify: Verify, admit: Admit, { locateAccount }: Places) {
  const seed = base.seed.toString('latin1');
  const { directory } = base.state;
  const policy = policyOf(config);
  return {
    identify: createIdentify(createClientAddress(config.listen.trustProxy), (header) =>
      seededDigest(seed, `credentials\0${header}`),
    ),
    shed: base.pressure.shed,
    receiving: base.pressure.receiving,
    admit,
    locateAccount,
    nameOf: ({ name, digest }: Credentials) => directory.nameOf(accountKey(name), digest).hex,
    standingOf: createStandingOf(policy.unknownAccounts.kind === 'refuse' ? 'unknown' : 'admitted'),
    decide: createDecide(policy),
    authenticate: createAuthenticate(verify, admit.failedAuth, accountKey),
  };
}

type Checks = ReturnType<typeof openChecks>;

function openPassthrough(config: Config, base: Base, checks: Checks, { health, onViolation, lapsed }: Way) {
  return createPassthrough(config.passthrough, {
    ...config.upstream,
    ...checks,
    now: base.clocks.steady,
    health,
    onViolation,
    lapsed,
    hold: () => holdOnce(base.state.directory),
    observe: base.metrics.upstream,
    line: base.metrics,
    astray: base.metrics.locationRemoved,
    dialOf: dialsOf(config, base),
    route: PASSTHROUGH,
    regions: config.regions,
    requestTimeoutMs: config.request.timeoutMs,
    messageBytes: config.request.bodyLimitBytes,
  });
}

/** The log and the metrics, and the audit log where there is one. */
function openRecord({ log }: Config, base: Base): Recorder {
  const { audit, auditSink, metrics, state } = base;
  const record = createRecord(metrics, base.log, { ...log, client: clientText(log.client, state.digest) });
  if (auditSink === NO_AUDIT) return record;
  return (trip, delivered, endedMs) => {
    record(trip, delivered, endedMs);
    audit.request(trip, delivered);
  };
}

function openReference(config: Config, version: string) {
  return createReference({
    ...config.reference,
    isSecure: config.listen.tls !== undefined,
    hasHttp2: config.listen.tls?.http2 ?? false,
    routes: [...ROUTES, LINK, ...REFERENCE],
    regions: config.regions.map(({ name }) => name),
    version,
    errors: config.errors,
    replayKeepMs: config.replay?.keepMs,
  });
}

/**
 * @param before the rooms that these take the place of: what the two configurations have in common goes on as it is
 * @param shared of a thread that is one of several
 */
export function openRooms(config: Config, base: Base, before?: Rooms, shared?: SharedParts): Rooms {
  const { state, metrics, tracing } = base;
  const { directory } = state;
  const admit = openAdmit(config, base, shared, before);
  const way =
    before !== undefined && isSameWay(before.config, config) ? before.way : openWay(config, base, shared, before);
  const places = before === undefined ? state : state.placesOf(config);
  const forward = tracing.forward(way.forward);
  const interpret = interpretWith(config.errors);
  const { forwardClientAddress } = config.upstream;
  const verify = base.verifications.through(createAsk(forward, interpret, forwardClientAddress), way.placeOf);
  const checks = openChecks(config, base, verify, admit, places);
  const { authenticate } = checks;
  const keys = createKeyRooms(state.index, accountKey, base.keyDigest);
  const rooms: JourneyRooms = {
    ...checks,
    classify: createClassify([...ROUTES, LINK], REFERENCE),
    locateKey: keys.locateKey,
    replay: createReplay(base.vault, metrics.replayed),
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
    reference: openReference(config, base.version),
  };
  return {
    config,
    admit,
    way,
    places,
    limits: () => admit.readings(),
    budgets: () => admit.budgetsUsed(config.regions.map(({ name }) => name)),
    regions: () => readingsOf(way.regions, way.health, directory),
    front: {
      journey: tracing.journey(rooms, createJourney),
      record: tracing.record(openRecord(config, base)),
      passthrough: openPassthrough(config, base, checks, way),
      tls: config.listen.tls,
      proxied: config.listen.proxyProtocol ? createTrust(config.listen.trustProxy) : undefined,
      ...boundsOf(config),
      storeTimeoutMs: config.storeTimeoutMs,
    },
  };
}
