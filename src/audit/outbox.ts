// What is on its way to the disk: drafts that wait, and the batch that is being written. A step that failed is taken again
// from where it stopped.
import { type Batch, nextBatch, Pending } from './batch.ts';
import { type Chain, createChain } from './chain.ts';
import { createDisk, type Disk } from './disk.ts';
import { type AuditHead, writeHeadFile } from './head.ts';
import type { OpenedLog } from './open.ts';
import type { AuditDependencies, AuditOptions } from './options.ts';
import { AUDIT_KINDS, type AuditKind, type Draft } from './record.ts';
import { createTail, type Tail } from './tail.ts';

export class Outbox {
  readonly #file: string;
  readonly #now: AuditDependencies['now'];
  /** The current file has got another name, and a new one has taken its place. */
  readonly #onRotated: (archive: string) => void;
  readonly #chain: Chain;
  readonly #disk: Disk;
  readonly #pending = new Pending();
  readonly #counts = new Map<AuditKind, number>(AUDIT_KINDS.map((kind) => [kind, 0]));
  #batch: Batch | undefined;
  /** How far the batch has come. */
  #stage: 'new' | 'written' | 'signed' = 'new';
  readonly tail: Tail;
  /** Whether a head has to close what waits. */
  wantsHead = false;
  /** The newest one that has reached the disk. */
  head: AuditHead | undefined;
  /** Number of the last record that is written. */
  sequence: number;

  constructor(
    { file, headsMs, rotate }: AuditOptions,
    { fd, key, end }: OpenedLog,
    now: AuditDependencies['now'],
    onRotated: (archive: string) => void,
  ) {
    this.#file = file;
    this.#now = now;
    this.#onRotated = onRotated;
    this.#chain = createChain(end, key, headsMs, rotate);
    this.#disk = createDisk(file, fd, end.bytes);
    this.tail = createTail(end.lines);
    this.sequence = end.seq;
  }

  push(draft: Draft): void {
    this.#pending.push(draft);
  }

  /** UTF-16 units that wait, nearly always one byte each; those of the batch are with them. */
  get units(): number {
    return this.#pending.units + (this.#batch?.bytes.length ?? 0);
  }

  /** Records that have no place in the chain yet. */
  get waiting(): number {
    return this.#pending.length;
  }

  /** Records that are not surely on the disk. */
  get unwritten(): number {
    return this.#pending.length + (this.#batch?.lines.length ?? 0);
  }

  /** Of the current file. */
  get bytes(): number {
    return this.#disk.bytes;
  }

  get counts(): Readonly<Record<AuditKind, number>> {
    const of = (kind: AuditKind): number => this.#counts.get(kind) ?? 0;
    return {
      opened: of('opened'),
      closed: of('closed'),
      request: of('request'),
      verify: of('verify'),
      violation: of('violation'),
      directory: of('directory'),
      reload: of('reload'),
      gap: of('gap'),
      pruned: of('pruned'),
      head: of('head'),
    };
  }

  /** How long the oldest record that no head covers has been waiting for one. */
  get headAgeMs(): number {
    const { unsignedSinceMs } = this.#chain;
    return unsignedSinceMs === undefined ? 0 : Math.max(0, this.#now() - unsignedSinceMs);
  }

  /** Whether that is as long as a record may wait. */
  get isHeadDue(): boolean {
    return this.#chain.isHeadDue(this.#now());
  }

  /** One batch, from where the last attempt stopped. @returns false when there is nothing to do. @throws the system's error */
  async step(): Promise<boolean> {
    this.#batch ??= this.#next();
    const batch = this.#batch;
    if (batch === undefined) return false;
    if (this.#stage === 'new') {
      await this.#disk.write(batch.bytes);
      this.#stage = 'written';
      for (const kind of batch.kinds) this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
      this.sequence = batch.last;
    }
    if (this.#stage === 'written' && batch.head !== undefined) {
      await this.#disk.sync();
      await writeHeadFile(this.#file, batch.head);
      this.head = batch.head;
      this.#stage = 'signed';
    }
    if (batch.rotate !== undefined) {
      const archive = await this.#disk.rotate(batch.rotate.first, this.#now());
      this.#chain.beginFile();
      this.#onRotated(archive);
    }
    this.#batch = undefined;
    return true;
  }

  #next(): Batch | undefined {
    const batch = nextBatch(this.#chain, this.#pending, this.wantsHead, this.#now());
    if (this.#pending.length === 0) this.wantsHead = false;
    this.#stage = 'new';
    if (batch !== undefined) this.tail.add(batch.lines);
    return batch;
  }

  close(): Promise<void> {
    return this.#disk.close();
  }
}
