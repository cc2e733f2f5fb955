// How operators are told that something cannot be done, and what a store's trouble means to them.

export type DeskCode =
  /** A name, region or cursor that cannot be one. */
  | 'malformed'
  | 'unknown_region'
  | 'not_found'
  /** Another move is under way, or it is too late for this one to be aborted. */
  | 'conflict'
  /** A rule of the configuration comes first and would hide what the directory says. */
  | 'hidden_by_rule'
  /** The pinned account would no longer reach what it made before: say keepOld true or false. */
  | 'keep_old_required'
  /** The store is away, or has no mark. */
  | 'unavailable';

/** What is wrong with a request of an operator, as a sentence that helps. */
export class DeskError extends Error {
  override readonly name = 'DeskError';
  readonly code: DeskCode;
  constructor(code: DeskCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const INIT = 'onetime-gateway store init';

/** By the codes of store/directory-store.ts. A mark is made by people, never by a gateway that finds none. */
const SENTENCES: Readonly<Record<string, string>> = {
  STORE_MARK_MISSING:
    `The store holds no directory: it is new, or it has lost its data. If it is new, run: ${INIT}. If it ever held ` +
    'accounts, restore its data first.',
  STORE_MARK_REGRESSED:
    'The store’s data are older than what was seen of them before: a restored backup, or a failover that lost writes. ' +
    `Look at the accounts, put right what is missing, then run: ${INIT} --renew`,
};

/** @returns the trouble of a store as a DeskError; undefined when `cause` is something else */
export function storeTrouble(cause: unknown): DeskError | undefined {
  if (cause instanceof DeskError) return cause;
  if (!(cause instanceof Error)) return undefined;
  const code = 'code' in cause ? String(cause.code) : '';
  if (code === 'STORE_CURSOR_UNKNOWN') {
    return new DeskError('malformed', 'That is no cursor of a list: give what the page before ended with.', { cause });
  }
  const sentence = SENTENCES[code];
  if (sentence !== undefined) return new DeskError('unavailable', sentence, { cause });
  if (cause.name !== 'StoreAwayError') return undefined;
  return new DeskError('unavailable', `The store cannot be asked: ${cause.message}. Nothing is guessed; try again.`, {
    cause,
  });
}

/** Runs what asks the store; its trouble becomes a DeskError `unavailable`, anything else is thrown as it is. */
export async function asking<T>(question: () => T | Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (cause) {
    throw storeTrouble(cause) ?? cause;
  }
}
