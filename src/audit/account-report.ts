// What an audit log tells of one account in a period: where its requests went, and how much of the truth that is.
import { type Entry, entryOf, wasSent } from './entry.ts';
import type { LineFacts } from './line.ts';
import { type AuditKind, parseRecord } from './record.ts';
import { type AuditVerdict, type VerifyOptions, type VerifyProgress, verifyAudit } from './verify.ts';

export interface ReportOptions extends Omit<VerifyOptions, 'onRecord'> {
  /** The account's keyed hashes in hex: under the current identity key, and under older ones. */
  readonly accounts: readonly string[];
  /** Names of those keys (keyed-hash.ts). What was written under another one cannot be found. */
  readonly identities: readonly string[];
  /** Inclusive and exclusive, as ISO 8601 in UTC with milliseconds. */
  readonly from: string;
  readonly to: string;
  /** Each entry, in the order of the log. */
  readonly onEntry?: ((entry: Entry) => void) | undefined;
}

/** What was asked of a region, and what came of it. */
export interface Tally {
  requests: number;
  verifies: number;
  delivered: number;
  unknown: number;
  notSent: number;
}

/** A time in which records are missing, or cannot be found. */
export interface Hole {
  /**
   * `unsent`: of requests that surely were not sent. `under_way`: of those that had begun when their thread was lost.
   * `foreign_key`: accounts have other hashes there.
   */
  readonly why: 'lost' | 'unsent' | 'under_way' | 'killed' | 'foreign_key';
  /** The last record before it, if there is one, and the first behind it. */
  readonly after: string | undefined;
  readonly until: string;
  /** Records, as far as they were counted. */
  readonly records: number | undefined;
}

export interface AccountReport {
  readonly from: string;
  readonly to: string;
  readonly verdict: AuditVerdict;
  readonly entries: number;
  readonly requests: number;
  /** By region that was asked; `null` stands for none: answered by the gateway itself. */
  readonly regions: ReadonlyMap<string | null, Tally>;
  readonly refusals: ReadonlyMap<string, number>;
  /** UTC day -> region -> requests. */
  readonly days: ReadonlyMap<string, ReadonlyMap<string | null, number>>;
  /** Where it lived, as the records say, in the order of the log. */
  readonly homes: readonly string[];
  readonly pinned: 'always' | 'never' | 'sometimes' | 'unknown';
  /** That reached, or may have reached, another region than the account's home: the first of them, and how many. */
  readonly outside: readonly Entry[];
  readonly outsideCount: number;
  readonly outsidePinned: number;
  readonly violations: readonly Entry[];
  readonly changes: readonly Entry[];
  readonly holes: readonly Hole[];
  /** The part of the period that the log speaks of; undefined where it does not speak of it at all. */
  readonly covered: { readonly from: string; readonly to: string } | undefined;
  /** Records of the period that nobody has signed yet, of any account. */
  readonly unsigned: number;
}

/** Kept in memory one by one; the others are counted. */
const LISTED = 1000;

/** Reads a log once, and verifies what it reads: what is reported are the very bytes that were verified. */
export async function reportAccount(
  options: ReportOptions,
  progress?: (done: VerifyProgress) => void,
): Promise<AccountReport> {
  const collector = new Collector(options);
  const verdict = await verifyAudit({ ...options, onRecord: (facts, line) => collector.record(facts, line) }, progress);
  return collector.report(verdict);
}

class Collector {
  readonly #options: ReportOptions;
  readonly #needles: readonly Buffer[];
  readonly #regions = new Map<string | null, Tally>();
  readonly #refusals = new Map<string, number>();
  readonly #days = new Map<string, Map<string | null, number>>();
  readonly #homes = new Set<string>();
  readonly #pins = new Set<boolean>();
  readonly #outside: Entry[] = [];
  readonly #violations: Entry[] = [];
  readonly #changes: Entry[] = [];
  readonly #holes: Hole[] = [];
  /** Since when the records are under an identity key that is not known here. */
  #foreignSince: string | undefined;
  #entries = 0;
  #requests = 0;
  #outsideCount = 0;
  #outsidePinned = 0;
  #unsigned = 0;
  #firstTime: string | undefined;
  #lastTime: string | undefined;
  /** Kind of the last record that is no head. */
  #lastKind: AuditKind | undefined;

  constructor(options: ReportOptions) {
    this.#options = options;
    this.#needles = options.accounts.map((account) => Buffer.from(`"account":"${account}"`));
  }

  record(facts: LineFacts, line: Buffer): void {
    const { time, kind } = facts;
    const { from, to } = this.#options;
    if (kind === 'gap' || kind === 'opened') this.#hole(facts, line);
    else if (kind === 'reload') this.#started(facts, line);
    this.#firstTime ??= time;
    // Of threads whose clocks were read in another order than they were written.
    if (this.#lastTime === undefined || time > this.#lastTime) this.#lastTime = time;
    if (kind === 'head') this.#unsigned = 0;
    else this.#lastKind = kind;
    if (time < from || time >= to) return;
    if (kind !== 'head') this.#unsigned++;
    if (!this.#needles.some((needle) => line.includes(needle))) return;
    const record = parseRecord(line.toString('utf8'));
    if (record !== undefined && this.#options.accounts.some((account) => account === record.account)) {
      this.#entry(entryOf(record));
    }
  }

  #hole({ time, kind }: LineFacts, line: Buffer): void {
    const { from, to } = this.#options;
    const after = this.#lastTime;
    if (time < from || (after !== undefined && after >= to)) return;
    if (kind === 'gap') {
      const gap = parseRecord(line.toString('utf8'));
      const why = gap?.why === 'under_way' ? 'under_way' : gap?.sent === 0 ? 'unsent' : 'lost';
      this.#holes.push({ why, after, until: time, records: typeof gap?.lost === 'number' ? gap.lost : undefined });
    } else if (this.#lastKind !== undefined && this.#lastKind !== 'closed') {
      this.#holes.push({ why: 'killed', after, until: time, records: undefined });
    }
  }

  /** Each start says under which key the accounts have their hashes from then on. */
  #started({ time }: LineFacts, line: Buffer): void {
    const record = parseRecord(line.toString('utf8'));
    if (record?.result !== 'started' || typeof record.identity !== 'string') return;
    this.#endForeign(time);
    if (!this.#options.identities.includes(record.identity)) this.#foreignSince = time;
  }

  #endForeign(until: string): void {
    const { from, to } = this.#options;
    const after = this.#foreignSince;
    this.#foreignSince = undefined;
    if (after === undefined || until < from || after >= to) return;
    this.#holes.push({ why: 'foreign_key', after, until, records: undefined });
  }

  #entry(entry: Entry): void {
    this.#entries++;
    this.#options.onEntry?.(entry);
    if (entry.kind === 'directory') this.#list(this.#changes, entry);
    if (entry.kind === 'violation') this.#list(this.#violations, entry);
    if (entry.kind !== 'request' && entry.kind !== 'verify') return;
    if (entry.home !== null) this.#homes.add(entry.home);
    if (entry.pinned !== null) this.#pins.add(entry.pinned);
    this.#count(entry);
    if (!wasSent(entry) || entry.region === entry.home) return;
    this.#outsideCount++;
    if (entry.pinned === true) this.#outsidePinned++;
    this.#list(this.#outside, entry);
  }

  #count({ kind, region, outcome, refusal, time }: Entry): void {
    const tally = this.#regions.get(region) ?? { requests: 0, verifies: 0, delivered: 0, unknown: 0, notSent: 0 };
    this.#regions.set(region, tally);
    if (kind === 'verify') {
      tally.verifies++;
      return;
    }
    this.#requests++;
    tally.requests++;
    if (outcome === 'delivered') tally.delivered++;
    else if (outcome === 'unknown') tally.unknown++;
    else tally.notSent++;
    if (refusal !== null) this.#refusals.set(refusal, (this.#refusals.get(refusal) ?? 0) + 1);
    const day = time.slice(0, 'YYYY-MM-DD'.length);
    const regions = this.#days.get(day) ?? new Map<string | null, number>();
    this.#days.set(day, regions);
    regions.set(region, (regions.get(region) ?? 0) + 1);
  }

  #list(list: Entry[], entry: Entry): void {
    if (list.length < LISTED) list.push(entry);
  }

  report(verdict: AuditVerdict): AccountReport {
    const { from, to } = this.#options;
    this.#endForeign(this.#lastTime ?? to);
    return {
      from,
      to,
      verdict,
      entries: this.#entries,
      requests: this.#requests,
      regions: this.#regions,
      refusals: this.#refusals,
      days: this.#days,
      homes: [...this.#homes],
      pinned: pinnedOf(this.#pins),
      outside: this.#outside,
      outsideCount: this.#outsideCount,
      outsidePinned: this.#outsidePinned,
      violations: this.#violations,
      changes: this.#changes,
      holes: this.#holes,
      covered: coveredOf(from, to, this.#firstTime, this.#lastTime),
      unsigned: this.#unsigned,
    };
  }
}

function pinnedOf(pins: ReadonlySet<boolean>): AccountReport['pinned'] {
  if (pins.size === 0) return 'unknown';
  if (pins.size === 2) return 'sometimes';
  return pins.has(true) ? 'always' : 'never';
}

function coveredOf(from: string, to: string, first: string | undefined, last: string | undefined) {
  if (first === undefined || last === undefined || last < from || first >= to) return undefined;
  return { from: first > from ? first : from, to: last < to ? last : to };
}
