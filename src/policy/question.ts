// What decide is asked and what it answers: plain data.
import type { Found, Locality, Permit, RegionName, Route } from '../domain.ts';
import type { Refusal } from '../refusal.ts';

/** The parts of the configuration that decide. */
export interface Policy {
  readonly regions: readonly RegionName[];
  /** Host names, lower case without port, by which callers may choose a region. */
  readonly hosts: ReadonlyMap<string, RegionName>;
  readonly unknownAccounts:
    | { readonly kind: 'refuse' }
    | { readonly kind: 'named' }
    | { readonly kind: 'region'; readonly region: RegionName };
  readonly anonymousCreate: RegionName | undefined;
  readonly anonymousRetrieve: RegionName | undefined;
  readonly verifyPrivate: 'authcheck' | 'presence';
  /** Whether a metadata key may be used by the account that made it alone, where the index knows who did. */
  readonly ownership: 'enforce' | 'off';
  readonly self: RegionName | undefined;
  readonly gateways: ReadonlyMap<RegionName, string>;
}

/** A region's name as the caller gave it, in up to three places, unchecked. */
export interface Named {
  readonly prefix: string | undefined;
  readonly header: string | undefined;
  /** The request's Host, lower case without port. */
  readonly host: string | undefined;
}

/** What the key index knows of the key in the path. */
export interface Held {
  readonly region: RegionName;
  /** Who made it: this caller's account, another, or somebody without one. */
  readonly owner: 'caller' | 'other' | 'nobody';
}

export interface Question {
  readonly route: Route;
  readonly named: Named;
  /** Undefined for an anonymous caller. */
  readonly account: Found<Locality> | undefined;
  /** Undefined where the route has no key. */
  readonly held: Found<Held> | undefined;
}

/**
 * An answer that tells something of a key, and so is for good credentials only: another account's key is answered as the
 * service answers an unknown one, a key held elsewhere with a refusal. No region is asked about the key; the permit is
 * for the verification alone, at the region that the credentials would have gone to.
 */
export interface Guarded {
  readonly kind: 'guarded';
  readonly permit: Permit;
  readonly answer: 'unknown_key' | Refusal;
}

/** `here`: the gateway answers itself, no region is asked. */
export type Decision = Permit | Guarded | Refusal | 'here';

/** Called with each rule that spoke, for `explain`; left out on the hot path. */
export type Note = (rule: number, sentence: string) => void;

export type Decide = (question: Question, note?: Note) => Decision;
