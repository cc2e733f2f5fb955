// Notices that a file is another one: by looking, since what tells of changes tells of none where a folder is mounted, on
// network file systems, and where a symbolic link is turned to another file, as Kubernetes does it.
import { statSync } from 'node:fs';

const LOOK_MS = 1000;

/** What tells one state of a file from another; undefined where there is none. */
function stateOf(file: string): string | undefined {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found && [found.dev, found.ino, found.size, found.mtimeNs].join();
}

/** What it is now, to be told from what it becomes. @returns undefined also where it cannot be looked at */
export function lookAt(file: string): string | undefined {
  try {
    return stateOf(file);
  } catch {
    return undefined;
  }
}

export interface WatchOptions {
  /** What the file was when it was read (lookAt): what changed since then is told, too. */
  readonly known: string | undefined;
  /** For tests. */
  readonly lookMs?: number;
}

/**
 * @param onChange called once for each change, when the file has been the same for one look: whoever writes it is done
 * @returns stops looking
 */
export function watchFile(file: string, onChange: () => void, options: WatchOptions): () => void {
  const { lookMs = LOOK_MS } = options;
  let { known } = options;
  let seen = known;
  const timer = setInterval(() => {
    const found = lookAt(file);
    const isSettled = found === seen;
    seen = found;
    // A file that is away is being replaced.
    if (!isSettled || found === undefined || found === known) return;
    known = found;
    onChange();
  }, lookMs).unref();
  return () => clearInterval(timer);
}
