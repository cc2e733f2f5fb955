// The audit journal: the one writer of an audit log. Records are taken at once and written in batches, one write at a time,
// in order (docs/audit.md). What cannot be written waits in memory, within a bound, and follows when it can be.
import { type Expired, prunedInside } from './archive.ts';
import { type Batch, nextBatch, Pending, unitsOf } from './batch.ts';
import { type Chain, createChain } from './chain.ts';
import { createDisk, type Disk } from './disk.ts';
import { codeOf } from './error.ts';
import { type AuditHead, writeHeadFile } from './head.ts';
import { createKeeper, type Keeper } from './keeper.ts';
import { type OpenedLog, openLog } from './open.ts';
import type { AuditDependencies, AuditOptions, AuditReadings } from './options.ts';
import { type AuditKind, type AuditRecord, type Draft, draftOf } from './record.ts';
import { createTail, type Tail } from './tail.ts';

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

/** A class, so that `failing` is a plain member: it is looked at for each request. */
class Journal implements AuditJournal {
  failing = false;
  readonly #options: AuditOptions;
  readonly #dependencies: AuditDependencies;
  readonly #log: OpenedLog;
  readonly #chain: Chain;
  readonly #disk: Disk;
  readonly #tail: Tail;
  readonly #keeper: Keeper;
  readonly #pending = new Pending();
  readonly #counts: Record<AuditKind, number>;
  readonly #timers: NodeJS.Timeout[] = [];
  #timer: NodeJS.Timeout | undefined;
  #batch: Batch | undefined;
  /** How far the batch has come. */
  #stage: 'new' | 'written' | 'signed' = 'new';
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #wantHead = false;
  #head: AuditHead | undefined;
  /** Number of the last record that is written. */
  #sequence: number;
  #failures = 0;
  /** The trouble that was told last. */
  #told: string | undefined;
  #lost = 0;
  /** Of these the log says nothing yet. */
  #unreported = 0;

  constructor(options: AuditOptions, dependencies: AuditDependencies, log: OpenedLog) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#log = log;
    this.#chain = createChain(log.end, log.key, options.headsMs, options.rotate);
    this.#disk = createDisk(options.file, log.fd, log.end.bytes);
    this.#tail = createTail(log.end.lines);
    this.#sequence = log.end.seq;
    this.#counts = { ...NONE };
    this.#keeper = createKeeper(options, dependencies, (expired) => this.#recordPruned(expired));
    const { cut } = log.end;
    if (cut > 0) dependencies.observe({ kind: 'cut', bytes: cut });
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
      this.#lost++;
      this.#unreported++;
      this.#fail(this.#closing === undefined ? 'AUDIT_BUFFER_FULL' : 'AUDIT_CLOSED', undefined);
      return;
    }
    if (this.#unreported > 0) this.#reportLoss();
    this.#pending.push(draft);
    if (this.#pending.units >= ENOUGH_UNITS && !this.failing) void this.#pump();
    else this.#later();
  }

  readings(): AuditReadings {
    const { unsignedSinceMs } = this.#chain;
    return {
      file: this.#options.file,
      onFailure: this.#options.onFailure,
      sequence: this.#sequence,
      written: { ...this.#counts },
      lost: this.#lost,
      failing: this.failing,
      failures: this.#failures,
      headAgeMs: unsignedSinceMs === undefined ? 0 : Math.max(0, this.#dependencies.now() - unsignedSinceMs),
      bytes: this.#disk.bytes,
    };
  }

  async tail(count: number): Promise<readonly AuditRecord[]> {
    return this.#tail.last(count);
  }

  head(): AuditHead | undefined {
    return this.#head;
  }

  async flush(): Promise<void> {
    do await this.#pump();
    while (this.#pending.length > 0 && !this.failing);
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
    this.#wantHead = true;
    await this.flush();
    // What came to a pump that was ending just then.
    if (this.#wantHead && !this.failing) await this.flush();
    clearTimeout(this.#timer);
    const left = this.#pending.length + (this.#batch?.lines.length ?? 0);
    if (left > 0) this.#dependencies.observe({ kind: 'unwritten', records: left });
    await this.#disk.close();
    this.#log.lock.release();
  }

  /** Once it has no room, it takes nothing more until half of it is free: one gap is said, not thousands. */
  #isFull(draft: Draft): boolean {
    const units = this.#pending.units + (this.#batch?.bytes.length ?? 0);
    return this.#unreported > 0 ? units > BUFFER_UNITS / 2 : units + unitsOf(draft) > BUFFER_UNITS;
  }

  /** At the place in the order where they would have been. */
  #reportLoss(): void {
    this.#pending.push(draftOf('gap', `"lost":${this.#unreported}`, this.#dependencies.now()));
    this.#unreported = 0;
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      // Also where an attempt is under way already: it may fail, and is tried again then.
      this.#timer = undefined;
      void this.#pump();
    }, this.#options.flushMs).unref();
  }

  #tick(): void {
    if (!this.#chain.isHeadDue(this.#dependencies.now())) return;
    this.#wantHead = true;
    void this.#pump();
  }

  #pump(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      while (await this.#step()) this.#succeeded();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** One batch, from where the last attempt stopped. @returns false when there is nothing to do */
  async #step(): Promise<boolean> {
    const { file } = this.#options;
    this.#batch ??= this.#chainNext();
    const batch = this.#batch;
    if (batch === undefined) return false;
    if (this.#stage === 'new') {
      await this.#disk.write(batch.bytes);
      this.#stage = 'written';
      for (const kind of batch.kinds) this.#counts[kind]++;
      this.#sequence = batch.last;
    }
    if (this.#stage === 'written' && batch.head !== undefined) {
      await this.#disk.sync();
      await writeHeadFile(file, batch.head);
      this.#head = batch.head;
      this.#stage = 'signed';
    }
    if (batch.rotate !== undefined) {
      const archive = await this.#disk.rotate(batch.rotate.first, this.#dependencies.now());
      this.#chain.beginFile();
      this.#dependencies.observe({ kind: 'rotated', file: archive });
      this.#keeper.look();
    }
    this.#batch = undefined;
    return true;
  }

  #chainNext(): Batch | undefined {
    const batch = nextBatch(this.#chain, this.#pending, this.#wantHead, this.#dependencies.now());
    if (this.#pending.length === 0) this.#wantHead = false;
    this.#stage = 'new';
    if (batch !== undefined) this.#tail.add(batch.lines);
    return batch;
  }

  #succeeded(): void {
    if (!this.failing) return;
    if (this.#unreported > 0) {
      if (this.#closing !== undefined || this.#pending.units > BUFFER_UNITS / 2) return;
      this.#reportLoss();
    }
    this.failing = false;
    this.#told = undefined;
    this.#dependencies.observe({ kind: 'recovered', lost: this.#lost });
  }

  #failed(cause: unknown): void {
    this.#failures++;
    this.#fail(codeOf(cause) ?? 'unexpected', cause);
    this.#later();
  }

  /** Told once for each code, until it works again. */
  #fail(code: string, cause: unknown): void {
    this.failing = true;
    if (code === this.#told) return;
    this.#told = code;
    this.#dependencies.observe({ kind: 'failing', code, cause });
  }

  async #recordPruned(expired: readonly Expired[]): Promise<boolean> {
    for (const one of expired) this.append('pruned', prunedInside(one));
    this.#wantHead = true;
    await this.flush();
    return !this.failing;
  }
}

const NONE: Readonly<Record<AuditKind, number>> = {
  opened: 0,
  closed: 0,
  request: 0,
  verify: 0,
  violation: 0,
  directory: 0,
  reload: 0,
  gap: 0,
  pruned: 0,
  head: 0,
};
