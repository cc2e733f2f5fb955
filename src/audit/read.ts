// The lines of a file, plain or compressed, as bytes.
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { LINE_BREAK } from './record.ts';

const CHUNK_BYTES = 512 * 1024;
/** How long the gateway may take to finish a line that it is just writing. */
const SETTLE_MS = 20;
const SETTLE_TRIES = 10;

export interface ReadOptions {
  /** Whether the gateway may be writing to it. */
  readonly isCurrent: boolean;
  readonly onLine: (line: Buffer) => void;
  /** Bytes that were read, as they are on the disk. */
  readonly onBytes: (count: number) => void;
}

export interface OpenedFile extends AsyncDisposable {
  /** Resolves to the bytes behind the last line break. @throws what the system or gzip says */
  lines(options: ReadOptions): Promise<number>;
  /** Tells files with different names apart. */
  readonly identity: string;
}

/** A file that stays the same one, whatever its name comes to mean meanwhile. */
export async function openLines(path: string): Promise<OpenedFile> {
  const handle = await open(path, 'r');
  const identity = identityOf(await handle.stat());

  async function* plain(onBytes: (count: number) => void, wantsMore: () => boolean): AsyncGenerator<Buffer> {
    for (let tries = 0; ; ) {
      // A new one each time: lines are parts of it.
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(CHUNK_BYTES), 0, CHUNK_BYTES);
      if (bytesRead > 0) {
        onBytes(bytesRead);
        yield buffer.subarray(0, bytesRead);
      } else if (wantsMore() && tries++ < SETTLE_TRIES) await pause(SETTLE_MS);
      else return;
    }
  }

  function compressed(onBytes: (count: number) => void): AsyncIterable<Buffer> {
    const source = handle.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES });
    source.on('data', (chunk) => onBytes(chunk.length));
    return pipeline(source, createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined);
  }

  return {
    identity,
    async lines({ isCurrent, onLine, onBytes }) {
      const splitter = createSplitter(onLine);
      const isCut = (): boolean => isCurrent && splitter.rest() > 0;
      const chunks = path.endsWith('.gz') ? compressed(onBytes) : plain(onBytes, isCut);
      for await (const chunk of chunks) splitter.add(chunk);
      return splitter.rest();
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** One file has one identity, whatever its names are. */
export function identityOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`;
}

function createSplitter(onLine: (line: Buffer) => void) {
  let pieces: Buffer[] = [];
  return {
    add(chunk: Buffer): void {
      let from = 0;
      for (let to = chunk.indexOf(LINE_BREAK); to >= 0; to = chunk.indexOf(LINE_BREAK, from)) {
        const line = chunk.subarray(from, to);
        if (pieces.length === 0) onLine(line);
        else {
          pieces.push(line);
          onLine(Buffer.concat(pieces));
          pieces = [];
        }
        from = to + 1;
      }
      if (from < chunk.length) pieces.push(chunk.subarray(from));
    },
    rest: (): number => pieces.reduce((sum, { length }) => sum + length, 0),
  };
}
