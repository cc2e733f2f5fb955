// Spends from the limits that concern a request, or refuses it with 429.
import type { Caller, Classified, Patience, Permit, RegionName } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import type { SharedMemory } from '../shared-memory/locks.ts';
import { compileGcra, type Rate } from './gcra.ts';
import { limitHeaders } from './headers.ts';
import { addressKey, HASH_MIN_BYTES, type LimitKey, textKey } from './key.ts';
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
  readonly before?: Pick<Admit, 'tables'> | undefined;
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
interface Limit {
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

function createLimit(
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

export interface LimitReadings {
  readonly name: string;
  readonly entries: number;
  /** How often newcomers shared a coarse bucket (table.ts). */
  readonly shared: number;
  /** Whether this process decides alone though gateways count together, and how often that began. */
  readonly fallback: boolean;
  readonly fellBack: number;
}

export type BudgetReading = readonly [region: RegionName, used: number];

/** `patience`: how long the request may wait for the shared counters; undefined: the store's own timeout. */
export interface Admit {
  /** Spends for a request that was classified and identified. */
  admit(request: Classified, caller: Caller, patience?: Patience): Admitted;
  /** Spends for a call that is about to go to a region without credentials. */
  budget(permit: Permit, patience?: Patience): Admitted;
  /**
   * How much of each region's budget is used up, 0 to 1; empty where there is none. Of gateways that count together it is
   * what all of them used, asked of the store, or of this one alone while the store is away. Never rejects.
   */
  budgetsUsed(regions: readonly RegionName[]): Promise<readonly BudgetReading[]>;
  /** The region did not know the secret that an anonymous caller asked for. */
  missed(request: Classified, caller: Caller): void;
  readonly failedAuth: {
    /** Whether surely nobody is over the limit: known at once, and without a word of whose request it is. */
    isQuiet(): boolean;
    /** Undefined within the limit, else the 429. Spends nothing. */
    over(caller: Caller, patience?: Patience): Admitted;
    /** Counts one failure against the client and, where one was named, the account. */
    charge(caller: Caller): void;
    /** The clients that are counted as one, by name: addresses of one IPv6 network share. */
    clientOf(address: string): string;
  };
  readonly tables: LimitTables;
  /** For metrics. */
  readings(): LimitReadings[];
}

/**
 * @param accountName the form in which account names are compared (caller/credentials.ts accountKey)
 */
export function createAdmit(
  rules: LimitRules,
  dependencies: LimitDependencies,
  accountName: (name: string) => string,
): Admit {
  const { now } = dependencies;
  const { missCost, ipv6Prefix } = rules.anonymousRetrieval;
  const anonymousRetrieval = createLimit('anonymous-retrieval', rules.anonymousRetrieval, dependencies);
  const perKey = createLimit('per-key', rules.perKey, dependencies);
  const failedByClient = createLimit('failed-auth-client', rules.failedAuth, dependencies);
  const failedByAccount = createLimit('failed-auth-account', rules.failedAuth, dependencies);
  const account = createLimit('account', rules.account, dependencies);
  const regionBudget = createLimit('region-budget', rules.regionBudget, dependencies);
  const limits = [anonymousRetrieval, perKey, failedByClient, failedByAccount, account, regionBudget].filter(
    (l) => l !== undefined,
  );

  // The purposes are of this room alone: nobody who sees the counters can tell which entry of the index a key has.
  const client = (address: string): LimitKey => addressKey(address, ipv6Prefix);
  const named = (caller: Caller): LimitKey | undefined =>
    caller.credentials && textKey('limit-account', accountName(caller.credentials.name));

  const regionKey = (region: RegionName): LimitKey => textKey('limit-region', region);

  function spendOfCaller({ route }: Classified, { credentials, address }: Caller, patience: Patience | undefined) {
    // By the whole credentials: wrong tokens under somebody's name must not use up that account's allowance.
    if (credentials !== undefined) {
      return account?.spend(
        textKey('limit-credentials', credentials.name, credentials.token, credentials.digest),
        patience,
      );
    }
    return route.retrieves ? anonymousRetrieval?.spend(client(address), patience) : undefined;
  }

  function spendOfKey(request: Classified, { credentials }: Caller, patience: Patience | undefined) {
    const { route, key } = request;
    // Who is to be refused for lack of credentials anyway must not use up the key's attempts.
    if (credentials === undefined && route.access === 'private') return undefined;
    // Link previews must not use them up either: following a link attempts nothing.
    if (route.version === 'link') return undefined;
    if (key === undefined || perKey === undefined) return undefined;
    const half = dependencies.keyDigest?.(request).slice(HASH_MIN_BYTES);
    return perKey.spend(textKey('limit-key', key, '', half), patience);
  }

  async function thenOfKey(
    first: Promise<Refusal | undefined>,
    request: Classified,
    caller: Caller,
    patience: Patience | undefined,
  ) {
    return (await first) ?? spendOfKey(request, caller, patience);
  }

  function overOfAccount(caller: Caller, patience: Patience | undefined): Admitted {
    const key = named(caller);
    return key === undefined ? undefined : failedByAccount?.over(key, patience);
  }

  return {
    // In turn: who is refused by one limit does not spend from the next.
    admit(request, caller, patience) {
      const first = spendOfCaller(request, caller, patience);
      return first instanceof Promise
        ? thenOfKey(first, request, caller, patience)
        : (first ?? spendOfKey(request, caller, patience));
    },

    budget: ({ credentials, region }, patience) =>
      credentials === 'forward' ? undefined : regionBudget?.spend(regionKey(region), patience),

    async budgetsUsed(regions) {
      if (regionBudget === undefined) return [];
      return Promise.all(regions.map(async (region) => [region, await regionBudget.used(regionKey(region))] as const));
    },

    missed(request, caller) {
      if (caller.credentials === undefined && request.route.retrieves && missCost > 1) {
        anonymousRetrieval?.charge(client(caller.address), missCost - 1);
      }
    },

    failedAuth: {
      isQuiet: () => (failedByClient?.isIdle() ?? true) && (failedByAccount?.isIdle() ?? true),
      over(caller, patience) {
        const byClient = failedByClient?.over(client(caller.address), patience);
        return byClient instanceof Promise
          ? byClient.then((over) => over ?? overOfAccount(caller, patience))
          : (byClient ?? overOfAccount(caller, patience));
      },
      charge(caller) {
        failedByClient?.charge(client(caller.address), 1);
        const key = named(caller);
        if (key !== undefined) failedByAccount?.charge(key, 1);
      },
      clientOf: (address) => String(client(address).fine),
    },

    tables: new Map(limits.map(({ name, rate, table }) => [name, { rate, table }])),
    readings: () =>
      limits.map(({ name, table, counters }) => ({
        name,
        entries: table.used(now()),
        shared: table.sharedNewcomers,
        ...(counters?.readings() ?? { fallback: false, fellBack: 0 }),
      })),
  };
}
