// What ioredis and the engine say, as errors of the store: without addresses, passwords and the commands they are about.
import { StoreAwayError } from './store.ts';

/** Replies that mean: this server cannot serve now, or not us. */
const AWAY_REPLIES = new Set([
  'READONLY',
  'LOADING',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MOVED',
  'ASK',
  'BUSY',
  'NOAUTH',
  'WRONGPASS',
]);

/** How ioredis and Node name errors of a connection; others are somebody's own. */
const CONNECTION_ERRORS = new Set([
  'Error',
  'AbortError',
  'InterruptError',
  'RedisError',
  'MaxRetriesPerRequestError',
  'ClusterAllFailedError',
]);

/** @param why a word that is a code, never text of a server or a connection */
export function awayError(why: string | undefined): StoreAwayError {
  return new StoreAwayError(`the store is away${why === undefined ? '' : ` (${why})`}`, 'STORE_AWAY');
}

/** Whether the engine answered the question with a refusal. */
export function isReplyError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

/**
 * @returns StoreAwayError where the engine could not be asked; the engine's other refusals and anybody's own errors as
 *   they are
 */
export function asStoreError(error: unknown): unknown {
  if (error instanceof StoreAwayError || !(error instanceof Error)) return error;
  if (isReplyError(error)) {
    // The question with all its arguments: it has no business in a log.
    Reflect.deleteProperty(error, 'command');
    const why = codeOf(error);
    return why !== undefined && AWAY_REPLIES.has(why) ? awayError(why) : error;
  }
  return CONNECTION_ERRORS.has(error.name) ? awayError(codeOf(error)) : error;
}

/** `ECONNREFUSED`, `WRONGPASS`, `ETIMEDOUT`, `CERT_HAS_EXPIRED`: a word of capitals, or undefined. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (isReplyError(error)) {
    if (error.message.includes('READONLY')) return 'READONLY';
    return /^[A-Z]{3,20}(?= |$)/.exec(error.message)?.[0];
  }
  const code: unknown = 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code;
  // A cluster of which no node answers carries the last node's error.
  return 'lastNodeError' in error ? codeOf(error.lastNodeError) : undefined;
}
