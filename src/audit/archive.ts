// Rotated files: compressed in the background, and removed when their time is over, which the log itself says.
import { createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline as chain } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { syncFolderLater } from '../durable.ts';
import { type Archive, listArchives, PARTIAL } from './files.ts';
import { LINE_BREAK, LINE_LIMIT_BYTES, parseRecord } from './record.ts';

/** Two fifths cheaper than zlib's own choice, for files that are a fortieth larger: callers are served meanwhile. */
const LEVEL = 3;
const CHUNK_BYTES = 256 * 1024;

/** Compresses a rotated file. The plain one goes when the other is whole and on the disk, never before. */
export async function compress(plain: string, signal: AbortSignal): Promise<void> {
  const target = `${plain}.gz`;
  const partial = `${target}${PARTIAL}`;
  try {
    await pipeline(
      createReadStream(plain, { highWaterMark: CHUNK_BYTES }),
      createGzip({ level: LEVEL, chunkSize: CHUNK_BYTES }),
      createWriteStream(partial, { mode: 0o600 }),
      { signal },
    );
    await using written = await open(partial, 'r');
    await written.sync();
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await rename(partial, target);
  await syncFolderLater(target);
  await rm(plain);
}

/** What an interrupted compression left. */
export async function removePartials(file: string): Promise<void> {
  const folder = dirname(file);
  const known = new Set(listArchives(file).map(({ compressed }) => basename(compressed)));
  for (const name of await readdir(folder)) {
    const whole = name.endsWith(PARTIAL) ? name.slice(0, -PARTIAL.length) : undefined;
    if (whole !== undefined && known.has(whole)) await rm(join(folder, name), { force: true });
  }
}

/** A file whose time is over. */
export interface Expired {
  readonly archive: Archive;
  /** Its last record, and the hash of that line: the record behind it is held to these. */
  readonly through: number;
  readonly hash: string;
}

/** The oldest files whose time is over, oldest first. They are removed from the start on alone. */
export async function findExpired(file: string, nowMs: number, keepMs: number): Promise<Expired[]> {
  const archives = listArchives(file);
  const expired: Expired[] = [];
  for (const [at, archive] of archives.entries()) {
    if (nowMs - archive.closedMs <= keepMs) break;
    const behind = archives[at + 1];
    const next = await firstRecord(behind === undefined ? file : behind.has.plain ? behind.plain : behind.compressed);
    // Without it nothing could prove that this is the one that was removed.
    if (next === undefined) break;
    expired.push({ archive, through: next.seq - 1, hash: next.prev });
  }
  return expired;
}

/** As the log says it: members of a record of kind `pruned`. One a file: removing may be interrupted between two. */
export function prunedInside({ archive, through, hash }: Expired): string {
  return `"first":${archive.first},"through":${through},"hash":"${hash}"`;
}

export async function removeArchive({ plain, compressed }: Archive): Promise<void> {
  await rm(plain, { force: true });
  await rm(compressed, { force: true });
}

async function firstRecord(path: string): Promise<{ readonly seq: number; readonly prev: string } | undefined> {
  const source = createReadStream(path, { highWaterMark: 64 * 1024 });
  // Unlike pipe, it hands on what goes wrong with the file.
  const stream = path.endsWith('.gz') ? chain(source, createGunzip(), () => undefined) : source;
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of stream) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf(LINE_BREAK);
      if (end >= 0) return parseRecord(head.toString('utf8', 0, end));
      if (head.length > LINE_LIMIT_BYTES) return undefined;
    }
    return undefined;
  } catch {
    // Missing or damaged: `audit verify` says so.
    return undefined;
  } finally {
    source.destroy();
  }
}
