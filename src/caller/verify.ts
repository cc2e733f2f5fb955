// Are these credentials good? Asked of the one region that a permit names, remembered for a while, asked once for
// simultaneous callers.
import { LRUCache } from 'lru-cache';
import type { Credentials, KeyedHash, Permit, RegionName } from '../domain.ts';

export type Verification = 'good' | 'bad' | { readonly kind: 'unavailable'; readonly cause: unknown };

/** Puts the question to `permit.verifyAt` (GET /api/v1/authcheck, the one harmless way: UPSTREAM.md). Never throws. */
export type Ask = (
  permit: Permit,
  at: RegionName,
  credentials: Credentials,
  clientAddress: string,
) => Promise<Verification>;

export interface VerifyOptions {
  readonly goodMs: number;
  readonly badMs: number;
  /** How many credentials are remembered, good and bad together. */
  readonly entries: number;
  readonly now: () => number;
  readonly hash: (purpose: string, ...parts: string[]) => KeyedHash;
  /** Called for each verification: `cached` when no question was asked for it. */
  readonly observe?: (at: RegionName, result: 'good' | 'bad' | 'unavailable', cached: boolean) => void;
}

export interface Verify {
  /** An answer from memory, or a promise of the region's. `at` is `permit.verifyAt`, or the permit's region. */
  verify(
    permit: Permit,
    at: RegionName,
    credentials: Credentials,
    clientAddress: string,
  ): Verification | Promise<Verification>;
  /** Whether these very credentials were found good, at any region, within the time that good answers are kept. */
  isKnownGood(credentials: Credentials): boolean;
  /** The region answered a forwarded call with "not authorized": what was remembered as good is so no longer. */
  forget(at: RegionName, credentials: Credentials): void;
}

/** Makes the room. State: an LRU of results by keyed hash, bounded by `entries`; no credentials are kept. */
export function createVerify(ask: Ask, options: VerifyOptions): Verify {
  const { goodMs, badMs, entries, now, hash, observe } = options;
  const results = new LRUCache<string, { readonly good: boolean; readonly untilMs: number }>({ max: entries });
  const goodAnywhere = new LRUCache<string, number>({ max: entries });
  const asking = new Map<string, Promise<Verification>>();

  const nameAt = (at: RegionName, c: Credentials): string =>
    hash('verified-at', at, c.name, c.token).toString('latin1');
  const nameAnywhere = (c: Credentials): string => hash('verified', c.name, c.token).toString('latin1');

  async function question(name: string, permit: Permit, at: RegionName, credentials: Credentials, address: string) {
    try {
      const answer = await ask(permit, at, credentials, address);
      if (answer === 'good' || answer === 'bad') {
        const untilMs = now() + (answer === 'good' ? goodMs : badMs);
        results.set(name, { good: answer === 'good', untilMs });
        if (answer === 'good') goodAnywhere.set(nameAnywhere(credentials), untilMs);
      }
      observe?.(at, typeof answer === 'string' ? answer : answer.kind, false);
      return answer;
    } finally {
      asking.delete(name);
    }
  }

  return {
    verify(permit, at, credentials, clientAddress) {
      const name = nameAt(at, credentials);
      const known = results.get(name);
      if (known !== undefined && known.untilMs > now()) {
        const answer = known.good ? 'good' : 'bad';
        observe?.(at, answer, true);
        return answer;
      }
      const underWay = asking.get(name);
      if (underWay !== undefined) return underWay;
      const promise = question(name, permit, at, credentials, clientAddress);
      asking.set(name, promise);
      return promise;
    },
    isKnownGood(credentials) {
      const untilMs = goodAnywhere.get(nameAnywhere(credentials));
      return untilMs !== undefined && untilMs > now();
    },
    forget(at, credentials) {
      results.delete(nameAt(at, credentials));
      goodAnywhere.delete(nameAnywhere(credentials));
    },
  };
}
