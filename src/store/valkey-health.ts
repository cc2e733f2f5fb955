// Whether the engine can be asked: away from the first sign of trouble until a ping is answered, so that no request
// after the first one waits for a server that does not answer.
import type { Cluster, Redis } from 'ioredis';
import { ioredis } from './ioredis.ts';
import type { ValkeyEvent } from './valkey-client.ts';
import { renewConnection } from './valkey-connect.ts';
import { awayError, codeOf } from './valkey-errors.ts';
import { createPolicyCheck, ping } from './valkey-ping.ts';

/** Between pings while it is away. */
const PING_EVERY_MS = 200;
/** A connection on which nothing has come for so long is given up for a new one: its peer may be gone without a word. */
const SILENCE_MS = 2000;

export interface Health {
  isUp(): boolean;
  /** Settles when the first connection has come or failed, or after `timeoutMs`. */
  whenStarted(timeoutMs: number): Promise<void>;
  /** Why it is away, as a code. */
  why(): string | undefined;
  wentAway(): number;
  /** Settles when it is up; rejects with StoreAwayError after `timeoutMs` or when it is closed. */
  whenUp(timeoutMs: number): Promise<void>;
  /** To be called for trouble with what is asked now; does nothing once it has been away since. */
  suspicion(): (why: string | undefined) => void;
  /** A question may keep the server busy for so long; returns its end. */
  expectSilence(forMs: number): () => void;
  /** The connection is to be made anew, as it leads to the wrong server. */
  renew(why: string): void;
  close(): void;
}

type State = 'starting' | 'up' | 'away' | 'closed';

export function createHealth(
  redis: Redis | Cluster,
  options: {
    readonly prefix: string;
    readonly storeTimeoutMs: number;
    readonly observe: ((event: ValkeyEvent) => void) | undefined;
  },
): Health {
  const { prefix, storeTimeoutMs, observe } = options;
  let state: State = 'starting';
  let why: string | undefined;
  let wentAway = 0;
  /** Counts times of being up. */
  let era = 0;
  /** The probe under way: a new connection does not wait for an answer of the old one. */
  let probing: object | undefined;
  let quietSinceMs = performance.now();
  const silences = new Set<{ readonly untilMs: number }>();
  const waiting = new Set<() => void>();
  const checkPolicy = createPolicyCheck(redis, observe);

  function become(next: State): void {
    state = next;
    for (const tell of [...waiting]) tell();
  }

  function wait(timeoutMs: number, holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((settle) => {
      const end = (): void => {
        clearTimeout(timer);
        waiting.delete(look);
        settle();
      };
      const look = (): void => void (holds() && end());
      const timer = setTimeout(end, timeoutMs);
      waiting.add(look);
    });
  }

  function rise(): void {
    if (state === 'up' || state === 'closed') return;
    era += 1;
    why = undefined;
    become('up');
    observe?.({ kind: 'up' });
    checkPolicy();
  }

  function fall(reason: string | undefined): void {
    if (state === 'closed') return;
    why = reason ?? why;
    if (state === 'away') return;
    if (state === 'up') wentAway += 1;
    quietSinceMs = performance.now();
    become('away');
    observe?.({ kind: 'away', why });
  }

  /** Only one at a time: a stalled server is not heaped with pings. */
  async function probe(): Promise<void> {
    if (state === 'up' || state === 'closed' || probing !== undefined || redis.status !== 'ready') return;
    const mine = {};
    probing = mine;
    const askedMs = performance.now();
    try {
      await ping(redis, prefix);
      // A server that takes much longer than a request may wait is as good as away, and one that was stalled answers anew.
      if (mine === probing && performance.now() - askedMs <= storeTimeoutMs * 2) rise();
    } catch (error) {
      if (mine === probing) fall(codeOf(error));
    } finally {
      if (mine === probing) probing = undefined;
    }
  }

  /** A connection that says nothing may be half of one: the peer's machine is gone. */
  function renewIfSilent(): void {
    if (state === 'up' || state === 'closed' || (redis.status !== 'ready' && redis.status !== 'connect')) return;
    const nowMs = performance.now();
    const untilMs = Math.max(quietSinceMs + SILENCE_MS, ...[...silences].map((silence) => silence.untilMs));
    if (nowMs < untilMs) return;
    quietSinceMs = nowMs;
    probing = undefined;
    redis.disconnect(true);
  }

  const beat = setInterval(() => {
    // Nothing but closing ends a connection for good; should it come to that, a new one is begun.
    if (redis.status === 'end') redis.connect().catch(() => undefined);
    renewIfSilent();
    void probe();
  }, PING_EVERY_MS).unref();
  listen(redis, {
    connected: () => {
      quietSinceMs = performance.now();
      probing = undefined;
      void probe();
    },
    lost: (error) => fall(error === undefined ? undefined : codeOf(error)),
  });

  return {
    isUp: () => state === 'up',
    whenStarted: (timeoutMs) => wait(timeoutMs, () => state !== 'starting'),
    why: () => (state === 'closed' ? 'CLOSED' : why),
    wentAway: () => wentAway,
    async whenUp(timeoutMs) {
      await wait(timeoutMs, () => state === 'up' || state === 'closed');
      if (state !== 'up') throw awayError(state === 'closed' ? 'CLOSED' : (why ?? 'TIMEOUT'));
    },
    suspicion() {
      const asked = era;
      return (reason) => {
        if (asked === era) fall(reason);
      };
    },
    expectSilence(forMs) {
      const silence = { untilMs: performance.now() + forMs };
      silences.add(silence);
      return () => void silences.delete(silence);
    },
    renew(reason) {
      fall(reason);
      if (state !== 'closed') renewConnection(redis);
    },
    close() {
      clearInterval(beat);
      become('closed');
    },
  };
}

function listen(
  redis: Redis | Cluster,
  { connected, lost }: { connected: () => void; lost: (error?: unknown) => void },
): void {
  redis.on('ready', connected);
  redis.on('error', lost);
  redis.on('close', () => lost());
  // A node that goes is no reason by itself, as the cluster may have changed: the next question tells.
  if (redis instanceof ioredis().Cluster) redis.on('node error', () => undefined);
}
