// What happens to rotated files while the gateway runs: one after the other, and never in the way of writing.
import { compress, type Expired, findExpired, removeArchive, removePartials } from './archive.ts';
import { listArchives } from './files.ts';
import type { AuditDependencies, AuditOptions } from './options.ts';

export interface Keeper {
  /** A file was rotated away, or it is time to look: compresses, and removes what is too old. */
  look(): void;
  /** Resolves when nothing is under way any more. What was interrupted is done after the next start. */
  close(): Promise<void>;
}

/** @param record says in the log what is about to be removed; resolves to whether that has reached the disk */
export function createKeeper(
  options: AuditOptions,
  { now, isSettled = () => true, observe }: AuditDependencies,
  record: (expired: readonly Expired[]) => Promise<boolean>,
): Keeper {
  const stopped = new AbortController();
  let work = Promise.resolve();

  async function prune(): Promise<void> {
    // A clock that was set forward by years must not take the log with it.
    if (!isSettled()) return;
    const expired = await findExpired(options.file, now(), options.keepMs);
    const last = expired.at(-1);
    if (last === undefined || stopped.signal.aborted || !(await record(expired))) return;
    for (const { archive } of expired) await removeArchive(archive);
    observe({ kind: 'pruned', files: expired.length, through: last.through });
  }

  async function compressAll(): Promise<void> {
    if (!options.compress) return;
    await removePartials(options.file);
    for (const { plain, has } of listArchives(options.file)) {
      if (stopped.signal.aborted) return;
      if (has.plain) await compress(plain, stopped.signal);
    }
  }

  async function attempt(what: 'compress' | 'prune', step: () => Promise<void>): Promise<void> {
    try {
      if (!stopped.signal.aborted) await step();
    } catch (cause) {
      if (!stopped.signal.aborted) observe({ kind: 'trouble', what, cause });
    }
  }

  return {
    look() {
      work = work.then(() => attempt('prune', prune)).then(() => attempt('compress', compressAll));
    },
    async close() {
      stopped.abort();
      await work;
    },
  };
}
