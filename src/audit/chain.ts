// The chain in memory: gives drafts their number and the hash of the line before, and says where heads and new files
// have to come. Knows nothing of disks.
import { type AuditHead, headLine, signHead } from './head.ts';
import type { SigningKey } from './key.ts';
import { type Draft, lineHash, lineOf } from './record.ts';
import type { End } from './recover.ts';

export interface RotateOptions {
  readonly sizeBytes: number;
  readonly every: 'day' | 'hour' | 'never';
}

const PERIOD_MS = { day: 86_400_000, hour: 3_600_000, never: Number.POSITIVE_INFINITY } as const;

export interface Chain {
  /** Of the last line. */
  readonly seq: number;
  /** Whether a head has to stand before this draft: no two records between two heads are further apart than headsMs. */
  wantsHeadBefore(draft: Draft): boolean;
  /** Whether this draft begins a new file. */
  wantsFileFor(draft: Draft): boolean;
  /** The line, without its break. */
  add(draft: Draft): string;
  /** A head over all lines so far, as its line; undefined where the last line is one. */
  head(nowMs: number): { readonly head: AuditHead; readonly line: string } | undefined;
  /** Whether the oldest line that no head covers is so old. */
  isHeadDue(nowMs: number): boolean;
  /** Time of the oldest line that no head covers; undefined where there is none. */
  readonly unsignedSinceMs: number | undefined;
  /** Number of the first record in the current file; undefined where it has none. */
  readonly fileFirst: number | undefined;
  /** What comes next goes into a new file. */
  beginFile(): void;
}

export function createChain(end: End, key: SigningKey, headsMs: number, rotate: RotateOptions): Chain {
  const periodMs = PERIOD_MS[rotate.every];
  /** Also by a clock that was set back behind the oldest line: else none would come until that moment has come again. */
  const isLate = (timeMs: number): boolean =>
    unsignedSinceMs !== undefined && Math.abs(timeMs - unsignedSinceMs) >= headsMs;
  const periodOf = (timeMs: number): number => Math.floor(timeMs / periodMs);
  let { seq, hash, unsignedSinceMs } = end;
  let file = { first: end.first?.seq, period: periodOf(end.first?.timeMs ?? 0), bytes: end.bytes };

  function put(line: string, timeMs: number): string {
    seq++;
    hash = lineHash(line);
    if (file.first === undefined) file = { first: seq, period: periodOf(timeMs), bytes: 0 };
    // Members are ASCII but for what an operator wrote: near enough, and this is done for each request.
    file.bytes += line.length + 1;
    return line;
  }

  return {
    get seq() {
      return seq;
    },
    get unsignedSinceMs() {
      return unsignedSinceMs;
    },
    get fileFirst() {
      return file.first;
    },
    wantsHeadBefore: ({ kind, timeMs }) => kind !== 'opened' && isLate(timeMs),
    wantsFileFor({ kind, timeMs, inside }) {
      // The record of an opening stays with what it went on with.
      if (file.first === undefined || kind === 'opened') return false;
      // A clock that was set back begins no new file.
      return periodOf(timeMs) > file.period || file.bytes + inside.length + 150 > rotate.sizeBytes;
    },
    add(draft) {
      unsignedSinceMs ??= draft.timeMs;
      return put(lineOf(seq + 1, hash, draft), draft.timeMs);
    },
    head(nowMs) {
      if (unsignedSinceMs === undefined) return undefined;
      const head = signHead(key, seq, hash, new Date(nowMs).toISOString());
      unsignedSinceMs = undefined;
      return { head, line: put(headLine(head), nowMs) };
    },
    isHeadDue: isLate,
    beginFile() {
      file = { first: undefined, period: 0, bytes: 0 };
    },
  };
}
