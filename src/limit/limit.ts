// One configured limit with its counters: which there are, and how much is spent, peeked at, or refused.
import type { Classified, Patience } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import type { SharedMemory } from '../shared-memory/locks.ts';
import { compileGcra, type Rate } from './gcra.ts';
import { limitHeaders } from './headers.ts';
import type { LimitKey } from './key.ts';
import { createSharedCounters, type SharedCounters, type SharedCounting } from './shared.ts';
import { createLimitTable, type LimitResult, type LimitTable, limitTableBytes } from './table.ts';

/** The counters of limits, by their names, and what they were made for. */
export type LimitTables = ReadonlyMap<string, { readonly rate: Rate; readonly table: LimitTable }>;

export type LimitMode = 'enforce' | 'shadow' | 'off';
export interface LimitRule extends Rate {
  readonly mode: LimitMode;
}

/** The limits of the configuration. */
export interface LimitRules {
  /** Retrieval without credentials, by client address. A miss costs `missCost` in all. */
  readonly anonymousRetrieval: LimitRule & { readonly missCost: number; readonly ipv6Prefix: number };
  /** Attempts on one key, by anyone. */
  readonly perKey: LimitRule;
  /** Failed authentication, by client address and by account. */
  readonly failedAuth: LimitRule;
  /** Calls with the same credentials. */
  readonly account: LimitRule;
  /** Calls without credentials to one region, from everybody: the region may count them all as one client's. */
  readonly regionBudget: LimitRule;
}

export interface LimitDependencies {
  readonly now: () => number;
  /** The digest of a request's key, of which this room uses the second half: the first is its name in the index. */
  readonly keyDigest?: ((request: Classified) => string) | undefined;
  /** Secret bytes that place entries in the tables, so that nobody can aim at another's. */
  readonly seed: Buffer;
  /** A request that would have been refused, had the limit been enforced. Refusals are counted when they are given. */
  readonly onShadow: (limit: string) => void;
  /** Where several gateways count together; undefined: this process counts alone, and answers at once. */
  readonly shared?: SharedCounting | undefined;
  /** Of the configuration before: limits whose rate is the same go on with its counters. */
  readonly before?: { readonly tables: LimitTables } | undefined;
  /** Where several threads count together, by the limit's name: LIMIT_BYTES of memory each. */
  readonly memory?: ((limit: string) => SharedMemory | undefined) | undefined;
}

/** The names of all limits, also of those that are off. */
export const LIMITS = [
  'anonymous-retrieval',
  'per-key',
  'failed-auth-client',
  'failed-auth-account',
  'account',
  'region-budget',
] as const;

/** The configured limit of that name. */
export function rateOf(rules: LimitRules, limit: (typeof LIMITS)[number]): LimitRule {
  switch (limit) {
    case 'anonymous-retrieval':
      return rules.anonymousRetrieval;
    case 'per-key':
      return rules.perKey;
    case 'failed-auth-client':
    case 'failed-auth-account':
      return rules.failedAuth;
    case 'account':
      return rules.account;
    case 'region-budget':
      return rules.regionBudget;
  }
}

/** Entries per table before newcomers share coarser buckets. */
const SLOTS = 1 << 17;
const COARSE_SLOTS = 1 << 16;

/** What one limit's counters take of memory that threads share. */
export const LIMIT_BYTES = limitTableBytes({ slots: SLOTS, coarseSlots: COARSE_SLOTS });

/** At once where this process counts alone. Never rejects. */
export type Admitted = Refusal | undefined | Promise<Refusal | undefined>;

/** One configured limit with its counters. */
export interface Limit {
  readonly name: string;
  readonly rate: Rate;
  readonly table: LimitTable;
  readonly counters: SharedCounters | undefined;
  /** Spends; undefined when the request may pass (or the mode only counts). */
  spend(key: LimitKey, patience: Patience | undefined): Admitted;
  /** Looks; the same answer without spending. */
  over(key: LimitKey, patience: Patience | undefined): Admitted;
  charge(key: LimitKey, cost: number): void;
  /** How much of the burst is used up: 0 to 1. Spends nothing, never rejects. */
  used(key: LimitKey): Promise<number>;
  /** Whether surely nobody would be told no. */
  isIdle(): boolean;
}

/** Whether counters that were made for one rate tell the same under the other. */
export function isSameRate(one: Rate, other: Rate): boolean {
  return one.perMs === other.perMs && one.requests === other.requests && one.burst === other.burst;
}

/** Threads that share a table are given the memory of it in place of this. */
function tableBefore({ before, memory }: LimitDependencies, name: string, rule: LimitRule): LimitTable | undefined {
  const known = memory === undefined ? before?.tables.get(name) : undefined;
  return known !== undefined && isSameRate(known.rate, rule) ? known.table : undefined;
}

export function createLimit(
  name: (typeof LIMITS)[number],
  rule: LimitRule,
  dependencies: LimitDependencies,
): Limit | undefined {
  if (rule.mode === 'off') return undefined;
  const { mode } = rule;
  const { now, seed, onShadow, shared, memory } = dependencies;
  const sizes = { slots: SLOTS, coarseSlots: COARSE_SLOTS };
  const table =
    tableBefore(dependencies, name, rule) ?? createLimitTable(rule, { ...sizes, seed, shared: memory?.(name) });
  const policy = { name, requests: rule.requests, perMs: rule.perMs };
  const { toleranceMs } = compileGcra(rule);
  const share = ({ resetMs }: LimitResult): number => Math.min(1, resetMs / toleranceMs);

  function answer(result: LimitResult): Refusal | undefined {
    if (result.allowed) return undefined;
    if (mode === 'shadow') {
      onShadow(name);
      return undefined;
    }
    return new Refusal('rate_limited', {
      limit: name,
      headers: limitHeaders(policy, result.remaining, result.retryAfterMs),
    });
  }

  if (shared !== undefined) {
    const counters = createSharedCounters(name, rule, table, shared, now);
    return {
      name,
      rate: rule,
      table,
      counters,
      spend: (key, patience) => counters.spend(key, patience).then(answer),
      over: (key, patience) => counters.peek(key, patience).then(answer),
      charge: counters.charge,
      used: async (key) => share(await counters.peek(key, undefined)),
      isIdle: () => false,
    };
  }
  return {
    name,
    rate: rule,
    table,
    counters: undefined,
    spend: (key) => answer(table.spend(key, 1, now())),
    over: (key) => answer(table.peek(key, now())),
    charge: (key, cost) => table.charge(key, cost, now()),
    used: async (key) => share(table.peek(key, now())),
    isIdle: () => table.isIdle(now()),
  };
}
