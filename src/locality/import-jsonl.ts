// Accounts as JSON Lines: one object a line, `{"name": "ann@corp.example", "region": "eu", "pinned": true, "also": []}`.
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
import { type Bytes, decode, NotTextError } from './import-text.ts';

type Suggest = (text: string, names: readonly string[]) => string | undefined;

const OBJECT = 'one JSON object, such as {"name": "ops@corp.example", "region": "eu"}';

/** Yields lines and faults in the order of the file; empty lines are nothing. */
export async function* readJsonl(bytes: Bytes, suggest: Suggest): AsyncGenerator<RawLine | Fault> {
  let line = 0;
  try {
    for await (const text of linesOf(decode(bytes))) {
      line++;
      if (text.trim() === '') continue;
      yield* lineOf(text, line, suggest);
      if (text.length > LINE_LIMIT) return;
    }
  } catch (error) {
    if (!(error instanceof NotTextError)) throw error;
    yield { ...error.fault, hint: `${error.fault.hint ?? ''} What follows was not read.`.trimStart() };
  }
  if (line === 0) yield fault(1, undefined, 'an empty file', OBJECT, undefined);
}

/** The lines of a text; one that is far too long is given as it is so far. */
async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > LINE_LIMIT) break;
  }
  if (rest !== '') yield rest;
}

function lineOf(text: string, line: number, suggest: Suggest): (RawLine | Fault)[] {
  if (text.length > LINE_LIMIT) {
    return [fault(line, undefined, `more than ${LINE_LIMIT} characters`, OBJECT, 'What follows was not read.')];
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [fault(line, undefined, shown(text), OBJECT, undefined)];
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [fault(line, undefined, shown(value), OBJECT, undefined)];
  }
  const faults = Object.keys(value)
    .filter((key) => !FIELDS.some((field) => field === key))
    .map((key) => unknownKey(key, line, suggest));
  const { name, account, region, pinned, also } = value as Partial<Record<string, unknown>>;
  if (name !== undefined && account !== undefined) {
    faults.push(fault(line, 'name', 'both name and account', 'one of them: they mean the same', undefined));
  }
  return faults.length > 0 ? faults : [{ kind: 'line', line, name: name ?? account, region, pinned, also }];
}

function unknownKey(key: string, line: number, suggest: Suggest): Fault {
  const hint = /^(hash|id|epoch)$/.test(key) ? EXPORTED : suggest(key, FIELDS);
  return fault(line, undefined, `the key ${shown(key)}`, FIELDS_EXPECTED, hint);
}
