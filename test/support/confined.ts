// The gateway as containers and systemd confine it: a user who is not root, no capability, and a file system on which nothing
// can be written but one folder. Made by the kernel itself, in a mount name space of its own.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Folder } from './folder.ts';
import { ROOT, type Running, start } from './process.ts';

/** Making it takes root, which inside of some containers has not the right to. */
export const CAN_CONFINE = ((): boolean => {
  const can = spawnSync('unshare', ['--mount', 'setpriv', '--clear-groups', 'true']).status === 0;
  if (!can) process.stderr.write('skipped: nothing can be confined here: it takes root with CAP_SYS_ADMIN\n');
  return can;
})();

const UID = 1000;

/** 9: something else can be written after all. */
const SCRIPT = `
set -e
data=$1 beside=$2; shift 2
mount --bind "$data" "$data"
mount -o remount,ro,bind /
if touch "$beside" 2> /dev/null; then exit 9; fi
exec setpriv --reuid=${UID} --regid=${UID} --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"`;

/** @returns the folder that may be written */
export function writableIn(folder: Folder): string {
  const data = join(folder.path, 'data');
  mkdirSync(data, { mode: 0o700 });
  chownSync(data, UID, UID);
  chmodSync(folder.path, 0o755);
  return data;
}

/** Starts `onetime-gateway` from the sources. @param data of `writableIn` */
export function startConfined(
  data: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Running> {
  const own = [data, join(data, '..', 'touched'), process.execPath, `${ROOT}src/main.ts`, ...args];
  return start('unshare', ['--mount', 'sh', '-c', SCRIPT, 'sh', ...own], { env: { HOME: '/nonexistent', ...env } });
}
