// W3C Trace Context: which trace a request says it is part of, and how that is said to the region. Parsed strictly: what is
// not exactly as the recommendation has it is treated as if it were not there.
import type { Trace } from '../domain.ts';

/** Where in a trace something happens. */
export interface Position {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all zero: of the span that calls. */
  readonly spanId: string;
  /** SAMPLED, RANDOM or both. */
  readonly flags: number;
  /** The caller's `tracestate`, for the region alone; undefined: none, or not valid. */
  readonly state: string | undefined;
}

/** A request's headers as Node has them: names in lower case, several of one name joined by commas. */
export type TraceHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Whoever called records it, so it is to be recorded here, too. */
export const SAMPLED = 0x01;
/** At least 56 bits of the trace id are random (Level 2): to be passed on as it came. */
export const RANDOM = 0x02;

/** Of version 00, to the byte; later versions may be longer. */
const PARENT_LENGTH = 55;
const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;
const ALL_ZERO = /^0+$/;

const STATE_LENGTH = 512;
const STATE_MEMBERS = 32;
const STATE_KEY = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
const STATE_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
/** OWS of RFC 9110, 5.6.3, around a member: no other white space may stand there. */
const AROUND = /^[ \t]+|[ \t]+$/g;

/**
 * Reads `traceparent` (section 3.2): version 00 exactly; of a later version what 00 knows of it; ff is none. The flags that
 * are not defined are dropped, as is what a later version adds.
 */
function readParent(text: string): Omit<Position, 'state'> | undefined {
  const [, version, traceId, spanId, flags] = PARENT.exec(text) ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === 'ff' || ALL_ZERO.test(traceId) || ALL_ZERO.test(spanId)) return undefined;
  if (text.length > PARENT_LENGTH) {
    // A comma: several headers in one.
    if (version === '00' || text[PARENT_LENGTH] !== '-' || text.includes(',')) return undefined;
  }
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & (SAMPLED | RANDOM) };
}

/**
 * Reads `tracestate` (section 3.3): at most 32 members in 512 characters, each key once.
 * @returns its members without what stood around them; undefined where one of them is wrong, or there are none
 */
function readState(text: string): string | undefined {
  if (text.length > STATE_LENGTH) return undefined;
  const members: string[] = [];
  const keys = new Set<string>();
  for (const part of text.split(',')) {
    const member = part.replace(AROUND, '');
    // Empty ones are allowed, and mean nothing.
    if (member === '') continue;
    const equals = member.indexOf('=');
    const key = member.slice(0, Math.max(equals, 0));
    if (!STATE_KEY.test(key) || !STATE_VALUE.test(member.slice(equals + 1)) || keys.has(key)) return undefined;
    keys.add(key);
    members.push(member);
  }
  return members.length === 0 || members.length > STATE_MEMBERS ? undefined : members.join(',');
}

/**
 * Where a request stands in its caller's trace. Without a valid `traceparent`, `tracestate` means nothing; without a valid
 * `tracestate`, `traceparent` still holds.
 */
export function readPosition({ traceparent, tracestate }: TraceHeaders): Position | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const parent = readParent(traceparent);
  return parent && { ...parent, state: typeof tracestate === 'string' ? readState(tracestate) : undefined };
}

/** The headers, flat, with which a call is made from this position. */
export function headersAt({ traceId, spanId, flags, state }: Position): string[] {
  const parent = `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
  return state === undefined ? ['traceparent', parent] : ['traceparent', parent, 'tracestate', state];
}

/** The caller's trace as it came, where the gateway adds nothing of its own. */
export function readTrace(headers: TraceHeaders): Trace | undefined {
  const position = readPosition(headers);
  return position && { id: position.traceId, headers: headersAt(position) };
}
