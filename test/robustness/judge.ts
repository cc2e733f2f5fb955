// When a proxy is safe: the same questions to all of them.
import type { Answer } from './answers.ts';
import type { Judgement, Observation } from './case.ts';

const SAFE: Judgement = { grade: 'safe' };
/** Of 10,000. */
const FEW = 100;
const weak = (why: string): Judgement => ({ grade: 'weak', why });
const unsafe = (why: string): Judgement => ({ grade: 'unsafe', why });

/** What no case may do to anybody else. */
function common({ lives, nextIsServed, requests, received }: Observation, most: number): Judgement | undefined {
  if (!lives) return unsafe('the process ended');
  if (!nextIsServed) return unsafe('the next caller did not get its own answer');
  if (requests.length > most) return unsafe(`sent ${requests.length} times`);
  if (/127\.0\.0\.1|node:internal|\n {4}at /.test(received)) return unsafe('an address or a stack in the answer');
  return undefined;
}

const FOLLOWING_LINE = 'GET /api/v2/secret/followingkey0123456789abcdef01 HTTP/1.1';
/** Sent behind what may not pass, to find out what a proxy believes of the rest. */
export const FOLLOWING = `${FOLLOWING_LINE}\r\nHost: gateway\r\nConnection: close\r\n\r\n`;

/** Where a request that may not pass ends: `told` without doubt, or `doubtful`, so that nothing behind it may be believed. */
type End = 'told' | 'doubtful';

/**
 * Nothing of it may reach the region.
 * @param odd found in what the region was sent: it was passed on as it came, and not repaired before
 */
export function isRefused(odd?: RegExp, end: End = 'told'): (seen: Observation) => Judgement {
  return (seen) => {
    // Two: it and the following one.
    const problem = common(seen, 2);
    if (problem !== undefined) return problem;
    const { answers, requests, unfinished } = seen;
    const [first] = answers;
    if (odd !== undefined && [...requests, ...unfinished].some((request) => odd.test(request))) {
      return unsafe('sent on as it came');
    }
    const own = requests.filter((request) => !request.startsWith(FOLLOWING_LINE));
    if (own.length > 0) return weak('sent on, repaired or not looked at');
    if (first !== undefined && first.status > 0 && first.status < 400) return weak('answered as if it were good');
    if (unfinished.length > 0) return weak('sent on before it was whole');
    return requests.length > 0 && end === 'doubtful' ? weak('what came behind it was believed') : SAFE;
  };
}

/** A caller that takes for ever is let go, and nothing of what it sent reaches the region. */
export function isLetGo(seen: Observation): Judgement {
  return seen.closed ? isRefused()(seen) : (common(seen, 1) ?? weak('still held when the time was over'));
}

/** An honest request whose answer is not taken is let go. */
export function isNotHeld(seen: Observation): Judgement {
  return common(seen, 1) ?? (seen.closed ? SAFE : weak('still held when the time was over'));
}

/** Of many calls that were taken back at once, few may have been sent on: each that was may have destroyed a secret. */
export function isSpared(seen: Observation): Judgement {
  const problem = common(seen, Number.POSITIVE_INFINITY);
  if (problem !== undefined) return problem;
  const { length } = seen.requests;
  return length < FEW ? SAFE : weak(`${length.toLocaleString('en')} were sent on for nobody`);
}

/** May be refused; or reaches the region with `kept`. @param without what it is without it */
export function keeps(kept: RegExp, without: string): (seen: Observation) => Judgement {
  return (seen) => {
    const problem = common(seen, 1);
    if (problem !== undefined) return problem;
    return seen.requests.every((request) => kept.test(request)) ? SAFE : unsafe(without);
  };
}

/** May be refused, or reach the region without what `odd` finds. */
export function isCleaned(odd: RegExp): (seen: Observation) => Judgement {
  return (seen) => {
    const problem = common(seen, 1);
    if (problem !== undefined) return problem;
    return seen.requests.some((request) => odd.test(request)) ? unsafe('it reached the region') : SAFE;
  };
}

/** Has to be served, once. */
export function isServed(seen: Observation): Judgement {
  const [first] = seen.answers;
  const problem = common(seen, 1);
  if (problem !== undefined) return problem;
  return first?.status === 200 && first.isWhole ? SAFE : weak('an honest request is not served');
}

const isError = ({ status, isWhole }: Answer): boolean => status >= 500 && status < 600 && isWhole;

/** What holds for every answer that is no whole error; undefined where it has to be looked at. */
function answered(seen: Observation): Judgement | undefined {
  const problem = common(seen, 1);
  if (problem !== undefined) return problem;
  const { answers, closed } = seen;
  const [first] = answers;
  if (answers.length > 1) return unsafe('two answers to one request');
  if (first === undefined) return weak(closed ? 'closed without an answer' : 'no answer within the bound');
  if (isError(first)) return SAFE;
  if (first.status === 0) return unsafe('passed on what is no HTTP');
  if (first.status > 599) return weak('passed on as it came');
  if (first.isWhole) return undefined;
  return /^transfer-encoding:|^content-length:/im.test(first.head)
    ? weak('cut in the middle')
    : weak('whether it is whole cannot be told');
}

/** What came is not a whole answer, or none at all: its caller is told, and nothing is sent twice. */
export function isTold(seen: Observation): Judgement {
  return answered(seen) ?? unsafe('looks like a whole answer');
}

/**
 * What came can be read in more than one way: its caller is told.
 * @param odd found in what the caller got: it was passed on as it came, and not repaired before
 */
export function isNotRead(odd?: RegExp): (seen: Observation) => Judgement {
  return (seen) => {
    if (odd?.test(seen.received)) return common(seen, 1) ?? unsafe('passed on as it came');
    return answered(seen) ?? weak('repaired, or not looked at');
  };
}

/** A whole answer, too large for some: it is passed on, or its caller is told. */
export function isPassedOrTold(seen: Observation): Judgement {
  return answered(seen) ?? SAFE;
}

/**
 * The region’s answer can be read: it crosses as the only one, as it is.
 * @param has what the caller’s answer has to have, and what it means when it has not @param lacks what it may not have
 */
export function isPassed(
  status: number,
  { has, lacks }: { has?: { readonly found: RegExp; readonly else: string }; lacks?: RegExp } = {},
): (seen: Observation) => Judgement {
  return (seen) => {
    const [first] = seen.answers;
    if (lacks?.test(seen.received)) return common(seen, 1) ?? unsafe('it reached the caller');
    if (first !== undefined && isError(first)) return common(seen, 1) ?? weak('an answer that can be read is lost');
    const problem = answered(seen);
    if (problem !== undefined) return problem;
    if (has !== undefined && !has.found.test(seen.received)) return weak(has.else);
    return first?.status === status ? SAFE : unsafe('another answer than the region’s');
  };
}
