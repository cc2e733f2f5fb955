// A bound on memory, set by the kernel for one process: a cgroup of its own, of version 2 or 1, whichever is there.
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Hierarchy {
  readonly root: string;
  /** What /proc/self/cgroup calls it. */
  readonly line: RegExp;
  readonly limitFile: string;
}

const HIERARCHIES: readonly Hierarchy[] = [
  { root: '/sys/fs/cgroup', line: /^0::(.*)$/m, limitFile: 'memory.max' },
  { root: '/sys/fs/cgroup/memory', line: /^\d+:memory:(.*)$/m, limitFile: 'memory.limit_in_bytes' },
];

export interface MemoryLimit extends Disposable {
  /** Runs what follows, within it (StartOptions). */
  readonly through: readonly string[];
  /** @param bytes another limit, for what runs within it already */
  set(bytes: number): void;
}

/** The cgroups that this process is in, from its own upwards: in one of them a child may be made, or in none. */
function* placesIn({ root, line }: Hierarchy): Generator<string> {
  const own = line.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  for (let path = own; path !== undefined && path !== '/'; path = dirname(path)) yield join(root, path);
  yield root;
}

let made = 0;

function make(bytes: number): MemoryLimit | undefined {
  for (const hierarchy of HIERARCHIES) {
    for (const place of placesIn(hierarchy)) {
      const folder = join(place, `gateway-test-${process.pid}-${made++}`);
      try {
        mkdirSync(folder);
      } catch {
        continue;
      }
      const file = join(folder, hierarchy.limitFile);
      const set = (limit: number): void => writeFileSync(file, String(limit));
      try {
        // Without the controller of memory there is no such file, and none can be made.
        statSync(file);
        set(bytes);
        const through = ['sh', '-c', `echo $$ > "${folder}/cgroup.procs"; exec "$@"`, 'sh'];
        return { through, set, [Symbol.dispose]: () => rmdirSync(folder) };
      } catch {
        rmdirSync(folder);
      }
    }
  }
  return undefined;
}

/** Making one takes root, which inside of most containers has not the right to. */
export const CAN_LIMIT_MEMORY = ((): boolean => {
  const limit = process.platform === 'linux' ? make(2 ** 30) : undefined;
  limit?.[Symbol.dispose]();
  if (limit === undefined) process.stderr.write('skipped: no memory can be limited here: it takes root and cgroups\n');
  return limit !== undefined;
})();

/** Disposed of when what ran within it has ended. @throws Error where none can be made (CAN_LIMIT_MEMORY) */
export function limitMemory(bytes: number): MemoryLimit {
  const limit = make(bytes);
  if (limit === undefined) throw new Error('no cgroup can be made');
  return limit;
}
