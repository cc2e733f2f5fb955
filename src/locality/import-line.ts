// One account of an import as the file has it, before anybody has looked at it.

/** What stands in one line. Missing columns are undefined. */
export interface RawLine {
  readonly kind: 'line';
  /** From 1. */
  readonly line: number;
  readonly name: unknown;
  readonly region: unknown;
  readonly pinned: unknown;
  readonly also: unknown;
}

/** What is wrong with a line. It may hold a name of the operator's file: it is shown to that operator, never logged. */
export interface Fault {
  readonly kind: 'fault';
  readonly line: number;
  /** The column or key; undefined: the line as a whole. */
  readonly field: string | undefined;
  readonly found: string;
  readonly expected: string;
  readonly hint?: string;
}

export const FIELDS = ['name', 'account', 'region', 'pinned', 'also'] as const;
export const FIELDS_EXPECTED = 'name (or account) and region, and if wanted pinned and also';
export const EXPORTED = 'An export holds hashes in place of names: it cannot be imported again.';

/** No line of an import is longer; bounds what a quote that is never closed holds in memory. */
export const LINE_LIMIT = 65_536;

/** A found value, short and on one line. */
export function shown(value: unknown): string {
  if (value === undefined || value === null || value === '') return 'nothing';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 120 ? `${text.slice(0, 120)}...` : text;
}

export function fault(
  line: number,
  field: string | undefined,
  found: string,
  expected: string,
  hint: string | undefined,
): Fault {
  return { kind: 'fault', line, field, found, expected, ...(hint === undefined ? {} : { hint }) };
}

/** `accounts.csv:7: region: found "ue", expected one of us, eu. Did you mean "eu"?` */
export function faultSentence(file: string, { line, field, found, expected, hint }: Fault): string {
  const where = `${file}:${line}: ${field === undefined ? '' : `${field}: `}`;
  return `${where}found ${found}, expected ${expected}${hint === undefined ? '' : `. ${hint}`}`;
}
