// Where an account lives, asked of a directory that the organisation keeps elsewhere (accounts.source). Good answers are
// used for a while, refreshed behind the scenes, kept across restarts, and given up when they are too old: then the
// account is unavailable, never guessed.
import type { Found, Locality, Patience } from '../domain.ts';
import { accountHash, type HashParts } from '../keyed-hash.ts';
import { SourceError } from './source-answer.ts';
import { createSourceClient } from './source-client.ts';
import { createSourceFile, NO_FILE, type SourceFile } from './source-file.ts';
import { createSourceMemory, type SourceMemory } from './source-memory.ts';
import { createQuestions, type PutQuestion, type Told } from './source-questions.ts';

export interface SourceOptions {
  /** https, or http to this machine. */
  readonly url: string;
  /** Sent as bearer token. */
  readonly token: string | undefined;
  /** The longest that anybody waits for an answer. */
  readonly timeoutMs: number;
  /** Up to this age an answer is used as it is; from then on it is used and asked for again. */
  readonly refreshMs: number;
  /** Beyond this age an answer is not used. */
  readonly expireMs: number;
  /** How long "nobody of that name" holds; 0: not at all. */
  readonly negativeMs: number;
  /** Where the last good answers are kept; of this process alone. Undefined: they end with it. */
  readonly file: string | undefined;
  /** Accounts that are remembered. */
  readonly entries: number;
  /** Of the identity key: names accounts and signs what is kept of them. */
  readonly hash: HashParts;
  /** The configured ones. */
  readonly regions: ReadonlySet<string>;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Called for each trouble, for the log. The cause holds no name, token or address. */
  readonly observe?: (event: SourceEvent, cause: unknown) => void;
}

export type SourceEvent =
  /** Somebody waited for an answer, and there was none. */
  | 'question'
  /** An answer that is still in use could not be refreshed. */
  | 'refresh'
  /** The file of answers cannot be read, or written. */
  | 'load'
  | 'write';

export interface SourceReadings {
  /** Good answers in memory. */
  readonly entries: number;
  readonly negatives: number;
  /** Counted since the start, by what came of them. */
  readonly questions: { readonly found: number; readonly missing: number; readonly failed: number };
  /** Requests for which no question was asked, since too many were under way. Counted since the start. */
  readonly turnedAway: number;
  readonly underWay: number;
  readonly waiting: number;
  /** Age of the good answers that hold; undefined: there are none. */
  readonly oldestAgeMs: number | undefined;
  readonly newestAgeMs: number | undefined;
  /** When the source last answered a question, either way. Unix time; undefined: not since the start. */
  readonly lastAnswerMs: number | undefined;
  readonly fileLines: number;
  /** Lines of the file that were not used at the start: expired, cut, or not written with this identity key. */
  readonly fileSkipped: number;
}

export interface Source {
  /**
   * At once when memory answers. Never throws, never rejects. `missing`: the source said so; all that is wrong is
   * `unavailable`. Waits for the source's own timeout and takes nothing off `patience`, which is the store's.
   * @param account normalised name (caller/credentials.ts accountKey)
   */
  locate(account: string, patience?: Patience): Found<Locality> | Promise<Found<Locality>>;
  /** How much longer what is known of this account may be used; 0: nothing is. For who passes it on. */
  leftMs(account: string): number;
  readings(): SourceReadings;
  /** Cuts questions under way, and writes down what is not yet written. Afterwards everything is unavailable. */
  close(): Promise<void>;
}

const AT_ONCE = 64;
const LINE = 256;
const REFRESHES = 16;

/**
 * Makes the room and reads the file.
 * @throws TypeError or RangeError for options that cannot be used; the message holds neither URL nor token
 */
export function createSource(options: SourceOptions): Source {
  const { file, observe } = options;
  checkTimes(options);
  const client = createSourceClient({ ...options, connections: AT_ONCE + REFRESHES });
  const memory = createSourceMemory(options);
  const { live } = memory;
  const kept =
    file === undefined
      ? NO_FILE
      : createSourceFile({
          ...options,
          file,
          live,
          liveCount: () => memory.size.good,
          observe: (what, cause) => observe?.(what, cause),
        });
  kept.load(memory.found);
  const locator = createLocator(client.ask, memory, kept, options);
  return {
    ...locator,
    async close() {
      locator.stop();
      await client.close();
      await kept.close();
    },
  };
}

type LocatorOptions = Pick<SourceOptions, 'timeoutMs' | 'hash' | 'now' | 'observe'>;

/** The room without its connections and its file's start: what is asked, and what becomes of an answer. */
export function createLocator(put: PutQuestion, memory: SourceMemory, kept: SourceFile, options: LocatorOptions) {
  const { timeoutMs, hash, now, observe } = options;
  const counts = { found: 0, missing: 0, failed: 0 };
  let lastAnswerMs: number | undefined;
  let stopped = false;

  const told: Told = (name, answer, askedAtMs) => {
    if (answer.kind === 'unavailable') {
      counts.failed++;
      memory.failed(name, now());
      observe?.(answer.background ? 'refresh' : 'question', answer.cause);
      return;
    }
    counts[answer.kind]++;
    lastAnswerMs = now();
    // Dated back to the question: what changed after it was asked may not be in the answer.
    if (answer.kind === 'missing') {
      memory.missing(name, askedAtMs);
      kept.gone(name, askedAtMs);
      return;
    }
    const known = { locality: answer.value, atMs: askedAtMs };
    memory.found(name, known);
    kept.found(name, known);
  };
  const questions = createQuestions(put, told, now, { timeoutMs, atOnce: AT_ONCE, line: LINE, refreshes: REFRESHES });

  return {
    locate(account: string): Found<Locality> | Promise<Found<Locality>> {
      if (stopped) return { kind: 'unavailable', cause: new SourceError('closed', 'the gateway is closing') };
      const name = accountHash(hash, account).toString('hex');
      const nowMs = now();
      const known = memory.find(name, nowMs);
      if (known === undefined) return questions.ask(name, account);
      if (memory.isDue(name, nowMs)) questions.refresh(name, account);
      return known;
    },
    leftMs: (account: string): number => memory.leftMs(accountHash(hash, account).toString('hex'), now()),
    readings(): SourceReadings {
      const { good, negative } = memory.size;
      const { oldestMs, newestMs } = memory.ages(now());
      const { lines, skipped } = kept.readings();
      return {
        ...questions.readings(),
        entries: good,
        negatives: negative,
        questions: { ...counts },
        lastAnswerMs,
        oldestAgeMs: oldestMs,
        newestAgeMs: newestMs,
        fileLines: lines,
        fileSkipped: skipped,
      };
    },
    stop(): void {
      stopped = true;
    },
  };
}

function checkTimes({ timeoutMs, refreshMs, expireMs, negativeMs }: SourceOptions): void {
  if (!(timeoutMs > 0) || !(refreshMs >= 0) || !(negativeMs >= 0)) {
    throw new RangeError('the account directory’s times cannot be negative, nor its timeout 0');
  }
  if (!(expireMs >= refreshMs)) throw new RangeError('the account directory’s answers must expire after their refresh');
}
