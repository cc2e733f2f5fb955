// A file of accounts against the directory: who is missing, and who is not as the file says.
import type { StoredAccount } from '../store/directory-store.ts';
import type { Books } from './desk-books.ts';
import { asking } from './desk-error.ts';
import { type Checked, type Format, readAccounts } from './import.ts';
import type { CheckedRow, CheckOptions } from './import-check.ts';
import type { Bytes } from './import-text.ts';

/** One account of the file that is not as it ought to be. The name is the operator's own, and goes no further. */
export interface Difference {
  readonly line: number;
  readonly name: string;
  readonly what: 'missing' | 'region' | 'pinned' | 'also';
  readonly file: string;
  /** Undefined: missing. */
  readonly directory: string | undefined;
}

export interface FileReport extends Checked {
  readonly same: number;
  /** Being moved: told, no fault. */
  readonly moving: number;
  readonly missing: number;
  readonly differ: number;
  /** The first ones, in the order of the file. */
  readonly differences: readonly Difference[];
  readonly sound: boolean;
}

export interface VerifyFileOptions extends CheckOptions {
  readonly books: Books;
}

const DIFFERENCES_SHOWN = 100;
/** Questions to the store at once. */
const AT_ONCE = 64;

/** Streams the file. @throws DeskError `unavailable` */
export async function verifyFile(
  bytes: Bytes,
  format: Format,
  options: VerifyFileOptions,
  onProgress: (lines: number) => void,
): Promise<FileReport> {
  const counts = { same: 0, moving: 0, missing: 0, differ: 0 };
  const differences: Difference[] = [];
  let so: Checked = { lines: 0, faults: [], faultCount: 0 };
  for await (const chunk of readAccounts(bytes, format, options)) {
    so = chunk.so;
    for (let at = 0; at < chunk.rows.length; at += AT_ONCE) {
      const rows = chunk.rows.slice(at, at + AT_ONCE);
      const entries = await Promise.all(
        rows.map(({ hash, replaces }) => asking(() => options.books.entryOf([hash, ...replaces]))),
      );
      rows.forEach((row, place) => {
        const entry = entries[place];
        const found = compare(row, entry);
        if (entry?.move !== undefined) counts.moving++;
        else if (found.length === 0) counts.same++;
        else counts[entry === undefined ? 'missing' : 'differ']++;
        if (entry?.move === undefined) differences.push(...found.slice(0, DIFFERENCES_SHOWN - differences.length));
      });
    }
    onProgress(so.lines);
  }
  return { ...so, ...counts, differences, sound: so.faultCount + counts.missing + counts.differ === 0 };
}

function compare(row: CheckedRow, entry: StoredAccount | undefined): Difference[] {
  const { line, name } = row;
  if (entry === undefined) return [{ line, name, what: 'missing', file: row.region, directory: undefined }];
  const differences: Difference[] = [];
  const look = (what: Difference['what'], file: string, directory: string): void => {
    if (file !== directory) differences.push({ line, name, what, file, directory });
  };
  look('region', row.region, entry.region);
  look('pinned', String(row.pinned), String(entry.pinned));
  look('also', row.also.join(' '), entry.also.join(' '));
  return differences;
}
