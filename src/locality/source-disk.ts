// Reading and writing of the file of good answers, without knowing what is in a line.
import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync } from 'node:fs';
import { appendFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const CHUNK_BYTES = 64 * 1024;
const LINES_AT_ONCE = 256;
const OWNER_ONLY = 0o600;

/**
 * Reads a file line by line, with bounded memory whatever is in it; a file that is not there has no lines.
 *
 * @param limitBytes a longer line is given to `take` cut off after as many bytes and one
 * @param take gets each line, one character a byte, empty ones too
 * @returns whether the last line had no end
 * @throws when the file cannot be read
 */
export function readLines(file: string, limitBytes: number, take: (line: string) => void): boolean {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fd = openIfThere(file);
  if (fd === undefined) return false;
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest = '';
    for (let bytes = readSync(fd, chunk); bytes > 0; bytes = readSync(fd, chunk)) {
      const [first = '', ...lines] = chunk.toString('latin1', 0, bytes).split('\n');
      rest = (rest + first).slice(0, limitBytes + 1);
      for (const line of lines) {
        take(rest);
        rest = line.slice(0, limitBytes + 1);
      }
    }
    if (rest !== '') take(rest);
    return rest !== '';
  } finally {
    closeSync(fd);
  }
}

function openIfThere(file: string): number | undefined {
  try {
    const fd = openSync(file, 'r');
    // One that others can read, from a copy for example; of another owner it is left as it is.
    if (fstatSync(fd).uid === process.getuid?.()) fchmodSync(fd, OWNER_ONLY);
    return fd;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Adds text at the end; the file is opened anew, since another may have put a new one in its place. */
export async function append(file: string, text: string): Promise<void> {
  await appendFile(file, text, { mode: OWNER_ONLY });
}

/** Puts a new file in place of the old one, whole or not at all. Lets other work in between. */
export async function replace(file: string, lines: Iterable<string>): Promise<void> {
  const next = `${file}.next`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await rm(next, { force: true });
  try {
    const handle = await open(next, 'wx', OWNER_ONLY);
    try {
      for (const text of inPieces(lines)) await handle.write(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(next, file);
    syncDirectory(file);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
}

function* inPieces(lines: Iterable<string>): Generator<string> {
  let piece: string[] = [];
  for (const line of lines) {
    piece.push(`${line}\n`);
    if (piece.length < LINES_AT_ONCE) continue;
    yield piece.join('');
    piece = [];
  }
  if (piece.length > 0) yield piece.join('');
}

function syncDirectory(file: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(dirname(file), constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
