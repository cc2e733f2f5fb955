// Questions to the source: one at a time for an account, a bounded number at once, and a bounded line behind them, so that
// a flood of made-up names neither hammers the source nor piles up here.
import type { Found, Locality } from '../domain.ts';
import { type SourceAnswer, SourceError } from './source-answer.ts';

/** Puts one question; rejects with a SourceError, soon after `signal` at the latest. */
export type PutQuestion = (account: string, signal: AbortSignal) => Promise<SourceAnswer>;

/** Called once for each question, before anybody who waits for it goes on. `askedAtMs`: when it was sent. */
export type Told = (name: string, answer: SourceAnswer | SourceFailure, askedAtMs: number) => void;

export interface SourceFailure {
  readonly kind: 'unavailable';
  readonly cause: unknown;
  /** Nobody waited for it. */
  readonly background: boolean;
}

export interface QuestionLimits {
  /** From the moment a question is asked for, waiting in line included. */
  readonly timeoutMs: number;
  /** Questions under way that somebody waits for. */
  readonly atOnce: number;
  /** Questions that wait for one of those to end. */
  readonly line: number;
  /** Questions under way that nobody waits for; they have places of their own, so that a flood does not age answers. */
  readonly refreshes: number;
}

export interface Questions {
  /**
   * The answer, shared by all who ask for the same account meanwhile. Never rejects.
   * @param name by which the account is known here
   * @param account normalised name
   */
  ask(name: string, account: string): Promise<Found<Locality>>;
  /** Asks without anybody waiting, where there is a place and no question for this account is under way. */
  refresh(name: string, account: string): void;
  readings(): { readonly underWay: number; readonly waiting: number; readonly turnedAway: number };
}

/** Leaves the line with a place that another question gave up, or without one. */
type Leave = (turn: 'now' | 'late') => void;

/** State: the questions under way and in line. */
export function createQuestions(put: PutQuestion, told: Told, now: () => number, limits: QuestionLimits): Questions {
  const { timeoutMs, atOnce, line, refreshes } = limits;
  const asking = new Map<string, Promise<Found<Locality>>>();
  const waiting = new Set<Leave>();
  const running = { asked: 0, refreshed: 0 };
  let turnedAway = 0;

  async function question(name: string, account: string, signal: AbortSignal, background: boolean) {
    const askedAtMs = now();
    const answer = await put(account, signal).catch((cause: unknown) => ({ ...failure(cause), background }));
    return tell(name, answer, askedAtMs);
  }

  function tell(name: string, answer: SourceAnswer | SourceFailure, askedAtMs: number): Found<Locality> {
    asking.delete(name);
    told(name, answer, askedAtMs);
    return answer;
  }

  /** In a place of its own, which goes to the next in line. */
  async function asked(name: string, account: string, signal: AbortSignal): Promise<Found<Locality>> {
    try {
      return await question(name, account, signal, false);
    } finally {
      const [next] = waiting;
      if (next === undefined) running.asked--;
      else next('now');
    }
  }

  async function inLine(name: string, account: string, signal: AbortSignal): Promise<Found<Locality>> {
    const turn = await new Promise<'now' | 'late'>((resolve) => {
      const leave: Leave = (turn) => {
        waiting.delete(leave);
        signal.removeEventListener('abort', late);
        resolve(turn);
      };
      const late = (): void => leave('late');
      waiting.add(leave);
      signal.addEventListener('abort', late);
    });
    if (turn === 'now') return asked(name, account, signal);
    const cause = new SourceError('timeout', 'the account directory was too busy to be asked in time');
    return tell(name, failure(cause), now());
  }

  return {
    ask(name, account) {
      const underWay = asking.get(name);
      if (underWay !== undefined) return underWay;
      const isFull = running.asked >= atOnce;
      if (isFull && waiting.size >= line) {
        turnedAway++;
        return Promise.resolve(failure(new SourceError('busy', 'too many questions to the account directory at once')));
      }
      if (!isFull) running.asked++;
      const how = isFull ? inLine : asked;
      const answer = within(timeoutMs, (signal) => how(name, account, signal));
      asking.set(name, answer);
      return answer;
    },
    refresh(name, account) {
      if (running.refreshed >= refreshes || asking.has(name)) return;
      running.refreshed++;
      const answer = within(timeoutMs, (signal) => question(name, account, signal, true)).finally(() => {
        running.refreshed--;
      });
      asking.set(name, answer);
    },
    readings: () => ({ underWay: running.asked + running.refreshed, waiting: waiting.size, turnedAway }),
  };
}

function failure(cause: unknown): SourceFailure {
  return { kind: 'unavailable', cause, background: false };
}

/** Not AbortSignal.timeout: its timer would outlive the question. */
function within<T>(timeoutMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  return run(controller.signal).finally(() => clearTimeout(timer));
}
