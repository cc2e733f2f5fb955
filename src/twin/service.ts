// What the handlers of one region work with, and one request as they see it.
import type { Authenticate, TwinAccount } from './accounts.ts';
import type { Keys } from './keys.ts';
import type { Spend } from './limits.ts';
import type { Params } from './params.ts';
import type { PassphraseLock } from './passphrase.ts';
import type { Store } from './store.ts';

export interface Service {
  readonly version: '0.20' | '0.26';
  /** What links and `share_domain` begin with. */
  readonly origin: string;
  readonly keys: Keys;
  readonly store: Store;
  readonly spend: Spend;
  readonly lock: PassphraseLock;
  readonly authenticate: Authenticate;
  readonly now: () => number;
  /** An account's shrimp stays the same for its session; an anonymous caller's is new each time (run 1, cases 203, 257). */
  shrimp(caller: Caller): string;
}

export type Caller = TwinAccount | 'anonymous';

/** A request as received, before anything is decoded. */
export interface Received {
  readonly method: string;
  readonly path: string;
  /** Without its `?`. */
  readonly query: string;
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
  /** The peer of the connection. */
  readonly address: string;
}

/** A request whose route and parameters are known. */
export interface Call {
  readonly received: Received;
  readonly params: Params;
  /** The key of the path, decoded; empty for routes without. */
  readonly key: string;
  readonly caller: Caller;
  /** Whom the service's limits count this call for. */
  readonly identity: string;
}

export function ownerName(caller: Caller): string {
  return caller === 'anonymous' ? 'anon' : caller.name;
}

/**
 * Accounts are counted by name, others by address. 0.20 believes the first X-Forwarded-For entry, whoever sent it (case
 * 029-ratelimit-status-xff-spoofed-first); 0.26 only from trusted peers, of which the twin has none.
 */
export function identityOf(service: Service, received: Received, caller: Caller): string {
  if (caller !== 'anonymous') return `account ${caller.name}`;
  const forwarded = service.version === '0.20' ? received.header('x-forwarded-for') : undefined;
  return `address ${forwarded?.split(',', 1)[0]?.trim() || received.address}`;
}

/** 0.26 drops every character that no key has, so that `KEY.` is an alias of `KEY` (UPSTREAM.md, "Keys"). */
export function lookupKey(service: Service, key: string): string {
  return service.version === '0.26' ? key.replaceAll(/[^a-zA-Z0-9_-]/g, '') : key;
}
