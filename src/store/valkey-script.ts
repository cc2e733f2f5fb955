// Scripts of the engine: sent by their name, and whole only where the server does not know them yet.
import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import { isReplyError } from './valkey-errors.ts';

export type ScriptKey = string | Buffer;
export type ScriptArgument = string | number | Buffer;
/** What a script returns: whole numbers, bytes, lists of these, and null for false and nil. */
export type ScriptReply = number | Buffer | null | readonly ScriptReply[];

/** Asks for one script; all `keys` lie in one slot. A question for `ValkeyClient.ask`. */
export type Script = (
  redis: Redis | Cluster,
  keys: readonly ScriptKey[],
  args: readonly ScriptArgument[],
) => Promise<ScriptReply>;

export function createScript(lua: string): Script {
  const sha = createHash('sha1').update(lua).digest('hex');
  return async (redis, keys, args) => {
    try {
      return (await redis.callBuffer('EVALSHA', sha, keys.length, ...keys, ...args)) as ScriptReply;
    } catch (error) {
      // Refused, so nothing was done.
      if (!isReplyError(error) || !String(error).includes('NOSCRIPT')) throw error;
      return (await redis.callBuffer('EVAL', lua, keys.length, ...keys, ...args)) as ScriptReply;
    }
  };
}
