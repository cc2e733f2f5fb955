// What the admin API says to the console, as types alone: the page imports them too, and nothing of them is left at run
// time. So it imports nothing itself. Rates are per second over the last interval; times are ISO 8601 in UTC.

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** One sample: the event `state` of GET /admin/v1/live, and the answer of GET /admin/v1/state. */
export interface LiveState {
  readonly time: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  /** What the rates below are over; 0: the first sample, and every rate is 0. */
  readonly intervalMs: number;
  readonly workers: { readonly listening: number; readonly restarts: number };
  readonly requests: LiveRequests;
  readonly regions: readonly LiveRegion[];
  readonly overload: LiveOverload;
  readonly limits: readonly LiveLimit[];
  /** Refusal code -> per second; codes that did not occur are left out. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Null: the directory does not answer. */
  readonly moves: readonly LiveAccount[] | null;
  readonly store: { readonly engine: string; readonly up: boolean };
  /** Null: off. */
  readonly audit: AuditReadings | null;
  /** Null: this gateway cannot be reloaded. */
  readonly reload: ReloadStatus | null;
  /** Since the start. Anything but 0 is a defect. */
  readonly violations: number;
  /** Busiest first; routes without a request in the interval are left out. */
  readonly routes: readonly LiveRoute[];
}

export interface LiveRequests {
  /** Answered since the start. */
  readonly total: number;
  readonly perSecond: number;
  readonly inFlight: number;
  /** `2xx`, ..., `gone` -> per second. */
  readonly byClass: Readonly<Record<string, number>>;
}

export type LiveOutcome = 'delivered' | 'unknown' | 'not_sent';

/** A region as operators see it. */
export interface RegionReading {
  readonly name: string;
  readonly up: boolean;
  readonly breaker: 'closed' | 'half_open' | 'open';
  /** In a row. */
  readonly failures: number;
  readonly drained: boolean;
}

export interface LiveRegion extends RegionReading {
  /** Connections with a call under way. */
  readonly inUse: number;
  /** Requests that wait for a connection. */
  readonly waiting: number;
  readonly requestsPerSecond: number;
  /** Of all requests that were sent to a region in the interval: 0 to 1. */
  readonly share: number;
  /** Of the region's answers in the interval; null: there were none. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
  /** Per second, verifications included. */
  readonly outcomes: Readonly<Record<LiveOutcome, number>>;
  /** Of limits.regionBudget: 0 to 1; null: not counted. */
  readonly budgetUsed: number | null;
  /** Calls that got no connection, by reason, per second. */
  readonly turnedAway: Readonly<Record<LiveTurnedAway, number>>;
  /** Why the region's egress proxy did not make the connection that it was asked for last; null: it did, or there is none. */
  readonly proxyFault: LiveProxyFault | null;
}

/** The line was full; whoever it was had a full share of it; the time to wait was over. */
export type LiveTurnedAway = 'full' | 'share' | 'late';

/** The last two may be the region's doing. */
export type LiveProxyFault =
  | 'unreachable'
  | 'timeout'
  | 'closed'
  | 'garbled'
  | 'authentication'
  | 'refused'
  | 'no_route'
  | 'stalled';

/** What a thread measures of itself, and of the process's memory where that is limited. */
export type LivePressure = 'event_loop' | 'heap' | 'memory';

export type LiveLoad = 'anonymous' | 'authenticated';

/** Calls that the gateway has no time or no memory for (docs/overload.md). */
export interface LiveOverload {
  /** Of its bound, of the thread that is nearest: from 1 on calls are turned away. What is not measured is left out. */
  readonly pressure: Readonly<Partial<Record<LivePressure, number | undefined>>>;
  /** Turned away, per second. */
  readonly refused: Readonly<Record<LiveLoad, number>>;
  /** Would have been, were it in force. */
  readonly shadow: Readonly<Record<LiveLoad, number>>;
  readonly connections: LiveConnections;
}

/** Those of callers. */
export interface LiveConnections {
  readonly open: number;
  /** Refused, per second: as many were open as may be in all, or from the address. */
  readonly refused: Readonly<Record<'all' | 'address', number>>;
  /** Unused ones that were ended to make place, per second. */
  readonly reclaimed: number;
}

export interface LiveLimit {
  readonly name: string;
  /** Clients, keys or accounts whose allowance is not full at the moment. */
  readonly entries: number;
  readonly refusedPerSecond: number;
  /** Would have been refused, were the limit in force. */
  readonly shadowPerSecond: number;
}

export interface LiveRoute {
  readonly route: string;
  readonly perSecond: number;
  readonly p95Ms: number | null;
}

/** An entry of the directory, as GET /admin/v1/moves has it. */
export interface LiveAccount {
  /** The account's keyed hash, 32 hex digits. */
  readonly id: string;
  readonly region: string;
  readonly pinned: boolean;
  readonly also: readonly string[];
  readonly epoch: number;
  readonly move: {
    readonly from: string;
    readonly to: string;
    readonly phase: 'frozen' | 'cutover';
    readonly keep_old: boolean;
    readonly since: string;
  } | null;
}

/** One key of the configuration in force. */
export interface ConfigValue {
  /** `limits.perKey.requests`, `accounts.rules[0].region`. */
  readonly key: string;
  /** As it would be written; `(hidden)` of what is or may hold a secret. */
  readonly value: string;
  readonly from: 'file' | 'environment' | 'default';
  /** Of the file, from 1; of a default, none. */
  readonly line?: number | undefined;
  /** The environment's variables, with commas between them. */
  readonly variable?: string | undefined;
}

export interface ReloadReport {
  readonly result: 'applied' | 'refused' | 'unchanged';
  readonly at: string;
  /** `token:NAME`, `signal`, `file`. */
  readonly actor: string;
  /** Keys that are other ones now. */
  readonly changed: readonly string[];
  /** Keys that changed in the file, and need a restart. */
  readonly needsRestart: readonly string[];
  /** Why it was refused, a sentence each. */
  readonly problems: readonly string[];
}

export interface ReloadStatus {
  /** Since when the configuration in force is in force. */
  readonly appliedAt: string;
  readonly last?: ReloadReport | undefined;
}

export interface AuditReadings {
  readonly file: string;
  /** Of the last record. */
  readonly sequence: number;
  /** Since the start, by kind. */
  readonly written: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly failing: boolean;
  readonly failures: number;
  /** How long the oldest record that no signed head covers has been waiting for one; 0: none waits. */
  readonly headAgeMs: number;
  /** The newest one that has reached the disk; null: none has yet. */
  readonly head: AuditHead | null;
  /** Of the current file. */
  readonly bytes: number;
}

/** What is worth noting elsewhere: with it nobody can cut the log back unseen. */
export interface AuditHead {
  /** The record that it signs, and all before it. */
  readonly at: number;
  /** Of that record, 64 hex digits. */
  readonly hash: string;
  readonly time: string;
}

/** One line of the audit log: these four, and what belongs to its kind (docs/audit.md). */
export interface AuditRecord {
  readonly seq: number;
  readonly prev: string;
  readonly time: string;
  readonly kind: string;
  readonly [member: string]: unknown;
}

/** Answer of GET /admin/v1/audit: newest record last. */
export interface AuditPage {
  readonly readings: AuditReadings;
  readonly records: readonly AuditRecord[];
}

/** Answer of POST /admin/v1/audit/verification. */
export interface AuditVerification {
  readonly at: string;
  readonly tookMs: number;
  readonly good: boolean;
  readonly records: number;
  readonly files: number;
  /** What is wrong and where; of many, the first ones. */
  readonly faults: readonly { readonly file: string; readonly line: number | null; readonly what: string }[];
}

/** Answer of GET /admin/v1/config. */
export interface ConfigInForce {
  readonly values: readonly ConfigValue[];
}

/** Answer and body of /admin/v1/log-level. */
export interface LogLevelState {
  readonly level: LogLevel;
}

/** Every answer but a good one. */
export interface AdminProblem {
  readonly error: string;
  readonly message: string;
  readonly hint?: string;
}
