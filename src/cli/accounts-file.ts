// A file of accounts that a command reads, from disk or from standard input.
import { createReadStream, statSync } from 'node:fs';
import { FAULTS_SHOWN, type Format } from '../locality/import.ts';
import { type Fault, faultSentence } from '../locality/import-line.ts';
import type { Bytes } from '../locality/import-text.ts';
import { CommandError, EXIT } from './exit.ts';
import { createProgress, type Progress, say } from './terminal.ts';

export interface AccountsFile {
  /** For messages. */
  readonly name: string;
  readonly format: Format;
  readonly bytes: Bytes;
  readonly progress: Progress;
  /** Bytes read so far. */
  read(): number;
}

/** @param path `-`: standard input. @param format undefined: by the file's name. @throws CommandError */
export function openAccountsFile(path: string, format: Format | undefined, what: string): AccountsFile {
  const meant = format ?? formatOf(path);
  const size = path === '-' ? undefined : sizeOf(path);
  let count = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    const source = path === '-' ? process.stdin : createReadStream(path);
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        count += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw unreadable(path, error);
    }
  }
  return {
    name: path === '-' ? 'stdin' : path,
    format: meant,
    bytes: counted(),
    progress: createProgress(what, size),
    read: () => count,
  };
}

function formatOf(path: string): Format {
  if (/\.csv$/i.test(path)) return 'csv';
  if (/\.(jsonl|ndjson)$/i.test(path)) return 'jsonl';
  throw new CommandError(
    `${path === '-' ? 'Standard input has no name that tells its format' : `The name of ${path} does not tell its format`}` +
      ': add --format csv or --format jsonl.',
    EXIT.usage,
  );
}

function sizeOf(path: string): number {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    return stat.size;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): CommandError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a directory' : code;
  return new CommandError(`${path} cannot be read: ${why}.`, EXIT.failure);
}

/** Says what is wrong with a file, at most FAULTS_SHOWN of it, in the order of the file. */
export function sayFaults(file: string, faults: readonly Fault[], count: number): void {
  for (const fault of faults.toSorted((a, b) => a.line - b.line)) say(faultSentence(file, fault));
  if (count > FAULTS_SHOWN) say(`... and ${count - FAULTS_SHOWN} more.`);
}

/** For --json: a fault without what tells it from a line. */
export function faultJson({ line, field, found, expected, hint }: Fault) {
  return { line, field: field ?? null, found, expected, hint: hint ?? null };
}
