// Verifies audit logs: every file of one in order, against each other, their signatures, and heads that are known from
// elsewhere. Reads only, also beside a running gateway.
import type { KeyObject } from 'node:crypto';
import { basename } from 'node:path';
import { ChainCheck, type CheckOptions, type Known } from './check.ts';
import { type AuditFault, Faults } from './fault.ts';
import { endOf, headFileOf, isSignedBy, readHeadFile } from './head.ts';
import { fingerprintOf } from './key.ts';
import type { LineFacts } from './line.ts';
import { type LogFile, openCurrent, openGiven, orderOf, sizeOf, unreadable } from './verify-files.ts';

export interface VerifyOptions {
  /** The current file of a log: its rotated files and its .head are looked for beside it. */
  readonly file?: string;
  /** Or files, oldest first; names of rotated ones are put in order. A .head beside the last one is held against it. */
  readonly files?: readonly string[];
  readonly publicKeys: readonly KeyObject[];
  /** A record that somebody else has noted. */
  readonly head?: { readonly seq: number; readonly hash: string } | undefined;
  /** Every record, in the order of the files, whether or not it is good. */
  readonly onRecord?: CheckOptions['onRecord'];
}

export interface VerifyProgress {
  /** Bytes on the disk. */
  readonly bytes: number;
  readonly totalBytes: number;
  readonly records: number;
}

export interface AuditVerdict {
  /** Nothing is wrong with it. */
  readonly good: boolean;
  readonly files: readonly string[];
  readonly records: number;
  readonly bytes: number;
  readonly first: { readonly seq: number; readonly time: string } | undefined;
  readonly last: { readonly seq: number; readonly time: string } | undefined;
  /** Heads with a good signature, and how far the last one goes. */
  readonly heads: number;
  readonly signedTo: number | undefined;
  readonly signedTime: string | undefined;
  /** Records behind the last head: chained, but nobody has signed them yet. */
  readonly unsigned: number;
  /** What the end was held against: without anything, records that were cut off behind a head leave no trace. */
  readonly heldAgainst: readonly ('head file' | 'given head')[];
  /** The first twenty. */
  readonly faults: readonly AuditFault[];
  readonly faultCount: number;
}

/** Resolves to what was found; what cannot be read is a fault, too. */
export async function verifyAudit(
  options: VerifyOptions,
  progress: (done: VerifyProgress) => void = () => undefined,
): Promise<AuditVerdict> {
  const faults = new Faults();
  const end = options.file ?? orderOf(options.files ?? []).at(-1) ?? '';
  // Before the log, which only grows: the other way round it could name what was not there yet.
  const noted = readNoted(end, options, faults);
  await using log = await (options.file === undefined
    ? openGiven(options.files ?? [], faults)
    : openCurrent(options.file, faults));
  const given = options.head === undefined ? [] : [{ ...options.head, from: 'the given head' }];
  const { publicKeys, onRecord } = options;
  const check = new ChainCheck({ publicKeys, onRecord, faults, known: [...noted.known, ...given] });
  const totalBytes = await sizeOf(log.files);
  let bytes = 0;
  for (const { path, opened, isCurrent } of log.files) {
    check.beginFile(path);
    const onBytes = (count: number): void => {
      bytes += count;
      progress({ bytes, totalBytes, records: check.records });
    };
    try {
      const rest = await opened.lines({ isCurrent, onLine: (line) => check.line(line), onBytes });
      check.endFile(rest, isCurrent);
    } catch (error) {
      faults.add(unreadable(path, error));
    }
  }
  check.end();
  // A log that was never signed has none; one that was cannot have lost it by itself.
  if (options.file !== undefined && !noted.isThere && check.heads.count > 0) {
    const says = 'is missing: it names the last record that was signed';
    faults.add({ file: headFileOf(options.file), line: undefined, seq: undefined, what: 'missing', says });
  }
  return verdictOf(check, faults, log.files, bytes, [
    ...(noted.known.length > 0 ? ['head file' as const] : []),
    ...(given.length > 0 ? ['given head' as const] : []),
  ]);
}

function verdictOf(
  check: ChainCheck,
  faults: Faults,
  files: readonly LogFile[],
  bytes: number,
  heldAgainst: AuditVerdict['heldAgainst'],
): AuditVerdict {
  const { count: heads, signedTo, signedTime, unsigned } = check.heads;
  return {
    good: faults.count === 0,
    files: files.map(({ path }) => path),
    records: check.records,
    bytes,
    first: endpoint(check.first),
    last: endpoint(check.last),
    heads,
    signedTo,
    signedTime,
    unsigned,
    heldAgainst,
    faults: faults.shown,
    faultCount: faults.count,
  };
}

function endpoint(facts: LineFacts | undefined): AuditVerdict['first'] {
  return facts === undefined ? undefined : { seq: facts.seq, time: facts.time };
}

/** The .head beside a log. */
function readNoted(file: string, { publicKeys }: VerifyOptions, faults: Faults): { isThere: boolean; known: Known[] } {
  const path = headFileOf(file);
  const tell = (what: AuditFault['what'], says: string): void =>
    faults.add({ file: path, line: undefined, seq: undefined, what, says });
  try {
    const head = file === '' ? undefined : readHeadFile(file);
    if (head === undefined) return { isThere: false, known: [] };
    if (head === 'malformed') tell('changed', 'is not what the gateway writes there');
    else {
      const key = publicKeys.find((candidate) => fingerprintOf(candidate) === head.key);
      if (key === undefined) tell('foreign_key', `is signed with another key (${head.key.slice(0, 16)}...)`);
      else if (!isSignedBy(head, key)) tell('signature', 'has a wrong signature');
      else return { isThere: true, known: [{ ...endOf(head), from: basename(path) }] };
    }
  } catch (error) {
    faults.add(unreadable(path, error));
  }
  return { isThere: true, known: [] };
}
