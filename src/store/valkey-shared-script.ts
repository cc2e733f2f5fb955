// Scripts that the engine runs in one step, known to it by their hash.
import { hash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';

/** Runs one script: its keys, all of one slot, and its arguments. Bulk strings of the answer are Buffers. */
export type Script = (
  redis: Redis | Cluster,
  keys: readonly (string | Buffer)[],
  args: readonly (string | Buffer | number)[],
) => Promise<unknown>;

/** An engine that does not know the script (new, restarted, another node) has not run it, and is sent it whole. */
export function createScript(lua: string): Script {
  const sha = hash('sha1', lua);
  return async (redis, keys, args) => {
    try {
      return await redis.callBuffer('evalsha', sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await redis.callBuffer('eval', lua, keys.length, ...keys, ...args);
    }
  };
}
