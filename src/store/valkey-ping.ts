// What is asked of an engine to know whether it serves, and whether it keeps what it is given.
import type { Cluster, Redis } from 'ioredis';
import { ioredis } from './ioredis.ts';
import type { ValkeyEvent } from './valkey-client.ts';
import { codeOf, isReplyError } from './valkey-errors.ts';

const NOT_SERVING = new Set(['READONLY', 'LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'NOAUTH', 'WRONGPASS', 'BUSY']);

/**
 * Whether it serves us, as what it is: a write, so that a replica does not pass; one that a server without memory
 * accepts. Other refusals are answers: what it cannot do now is told to who asks for it.
 */
export async function ping(redis: Redis | Cluster, prefix: string): Promise<void> {
  const nodes = redis instanceof ioredis().Cluster ? redis.nodes('master') : [];
  try {
    await Promise.all([redis.del(`${prefix}ping`), ...nodes.map((node) => node.ping())]);
  } catch (error) {
    const code = codeOf(error);
    if (!isReplyError(error) || code === undefined || NOT_SERVING.has(code)) throw error;
  }
}

/** Asks once it is up. An engine that evicts forgets accounts and keys. Managed ones may refuse the question: then nothing is said. */
export function createPolicyCheck(
  redis: Redis | Cluster,
  observe: ((event: ValkeyEvent) => void) | undefined,
): () => void {
  let told = false;
  async function check(): Promise<void> {
    const nodes = redis instanceof ioredis().Cluster ? redis.nodes('master') : [redis];
    for (const node of nodes) {
      const [, policy] = (await node.config('GET', 'maxmemory-policy')) as string[];
      if (policy === undefined || policy === 'noeviction' || told) continue;
      told = true;
      observe?.({ kind: 'evicts', policy });
    }
  }
  return () => {
    if (!told && observe !== undefined) check().catch(() => undefined);
  };
}
