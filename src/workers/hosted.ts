// What the main thread holds for the workers, and serves to each of them.
import { randomBytes } from 'node:crypto';
import type { Config } from '../config/types.ts';
import { LIMIT_BYTES, LIMITS } from '../limit/admit.ts';
import { healthBytes, releaseHealth } from '../region/health.ts';
import { createHostedReplays } from '../replay/shared-shelf.ts';
import { originsOf } from '../rooms-health.ts';
import { releaseLocks } from '../shared-memory/locks.ts';
import type { State } from '../state.ts';
import type { StoreNews } from '../store/store.ts';
import type { Secrets } from '../together.ts';
import type { MainServices, Memory } from './given.ts';
import { createHostedVerifications } from './verifications.ts';

const SECRET_BYTES = 32;
/** As many as each thread remembers itself. */
const VERIFIED_ENTRIES = 100_000;

/** All but what is of the thread itself (thread.ts). */
type Services = Omit<MainServices, 'listening' | 'failed' | 'last'>;

export interface Hosted {
  readonly secrets: Secrets;
  readonly memory: Memory;
  /** @param tellOthers tells the other workers what this one brings */
  servicesFor(holder: number, tellOthers: (news: StoreNews) => void): Services;
  /** A thread has ended: what it held in memory that threads share is free. */
  exited(holder: number): void;
  /** And nothing more comes from it: what it had begun is given to the others, and it waits for nobody. */
  ended(holder: number): void;
}

function openMemory(config: Config): Memory {
  const limits = Object.fromEntries(LIMITS.map((limit) => [limit, new SharedArrayBuffer(LIMIT_BYTES)]));
  return { limits, health: new SharedArrayBuffer(healthBytes(originsOf(config))) };
}

/** @param steady milliseconds of a clock that does not jump */
export function openHosted(config: Config, { store, source }: State, steady: () => number): Hosted {
  const memory = openMemory(config);
  const verifications = createHostedVerifications({ entries: VERIFIED_ENTRIES, now: steady });
  // Where nothing is kept, nobody asks.
  const replays = createHostedReplays({ keepMs: 1, maxBytes: 0, ...config.replay, now: steady });
  const directory = store.directory as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;

  return {
    secrets: {
      hashKey: randomBytes(SECRET_BYTES),
      seed: randomBytes(SECRET_BYTES),
      replaySalt: randomBytes(SECRET_BYTES),
    },
    memory,
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
      for (const counters of Object.values(memory.limits)) releaseLocks(counters, holder);
      releaseHealth(originsOf(config), memory.health, holder);
    },
    ended(holder) {
      verifications.ended(holder);
      replays.ended(holder);
    },
  };
}
