// Open files: how many of them are left for callers, and a word in the log when there are too few, or none.
import { closeSync, openSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Config } from './config/types.ts';
import { MOST_OPERATORS } from './listener/operators.ts';
import { OUT_OF_FILES, openFilesLimit } from './record/open-files.ts';

/** What Node, the store, the audit log, the log and the listeners have open: 29 when it was counted, and files that come and go. */
const OWN = 96;
/** Of each worker: 9 when it was counted. */
const OF_WORKER = 16;
/** Of each thread: callers that are turned away and take their time to read it (listener/capacity.ts). */
const TURNED_AWAY = 256;

/** With fewer it would be no gateway; it does without some of the rest, and says so. */
const FEWEST = 16;

type Sized = Pick<Config, 'listen' | 'workers' | 'upstream' | 'regions' | 'passthrough'>;

/** Connections to regions, at the most. */
function upstreamFiles({ workers, upstream, regions, passthrough }: Sized): number {
  const upstreams = regions.reduce((count, region) => count + region.upstreams.length, 0);
  // Passed-through paths have as many of their own.
  return Math.max(upstream.connections, workers) * (upstreams + passthrough.length);
}

/**
 * How many callers may be connected so that a descriptor is left for each call of theirs to a region, for operators and
 * for files. Never fewer than FEWEST; infinite where nobody tells how many the process may have.
 */
export function roomForCallers(config: Sized, limit = openFilesLimit()): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  const left = limit - OWN - OF_WORKER * config.workers - MOST_OPERATORS;
  const others = left - Math.min(TURNED_AWAY * config.workers, Math.floor(left / 4));
  // A caller has one call under way.
  return Math.max(FEWEST, others - Math.min(upstreamFiles(config), Math.floor(others / 2)));
}

const HOW = 'raise the limit of open files (LimitNOFILE= of the unit, ulimit -n)';

/** So many callers may be connected at once: as the configuration has it, or as many as there is room for. */
export function mostCallers(config: Sized, limit = openFilesLimit()): number {
  return Math.min(config.listen.maxConnections, roomForCallers(config, limit));
}

/** Says where the configuration allows more callers than the process may have descriptors for. */
export function warnOfFewFiles(config: Sized, log: Pick<Logger, 'warn'>, limit = openFilesLimit()): void {
  const most = mostCallers(config, limit);
  const { maxConnections } = config.listen;
  if (most >= maxConnections) return;
  log.warn(
    { limit, connections: most, allowed: maxConnections },
    `the limit of open files leaves room for fewer callers than listen.maxConnections allows: ${HOW}`,
  );
}

/** Two calls to the system a second. */
const EVERY_MS = 1000;
/** At the brink there is now one, now none. */
const OVER_AFTER = 10;

/**
 * Says once when no descriptor is left, and once when there have been some for a while.
 * @returns ends it
 */
export function watchFiles(log: Pick<Logger, 'error' | 'info'>, limit = openFilesLimit()): () => void {
  let good = OVER_AFTER;
  const timer = setInterval(() => {
    if (hasOne()) {
      if (++good === OVER_AFTER) log.info('there are descriptors again');
      return;
    }
    if (good >= OVER_AFTER) {
      log.error(
        { limit },
        `no descriptor is left: callers wait or are cut before anything is read of them, and calls are refused, not sent; ${HOW}`,
      );
    }
    good = 0;
  }, EVERY_MS).unref();
  return () => clearInterval(timer);
}

function hasOne(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && OUT_OF_FILES.has(error.code));
  }
}
