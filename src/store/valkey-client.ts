// The connection to Valkey or Redis: one server, Sentinel or Cluster, through ioredis. Knows whether the engine can be
// asked, and lets no question wait longer than its patience.
import type { Cluster, Redis } from 'ioredis';
import type { Patience } from '../domain.ts';
import { StoreAwayError } from './store.ts';
import type { ValkeyConfig } from './valkey-config.ts';
import { connectValkey, renewConnection } from './valkey-connect.ts';
import { asStoreError, awayError, codeOf } from './valkey-errors.ts';
import { createHealth, type Health } from './valkey-health.ts';
import { watchSentinels } from './valkey-sentinel.ts';

export interface ValkeyClient {
  /** Before every key, for example `otgw:`. */
  readonly prefix: string;
  /** Whether the keys are spread over nodes. */
  readonly cluster: boolean;
  /** False from the first question that was not answered in time, or a lost connection, until a ping is answered. */
  isUp(): boolean;
  /**
   * Asks the engine. While it is away this rejects at once, without asking.
   * @param patience undefined: the store's own timeout, as for what no request waits for
   * @throws StoreAwayError; the engine's own errors (ReplyError) as they are
   */
  ask<T>(question: (redis: Redis | Cluster) => Promise<T>, patience?: Patience): Promise<T>;
  /** As `ask`, with a timeout of its own, for operators' commands; waits in it for the engine to be there. */
  askPatiently<T>(question: (redis: Redis | Cluster) => Promise<T>, timeoutMs: number): Promise<T>;
  /** Publishes on the channel `PREFIXnews`. Not waited for, never throws. */
  publish(message: string): void;
  readings(): { readonly up: boolean; readonly wentAway: number; readonly failed: number };
  close(): Promise<void>;
}

export type ValkeyEvent =
  | { readonly kind: 'up' }
  /** `why` is a code, without addresses. */
  | { readonly kind: 'away'; readonly why: string | undefined }
  /** Its `maxmemory-policy` is not `noeviction`: it may forget entries without a word. Told once. */
  | { readonly kind: 'evicts'; readonly policy: string };

export interface ValkeyOptions {
  /** How long a question waits, if nobody says otherwise; no answer for so long: the engine is away. */
  readonly storeTimeoutMs: number;
  readonly onNews?: (message: string) => void;
  readonly observe?: (event: ValkeyEvent) => void;
}

type Question<T> = (redis: Redis | Cluster) => Promise<T>;

/**
 * Begins to connect. Not thrown for a server that is not there: then it is away until it comes.
 * @throws StoreOpenError: `caFile` cannot be read
 */
export function createValkeyClient(config: ValkeyConfig, options: ValkeyOptions): ValkeyClient {
  const { prefix } = config;
  const { storeTimeoutMs } = options;
  const { redis, subscriber } = connectValkey(config);
  const health = createHealth(redis, { prefix, storeTimeoutMs, observe: options.observe });
  const endWatch = watchSentinels(config, () => {
    health.renew('FAILOVER');
    renewConnection(subscriber);
  });
  const asker = createAsker(redis, health);
  subscribe(subscriber, `${prefix}news`, options.onNews ?? (() => undefined));

  return {
    prefix,
    cluster: config.mode === 'cluster',
    isUp: health.isUp,
    async ask(question, patience = { leftMs: storeTimeoutMs }) {
      const beganMs = performance.now();
      const givenMs = patience.leftMs;
      try {
        if (!health.isUp() && givenMs > 0) await health.whenStarted(givenMs);
        return await asker.put(question, givenMs - (performance.now() - beganMs), storeTimeoutMs);
      } catch (error) {
        throw asker.failed(error);
      } finally {
        const leftMs = patience.leftMs - (performance.now() - beganMs);
        // Timers count whole milliseconds.
        patience.leftMs = leftMs < 1 ? 0 : leftMs;
      }
    },
    async askPatiently(question, timeoutMs) {
      const beganMs = performance.now();
      let end: (() => void) | undefined;
      try {
        await health.whenUp(timeoutMs);
        const leftMs = timeoutMs - (performance.now() - beganMs);
        end = health.expectSilence(leftMs);
        return await asker.put(question, leftMs, undefined);
      } catch (error) {
        throw asker.failed(error);
      } finally {
        end?.();
      }
    },
    publish(message) {
      if (health.isUp()) redis.publish(`${prefix}news`, message).catch(() => undefined);
    },
    readings: () => ({ up: health.isUp(), wentAway: health.wentAway(), failed: asker.count() }),
    async close() {
      health.close();
      endWatch();
      await Promise.all([...new Set([redis, subscriber])].map(disconnect));
    },
  };
}

function createAsker(redis: Redis | Cluster, health: Health) {
  let failures = 0;

  /** @param awayAfterMs without an answer for so long the engine is away; undefined: it may take its time */
  function put<T>(question: Question<T>, waitMs: number, awayAfterMs: number | undefined): Promise<T> {
    if (!health.isUp()) return Promise.reject(awayError(health.why()));
    if (!(waitMs > 0)) return Promise.reject(awayError('TIMEOUT'));
    const away = health.suspicion();
    return new Promise((settle, reject) => {
      let answered = false;
      // Who has little patience left learns nothing of the engine, and who has much must not be the only one to know.
      const isOwnLimit = awayAfterMs === undefined || Math.abs(waitMs - awayAfterMs) > 1;
      const giveUp = (): void => {
        if (answered) return;
        reject(awayError('TIMEOUT'));
        if (!isOwnLimit) away('TIMEOUT');
      };
      const doubt = (): void => void (answered || away('TIMEOUT'));
      // After the sockets have been read: a process that was busy itself has its answer there.
      const timer = setTimeout(() => setImmediate(giveUp), waitMs);
      const doubtTimer =
        isOwnLimit && awayAfterMs !== undefined
          ? setTimeout(() => setImmediate(doubt), awayAfterMs).unref()
          : undefined;
      const done = (): void => {
        answered = true;
        clearTimeout(timer);
        clearTimeout(doubtTimer);
      };
      attempt(question, redis).then(
        (value) => {
          done();
          settle(value);
        },
        (error: unknown) => {
          done();
          const known = asStoreError(error);
          if (known !== error) away(codeOf(error));
          reject(known);
        },
      );
    });
  }

  return {
    put,
    failed(error: unknown): unknown {
      if (error instanceof StoreAwayError) failures += 1;
      return error;
    },
    count: () => failures,
  };
}

async function attempt<T>(question: Question<T>, redis: Redis | Cluster): Promise<T> {
  return question(redis);
}

/** Subscribes at every connection anew: ioredis does so by itself only where it had come as far before. */
function subscribe(connection: Redis | Cluster, channel: string, onNews: (message: string) => void): void {
  connection.on('ready', () => void connection.subscribe(channel).catch(() => undefined));
  connection.on('message', (from: string, message: string) => {
    if (from === channel) onNews(message);
  });
  connection.on('error', () => undefined);
}

/** Ends a connection whatever state it is in; waits for its end where there is one to come. */
async function disconnect(connection: Redis | Cluster): Promise<void> {
  if (connection.status === 'end') return;
  const ended = new Promise<void>((settle) => {
    connection.once('end', settle);
    // One that is waiting to connect again ends without a word.
    setTimeout(settle, 300).unref();
  });
  const quiet = connection.status === 'reconnecting' || connection.status === 'wait';
  connection.disconnect();
  if (!quiet) await ended;
}
