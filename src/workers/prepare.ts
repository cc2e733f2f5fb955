// Has workers open another configuration, and then use it, all of them or none.
import type { Logger } from 'pino';
import { finishWithin } from '../rooms-close.ts';
import { LinkError } from './link.ts';
import type { Share } from './pool.ts';
import type { Thread } from './thread.ts';

/** How long a worker may take to open another configuration, and how long to use it. */
const PREPARE_MS = 10_000;
const USE_MS = 10_000;
/** And how long one that is just starting may take to answer callers, and then to do both. */
const START_MS = 30_000;

type Log = Pick<Logger, 'error'>;

export interface PreparedWorkers {
  /** @returns when none goes on with the configuration before */
  apply(): Promise<void>;
  abandon(): Promise<void>;
}

/** Who has ended needs nothing: another takes its place, with the configuration that is in force by then. */
function unlessEnded(error: unknown): void {
  if (!(error instanceof LinkError)) throw error;
}

async function prepareOne({ holder, link }: Thread, { config, memory }: Share): Promise<void> {
  const opened = link.ask('prepare', config, memory).catch(unlessEnded);
  // Who is waited for no longer is told that nothing came of it.
  opened.catch(() => {});
  if (!(await finishWithin(opened, PREPARE_MS))) {
    throw Object.assign(new Error(`worker ${holder} does not answer`), { code: 'WORKER_SILENT' });
  }
}

const decide = async ({ link }: Thread, apply: boolean): Promise<void> => link.ask('decide', apply).catch(unlessEnded);

/** One that began with the configuration before: it is given the new one once it answers. */
async function followUp(thread: Thread, share: Share): Promise<void> {
  const begins = await thread.listening.then(
    () => true,
    () => false,
  );
  // It has ended: its successor is given the new one.
  if (!begins) return;
  await prepareOne(thread, share);
  await decide(thread, true);
}

/** None goes on with the configuration before: one that cannot leave it, or not in time, is ended. */
async function leaveOld(thread: Thread, left: Promise<void>, boundMs: number, log: Log): Promise<void> {
  const isLeft = left.then(
    () => true,
    () => false,
  );
  if ((await finishWithin(isLeft, boundMs)) && (await isLeft)) return;
  log.error({ worker: thread.holder }, 'a worker does not take the new configuration: it is ended');
  await thread.terminate();
}

/** @param threads those that there are at any time @throws as Pool.prepare */
export async function prepareAll(
  threads: ReadonlyMap<number, Thread>,
  shareOf: (holder: number) => Share,
  log: Log,
): Promise<PreparedWorkers> {
  const asked = [...threads.values()].filter((thread) => thread.isListening());
  const abandon = async (): Promise<void> => void (await Promise.allSettled(asked.map((each) => decide(each, false))));
  const results = await Promise.allSettled(asked.map((thread) => prepareOne(thread, shareOf(thread.holder))));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    // One that is silent is not waited for.
    void abandon();
    throw failed.reason;
  }
  return {
    async apply(): Promise<void> {
      const others = [...threads.values()].filter((thread) => !asked.includes(thread));
      await Promise.all([
        ...asked.map((thread) => leaveOld(thread, decide(thread, true), USE_MS, log)),
        ...others.map((thread) => leaveOld(thread, followUp(thread, shareOf(thread.holder)), START_MS, log)),
      ]);
    },
    abandon,
  };
}
