// An import: every line is read and checked before any is applied, and then all are, in one step, or none.
import type { DirectoryStore, ImportSummary, Stage } from '../store/directory-store.ts';
import { asking } from './desk-error.ts';
import type { Format } from './formats.ts';
import { type CheckedRow, type CheckOptions, createCheck } from './import-check.ts';
import { readCsv } from './import-csv.ts';
import { readJsonl } from './import-jsonl.ts';
import type { Fault } from './import-line.ts';
import type { Bytes } from './import-text.ts';

export type { Format } from './formats.ts';

export interface ImportOptions extends CheckOptions {
  readonly store: DirectoryStore;
  readonly actor: string;
}

/** Faults that are kept to be shown; the others are counted. */
export const FAULTS_SHOWN = 100;
const CHUNK_ROWS = 1000;

export interface Checked {
  /** Lines that hold an account, good or bad. */
  readonly lines: number;
  /** The first ones, in the order of the file. */
  readonly faults: readonly Fault[];
  readonly faultCount: number;
}

/** Good lines by the chunk; a chunk may be empty, where it tells of progress alone. */
export interface Chunk {
  readonly rows: readonly CheckedRow[];
  readonly so: Checked;
}

/** Reads and checks a file. Ends with a chunk that tells of all. */
export async function* readAccounts(bytes: Bytes, format: Format, options: CheckOptions): AsyncGenerator<Chunk> {
  const check = createCheck(options);
  const faults: Fault[] = [];
  let rows: CheckedRow[] = [];
  let lines = 0;
  let faultCount = 0;
  const note = (found: readonly Fault[]): void => {
    faultCount += found.length;
    faults.push(...found.slice(0, FAULTS_SHOWN - faults.length));
  };
  for await (const raw of (format === 'csv' ? readCsv : readJsonl)(bytes, options.suggest)) {
    if (raw.kind === 'fault') {
      note([raw]);
      continue;
    }
    lines++;
    const checked = check(raw);
    if (Array.isArray(checked)) note(checked);
    else rows.push(checked as CheckedRow);
    if (lines % CHUNK_ROWS !== 0) continue;
    yield { rows, so: { lines, faults, faultCount } };
    rows = [];
  }
  yield { rows, so: { lines, faults, faultCount } };
}

/** A file that was read whole: nothing of it is in the directory before `commit`. */
export interface Prepared extends Checked {
  /** What `commit` would do; undefined where there are faults. */
  readonly summary: ImportSummary | undefined;
  /** @param overwrite accounts that are known in another region too. @throws DeskError `unavailable` */
  commit(overwrite: boolean): Promise<{ readonly written: boolean; readonly summary: ImportSummary }>;
  /** Harmless after `commit`. */
  discard(): Promise<void>;
}

/**
 * Reads, checks and stages a file. Rows are staged as they are read, so that nothing but their hashes stays in memory.
 * @param onProgress lines read so far
 * @throws DeskError `unavailable`; then nothing stays behind
 */
export async function prepareImport(
  bytes: Bytes,
  format: Format,
  options: ImportOptions,
  onProgress: (lines: number) => void,
): Promise<Prepared> {
  const { store, actor } = options;
  const stage = await asking(() => store.stage());
  try {
    const checked = await fill(stage, readAccounts(bytes, format, options), onProgress);
    const summary = checked.faultCount > 0 ? undefined : await asking(() => stage.compare());
    return {
      ...checked,
      summary,
      commit: (overwrite) => asking(() => stage.commit(actor, overwrite)),
      discard: () => stage.discard(),
    };
  } catch (error) {
    // The first trouble is told, not that of cleaning up after it.
    await stage.discard().catch(() => undefined);
    throw error;
  }
}

async function fill(stage: Stage, chunks: AsyncIterable<Chunk>, onProgress: (lines: number) => void): Promise<Checked> {
  let so: Checked = { lines: 0, faults: [], faultCount: 0 };
  for await (const chunk of chunks) {
    so = chunk.so;
    onProgress(so.lines);
    // With a fault nothing will be written: the rest is only checked.
    if (so.faultCount > 0 || chunk.rows.length === 0) continue;
    await asking(() => stage.add(chunk.rows.map(({ name: _, ...row }) => row)));
  }
  return so;
}
