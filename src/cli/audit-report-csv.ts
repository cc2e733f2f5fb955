// The records of an account as CSV (RFC 4180), one a row.
import type { Entry } from '../audit/entry.ts';

const COLUMNS = [
  'seq',
  'time',
  'kind',
  'request',
  'route',
  'effect',
  'region',
  'home',
  'pinned',
  'upstream',
  'certificate',
  'reason',
  'refusal',
  'status',
  'outcome',
  'epoch',
  'received',
  'sent',
  'what',
  'actor',
  'detail',
] as const satisfies readonly (keyof Entry)[];

export const CSV_HEADER = `${COLUMNS.join(',')}\r\n`;

export function csvLine(entry: Entry): string {
  return `${COLUMNS.map((column) => cell(entry[column])).join(',')}\r\n`;
}

/** What a spreadsheet would take for a formula is made text by an apostrophe. */
function cell(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
