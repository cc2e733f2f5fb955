// Workers whose event loop does not turn any more: the system goes on giving them connections, and nobody answers these.
import type { Logger } from 'pino';
import type { Thread } from './thread.ts';

const BEAT_MS = 1000;
/** Counted in beats, not by a clock: a machine that was suspended meanwhile does not look like a thread that hangs. */
const MISSED_MAX = 15;

export interface Beats {
  /**
   * Asks a thread once a beat, and ends it when it has missed too many while another one answers. Where none does, it is
   * not the thread: nobody reads the log, for example. Then all of them wait. @returns what ends the watch
   */
  watch(thread: Thread): () => void;
  /** Whether this thread is taken to hang. */
  isSilent(holder: number): boolean;
}

interface Watched {
  missed: number;
  /** When it was asked last, or just before. */
  answers: boolean;
}

/** @param beatMs for tests */
export function createBeats(log: Pick<Logger, 'error'>, beatMs = BEAT_MS): Beats {
  const watched = new Map<number, Watched>();
  const isSilent = (holder: number): boolean => (watched.get(holder)?.missed ?? 0) >= MISSED_MAX;

  return {
    isSilent,
    watch({ holder, link, terminate }) {
      const state: Watched = { missed: 0, answers: false };
      let asked = false;
      watched.set(holder, state);

      function answered(): void {
        asked = false;
        state.missed = 0;
        state.answers = true;
      }

      const timer = setInterval(() => {
        if (!asked) {
          asked = true;
          link.ask('beat').then(answered, () => {});
          return;
        }
        state.missed++;
        if (state.missed > 1) state.answers = false;
        if (!isSilent(holder) || ![...watched.values()].some(({ answers }) => answers)) return;
        clearInterval(timer);
        log.error({ worker: holder }, 'a worker hangs: it is ended');
        void terminate();
      }, beatMs);
      timer.unref();
      return () => {
        clearInterval(timer);
        watched.delete(holder);
      };
    },
  };
}
