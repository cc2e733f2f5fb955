// Checkpoints of the embedded store on a thread of their own. A checkpoint flushes the disk: measured with a million
// entries, it held up every request for 25 to 60 ms after each 500 creates when it ran where the requests run.
//
// This file is both sides: the store calls `createCheckpointer`, whose worker loads this same file.
import { DatabaseSync } from 'node:sqlite';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

export interface Checkpointer {
  /** Tells of rows that were committed; every so many, the worker moves them from the WAL into the file. */
  wrote(rows: number): void;
  /** Ends the worker; a checkpoint that is cut short does no harm. */
  end(): Promise<void>;
}

/** About one page of 4 KiB each, so the WAL stays at some megabytes. */
const ROWS_EACH = 1000;
/**
 * Pages in the WAL at which the writing connection checkpoints after all: only when the worker has failed, or does not
 * keep up.
 */
export const FALLBACK_PAGES = 8000;
/** From so many pages on the worker makes writers wait for the rest of a checkpoint, so that the WAL starts afresh. */
const INSIST_PAGES = 4000;
/** After a worker that could not begin, or has failed: there may be threads and descriptors again. */
const REST_MS = 10_000;
/** The worker may wait for locks as long as it likes; nobody waits for it. */
const WORKER_TIMEOUT_MS = 5000;

const ROLE = 'onetime-gateway checkpoints';

/**
 * The thread starts with the first `ROWS_EACH` rows: small gateways never have it. It does not keep the process alive.
 * @param restMs for tests
 */
export function createCheckpointer(file: string, restMs = REST_MS): Checkpointer {
  let worker: Worker | undefined;
  let ended = false;
  let restedMs = Number.NEGATIVE_INFINITY;
  let rowsSince = 0;

  /** Not told further: meanwhile FALLBACK_PAGES takes over. */
  function rest(): void {
    worker = undefined;
    restedMs = performance.now() + restMs;
  }

  function start(): Worker | undefined {
    try {
      const started = new Worker(new URL(import.meta.url), { workerData: { role: ROLE, file } });
      started.unref();
      started.on('error', rest);
      return started;
    } catch {
      // The system has no thread to give.
      rest();
      return undefined;
    }
  }

  return {
    wrote(rows) {
      rowsSince += rows;
      if (rowsSince < ROWS_EACH || ended || performance.now() < restedMs) return;
      rowsSince = 0;
      worker ??= start();
      worker?.postMessage('checkpoint');
    },
    async end() {
      ended = true;
      await worker?.terminate();
    },
  };
}

/**
 * PASSIVE waits for nobody, and nobody for it; but while creates go on it leaves those that came meanwhile, and the WAL
 * would grow. Then RESTART does those few with the writers' lock: puts find the file busy and try again in 2 ms.
 */
function checkpoint(db: DatabaseSync): void {
  const { log } = db.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() ?? {};
  if (Number(log) >= INSIST_PAGES) db.exec('PRAGMA wal_checkpoint(RESTART)');
}

if (!isMainThread && workerData?.role === ROLE) {
  const db = new DatabaseSync(workerData.file, { timeout: WORKER_TIMEOUT_MS });
  parentPort?.on('message', () => {
    try {
      checkpoint(db);
    } catch {
      // The next message tries again. Trouble of the file shows in the store's own calls.
    }
  });
}
