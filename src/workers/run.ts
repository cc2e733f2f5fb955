// A worker thread: a public listener of its own on the port that all of them share, and the whole journey behind it.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import type { LevelWithSilent } from 'pino';
import type { Config } from '../config/types.ts';
import { type House, openHouse, type PreparedRooms } from '../house.ts';
import { createKeyedHash } from '../keyed-hash.ts';
import { withoutProcess } from '../record/aggregate.ts';
import { onCrash } from '../record/crash.ts';
import { type Lines, openLines } from '../record/lines.ts';
import { describeCause } from '../record/record.ts';
import type { SharedParts } from '../rooms.ts';
import { finishWithin, LAST_ANSWERS_MS, urlOf } from '../rooms-close.ts';
import { openTracing } from '../rooms-trace.ts';
import { FRONT_ENTRIES } from '../state.ts';
import { openSqliteReader } from '../store/sqlite-reader.ts';
import type { StoreNews } from '../store/store.ts';
import type { Together } from '../together.ts';
import { ringSink } from './audit-ring.ts';
import { createCommonClock } from './clock.ts';
import { unpack } from './clone.ts';
import { CRASHED, type Given, type MainServices, type Memory } from './given.ts';
import { type LentStore, lentReplays, lentSource, lentStore } from './lent.ts';
import { createLink, type Link } from './link.ts';
import { openSiblings } from './siblings.ts';

type Main = Link<MainServices>;

/** How long a thread that has crashed may take to say what it counted. */
const LAST_WORDS_MS = 200;

/** @throws StoreOpenError */
function openLent({ config, fileIdentity }: Given, main: Main): LentStore | undefined {
  const { store } = config;
  if (store.kind !== 'sqlite' || fileIdentity === undefined) return undefined;
  const reader = openSqliteReader(store.path, fileIdentity, Date.now);
  return lentStore(main, reader, openSiblings(), { entries: FRONT_ENTRIES, storeTimeoutMs: config.storeTimeoutMs });
}

function togetherOf(given: Given, main: Main, store: Together['store']): Together {
  const { config, identity, lease, secrets, memory, inUse, connections, holder } = given;
  const hash = createKeyedHash(identity.current);
  return {
    identity,
    lease,
    store,
    source: config.accounts.source && lentSource(main, { entries: FRONT_ENTRIES, hash, now: () => performance.now() }),
    secrets,
    ...sharedParts(memory, holder),
    replays: lentReplays(main),
    memory: { memory: inUse, holder },
    connections: { ...connections, holder },
  };
}

function sharedParts({ limits, health }: Memory, holder: number): SharedParts {
  return {
    limits: (limit) => {
      const counters = limits[limit];
      return counters && { memory: counters, holder };
    },
    health: { memory: health, holder },
  };
}

function run(given: Given, port: MessagePort, lines: Lines): void {
  const { config, version, place } = given;
  const log = lines.log.child({ worker: given.holder });
  let draining = false;
  let house: House | undefined;
  let prepared: PreparedRooms | undefined;
  /** What is prepared and decided, one after the other: the main thread may have given up waiting for what was before. */
  let turn: Promise<unknown> = Promise.resolve();
  /** Of the requests under way, once no more are taken. */
  let answered: Promise<void> | undefined;
  let lent: LentStore | undefined;

  const snapshot = async () => withoutProcess((await house?.base.metrics.snapshot()) ?? []);
  async function stop(): Promise<void> {
    draining = true;
    answered ??= house?.listener.drain();
    // Closing begins some turns later.
    while (house?.listener.app.server.listening) await nextTurn();
  }
  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = turn.then(work);
    turn = done.catch(() => {});
    return done;
  }
  async function decide(apply: boolean): Promise<void> {
    const rooms = prepared;
    prepared = undefined;
    if (apply) rooms?.apply();
    else await rooms?.abandon();
  }
  async function prepare(next: Config, memory: Memory): Promise<void> {
    if (house === undefined) throw new Error('a worker that is just starting cannot be given a configuration');
    await decide(false);
    prepared = await house.prepare(next, sharedParts(memory, given.holder));
  }

  const main: Main = createLink<MainServices>(port, {
    beat() {},
    news: (news: StoreNews) => lent?.news(news),
    snapshot,
    level(level: LevelWithSilent) {
      lines.log.level = level;
    },
    prepare: (next: Config, memory: Memory) => inTurn(() => prepare(next, memory)),
    decide: (apply: boolean) => inTurn(() => decide(apply)),
    stop,
    async drain(boundMs: number): Promise<boolean> {
      await stop();
      const finished = await finishWithin(answered ?? Promise.resolve(), boundMs);
      if (!finished) log.warn('requests were still under way when the time for draining was over');
      await house?.close().catch((error: unknown) => log.error(describeCause(error), 'closing'));
      lines.flush();
      return finished;
    },
  });

  async function lastAnswers(): Promise<void> {
    main.tell('parting');
    const finished = await finishWithin(
      stop().then(() => answered),
      LAST_ANSWERS_MS,
    );
    if (!finished) log.warn('requests were still under way when a crashed worker ended');
  }
  onCrash(log, () => {
    const end = (): void => process.exit(CRASHED);
    lastAnswers()
      .catch((cause: unknown) => log.error(describeCause(cause), 'the requests under way are cut'))
      .then(() => {
        setTimeout(end, LAST_WORDS_MS);
        return snapshot().then((last) => main.tell('last', last));
      })
      .finally(end);
  });

  async function start(): Promise<void> {
    lent = openLent(given, main);
    const together = togetherOf(given, main, lent?.store);
    const audit = given.audit && ringSink(given.audit, Date.now);
    const dependencies = { log, version, steady: createCommonClock(), together, ...(audit && { audit }) };
    const tracing = await openTracing(config, dependencies);
    house = await openHouse(config, { ...dependencies, tracing }, () => draining);
    await house.listener.app.listen({ ...place, reusePort: true } as { host: string; port: number });
    main.tell('listening', urlOf(house.listener.app));
  }

  start().catch((error: unknown) => {
    main.tell('failed', error);
    process.exit(CRASHED);
  });
}

/** Begins when the main thread says what with: what is loaded here is loaded meanwhile. */
export function awaitGiven(port: MessagePort): void {
  port.once('message', (message: unknown) => {
    const given = unpack(message) as Given;
    run(given, port, openLines({ level: { file: given.level }, format: given.config.log.format }));
  });
}
