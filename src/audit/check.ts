// Holds the lines of an audit log to each other: numbers, hashes, signed heads. Keeps going after a fault where it can, and
// tells one change from another: what was changed, what is missing, what is out of place.
import type { KeyObject } from 'node:crypto';
import { createHeadCheck, type HeadCheck } from './check-heads.ts';
import type { AuditFaultKind, Faults } from './fault.ts';
import { type LineFacts, readLine } from './line.ts';
import { lineHash, parseRecord, ZERO_HASH } from './record.ts';

/** A record that has to be in the log, and whose word that is. */
export interface Known {
  readonly seq: number;
  readonly hash: string;
  readonly from: string;
}

export interface Place {
  readonly file: string;
  readonly line: number | undefined;
}

export interface CheckOptions {
  readonly publicKeys: readonly KeyObject[];
  readonly known: readonly Known[];
  readonly faults: Faults;
  /** Every line that is a record, in the order of the files. */
  readonly onRecord?: ((facts: LineFacts, line: Buffer) => void) | undefined;
}

interface Checked {
  readonly seq: number;
  readonly hash: string;
  readonly place: Place;
  readonly facts: LineFacts;
}

/** A run of records that do not hold the hash of the one before. */
type Run = 'none' | 'first' | 'more';

export class ChainCheck {
  readonly #options: CheckOptions;
  readonly #heads: HeadCheck;
  readonly #pruned = new Set<string>();
  readonly #met = new Set<Known>();
  #file = '';
  #lineNumber = 0;
  #first: LineFacts | undefined;
  #last: Checked | undefined;
  #lastLine: Buffer | undefined;
  #before: Checked | undefined;
  #run: Run = 'none';
  /** The last record was told to be changed already: it cannot have the hash that the next one holds. */
  #told = false;
  /** Lines since the last record that are none. */
  #strangers = 0;
  records = 0;

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#heads = createHeadCheck(options.publicKeys, (what, seq, says) => this.#fault(what, seq, says));
  }

  get heads(): Pick<HeadCheck, 'count' | 'signedTo' | 'signedTime' | 'unsigned'> {
    return this.#heads;
  }

  get first(): LineFacts | undefined {
    return this.#first;
  }

  get last(): LineFacts | undefined {
    return this.#last?.facts;
  }

  beginFile(file: string): void {
    this.#file = file;
    this.#lineNumber = 0;
  }

  /** @param line without its break */
  line(line: Buffer): void {
    this.#lineNumber++;
    const facts = readLine(line);
    if (facts === undefined) {
      this.#settle();
      this.#strangers++;
      this.#fault('not_a_record', this.#last && this.#last.seq + this.#strangers, strangerText(line));
      return;
    }
    this.records++;
    this.#options.onRecord?.(facts, line);
    if (this.#follows(facts)) this.#accept(facts, line);
  }

  /** @param rest bytes behind the last line break. @param isCurrent whether the gateway may still write to the file */
  endFile(rest: number, isCurrent: boolean): void {
    if (rest > 0) {
      this.#lineNumber++;
      this.#fault(
        'cut_off',
        this.#last && this.#last.seq + 1,
        `the last line is cut off in its middle (${rest} bytes)`,
      );
    } else if (!isCurrent && this.#last !== undefined && this.#last.facts.kind !== 'head') {
      const says = `ends with record ${this.#last.seq}, which is not a signed head: its end is missing`;
      this.#fault('cut_off', this.#last.seq, says);
    }
  }

  /** After the last file. */
  end(): void {
    this.#settle();
    const last = this.#last;
    if (last === undefined) this.#fault('missing', undefined, 'there is no record in it', this.#nowhere());
    // No other line holds its hash.
    else if (parseRecord(this.#lastLine?.toString('utf8') ?? '') === undefined) {
      this.#fault('not_a_record', last.seq, `record ${last.seq}, the last line, is not JSON`);
    }
    this.#endStart();
    for (const known of this.#options.known) if (!this.#met.has(known)) this.#missed(known);
    if (last !== undefined && this.#heads.count === 0) {
      this.#fault('unsigned', undefined, 'no head in it has a good signature', this.#nowhere());
    }
  }

  /** Whether this is the record that has to come now; tells what it is otherwise. */
  #follows(facts: LineFacts): boolean {
    const { seq, prev } = facts;
    const last = this.#last;
    if (last === undefined) return true;
    const next = last.seq + 1;
    const holds = prev === last.hash;
    const excused = this.#told;
    this.#told = false;
    if (seq === next && holds) {
      if (this.#run === 'first') this.#changed(this.#before);
      this.#run = 'none';
      return true;
    }
    if (seq === next) {
      if (!excused) this.#mismatch();
      return true;
    }
    this.#settle();
    if (holds) {
      this.#fault('changed', next, `record ${next} was changed: it says that it is ${seq}`);
      this.#told = true;
      return true;
    }
    // Lines that are no records stood where these were.
    if (seq > next && seq <= next + this.#strangers) return true;
    if (seq > next) {
      const from = next + this.#strangers;
      const which = from === seq - 1 ? `record ${from} is` : `records ${from} to ${seq - 1} are`;
      this.#fault('missing', from, `${which} missing or out of place: ${seq} follows ${last.seq}`);
      return true;
    }
    this.#fault('misplaced', seq, `record ${seq} stands behind ${last.seq}: it comes twice, or it was moved or put in`);
    return false;
  }

  #accept(facts: LineFacts, line: Buffer): void {
    const seq = this.#last !== undefined && facts.prev === this.#last.hash ? this.#last.seq + 1 : facts.seq;
    this.#first ??= facts;
    this.#before = this.#last;
    this.#strangers = 0;
    const hash = lineHash(line);
    this.#last = { seq, hash, facts, place: { file: this.#file, line: this.#lineNumber } };
    this.#lastLine = line;
    for (const known of this.#options.known) {
      if (known.seq === seq) this.#meet(known, hash);
    }
    if (this.#heads.isPlain(facts)) return;
    const record = parseRecord(line.toString('utf8'));
    if (record === undefined) this.#fault('not_a_record', seq, `record ${seq} is not JSON`);
    else if (facts.kind === 'pruned') this.#pruned.add(`${String(record.through)} ${String(record.hash)}`);
    else this.#heads.special(record, line);
  }

  #mismatch(): void {
    if (this.#run !== 'none') this.#changed(this.#last, this.#run === 'first' ? this.#before : undefined);
    this.#run = this.#run === 'none' ? 'first' : 'more';
  }

  /** The line before the one that did not hold its hash, or that one. */
  #settle(): void {
    if (this.#run === 'first') this.#changed(this.#last, this.#before);
    this.#run = 'none';
  }

  #changed(record: Checked | undefined, perhaps?: Checked): void {
    if (record === undefined) return;
    const also = perhaps === undefined ? '' : `, or record ${perhaps.seq} before it`;
    this.#fault('changed', record.seq, `record ${record.seq} was changed${also}`, record.place);
  }

  #meet(known: Known, hash: string): void {
    this.#met.add(known);
    if (hash === known.hash) return;
    this.#fault('changed', known.seq, `record ${known.seq} is not the one that ${known.from} names`);
  }

  #missed({ seq, from }: Known): void {
    const last = this.#last?.seq ?? 0;
    const says =
      seq > last
        ? `the log ends with record ${last}, but ${from} names record ${seq}: its end was cut off`
        : `record ${seq}, which ${from} names, is not there`;
    this.#fault(seq > last ? 'cut_off' : 'missing', seq, says, this.#nowhere());
  }

  /** A log begins with record 1, or behind records whose removal it records itself. */
  #endStart(): void {
    const first = this.#first;
    if (first === undefined || (first.seq === 1 && first.prev === ZERO_HASH)) return;
    if (first.seq > 1 && this.#pruned.has(`${first.seq - 1} ${first.prev}`)) return;
    const says =
      first.seq === 1
        ? 'record 1 was changed: it does not begin a chain'
        : `records 1 to ${first.seq - 1} are missing, and the log does not say that they were removed when their time was over`;
    this.#fault(first.seq === 1 ? 'changed' : 'missing', 1, says, this.#nowhere());
  }

  #fault(what: AuditFaultKind, seq: number | undefined, says: string, place: Place = this.#here()): void {
    this.#options.faults.add({ ...place, seq, what, says });
  }

  #here(): Place {
    return { file: this.#file, line: this.#lineNumber };
  }

  /** For what no line shows. */
  #nowhere(): Place {
    return { file: this.#file, line: undefined };
  }
}

function strangerText(line: Buffer): string {
  if (line.length === 0) return 'an empty line';
  return parseRecord(line.toString('utf8')) === undefined
    ? 'not a record: it is not JSON of one'
    : 'not written as the gateway writes records';
}
