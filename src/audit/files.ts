// The files of an audit log: the current one, and those that were rotated away, named by their first record and the time.
import { readdirSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';

export interface Archive {
  /** Without `.gz`. */
  readonly plain: string;
  readonly compressed: string;
  /** Which of the two are there. Both: compressing was interrupted at its very end. */
  readonly has: { readonly plain: boolean; readonly compressed: boolean };
  /** Sequence number of its first record, by its name. */
  readonly first: number;
  /** When it was rotated away, by its name. Unix time in milliseconds. */
  readonly closedMs: number;
}

const SEQ_DIGITS = 12;
export const PARTIAL = '.partial';

/** `audit-000000000001-20260102T030405Z.jsonl` beside `audit.jsonl`. */
export function archiveOf(file: string, first: number, closedMs: number): string {
  const extension = extname(file);
  const time = new Date(closedMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const seq = String(first).padStart(SEQ_DIGITS, '0');
  return join(dirname(file), `${basename(file, extension)}-${seq}-${time}${extension}`);
}

/** What the name of a rotated file tells, whichever log it is of; undefined for another name. */
export function readArchiveName(name: string): { readonly first: number; readonly closedMs: number } | undefined {
  const [, seq = '', time = ''] = /-(\d{12,16})-(\d{8}T\d{6}Z)(?:\.[^.]*)?(?:\.gz)?$/.exec(name) ?? [];
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  const closedMs = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  return Number.isNaN(closedMs) ? undefined : { first: Number(seq), closedMs };
}

/** The rotated files of a log, oldest first; none where there is no such folder. */
export function listArchives(file: string): Archive[] {
  const found = new Map<string, Archive>();
  const names = new Set(readFolder(dirname(file)));
  for (const name of names) {
    const plain = name.endsWith('.gz') ? name.slice(0, -'.gz'.length) : name;
    const facts = readArchiveName(plain);
    if (facts === undefined || archiveOf(file, facts.first, facts.closedMs) !== join(dirname(file), plain)) continue;
    const path = join(dirname(file), plain);
    const has = { plain: names.has(plain), compressed: names.has(`${plain}.gz`) };
    found.set(plain, { plain: path, compressed: `${path}.gz`, has, ...facts });
  }
  return [...found.values()].sort((a, b) => a.first - b.first || a.closedMs - b.closedMs);
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
