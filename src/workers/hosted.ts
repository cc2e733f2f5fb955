// What the main thread holds for the workers, and serves to each of them.
import { randomBytes } from 'node:crypto';
import type { Config } from '../config/types.ts';
import { Connections } from '../limit/connections.ts';
import { isSameRate, LIMIT_BYTES, LIMITS, rateOf } from '../limit/limit.ts';
import { healthBytes, releaseHealth } from '../region/health.ts';
import { openSent } from '../replay/sent.ts';
import { createHostedReplays } from '../replay/shared-shelf.ts';
import { type ConnectionMemory, openConnectionMemory } from '../rooms-connections.ts';
import { isSameHealth, originsOf } from '../rooms-health.ts';
import { HOLDERS_MAX, releaseLocks } from '../shared-memory/locks.ts';
import type { State } from '../state.ts';
import type { StoreNews } from '../store/store.ts';
import type { Secrets } from '../together.ts';
import type { MainServices, Memory } from './given.ts';
import { createHostedVerifications } from './verifications.ts';

const SECRET_BYTES = 32;
/** Of which memory is remembered: a thread that ends may hold something in what was in force when its requests began. */
const MOST_CONFIGURATIONS = 8;
/** As many as each thread remembers itself. */
const VERIFIED_ENTRIES = 100_000;

/** All but what is of the thread itself (thread.ts). */
type Services = Omit<MainServices, 'listening' | 'parting' | 'failed' | 'last'>;

export interface Hosted {
  readonly secrets: Secrets;
  /** Callers' connections are counted in it, whatever the configuration. */
  readonly connections: ConnectionMemory;
  /** Of the configuration in force. */
  memory(): Memory;
  /**
   * For another configuration: the same memory where it counts the same, and a new one elsewhere.
   * @returns it, and what puts it in the place of the one in force
   */
  renew(next: Config): { readonly memory: Memory; readonly apply: () => void };
  /** @param tellOthers tells the other workers what this one brings */
  servicesFor(holder: number, tellOthers: (news: StoreNews) => void): Services;
  /** A thread has ended: what it held in memory that threads share is free. */
  exited(holder: number): void;
  /** And nothing more comes from it: what it had begun is given to the others, and it waits for nobody. */
  ended(holder: number): void;
}

/** The memory that goes with a configuration. */
interface Shared {
  readonly config: Config;
  readonly memory: Memory;
}

const newLimit = (): SharedArrayBuffer => new SharedArrayBuffer(LIMIT_BYTES);
const newHealth = (config: Config): SharedArrayBuffer => new SharedArrayBuffer(healthBytes(originsOf(config)));

function openMemory(config: Config): Shared {
  const limits = Object.fromEntries(LIMITS.map((limit) => [limit, newLimit()]));
  return { config, memory: { limits, health: newHealth(config) } };
}

function renewed(before: Shared, config: Config): Shared {
  const limits = LIMITS.map((limit) => {
    const same = isSameRate(rateOf(before.config.limits, limit), rateOf(config.limits, limit));
    return [limit, (same ? before.memory.limits[limit] : undefined) ?? newLimit()] as const;
  });
  // Not by the way: connections are shared out, and some workers may have the same way as before where others have not.
  const health = isSameHealth(before.config, config) ? before.memory.health : newHealth(config);
  return { config, memory: { limits: Object.fromEntries(limits), health } };
}

/** @param steady milliseconds of a clock that does not jump */
export function openHosted(config: Config, { store, source, replaySalt }: State, steady: () => number): Hosted {
  let current = openMemory(config);
  /** With those of configurations before, in which a thread may still hold something. */
  let all = [current];
  const verifications = createHostedVerifications({ entries: VERIFIED_ENTRIES, now: steady });
  // Where nothing is kept, nobody asks.
  const { keepMs, maxBytes } = config.replay ?? { keepMs: 1, maxBytes: 0 };
  const replays = createHostedReplays({ keepMs, maxBytes, now: steady, sent: openSent(store.sent, keepMs, steady) });
  const directory = store.directory as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;

  const connections = openConnectionMemory(config);
  const counts = new Connections(connections.sizes, { memory: connections.memory, holder: HOLDERS_MAX });

  return {
    connections,
    secrets: {
      hashKey: randomBytes(SECRET_BYTES),
      seed: randomBytes(SECRET_BYTES),
      replaySalt,
    },
    memory: () => current.memory,
    renew(next) {
      const made = renewed(current, next);
      return {
        memory: made.memory,
        apply() {
          current = made;
          all = [made, ...all].slice(0, MOST_CONFIGURATIONS);
        },
      };
    },
    servicesFor: (holder, tellOthers) => ({
      putKeys: (rows, leftMs) => store.putKeys(rows, leftMs === undefined ? undefined : { leftMs }),
      directory: async (name, args) => directory[name]?.(...args),
      async locateBySource(account) {
        const found = await source?.locate(account);
        if (found === undefined) return { found: { kind: 'missing' }, leftMs: 0 };
        return { found, leftMs: source?.leftMs(account) ?? 0 };
      },
      findVerification: (hash) => verifications.find(holder, hash),
      putVerification: (hash, good, keepMs) => verifications.put(holder, hash, good, keepMs),
      passVerification: (hash) => verifications.pass(holder, hash),
      forgetVerification(hash) {
        verifications.forget(hash);
        tellOthers({ kind: 'verification', hash });
      },
      beginReplay: (name, check, owner) => replays.begin(holder, name, check, owner),
      extendReplay: replays.extend,
      settleReplay: replays.settle,
      replayOver: (name) => replays.over(holder, name),
    }),
    exited(holder) {
      for (const { config: each, memory } of all) {
        for (const counters of Object.values(memory.limits)) releaseLocks(counters, holder);
        releaseHealth(originsOf(each), memory.health, holder);
      }
      releaseLocks(connections.memory, holder);
      counts.sweep(holder);
    },
    ended(holder) {
      verifications.ended(holder);
      replays.ended(holder);
    },
  };
}
