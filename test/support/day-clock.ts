// A clock of the day that a test sets, for a process of its own: libfaketime, which leaves the steady clock alone.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Folder } from './folder.ts';
import { needs } from './needs.ts';

const LIBRARY = 'faketime/libfaketimeMT.so.1';

export const HAS_FAKETIME = needs('faketime', 'apt-get install faketime');

/** Where Debian has it: in a folder of the machine's own kind. */
function library(): string {
  const found = readdirSync('/usr/lib')
    .map((kind) => join('/usr/lib', kind, LIBRARY))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`no ${LIBRARY} under /usr/lib`);
  return found;
}

export interface SetClock {
  /** For the process that is to have it. */
  readonly env: Readonly<Record<string, string>>;
  /** By so many seconds it is ahead from now on, or behind; seen within a second. */
  set(seconds: number): void;
}

export function openDayClock(folder: Folder): SetClock {
  const set = (seconds: number): string => folder.write('clock', `${seconds < 0 ? '' : '+'}${seconds}\n`);
  return {
    env: {
      LD_PRELOAD: library(),
      FAKETIME_TIMESTAMP_FILE: set(0),
      // Seconds until it looks at the file again.
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    },
    set,
  };
}
