// All workers: started together, replaced one by one, ended together.
import { setTimeout as pause } from 'node:timers/promises';
import type { LevelWithSilent, Logger } from 'pino';
import type { Config } from '../config/types.ts';
import { countsOf, type Snapshot } from '../record/aggregate.ts';
import { describeCause } from '../record/record.ts';
import { finishWithin } from '../rooms-close.ts';
import type { StoreNews } from '../store/store.ts';
import { createBeats } from './beats.ts';
import type { Memory } from './given.ts';
import { type PreparedWorkers, prepareAll } from './prepare.ts';
import type { End, Ended, Thread } from './thread.ts';

export interface PoolReadings {
  /** Of these none that hangs. */
  readonly listening: number;
  readonly restarts: Readonly<Record<End, number>>;
}

/** What a worker needs of a configuration. */
export interface Share {
  readonly config: Config;
  readonly memory: Memory;
}

export interface Pool {
  /** Resolves to the URL on which all of them answer callers. Rejects when one of them cannot, with its cause. */
  start(): Promise<string>;
  /** @param except the worker that brought it */
  tell(news: StoreNews, except?: number): void;
  /** The level of their logs from now on. Those that are started later are given theirs (thread.ts). */
  setLevel(level: LevelWithSilent): void;
  /** Their metrics; of one that does not answer, as they were known last; and what ended ones have counted. */
  snapshots(): Promise<Snapshot[]>;
  readings(): PoolReadings;
  /**
   * Has every worker open another configuration.
   * @param shareOf a worker's, by its number
   * @returns what has all of them use it. By then, those that are started have to be given it (PoolOptions.open)
   * @throws the cause of one that cannot, or does not answer: nothing is left open then
   */
  prepare(shareOf: (holder: number) => Share): Promise<PreparedWorkers>;
  /** No worker takes callers any more, and none is started. */
  stop(): Promise<void>;
  /** Ends all, after the requests under way or after `boundMs`. @returns whether all of them were answered */
  drain(boundMs: number): Promise<boolean>;
}

export interface PoolOptions {
  readonly workers: number;
  readonly log: Pick<Logger, 'error' | 'info'>;
  readonly open: (holder: number) => Thread;
  /** What an ended one had begun is given to the others, before another takes its place. */
  readonly onEnded: (thread: Thread) => void;
  /** All that it had asked has been served. Nobody waits for it but the end of all. Never rejects. */
  readonly onServed: (thread: Thread) => Promise<void>;
  /** For tests (beats.ts). */
  readonly beatMs?: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** Who lived longer than this did not fall over its own start. */
const SETTLED_MS = 60_000;
/** A scrape waits no longer for a worker that is busy. */
const SNAPSHOT_MS = 1000;
/** How long a worker may take to close what it has, once it is drained. */
const CLOSING_MS = 3000;

export function createPool({ workers, log, open, onEnded, onServed, beatMs }: PoolOptions): Pool {
  const beats = createBeats(log, beatMs);
  const threads = new Map<number, Thread>();
  const restarts: Record<End, number> = { crashed: 0, out_of_memory: 0, ended: 0 };
  const closing = new AbortController();
  /** Counted by those that have ended, as one; one after the other. */
  let past: Promise<Snapshot> = Promise.resolve([]);
  const parting = new Set<Promise<void>>();

  function bury(thread: Thread): void {
    threads.delete(thread.holder);
    const before = past;
    past = before.then((counts) => countsOf([counts, thread.counted()]));
  }

  function partWith(thread: Thread): void {
    const parted = thread.served.then(() => onServed(thread)).finally(() => parting.delete(parted));
    parting.add(parted);
  }

  function report({ holder }: Thread, { how, cause }: Ended, pauseMs: number): void {
    const why = cause === undefined ? {} : describeCause(cause);
    log.error({ worker: holder, how, ...why, restart_ms: pauseMs }, 'a worker has ended: another takes its place');
  }

  /** Keeps one worker alive until all are to end. */
  async function keep(first: Thread): Promise<void> {
    let thread = first;
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const startedMs = performance.now();
      const stopWatching = beats.watch(thread);
      const end = await thread.ended;
      stopWatching();
      bury(thread);
      onEnded(thread);
      partWith(thread);
      if (closing.signal.aborted) return;
      if (performance.now() - startedMs > SETTLED_MS) pauseMs = FIRST_PAUSE_MS;
      report(thread, end, pauseMs);
      let next: Thread | undefined;
      while (next === undefined) {
        await pause(pauseMs, undefined, { signal: closing.signal }).catch(() => {});
        if (closing.signal.aborted) return;
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
        next = openAgain(thread.holder);
      }
      restarts[end.how]++;
      thread = next;
    }
  }

  /** @returns undefined where the system has no thread to give; the others go on meanwhile */
  function openAgain(holder: number): Thread | undefined {
    try {
      const thread = openOne(holder);
      void thread.listening.then(
        () => log.info({ worker: holder }, 'the worker answers callers'),
        () => {},
      );
      return thread;
    } catch (cause) {
      log.error({ worker: holder, ...describeCause(cause) }, 'a worker cannot be started: it is tried again');
      return undefined;
    }
  }

  function openOne(holder: number): Thread {
    const thread = open(holder);
    threads.set(holder, thread);
    return thread;
  }

  async function end(thread: Thread, boundMs: number): Promise<boolean> {
    const timer = setTimeout(() => void thread.terminate(), boundMs + CLOSING_MS);
    const finished = await thread.link.ask('drain', boundMs).catch(() => false);
    clearTimeout(timer);
    await thread.terminate();
    await thread.ended;
    return finished;
  }

  const others = (except: number | undefined): Thread['link'][] =>
    [...threads.values()].flatMap(({ holder, link }) => (holder === except ? [] : [link]));

  const isAnswering = ({ isListening, holder }: Thread): boolean => isListening() && !beats.isSilent(holder);

  let kept: Promise<unknown> = Promise.resolve();

  return {
    async start() {
      const all = Array.from({ length: workers }, (_, index) => openOne(index + 1));
      const listening = Promise.all(all.map((thread) => thread.listening));
      const [url = ''] = await listening;
      kept = Promise.all(all.map(keep));
      return url;
    },
    tell(news, except) {
      for (const link of others(except)) link.tell('news', news);
    },
    setLevel(level) {
      for (const { link } of threads.values()) link.tell('level', level);
    },
    async snapshots() {
      // Both of this moment: who ends meanwhile is in one of them.
      const before = past;
      const alive = await Promise.all([...threads.values()].map((thread) => thread.snapshot(SNAPSHOT_MS)));
      return [...alive, await before];
    },
    prepare: (shareOf) => prepareAll(threads, shareOf, log),
    readings: () => ({
      listening: [...threads.values()].filter(isAnswering).length,
      restarts: { ...restarts },
    }),
    async stop() {
      closing.abort();
      await Promise.all([...threads.values()].map(({ link }) => link.ask('stop').catch(() => {})));
    },
    async drain(boundMs) {
      closing.abort();
      const finished = await Promise.all([...threads.values()].map((thread) => end(thread, boundMs)));
      await kept;
      await finishWithin(Promise.all(parting), CLOSING_MS);
      return finished.every((each) => each);
    },
  };
}
