// Where log lines go: standard output, several of them in one write, and never a part of one.
//
// The threads of a gateway write to it side by side, each by itself. What is written to a pipe in one piece of at most
// PIPE_BUF bytes is not mixed with what others write (POSIX, write), and files, terminals and sockets are as kind to so
// little, so lines stay whole as long as one is no longer than that.
import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { type Logger, pino } from 'pino';
import { createLevel, type LevelSources, type LogLevelSwitch } from './level.ts';
import { createPretty, hasColors, isPretty, type LogFormat } from './pretty.ts';

/** PIPE_BUF of Linux; POSIX promises 512, and macOS has those. */
const MOST_BYTES = 4096;
/** From here on what has gathered is written. Below MOST_BYTES, or few lines would find room in one piece. */
const ENOUGH_BYTES = 3072;
/** Nobody waits longer for a line than this. */
const FLUSH_MS = 50;
/** Until a reader that is slow is tried again: a line waits for it, and so does the thread. */
const BUSY_MS = 20;
const BUSY = new Set<unknown>(['EAGAIN', 'EBUSY']);
const STDOUT = 1;
const never = new Int32Array(new SharedArrayBuffer(4));

export interface LinesOptions {
  readonly level: LevelSources;
  readonly format: LogFormat;
  readonly env?: NodeJS.ProcessEnv;
}

export interface Lines {
  readonly log: Logger;
  /** Of this thread's logger and all its children. */
  readonly level: LogLevelSwitch;
  /** Writes what has gathered, at once. Never throws. */
  flush(): void;
}

/** What cannot be written is lost: nobody reads it any more, or the disk is full. Callers are served all the same. */
function write(text: string): void {
  let left = Buffer.from(text);
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(STDOUT, left));
    } catch (error) {
      if (!BUSY.has((error as NodeJS.ErrnoException).code)) return;
      Atomics.wait(never, 0, 0, BUSY_MS);
    }
  }
}

/**
 * A logger of this thread. A line at level fatal is written at once, and so is what is left when the thread ends by
 * itself.
 */
export function openLines({ level, format, env = process.env }: LinesOptions): Lines {
  const isTerminal = isatty(STDOUT);
  const dress = isPretty(format, isTerminal, env) ? createPretty(hasColors(isTerminal, env)) : undefined;
  let gathered = '';
  let bytes = 0;
  let waiting = false;

  function flush(): void {
    const text = gathered;
    gathered = '';
    bytes = 0;
    write(text);
  }

  function later(): void {
    waiting = false;
    flush();
  }

  const stream = {
    write(json: string): void {
      const line = dress === undefined ? json : dress(json);
      const length = Buffer.byteLength(line);
      if (bytes + length > MOST_BYTES) flush();
      gathered += line;
      bytes += length;
      if (bytes >= ENOUGH_BYTES) flush();
      if (waiting) return;
      waiting = true;
      setTimeout(later, FLUSH_MS).unref();
    },
    // Called by pino after a fatal line.
    flushSync: flush,
  };
  process.on('exit', flush);
  const log = pino({}, stream);
  return { log, level: createLevel(log, level), flush };
}
