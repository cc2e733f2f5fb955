// Where log lines go: standard output, several of them in one write, and never a part of one.
//
// The threads of a gateway write to it side by side, each by itself. What is written to a pipe in one piece of at most
// PIPE_BUF bytes is not mixed with what others write (POSIX, write), and files, terminals and sockets are as kind to so
// little, so lines stay whole as long as one is no longer than that.
import { type LevelWithSilent, type Logger, pino } from 'pino';

/** PIPE_BUF of Linux; POSIX promises 512, and macOS has those. */
const MOST_BYTES = 4096;
/** From here on what has gathered is written. Below MOST_BYTES, or few lines would find room in one piece. */
const ENOUGH_BYTES = 3072;
/** Nobody waits longer for a line than this. */
const FLUSH_MS = 50;
const STDOUT = 1;

export interface Lines {
  readonly log: Logger;
  /** Writes what has gathered, at once. Never throws. */
  flush(): void;
}

/**
 * A logger of this thread. A line at level fatal is written at once, and so is what is left when the thread ends by
 * itself.
 */
export function openLines(level: LevelWithSilent): Lines {
  const destination = pino.destination({ fd: STDOUT, sync: true, minLength: ENOUGH_BYTES, maxWrite: MOST_BYTES });
  let waiting = false;

  function flush(): void {
    try {
      destination.flushSync();
    } catch {
      // Nobody reads it any more.
    }
  }

  function later(): void {
    waiting = false;
    destination.flush();
  }

  const stream = {
    write(line: string): void {
      destination.write(line);
      if (waiting) return;
      waiting = true;
      setTimeout(later, FLUSH_MS).unref();
    },
    flushSync: flush,
  };
  process.on('exit', flush);
  return { log: pino({ level }, stream), flush };
}
