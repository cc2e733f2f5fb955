// Which access lines are written where not all of them are.
import type { Outcome } from '../domain.ts';

/** Of a UUID: as many hex digits as a small integer holds on every machine, all of them random (RFC 9562, 5.4). */
const DIGITS = 7;
const RANGE = 16 ** DIGITS;

export interface SamplingOptions {
  /** Of the good and quick requests, from 0 to 1. */
  readonly sample: number;
  /** From here on a request is slow. */
  readonly slowMs: number;
}

/** What a request came to. */
export interface Ended {
  readonly requestId: string;
  readonly refusal: string | undefined;
  readonly outcome: Outcome | undefined;
  readonly cause: unknown;
  readonly status: number;
}

/**
 * Whether a request is nothing to look at: answered in time, with success, and with nothing in doubt.
 * @param delivered whether the caller took the answer
 */
export function isOrdinary(ended: Ended, delivered: boolean, durationMs: number, slowMs: number): boolean {
  const { refusal, outcome, cause, status } = ended;
  const isGood = delivered && refusal === undefined && cause === undefined && outcome !== 'unknown' && status < 400;
  return isGood && durationMs < slowMs;
}

/**
 * @param share from 0, none, to 1, all
 * @returns whether a request is of that share: of the same id always the same answer, in every thread and gateway. The id
 *   is random already, so nothing else has to be. Who is of a share is of every larger one.
 */
export function createSample(share: number): (requestId: string) => boolean {
  if (share >= 1) return () => true;
  const below = share * RANGE;
  return (requestId) => Number.parseInt(requestId.slice(0, DIGITS), 16) < below;
}
