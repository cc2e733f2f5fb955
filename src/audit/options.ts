// What a journal is given, and what it tells.
import type { RotateOptions } from './chain.ts';
import type { AuditKind } from './record.ts';

export interface AuditOptions {
  /** Absolute. Rotated files, the newest head (.head) and the lock (.lock) lie beside it. */
  readonly file: string;
  /** Of the private key, absolute; the public one is beside it, with .pub behind its name. */
  readonly keyFile: string;
  /** A record waits no longer than this to be handed to the system. */
  readonly flushMs: number;
  /** For readings alone: who takes requests acts on it. */
  readonly onFailure: 'refuse' | 'continue';
  /** A record waits no longer than this for a signature over it. */
  readonly headsMs: number;
  readonly rotate: RotateOptions;
  /** Age from which on rotated files are removed. */
  readonly keepMs: number;
  /** Whether rotated files are compressed. */
  readonly compress: boolean;
}

export interface AuditReadings {
  readonly file: string;
  readonly onFailure: AuditOptions['onFailure'];
  /** Number of the last record that was written. */
  readonly sequence: number;
  /** By this process. */
  readonly written: Readonly<Record<AuditKind, number>>;
  /** Records that found no room in memory while writing failed. */
  readonly lost: number;
  readonly failing: boolean;
  /** Attempts to write that failed. */
  readonly failures: number;
  /** How long the oldest record that no head covers has been waiting for one; 0 where all are covered. */
  readonly headAgeMs: number;
  /** Of the current file. */
  readonly bytes: number;
}

/** News for the log. None holds anything of a record. */
export type AuditEvent =
  | { readonly kind: 'failing'; readonly code: string; readonly cause: unknown }
  | { readonly kind: 'recovered'; readonly lost: number }
  | { readonly kind: 'rotated'; readonly file: string }
  | { readonly kind: 'pruned'; readonly files: number; readonly through: number }
  | { readonly kind: 'cut'; readonly bytes: number }
  | { readonly kind: 'unwritten'; readonly records: number }
  /** Work in the background that is tried again later: compressing, removing. */
  | { readonly kind: 'trouble'; readonly what: 'compress' | 'prune'; readonly cause: unknown };

export interface AuditDependencies {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** False while that clock may be wrong: nothing is removed for its age then. Left out: it never is. */
  readonly isSettled?: () => boolean;
  readonly observe: (event: AuditEvent) => void;
}
