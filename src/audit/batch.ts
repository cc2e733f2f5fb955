// Batches of lines: what is written in one go, cut where a new file has to begin.
import type { Chain } from './chain.ts';
import type { AuditHead } from './head.ts';
import type { AuditKind, Draft } from './record.ts';

export interface Batch {
  readonly bytes: Buffer;
  readonly lines: readonly string[];
  readonly kinds: readonly AuditKind[];
  /** Number of its last line. */
  readonly last: number;
  /** The newest head in it: what it covers has to reach the disk. */
  readonly head: AuditHead | undefined;
  /** Behind it a new file begins; this is the number of the first record of the old one. */
  readonly rotate: { readonly first: number } | undefined;
}

/** Enough that a write is worth its while, and little enough that callers wait for no more than a millisecond. */
const BATCH_UNITS = 128 * 1024;

/** What waits to be written, oldest first: a queue whose front is taken without moving the rest. */
export class Pending {
  #drafts: Draft[] = [];
  #taken = 0;
  /** UTF-16 units of what waits, with what a line adds to them. */
  units = 0;

  get length(): number {
    return this.#drafts.length - this.#taken;
  }

  push(draft: Draft): void {
    this.#drafts.push(draft);
    this.units += unitsOf(draft);
  }

  first(): Draft | undefined {
    return this.#drafts[this.#taken];
  }

  drop(): void {
    const draft = this.#drafts[this.#taken++];
    if (draft !== undefined) this.units -= unitsOf(draft);
    if (this.#taken < 1024 || this.#taken * 2 < this.#drafts.length) return;
    this.#drafts = this.#drafts.slice(this.#taken);
    this.#taken = 0;
  }
}

/** The first members of a line: number, hash, time, kind. */
const LINE_UNITS = 160;

export function unitsOf({ inside }: Pick<Draft, 'inside'>): number {
  return inside.length + LINE_UNITS;
}

/**
 * Chains the next lines. They are in the chain from now on, so a batch has to be written, however long that takes.
 * @param wantHead whether a head has to close what waits
 */
export function nextBatch(chain: Chain, pending: Pending, wantHead: boolean, nowMs: number): Batch | undefined {
  const lines: string[] = [];
  const kinds: AuditKind[] = [];
  let newest: AuditHead | undefined;
  let units = 0;
  let rotate: Batch['rotate'];

  function add(kind: AuditKind, line: string): void {
    lines.push(line);
    kinds.push(kind);
    units += line.length;
  }
  function sign(timeMs: number): void {
    const made = chain.head(timeMs);
    if (made === undefined) return;
    newest = made.head;
    add('head', made.line);
  }

  for (let draft = pending.first(); draft !== undefined && units < BATCH_UNITS; draft = pending.first()) {
    if (chain.wantsHeadBefore(draft)) sign(nowMs);
    if (chain.wantsFileFor(draft)) {
      sign(nowMs);
      rotate = { first: chain.fileFirst ?? chain.seq };
      break;
    }
    add(draft.kind, chain.add(draft));
    pending.drop();
    // Whoever reads the log knows from it what was cut off before: at once, not with the next head.
    if (draft.kind === 'opened') sign(nowMs);
  }
  if (wantHead && pending.length === 0) sign(nowMs);
  if (lines.length === 0 && rotate === undefined) return undefined;
  const text = lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  return { bytes: Buffer.from(text), lines, kinds, last: chain.seq, head: newest, rotate };
}
