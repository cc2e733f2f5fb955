// The audit journal: the one writer of an audit log. Records are taken at once and written in batches, one write at a time,
// in order (docs/audit.md). What cannot be written waits in memory, within a bound, and follows when it can be.
import { type Expired, prunedInside } from './archive.ts';
import { unitsOf } from './batch.ts';
import { codeOf } from './error.ts';
import type { AuditHead } from './head.ts';
import { createKeeper, type Keeper } from './keeper.ts';
import { type OpenedLog, openLog } from './open.ts';
import type { AuditDependencies, AuditOptions, AuditReadings } from './options.ts';
import { Outbox } from './outbox.ts';
import { type AuditKind, type AuditRecord, type Draft, draftOf } from './record.ts';

export { AuditOpenError } from './error.ts';
export type { AuditHead } from './head.ts';
export type { AuditDependencies, AuditEvent, AuditOptions, AuditReadings } from './options.ts';
export { AUDIT_KINDS, type AuditKind, type AuditRecord } from './record.ts';

export interface AuditJournal {
  /**
   * Takes a record; nothing is waited for.
   * @param inside comma separated JSON members without braces, such as `"request":"...","status":200`. A leading
   *   `"time":"2026-01-02T03:04:05.678Z"` is the record's time, else it is now
   * @throws RangeError for members that are too long or have a line break: a defect of the caller
   */
  append(kind: AuditKind, inside: string): void;
  /** The last attempt to write failed, or records were lost since: what happens now may leave no trace. */
  readonly failing: boolean;
  readings(): AuditReadings;
  /** The last records, at most 200, oldest first. */
  tail(count: number): Promise<readonly AuditRecord[]>;
  /** The newest one that has reached the disk. */
  head(): AuditHead | undefined;
  /** Resolves when all that was taken has been handed to the system, or an attempt failed (`failing`). */
  flush(): Promise<void>;
  /** Writes what is left and a last head, and gives the log free. Records that come later are lost, and counted. */
  close(): Promise<void>;
}

/** Of what waits while writing fails, in UTF-16 units, nearly always one byte each. */
export const BUFFER_UNITS = 8 * 1024 * 1024;
/** So much is not held back for the sake of larger writes. */
const ENOUGH_UNITS = 64 * 1024;
const TICK_MS = 1000;
const LOOK_MS = 3_600_000;

/** @throws AuditOpenError with what to do: another gateway writes it, its end does not verify, it cannot be written */
export function openJournal(options: AuditOptions, dependencies: AuditDependencies): AuditJournal {
  return new Journal(options, dependencies, openLog(options));
}

/** While nothing can be written, what is refused for that reason is most of what finds no room: no region received it. */
function isUnsent(kind: AuditKind, inside: string): boolean {
  return kind === 'request' && inside.includes('"upstream":null,') && !inside.includes('"outcome":"unknown"');
}

/** A class, so that `failing` is a plain member: it is looked at for each request. */
class Journal implements AuditJournal {
  failing = false;
  readonly #options: AuditOptions;
  readonly #dependencies: AuditDependencies;
  readonly #lock: OpenedLog['lock'];
  readonly #outbox: Outbox;
  readonly #keeper: Keeper;
  readonly #timers: NodeJS.Timeout[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<boolean> | undefined;
  #closing: Promise<void> | undefined;
  #failures = 0;
  /** The trouble that was told last. */
  #told: string | undefined;
  #lost = 0;
  /** Of these the log says nothing yet. */
  #unreported = 0;
  /** And of these a region may have received something. */
  #unreportedSent = 0;

  constructor(options: AuditOptions, dependencies: AuditDependencies, log: OpenedLog) {
    const { now, observe } = dependencies;
    this.#options = options;
    this.#dependencies = dependencies;
    this.#lock = log.lock;
    this.#keeper = createKeeper(options, dependencies, (expired) => this.#recordPruned(expired));
    this.#outbox = new Outbox(options, log, now, (file) => {
      observe({ kind: 'rotated', file });
      this.#keeper.look();
    });
    const { cut } = log.end;
    if (cut > 0) observe({ kind: 'cut', bytes: cut });
    const { headsMs, flushMs } = options;
    this.append(
      'opened',
      `"format":1,"cut":${cut},"flush":${flushMs},"heads":${headsMs},"key":"${log.key.fingerprint}"`,
    );
    void this.#pump().then(() => this.#keeper.look());
    this.#timers.push(setInterval(() => this.#tick(), Math.min(headsMs, TICK_MS)).unref());
    this.#timers.push(setInterval(() => this.#keeper.look(), LOOK_MS).unref());
  }

  append(kind: AuditKind, inside: string): void {
    const draft = draftOf(kind, inside, this.#dependencies.now());
    if (this.#closing !== undefined || this.#isFull(draft)) {
      this.#lose(draft);
      return;
    }
    if (this.#unreported > 0) this.#reportLoss();
    this.#outbox.push(draft);
    if (this.#outbox.units >= ENOUGH_UNITS && !this.failing) void this.#pump();
    else this.#later();
  }

  readings(): AuditReadings {
    const { sequence, counts, headAgeMs, bytes } = this.#outbox;
    return {
      file: this.#options.file,
      onFailure: this.#options.onFailure,
      sequence,
      written: counts,
      lost: this.#lost,
      failing: this.failing,
      failures: this.#failures,
      headAgeMs,
      bytes,
    };
  }

  async tail(count: number): Promise<readonly AuditRecord[]> {
    return this.#outbox.tail.last(count);
  }

  head(): AuditHead | undefined {
    return this.#outbox.head;
  }

  async flush(): Promise<void> {
    await this.#drain();
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.append('closed', '');
      this.#closing = this.#end();
    }
    return this.#closing;
  }

  async #end(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#keeper.close();
    await this.#drainSigned();
    clearTimeout(this.#timer);
    const { unwritten } = this.#outbox;
    if (unwritten > 0) this.#dependencies.observe({ kind: 'unwritten', records: unwritten });
    await this.#outbox.close();
    this.#lock.release();
  }

  /** @returns whether all is written */
  async #drain(): Promise<boolean> {
    for (;;) {
      if (!(await this.#pump())) return false;
      // What came to an attempt that was just ending takes another one.
      if (this.#outbox.waiting === 0 && !this.#outbox.wantsHead) return true;
    }
  }

  /** @returns whether all is on the disk, and a head covers it */
  #drainSigned(): Promise<boolean> {
    this.#outbox.wantsHead = true;
    return this.#drain();
  }

  /** Once it has no room, it takes nothing more until half of it is free: one gap is said, not thousands. */
  #isFull(draft: Draft): boolean {
    const { units } = this.#outbox;
    return this.#unreported > 0 ? units > BUFFER_UNITS / 2 : units + unitsOf(draft) > BUFFER_UNITS;
  }

  /** A gap that another thread told stands for many. */
  #lose({ kind, inside }: Draft): void {
    const records = kind === 'gap' ? Number(/"lost":(\d+)/.exec(inside)?.[1] ?? 1) : 1;
    this.#lost += records;
    this.#unreported += records;
    if (!isUnsent(kind, inside)) this.#unreportedSent += records;
    this.#fail(this.#closing === undefined ? 'AUDIT_BUFFER_FULL' : 'AUDIT_CLOSED', undefined);
  }

  /** At the place in the order where they would have been. */
  #reportLoss(): void {
    const inside = `"lost":${this.#unreported},"sent":${this.#unreportedSent}`;
    this.#outbox.push(draftOf('gap', inside, this.#dependencies.now()));
    this.#unreported = 0;
    this.#unreportedSent = 0;
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      // Also where an attempt is under way already: it may fail, and is tried again then.
      this.#timer = undefined;
      void this.#pump();
    }, this.#options.flushMs).unref();
  }

  #tick(): void {
    if (!this.#outbox.isHeadDue) return;
    this.#outbox.wantsHead = true;
    void this.#pump();
  }

  /** @returns whether it wrote all that was there */
  #pump(): Promise<boolean> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      while (await this.#outbox.step()) this.#succeeded();
      return true;
    } catch (error) {
      this.#failures++;
      this.#fail(codeOf(error) ?? 'unexpected', error);
      this.#later();
      return false;
    }
  }

  #succeeded(): void {
    if (!this.failing) return;
    if (this.#unreported > 0) {
      if (this.#closing !== undefined || this.#outbox.units > BUFFER_UNITS / 2) return;
      this.#reportLoss();
    }
    this.failing = false;
    this.#told = undefined;
    this.#dependencies.observe({ kind: 'recovered', lost: this.#lost });
  }

  /** Told once for each code, until it works again. */
  #fail(code: string, cause: unknown): void {
    this.failing = true;
    if (code === this.#told) return;
    this.#told = code;
    this.#dependencies.observe({ kind: 'failing', code, cause });
  }

  #recordPruned(expired: readonly Expired[]): Promise<boolean> {
    for (const one of expired) this.append('pruned', prunedInside(one));
    return this.#drainSigned();
  }
}
