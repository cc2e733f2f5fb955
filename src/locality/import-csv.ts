// Accounts as CSV (RFC 4180), with a header line.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CsvError, type Info, parse } from 'csv-parse';
import {
  EXPORTED,
  type Fault,
  FIELDS,
  FIELDS_EXPECTED,
  fault,
  LINE_LIMIT,
  type RawLine,
  shown,
} from './import-line.ts';
import { type Bytes, decode, NotTextError, newlines } from './import-text.ts';

type Suggest = (text: string, names: readonly string[]) => string | undefined;
type Column = 'name' | 'region' | 'pinned' | 'also';
/** Of each column its place in the record. */
type Header = ReadonlyMap<Column, number>;

const QUOTING = 'a quoted field that ends with its quote, quotes within it doubled';
const HEADER = `a header line: ${FIELDS_EXPECTED}`;
const NOT_READ = 'What follows was not read.';

/** Yields lines and faults in the order of the file; ends after a fault of quoting, encoding or the header. */
export async function* readCsv(bytes: Bytes, suggest: Suggest): AsyncGenerator<RawLine | Fault> {
  let broken: Fault | undefined;
  let header: Header | undefined;
  try {
    for await (const { record, info } of records(bytes, (found) => {
      broken ??= found;
    })) {
      const line = info.lines - record.reduce((sum, cell) => sum + newlines(cell), 0);
      // After a fault of quoting nobody knows which lines belong together.
      if (broken !== undefined && line >= broken.line) break;
      if (header !== undefined) {
        yield lineOf(record, line, header);
        continue;
      }
      const read = readHeader(record, line, suggest);
      if (Array.isArray(read)) {
        yield* read;
        return;
      }
      header = read as Header;
    }
  } catch (error) {
    if (!(error instanceof NotTextError)) throw error;
    broken = error.fault;
  }
  if (broken !== undefined)
    yield { ...broken, hint: `${broken.hint === undefined ? '' : `${broken.hint} `}${NOT_READ}` };
  else if (header === undefined) yield fault(1, undefined, 'an empty file', HEADER, undefined);
}

interface Parsed {
  readonly record: readonly string[];
  readonly info: Info;
}

async function* records(bytes: Bytes, onFault: (fault: Fault) => void): AsyncGenerator<Parsed> {
  const text = decode(bytes);
  const { first, delimiter } = await peek(text);
  const parser = parse({
    info: true,
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: LINE_LIMIT,
    // Else what was read before the fault would be lost with it.
    skip_records_with_error: true,
    on_skip: (error) => {
      onFault(quotingFault(error));
      return undefined;
    },
  });
  async function* whole(): AsyncGenerator<string> {
    yield first;
    yield* text;
  }
  const fed = pipeline(Readable.from(whole()), parser);
  // Told by the loop below; here only so that it is nobody's unhandled rejection.
  fed.catch(() => undefined);
  yield* parser as AsyncIterable<Parsed>;
  await fed;
}

/** Spreadsheets write `;` in some countries, and tabs on request: the header tells. */
async function peek(text: AsyncGenerator<string>): Promise<{ first: string; delimiter: string }> {
  let first = '';
  while (!/[\r\n]/.test(first) && first.length < LINE_LIMIT) {
    const { value, done } = await text.next();
    if (done === true) break;
    first += value;
  }
  const [header = ''] = first.split(/[\r\n]/, 1);
  return { first, delimiter: [',', ';', '\t'].find((sign) => header.includes(sign)) ?? ',' };
}

function quotingFault(error: CsvError | undefined): Fault {
  const line = Number(error?.lines ?? 1);
  const code = error?.code;
  if (code === 'CSV_MAX_RECORD_SIZE') {
    const found = `a record of more than ${LINE_LIMIT} bytes that ends here or later`;
    return fault(line, undefined, found, 'short lines', 'A quote before it may never have been closed.');
  }
  if (code === 'CSV_QUOTE_NOT_CLOSED') {
    const hint = 'The quote that is never closed may stand much earlier.';
    return fault(line, undefined, 'the end of the file within a quoted field', QUOTING, hint);
  }
  return fault(line, undefined, 'a quote in the middle of a field', QUOTING, undefined);
}

function headerHint(word: string, suggest: Suggest): string | undefined {
  if (/^(hash|id|epoch)$/.test(word)) return EXPORTED;
  if (/^(e-?mail|mail|user|username|login|custid)$/.test(word)) return 'Names of accounts stand in the column name.';
  return suggest(word, FIELDS);
}

function readHeader(cells: readonly string[], line: number, suggest: Suggest): Header | Fault[] {
  const columns = new Map<Column, number>();
  const faults: Fault[] = [];
  if (/^sep=/i.test(cells[0] ?? '')) {
    return [fault(line, 'header', 'the line sep= of a spreadsheet', HEADER, 'Remove it.')];
  }
  const words = cells.map((cell) => cell.toLowerCase());
  if (!words.some((word) => FIELDS.some((field) => field === word) || headerHint(word, suggest) !== undefined)) {
    return [fault(line, 'header', 'none of the columns', HEADER, 'Put this line first: name,region,pinned,also')];
  }
  cells.forEach((cell, place) => {
    const word = cell.toLowerCase();
    const known = FIELDS.find((field) => field === word);
    const column = known === 'account' ? 'name' : known;
    if (column === undefined) {
      const found = cell === '' ? 'a column without a name' : `the column ${shown(cell)}`;
      faults.push(fault(line, 'header', found, FIELDS_EXPECTED, headerHint(word, suggest)));
    } else if (columns.has(column)) {
      faults.push(fault(line, 'header', `the column ${column} twice`, 'each column once', undefined));
    } else columns.set(column, place);
  });
  for (const column of ['name', 'region'] as const) {
    if (columns.has(column) || faults.length > 0) continue;
    faults.push(fault(line, 'header', `no column ${column}`, HEADER, undefined));
  }
  return faults.length === 0 ? columns : faults;
}

function lineOf(cells: readonly string[], line: number, header: Header): RawLine | Fault {
  if (cells.length > header.size) {
    const hint = 'Several other regions are separated by spaces.';
    return fault(line, undefined, `${cells.length} fields`, `${header.size}, as in the header`, hint);
  }
  const cell = (column: Column): string | undefined => {
    const place = header.get(column);
    const text = place === undefined ? '' : (cells[place] ?? '');
    return text === '' ? undefined : text;
  };
  return { kind: 'line', line, name: cell('name'), region: cell('region'), pinned: cell('pinned'), also: cell('also') };
}
