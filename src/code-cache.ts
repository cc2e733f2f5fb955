// What V8 has compiled, and Node has stripped of types, is kept between starts: half of a start from the sources.
import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/**
 * Whether nobody but this user and root can put files there: what lies there is run as code.
 * @param directory absolute, without symbolic links; it and its parents are looked at
 */
export function isPrivate(directory: string, uid: number): boolean {
  const { uid: owner, mode } = statSync(directory);
  const isSticky = (mode & 0o1000) !== 0;
  const isOthers = (mode & 0o022) !== 0 && !isSticky;
  if (isOthers || (owner !== uid && owner !== 0)) return false;
  const parent = dirname(directory);
  return parent === directory || isPrivate(parent, uid);
}

function privateDirectory(env: NodeJS.ProcessEnv): string | undefined {
  const caches = env.XDG_CACHE_HOME;
  const directory = join(
    caches !== undefined && isAbsolute(caches) ? caches : join(homedir(), '.cache'),
    'onetime-gateway',
  );
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const place = realpathSync(directory);
  // On Windows a home belongs to its user.
  const uid = process.geteuid?.();
  return uid === undefined || isPrivate(place, uid) ? place : undefined;
}

/**
 * In XDG_CACHE_HOME/onetime-gateway, else ~/.cache/onetime-gateway. Where it cannot be written, or others could write there,
 * nothing is kept. NODE_COMPILE_CACHE names another place, and NODE_DISABLE_COMPILE_CACHE=1 turns it off (Node's own).
 * @returns the directory in use
 */
export function cacheCode(env: NodeJS.ProcessEnv): string | undefined {
  try {
    const directory = env.NODE_COMPILE_CACHE === undefined ? privateDirectory(env) : undefined;
    return directory === undefined ? undefined : enableCompileCache(directory).directory;
  } catch {
    // A start without it is slower, and nothing else.
    return undefined;
  }
}
