// Counters of one limit that gateways share through the store's engine, with this process's table to fall back on.
//
// While the engine answers, it alone decides. What it let pass is debited in the table as well: when the engine goes away
// the table decides, and nobody who was at the end of an allowance finds a fresh one. What is spent meanwhile the engine
// does not learn: with N gateways the rate is at worst N-fold for as long as it is away.
import type { Found, Patience } from '../domain.ts';
import type { HashParts } from '../keyed-hash.ts';
import type { SharedDecision, SharedLimits, SharedRate } from '../store/store.ts';
import type { LimitResult, Rate } from './gcra.ts';
import type { LimitKey } from './key.ts';
import type { LimitTable } from './table.ts';

/** What several gateways count together. */
export interface SharedCounting {
  readonly limits: SharedLimits;
  /** The same at every gateway, from the identity key: it hashes whose allowance it is. */
  readonly hash: HashParts;
  /** Called when a limit falls back on this process's own counting; again only after the engine decided once more. */
  readonly onFallback?: (limit: string) => void;
}

/** None of these rejects. */
export interface SharedCounters {
  spend(key: LimitKey, patience: Patience | undefined): Promise<LimitResult>;
  peek(key: LimitKey, patience: Patience | undefined): Promise<LimitResult>;
  /** Not waited for, and counted here where the engine does not count it. */
  charge(key: LimitKey, cost: number): void;
  /** Whether the last decision was this process's own, and how often that began. */
  readings(): { readonly fallback: boolean; readonly fellBack: number };
}

/**
 * The rate in whole microseconds: rounded up, so that it is never exceeded.
 * @throws RangeError where limit/gcra.ts would, and where the engine could not count it exactly
 */
export function sharedRate({ perMs, requests, burst }: Rate): SharedRate {
  const emissionUs = Math.ceil((perMs * 1000) / requests);
  const toleranceUs = emissionUs * Math.floor(burst);
  const sound = perMs > 0 && requests > 0 && burst >= 1 && toleranceUs <= MOST_TOLERANCE_US;
  if (!sound) throw new RangeError(`not a rate: ${requests} requests in ${perMs} ms, burst ${burst}`);
  return { emissionUs, toleranceUs };
}

/** 31 years. Now and three of them stay below 2^53 until the year 2161. */
const MOST_TOLERANCE_US = 1e15;

/**
 * @param name the limit's, the same at every gateway
 * @param table counters of the same rate in this process
 * @param now for the table; milliseconds of a clock that does not jump
 */
export function createSharedCounters(
  name: string,
  rate: Rate,
  table: LimitTable,
  { limits, hash, onFallback }: SharedCounting,
  now: () => number,
): SharedCounters {
  const inUs = sharedRate(rate);
  let fallback = false;
  let fellBack = 0;

  function answered(found: Found<SharedDecision>): SharedDecision | undefined {
    if (found.kind === 'found') {
      fallback = false;
      return found.value;
    }
    if (!fallback) {
      fallback = true;
      fellBack++;
      onFallback?.(name);
    }
    return undefined;
  }

  async function charge(key: LimitKey, cost: number): Promise<void> {
    table.charge(key, cost, now());
    answered(await limits.apply('charge', name, key.hashed(hash), inUs, cost, undefined));
  }

  return {
    async spend(key, patience) {
      const decision = answered(await limits.apply('spend', name, key.hashed(hash), inUs, 1, patience));
      if (decision === undefined) return table.spend(key, 1, now());
      if (decision.allowed) table.spend(key, 1, now());
      return decision;
    },
    async peek(key, patience) {
      const decision = answered(await limits.apply('peek', name, key.hashed(hash), inUs, 1, patience));
      return decision ?? table.peek(key, now());
    },
    charge(key, cost) {
      void charge(key, cost);
    },
    readings: () => ({ fallback, fellBack }),
  };
}
