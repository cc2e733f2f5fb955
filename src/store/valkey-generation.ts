// Which directory this is: its generation as this gateway saw it last, and the copies of it that lie beside the keys.
//
// Keys are spread over 256 buckets, each in a slot of its own (hash tag `bXX`), each with a mark that holds the
// generation. A node that was emptied has lost the mark with the keys, so that nothing there reads as "nobody knows this
// key".
import type { Cluster, Redis } from 'ioredis';
import type { KeyedHash, Patience } from '../domain.ts';
import type { ValkeyClient } from './valkey-client.ts';

const BUCKETS = 256;

export interface Generation {
  /** As it was seen last; undefined: not yet. */
  known(): string | undefined;
  /** Told by whoever reads the directory's mark. */
  saw(generation: string): void;
  /** Asks the directory. Undefined: it has no mark. Rejects with StoreAwayError. */
  learn(patience: Patience): Promise<string | undefined>;
}

/** @param accounts the key of the directory's hash */
export function createGeneration(client: ValkeyClient, accounts: string): Generation {
  let known: string | undefined;
  return {
    known: () => known,
    saw(generation) {
      known = generation;
    },
    async learn(patience) {
      const generation = await client.ask((redis) => redis.hget(accounts, 'g'), patience);
      if (generation === null) return undefined;
      known = generation;
      return generation;
    },
  };
}

/** `PREFIX{bXX}`, by the first byte of a hash. */
export function bucketOf(prefix: string, hash: KeyedHash): string {
  return tagOf(prefix, hash[0] ?? 0);
}

function tagOf(prefix: string, bucket: number): string {
  return `${prefix}{b${bucket.toString(16).padStart(2, '0')}}`;
}

export function bucketMark(bucket: string): string {
  return `${bucket}mark`;
}

/** Writes the mark of every bucket, each on its node. A question for `ValkeyClient.askPatiently`. */
export async function writeBucketMarks(redis: Redis | Cluster, prefix: string, generation: string): Promise<void> {
  const marks = Array.from({ length: BUCKETS }, (_, bucket) => bucketMark(tagOf(prefix, bucket)));
  await Promise.all(marks.map((mark) => redis.set(mark, generation)));
}
