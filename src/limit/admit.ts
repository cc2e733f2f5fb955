// Spends from the limits that concern a request, or refuses it with 429.
import type { Caller, Classified, KeyedHash, Permit } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import type { Rate } from './gcra.ts';
import { limitHeaders } from './headers.ts';
import { addressKey, hashKey, type LimitKey } from './key.ts';
import { createLimitTable, type LimitResult, type LimitTable } from './table.ts';

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
  readonly hash: (purpose: string, ...parts: string[]) => KeyedHash;
  /** Secret bytes that place entries in the tables, so that nobody can aim at another's. */
  readonly seed: Buffer;
  /** A request that would have been refused, had the limit been enforced. Refusals are counted when they are given. */
  readonly onShadow: (limit: string) => void;
}

/** Entries per table before newcomers share coarser buckets. */
const SLOTS = 1 << 17;
const COARSE_SLOTS = 1 << 16;

/** One configured limit with its counters. */
interface Limit {
  readonly name: string;
  readonly table: LimitTable;
  /** Spends; undefined when the request may pass (or the mode only counts). */
  spend(key: LimitKey): Refusal | undefined;
  /** Looks; the same answer without spending. */
  over(key: LimitKey): Refusal | undefined;
  charge(key: LimitKey, cost: number): void;
}

function createLimit(name: string, rule: LimitRule, { now, seed, onShadow }: LimitDependencies): Limit | undefined {
  if (rule.mode === 'off') return undefined;
  const { mode } = rule;
  const table = createLimitTable(rule, { slots: SLOTS, coarseSlots: COARSE_SLOTS, seed });
  const policy = { name, requests: rule.requests, perMs: rule.perMs };

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

  return {
    name,
    table,
    spend: (key) => answer(table.spend(key, 1, now())),
    over: (key) => answer(table.peek(key, now())),
    charge: (key, cost) => table.charge(key, cost, now()),
  };
}

export interface Admit {
  /** Spends for a request that was classified and identified. */
  admit(request: Classified, caller: Caller): Refusal | undefined;
  /** Spends for a call that is about to go to a region without credentials. */
  budget(permit: Permit): Refusal | undefined;
  /** The region did not know the secret that an anonymous caller asked for. */
  missed(request: Classified, caller: Caller): void;
  readonly failedAuth: {
    /** Undefined within the limit, else the 429. Spends nothing. */
    over(caller: Caller): Refusal | undefined;
    /** Counts one failure against the client and, where one was named, the account. */
    charge(caller: Caller): void;
    /** The clients that are counted as one, by name: addresses of one IPv6 network share. */
    clientOf(address: string): string;
  };
  /** For metrics. */
  readings(): { name: string; entries: number; shared: number }[];
}

/**
 * @param accountName the form in which account names are compared (caller/credentials.ts accountKey)
 */
export function createAdmit(
  rules: LimitRules,
  dependencies: LimitDependencies,
  accountName: (name: string) => string,
): Admit {
  const { hash, now } = dependencies;
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

  const client = (address: string): LimitKey => addressKey(address, ipv6Prefix);
  const named = (caller: Caller): LimitKey | undefined =>
    caller.credentials && hashKey(hash('account', accountName(caller.credentials.name)));

  return {
    admit(request, caller) {
      const { route, key } = request;
      const { credentials } = caller;
      // By the whole credentials: wrong tokens under somebody's name must not use up that account's allowance.
      if (credentials !== undefined && account !== undefined) {
        const refused = account.spend(hashKey(hash('credentials', credentials.name, credentials.token)));
        if (refused !== undefined) return refused;
      }
      if (credentials === undefined && route.retrieves && anonymousRetrieval !== undefined) {
        const refused = anonymousRetrieval.spend(client(caller.address));
        if (refused !== undefined) return refused;
      }
      // Who is to be refused for lack of credentials anyway must not use up the key's attempts.
      if (credentials === undefined && route.access === 'private') return undefined;
      // Link previews must not use them up either: following a link attempts nothing.
      if (route.version === 'link') return undefined;
      return key === undefined ? undefined : perKey?.spend(hashKey(hash('key', key)));
    },

    budget({ credentials, region }) {
      return credentials === 'forward' ? undefined : regionBudget?.spend(hashKey(hash('region', region)));
    },

    missed(request, caller) {
      if (caller.credentials === undefined && request.route.retrieves && missCost > 1) {
        anonymousRetrieval?.charge(client(caller.address), missCost - 1);
      }
    },

    failedAuth: {
      over(caller) {
        const byClient = failedByClient?.over(client(caller.address));
        if (byClient !== undefined) return byClient;
        const key = named(caller);
        return key === undefined ? undefined : failedByAccount?.over(key);
      },
      charge(caller) {
        failedByClient?.charge(client(caller.address), 1);
        const key = named(caller);
        if (key !== undefined) failedByAccount?.charge(key, 1);
      },
      clientOf: (address) => String(client(address).fine),
    },

    readings: () =>
      limits.map(({ name, table }) => ({ name, entries: table.used(now()), shared: table.sharedNewcomers })),
  };
}
