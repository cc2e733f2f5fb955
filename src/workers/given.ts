// What the main thread gives a worker, and what each of the two then asks of the other.
import type { LevelWithSilent } from 'pino';
import type { Config } from '../config/types.ts';
import type { Found, KeyedHash, Locality } from '../domain.ts';
import type { Snapshot } from '../record/aggregate.ts';
import type { ConnectionMemory } from '../rooms-connections.ts';
import type { DirectoryStore } from '../store/directory-store.ts';
import type { IdentityKeys } from '../store/identity-key.ts';
import type { SharedRecord, SharedVerification, StoredKey, StoreNews } from '../store/store.ts';
import type { Secrets, Together } from '../together.ts';
import type { AuditMemory } from './audit-ring.ts';
import type { Place } from './port.ts';

/** How a thread exits that ended by a defect of its own, or could not begin: tells it from one that was ended. */
export const CRASHED = 70;

export interface Given {
  /** This worker's number, from 1; a worker that takes a dead one's place has the same. */
  readonly holder: number;
  readonly config: Config;
  readonly version: string;
  readonly level: LevelWithSilent;
  readonly place: Place;
  readonly lease: Together['lease'];
  readonly identity: IdentityKeys;
  /** Of the embedded store's file (SqliteStore.identity); undefined: the store is a server. */
  readonly fileIdentity: string | undefined;
  readonly secrets: Secrets;
  readonly memory: Memory;
  /** Where threads put down what they have of the process's memory. */
  readonly inUse: SharedArrayBuffer;
  /** Where threads count callers' connections. */
  readonly connections: ConnectionMemory;
  /** Undefined: there is no audit log. */
  readonly audit: AuditMemory | undefined;
}

/** What all threads count in. */
export interface Memory {
  /** By the limit's name. */
  readonly limits: Readonly<Record<string, SharedArrayBuffer>>;
  readonly health: SharedArrayBuffer;
}

/** What of the directory a worker has the main thread do: all that is not answered in the request's own tick. */
export const REMOTE = [
  'follow',
  'leave',
  'gateways',
  'init',
  'mark',
  'put',
  'remove',
  'list',
  'count',
  'beginMove',
  'advanceMove',
  'abortMove',
  'setDrained',
  'changes',
] as const satisfies readonly (keyof DirectoryStore)[];
export type RemoteName = (typeof REMOTE)[number];

/** What the main thread serves to a worker. */
export interface MainServices {
  /** It answers callers from now on. */
  listening(url: string): void;
  /** It takes no more callers: it ends by a defect of its own, after the requests under way. */
  parting(): void;
  /** It could not begin. */
  failed(cause: unknown): void;
  /** Its metrics, since it is about to end. */
  last(snapshot: Snapshot): void;
  putKeys(rows: readonly StoredKey[], leftMs: number | undefined): Promise<void>;
  directory(name: RemoteName, args: readonly unknown[]): Promise<unknown>;
  /** `leftMs`: how long a found one may be used. */
  locateBySource(account: string): Promise<{ readonly found: Found<Locality>; readonly leftMs: number }>;
  findVerification(hash: KeyedHash): SharedVerification | Promise<SharedVerification>;
  putVerification(hash: KeyedHash, good: boolean, keepMs: number): void;
  passVerification(hash: KeyedHash): void;
  forgetVerification(hash: KeyedHash): void;
  beginReplay(name: Buffer, check: Buffer, owner: Buffer): SharedRecord;
  extendReplay(name: Buffer, owner: Buffer): boolean;
  settleReplay(name: Buffer, owner: Buffer, record: Buffer | undefined): boolean;
  replayOver(name: Buffer): Promise<void>;
}

/** What a worker serves to the main thread. */
export interface WorkerServices {
  /** Its event loop turns. */
  beat(): void;
  news(news: StoreNews): void;
  snapshot(): Promise<Snapshot>;
  /** Opens the rooms of another configuration, in place of any that were prepared and not applied. Rejects when it cannot. */
  prepare(config: Config, memory: Memory): Promise<void>;
  /** The prepared rooms are used from now on, or (false) never. */
  decide(apply: boolean): Promise<void>;
  /** The level of its log from now on. */
  level(level: LevelWithSilent): void;
  /** Takes no more callers. */
  stop(): Promise<void>;
  /** Ends after the requests under way, or after `boundMs`. @returns whether all of them were answered */
  drain(boundMs: number): Promise<boolean>;
}
