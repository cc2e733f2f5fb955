// What regions said of credentials, for all threads of this gateway: held by the main thread. Of several threads that ask
// about the same credentials at once one finds out, and the others wait for it.
import { createBounded } from '../bounded.ts';
import type { KeyedHash } from '../domain.ts';
import type { SharedVerification } from '../store/store.ts';

/** `holder`: the number of the thread that asks. */
export interface HostedVerifications {
  find(holder: number, hash: KeyedHash): SharedVerification | Promise<SharedVerification>;
  put(holder: number, hash: KeyedHash, good: boolean, keepMs: number): void;
  pass(holder: number, hash: KeyedHash): void;
  /** The other threads have to be told (StoreNews). */
  forget(hash: KeyedHash): void;
  /** A thread has ended: what it was finding out is found out by the next one that waits. */
  ended(holder: number): void;
}

export interface HostedVerificationsOptions {
  readonly entries: number;
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number;
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
}

interface Known {
  readonly good: boolean;
  readonly untilMs: number;
}

interface Waiter {
  readonly holder: number;
  readonly tell: (found: SharedVerification) => void;
}

/** A question that a thread is putting to the region. */
interface Asking {
  holder: number;
  /** The credentials were forgotten since: the answer may be the one that was forgotten. */
  stale: boolean;
  readonly waiters: Set<Waiter>;
}

const MISSING: SharedVerification = { kind: 'missing' };
/** A region's own timeouts end a question sooner; after this long whoever waits asks by itself. */
const LONGEST_WAIT_MS = 30_000;

function startTimer(callback: () => void, ms: number): () => void {
  const timer = setTimeout(callback, ms).unref();
  return () => clearTimeout(timer);
}

/** State: results by keyed hash, bounded by `entries`, and the questions under way. */
export function createHostedVerifications(options: HostedVerificationsOptions): HostedVerifications {
  const { now, setTimer = startTimer } = options;
  const results = createBounded<Known>(options.entries);
  const asking = new Map<string, Asking>();

  function wait(question: Asking, holder: number): Promise<SharedVerification> {
    return new Promise((settle) => {
      const waiter: Waiter = {
        holder,
        tell(found) {
          cancel();
          question.waiters.delete(waiter);
          settle(found);
        },
      };
      const cancel = setTimer(() => waiter.tell(MISSING), LONGEST_WAIT_MS);
      question.waiters.add(waiter);
    });
  }

  /** Without an answer: the first who waits finds out, for those who go on waiting. */
  function handOn(name: string, question: Asking): void {
    const [next] = question.waiters;
    if (next === undefined) {
      asking.delete(name);
      return;
    }
    question.holder = next.holder;
    question.stale = false;
    next.tell(MISSING);
  }

  function pass(holder: number, name: string): void {
    const question = asking.get(name);
    if (question?.holder === holder) handOn(name, question);
  }

  return {
    find(holder, hash) {
      const name = hash.toString('latin1');
      const known = results.get(name);
      const leftMs = known === undefined ? 0 : known.untilMs - now();
      if (known !== undefined && leftMs > 0) return { kind: 'found', value: known.good, leftMs };
      const question = asking.get(name);
      // A thread asks for one thing once at a time, so it is not its own answer that it waits for.
      if (question !== undefined && question.holder !== holder) return wait(question, holder);
      if (question === undefined) asking.set(name, { holder, stale: false, waiters: new Set() });
      return MISSING;
    },
    put(holder, hash, good, keepMs) {
      const name = hash.toString('latin1');
      const question = asking.get(name);
      if (question?.holder === holder && question.stale) {
        handOn(name, question);
        return;
      }
      results.set(name, { good, untilMs: now() + keepMs });
      if (question?.holder !== holder) return;
      asking.delete(name);
      for (const { tell } of question.waiters) tell({ kind: 'found', value: good, leftMs: keepMs });
    },
    pass: (holder, hash) => pass(holder, hash.toString('latin1')),
    forget(hash) {
      const name = hash.toString('latin1');
      results.delete(name);
      const question = asking.get(name);
      if (question !== undefined) question.stale = true;
    },
    ended(holder) {
      for (const [name, question] of asking) {
        for (const waiter of question.waiters) if (waiter.holder === holder) waiter.tell(MISSING);
        pass(holder, name);
      }
    },
  };
}
