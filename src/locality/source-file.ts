// The last good answers of the source on disk, for a start while the source is away. Signed lines without names, added to
// as answers come and written anew when most of them are out of date. Memory is the truth, the file follows it: whatever
// goes wrong with a file is told, costs answers after a restart, and never a request.
import type { HashParts } from '../keyed-hash.ts';
import { localityOf } from './source-answer.ts';
import { append, readLines, replace } from './source-disk.ts';
import { createLineFormat, LINE_LIMIT_BYTES, type SourceLine } from './source-line.ts';
import { isWithin, type KeptAnswer } from './source-memory.ts';

export interface SourceFileOptions {
  readonly file: string;
  /** Of the source, to which the answers belong. */
  readonly url: string;
  readonly hash: HashParts;
  readonly regions: ReadonlySet<string>;
  readonly expireMs: number;
  readonly now: () => number;
  /** The answers that hold at this moment, least recently used first. */
  readonly live: (nowMs: number) => [name: string, answer: KeptAnswer][];
  /** How many there are, at the most. */
  readonly liveCount: () => number;
  /** Called when the file cannot be read (`load`) or written (`write`). */
  readonly observe: (what: 'load' | 'write', cause: unknown) => void;
}

export interface SourceFile {
  /** Gives every answer that still holds to `take`, older ones first. Never throws. */
  load(take: (name: string, answer: KeptAnswer) => void): void;
  /** To be written soon. Memory has it already. */
  found(name: string, answer: KeptAnswer): void;
  /** The account is gone: what the file says of it must not come back. Memory has forgotten it already. */
  gone(name: string, atMs: number): void;
  readings(): { readonly lines: number; readonly skipped: number };
  /** Writes what is not written yet. Never rejects. */
  close(): Promise<void>;
}

/** Where nothing is kept. */
export const NO_FILE: SourceFile = {
  load: () => {},
  found: () => {},
  gone: () => {},
  readings: () => ({ lines: 0, skipped: 0 }),
  close: async () => {},
};

const WRITE_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 60_000;
/** Files of fewer lines are not worth writing anew. */
const SMALL_LINES = 64;
/** More than this unwritten, and the next writing is of everything in memory. */
const PENDING_LIMIT = 10_000;

type Pending = { readonly atMs: number; readonly answer: KeptAnswer | undefined };

/** State: what is not written yet, and the names of which the file may hold an answer. */
export function createSourceFile(options: SourceFileOptions): SourceFile {
  const { file, regions, expireMs, now, live, liveCount, observe } = options;
  const format = createLineFormat(options.hash, options.url);
  let pending = new Map<string, Pending>();
  let onFile = new Set<string>();
  let sequence = 0;
  let lines = 0;
  let skipped = 0;
  /** The file is not what memory says: the next writing replaces it. */
  let rewrite = false;
  /** The file's last line has no end. */
  let cut = false;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  let closed = false;

  function lineOf(name: string, { atMs, answer }: Pending): string {
    const locality = answer?.locality;
    const facts =
      locality === undefined ? undefined : { region: locality.home, pinned: locality.pinned, also: locality.also };
    return format.write({ sequence: ++sequence, name, atMs, facts });
  }

  async function writeAnew(): Promise<void> {
    const answers = live(now());
    // What comes from now on is pending again, and its lines count on from those of this file.
    pending = new Map();
    rewrite = false;
    for (const [name] of answers) onFile.add(name);
    await replace(
      file,
      answers.values().map(([name, answer]) => lineOf(name, { atMs: answer.atMs, answer })),
    );
    onFile = new Set(answers.map(([name]) => name));
    lines = answers.length;
    cut = false;
  }

  async function writeMore(): Promise<void> {
    const batch = pending;
    pending = new Map();
    for (const [name, { answer }] of batch) if (answer !== undefined) onFile.add(name);
    const text = [...batch].map(([name, what]) => `${lineOf(name, what)}\n`).join('');
    await append(file, cut ? `\n${text}` : text);
    for (const [name, { answer }] of batch) if (answer === undefined) onFile.delete(name);
    lines += batch.size;
    cut = false;
  }

  async function write(): Promise<void> {
    try {
      const isLong = lines + pending.size > 2 * Math.max(liveCount(), SMALL_LINES / 2);
      if (rewrite || isLong) await writeAnew();
      else if (pending.size > 0) await writeMore();
      failures = 0;
    } catch (cause) {
      // Perhaps a part of it was written: with everything from memory nothing is missing and nothing is double.
      rewrite = true;
      failures++;
      observe('write', cause);
    }
  }

  function soon(): void {
    if (closed || timer !== undefined || writing !== undefined) return;
    const delayMs = Math.min(WRITE_DELAY_MS * 2 ** failures, LONGEST_DELAY_MS);
    timer = setTimeout(() => {
      timer = undefined;
      writing = write().finally(() => {
        writing = undefined;
        if (pending.size > 0 || rewrite) soon();
      });
    }, delayMs);
    timer.unref();
  }

  function note(name: string, what: Pending): void {
    if (pending.size >= PENDING_LIMIT) {
      pending.clear();
      rewrite = true;
    }
    pending.set(name, what);
    soon();
  }

  /** The newest line of each account, in the order of their writing. */
  function newest(): Map<string, SourceLine> {
    const found = new Map<string, SourceLine>();
    cut = readLines(file, LINE_LIMIT_BYTES, (text) => {
      if (text === '') return;
      lines++;
      const line = format.read(text);
      if (line === undefined) {
        skipped++;
        return;
      }
      sequence = Math.max(sequence, line.sequence);
      const known = found.get(line.name);
      if (known !== undefined && known.sequence >= line.sequence) return;
      found.delete(line.name);
      found.set(line.name, line);
    });
    return found;
  }

  return {
    load(take) {
      try {
        const nowMs = now();
        for (const [name, { atMs, facts }] of newest()) {
          if (facts === undefined) continue;
          onFile.add(name);
          const locality = localityOf(facts.region, facts.pinned, facts.also, regions);
          if (locality !== undefined && isWithin(atMs, expireMs, nowMs)) take(name, { locality, atMs });
          else skipped++;
        }
      } catch (cause) {
        rewrite = true;
        observe('load', cause);
      }
    },
    found: (name, answer) => note(name, { atMs: answer.atMs, answer }),
    gone(name, atMs) {
      // A new file is written without it.
      if (rewrite) soon();
      else if (onFile.has(name) || pending.has(name)) note(name, { atMs, answer: undefined });
    },
    readings: () => ({ lines, skipped }),
    async close() {
      closed = true;
      clearTimeout(timer);
      await writing;
      const wasToBeReplaced = rewrite;
      if (pending.size > 0 || rewrite) await write();
      // Where lines could not be added, a new file may do.
      if (rewrite && !wasToBeReplaced) await write();
    },
  };
}
