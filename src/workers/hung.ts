// A worker whose event loop does not turn any more: the system goes on giving it connections, and nobody answers them.
import type { Logger } from 'pino';
import type { Thread } from './thread.ts';

const BEAT_MS = 1000;
/** Counted in beats, not by a clock: a machine that was suspended meanwhile does not look like a thread that hangs. */
const MISSED_MAX = 15;

/** Asks it once a beat, and ends it when it has not answered for too many of them. @returns what ends the watch */
export function endIfItHangs({ holder, link, terminate }: Thread, log: Pick<Logger, 'error'>): () => void {
  let missed = 0;
  let asked = false;

  function ask(): void {
    asked = true;
    missed = 0;
    link.ask('beat').then(
      () => {
        asked = false;
      },
      () => {},
    );
  }

  const timer = setInterval(() => {
    if (!asked) {
      ask();
      return;
    }
    if (++missed < MISSED_MAX) return;
    clearInterval(timer);
    log.error({ worker: holder }, 'a worker hangs: it is ended');
    void terminate();
  }, BEAT_MS);
  timer.unref();
  return () => clearInterval(timer);
}
