// The connection to Valkey or Redis: one server, Sentinel or Cluster, through ioredis. Knows whether the engine can be
// asked, and lets no question wait longer than its patience.
import type { Cluster, Redis } from 'ioredis';
import type { Patience } from '../domain.ts';

export interface ValkeyClient {
  /** Before every key, for example `otgw:`. */
  readonly prefix: string;
  /** False from the first question that was not answered in time, or a lost connection, until a ping is answered. */
  isUp(): boolean;
  /**
   * Asks the engine. While it is away this rejects at once, without asking.
   * @param patience undefined: the store's own timeout, as for what no request waits for
   * @throws StoreAwayError; the engine's own errors (ReplyError) as they are
   */
  ask<T>(question: (redis: Redis | Cluster) => Promise<T>, patience?: Patience): Promise<T>;
  /** As `ask`, with a timeout of its own, for operators' commands. */
  askPatiently<T>(question: (redis: Redis | Cluster) => Promise<T>, timeoutMs: number): Promise<T>;
  /** Publishes on the channel `PREFIXnews`. Not waited for, never throws. */
  publish(message: string): void;
  readings(): { readonly up: boolean; readonly wentAway: number; readonly failed: number };
  close(): Promise<void>;
}
