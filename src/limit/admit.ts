// Spends from the limits that concern a request, or refuses it with 429.
import type { Caller, Classified, Patience, Permit, RegionName } from '../domain.ts';
import type { Refusal } from '../refusal.ts';
import { addressKey, HASH_MIN_BYTES, type LimitKey, textKey } from './key.ts';
import { type Admitted, createLimit, type LimitDependencies, type LimitRules, type LimitTables } from './limit.ts';

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
  // No closure holds `dependencies`: with `before` in it every configuration would keep the counters of all before it.
  const { now, keyDigest } = dependencies;
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
    const half = keyDigest?.(request).slice(HASH_MIN_BYTES);
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
