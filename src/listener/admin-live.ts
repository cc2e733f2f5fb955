// The live state of the gateway: sampled once for all who look, and not at all while nobody does.
import { meterOf } from './admin-live-meter.ts';
import { createSampler } from './admin-live-sampler.ts';
import type { Facts } from './admin-live-state.ts';
import { createLiveStream, type LiveStream } from './admin-live-stream.ts';
import type { LiveAccount, LiveState } from './admin-live-types.ts';
import type { AdminTools } from './admin-route.ts';
import { accountView, auditView } from './admin-views.ts';

export interface LiveOptions {
  /** How often; a second without it. */
  readonly everyMs?: number | undefined;
  /** Who may listen at a time; 32 without it. */
  readonly most?: number | undefined;
}

export interface LiveApi extends Omit<AdminTools, 'snapshot'>, LiveOptions {
  readonly snapshot: NonNullable<AdminTools['snapshot']>;
  readonly version: string;
  readonly now: () => number;
  readonly onFailure: (cause: unknown) => void;
}

export interface Live {
  readonly join: LiveStream['join'];
  state(): Promise<LiveState>;
  close(): void;
}

const EVERY_MS = 1000;
const MOST_LISTENERS = 32;
/** A directory that is slow must not hold back all else. */
const MOVES_MS = 500;
/** Reading the moves is in nobody's name. */
const ACTOR = 'console';

/** One question at a time, and no longer than `MOVES_MS` for an answer. @returns null without one */
function movesReader(desk: AdminTools['desk']): () => Promise<LiveAccount[] | null> {
  let asking: Promise<LiveAccount[] | null> | undefined;
  return async () => {
    asking ??= desk(ACTOR)
      .moves()
      .then(
        (moves) => moves.map(accountView),
        () => null,
      )
      .finally(() => {
        asking = undefined;
      });
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(late.resolve, MOVES_MS, null);
    return Promise.race([asking, late.promise]).finally(() => clearTimeout(timer));
  };
}

/** What the metrics do not say. */
function factsReader({ desk, regions, store, audit, configuration, version, now }: LiveApi): () => Promise<Facts> {
  const moves = movesReader(desk);
  return async () => {
    const [readings, underWay] = await Promise.all([regions(), moves()]);
    return {
      time: new Date(now()).toISOString(),
      version,
      uptimeSeconds: Math.round(process.uptime()),
      regions: readings,
      moves: underWay,
      store: { engine: store.engine, up: store.readings().up },
      audit: audit === undefined ? null : auditView(audit.readings()),
      reload: configuration?.status() ?? null,
    };
  };
}

export function createLive(api: LiveApi): Live {
  const { snapshot, everyMs = EVERY_MS, most = MOST_LISTENERS, onFailure } = api;
  const facts = factsReader(api);
  const steady = (): number => performance.now();
  const sampler = createSampler({
    read: async () => {
      const reading = { atMs: steady(), meter: meterOf(await snapshot()) };
      return { reading, facts: await facts() };
    },
    steady,
    everyMs,
    onFailure,
  });
  let watched = new AbortController();
  const stream: LiveStream = createLiveStream({
    most,
    onFirst: () => {
      watched = new AbortController();
      void sampler.watch((state) => stream.send('state', state), watched.signal);
    },
    onLast: () => watched.abort(),
  });
  return {
    join: stream.join,
    state: sampler.once,
    close() {
      sampler.close();
      stream.close();
    },
  };
}
