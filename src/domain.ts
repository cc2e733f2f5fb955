// The words of the gateway as types. Rooms import these and their own files only.

/** The name of a configured region, `[a-z][a-z0-9-]*`. Region names are configuration, never literals in code. */
export type RegionName = string & { readonly [regionName]: true };
declare const regionName: unique symbol;

/** A name, key or credential that was hashed with a secret key at the door of a room: 128 bits or more, never reversed. */
export type KeyedHash = Buffer & { readonly [keyedHash]: true };
declare const keyedHash: unique symbol;

/** Who may call a route: anybody, anybody but limited and located, or an account with good credentials. */
export type Access = 'public' | 'anonymous' | 'private';

/**
 * What a call does at the region. `advances` changes state that cannot be set back (metadata of a new secret shows its
 * value once), `destroys` consumes a secret: neither may be sent twice.
 */
export type Effect = 'none' | 'creates' | 'advances' | 'destroys';

/** Which kind of key stands in the path. */
export type KeyKind = 'none' | 'secret' | 'metadata';

/** One row of the API table (route/table.ts). */
export interface Route {
  /** The only form in which a path appears in metrics and logs, for example `v1.secret.retrieve`. */
  readonly id: string;
  /**
   * Outside the API: `link`, the page of a secret, /secret/KEY; `passthrough`, the configured prefixes; `reference`, what
   * tells of the API.
   */
  readonly version: 'v1' | 'v2' | 'link' | 'reference' | 'passthrough';
  /** The method sent to the region; callers may use the ones in `accepts` too. */
  readonly method: 'GET' | 'POST';
  /** Methods that callers may use; `recent` accepts POST and is served as GET. */
  readonly accepts: readonly ('GET' | 'HEAD' | 'POST')[];
  /** Segments after `/api/VERSION/`; `KEY` stands for a key. */
  readonly path: readonly string[];
  readonly access: Access;
  readonly effect: Effect;
  readonly key: KeyKind;
  /** Reads a secret or tells of one by its secret key: what an account that is not pinned may do in any region. */
  readonly retrieves: boolean;
  /** The gateway answers itself when neither credentials nor a region are given. */
  readonly answersItself: boolean;
  /** Whether the region gets the caller's query: never where a parameter could turn a harmless call into another. */
  readonly query: 'forward' | 'drop';
  /** `without_secret_keys`: the answer lists secrets, and the documentation promises that it does not show their keys. */
  readonly answer: 'as_is' | 'without_secret_keys';
}

/** A request that matched a row of the table, in the one form in which it is decided on and sent. */
export interface Classified {
  readonly route: Route;
  /** `/api/v1/...` as sent to the region, without prefix and query. */
  readonly path: string;
  /** With its `?`, or empty. May hold a secret or passphrase: never logged. */
  readonly query: string;
  /** The key of the path, if the route has one. A capability: never logged. */
  readonly key: string | undefined;
  /** Its digest, once a room has needed it (locality/held.ts): several do, and it is a twentieth of a request. */
  keyDigest?: string | undefined;
  /** The region named by the path prefix, still unchecked. */
  readonly prefix: string | undefined;
}

/** HTTP Basic credentials, decoded strictly. */
export interface Credentials {
  readonly name: string;
  readonly token: string;
  /** The canonical header value that was parsed, and is sent when the permit says `forward`. */
  readonly header: string;
  /** Names them within this process, and tells nothing of them (keyed-hash.ts seededDigest): taken once for all rooms. */
  readonly digest?: string | undefined;
}

/** Who calls. */
export interface Caller {
  readonly credentials: Credentials | undefined;
  /** The client's address in canonical text: IPv4, or IPv6 without a zone; IPv4-mapped addresses are IPv4. */
  readonly address: string;
  /** Set once the account was looked for; until then no connection takes a request of this caller. */
  standing?: Standing | undefined;
  /** The account's keyed hash in hex, for the record. */
  account?: string | undefined;
  /** That the question about the credentials is part of. */
  trace?: Trace | undefined;
}

/** The trace that a request is part of (W3C Trace Context), as rooms other than trace/ need it. */
export interface Trace {
  /** 32 lower-case hex digits. */
  readonly id: string;
  /** Flat: what a call to a region carries of it, `traceparent` and, where there is one, `tracestate`. */
  readonly headers: readonly string[];
}

/**
 * What was found out of an account, before and without decide: what a connection holds a permit against. `nobody`: there
 * are no credentials. `unknown`: an account that no place knows. `admitted`: as that, where such accounts are served all the
 * same. `untold`: nobody could tell.
 */
export type Standing = Locality | 'nobody' | 'unknown' | 'admitted' | 'untold';

/** @param account as it was located; undefined where there are no credentials */
export type StandingOf = (account: Found<Locality> | undefined) => Standing;

/** @param ofUnknown of an account that no place knows */
export function createStandingOf(ofUnknown: 'unknown' | 'admitted'): StandingOf {
  return (account) => {
    if (account === undefined) return 'nobody';
    if (account.kind === 'found') return account.value;
    return account.kind === 'missing' ? ofUnknown : 'untold';
  };
}

/** Where an account lives and where it may go. */
export interface Locality {
  readonly home: RegionName;
  /** Other regions where this person has an account too, with another token: calls may be named there. */
  readonly also: readonly RegionName[];
  readonly pinned: boolean;
  /** It is being moved to another region: creates are refused meanwhile. */
  readonly moving?: boolean;
  /**
   * It rests on what the directory said, and is in force only during this term of the gateway's lease (locality/follow.ts):
   * once that was interrupted, the account may have been moved without this gateway.
   */
  readonly term?: number;
}

/** How long one request may still wait for the store, all its questions together. Who waits takes it off. */
export interface Patience {
  leftMs: number;
}

/** Missing is not unavailable: a lookup answers one of three. */
export type Found<T> =
  | { readonly kind: 'found'; readonly value: T }
  /** `term`: of an account that the directory does not know, as in Locality. */
  | { readonly kind: 'missing'; readonly term?: number }
  | { readonly kind: 'unavailable'; readonly cause: unknown };

/** What became of a forwarded request. */
export type Outcome = 'not_sent' | 'unknown' | 'delivered';

/** Why decide chose as it did: the closed list of labels for metrics, logs and `explain`. */
export const REASONS = [
  'answered_here',
  'account_home',
  'account_named',
  'account_unknown_named',
  'account_unknown_default',
  'retrieval_named',
  'key_held',
  'key_concealed',
  'anonymous_named',
  'anonymous_default',
] as const;
export type Reason = (typeof REASONS)[number];

/** What a permit says. */
export interface PermitFacts {
  readonly region: RegionName;
  /** `none`: the caller gave no credentials; `strip`: they stay here. */
  readonly credentials: 'forward' | 'strip' | 'none';
  /** The region to be asked whether the credentials are good before anything is sent. */
  readonly verifyAt: RegionName | undefined;
  readonly reason: Reason;
  /** The account's facts, for the connection's own check; undefined for an anonymous caller. */
  readonly account: Locality | undefined;
}

let issue: (facts: PermitFacts) => Permit;

/**
 * The only ticket to a region. It cannot be built outside this file, and `issuePermit` is called by policy/decide.ts
 * alone (test/architecture.test.ts holds the code to it). A look-alike object has no private mark and is turned away.
 */
export class Permit implements PermitFacts {
  readonly #genuine = true;
  readonly region: RegionName;
  readonly credentials: PermitFacts['credentials'];
  readonly verifyAt: RegionName | undefined;
  readonly reason: Reason;
  readonly account: Locality | undefined;

  private constructor(facts: PermitFacts) {
    this.region = facts.region;
    this.credentials = facts.credentials;
    this.verifyAt = facts.verifyAt;
    this.reason = facts.reason;
    this.account = facts.account;
  }

  static {
    issue = (facts) => new Permit(facts);
  }

  static isGenuine(value: unknown): value is Permit {
    return typeof value === 'object' && value !== null && #genuine in value;
  }
}

/** For policy/decide.ts alone. */
export function issuePermit(facts: PermitFacts): Permit {
  return issue(facts);
}
