// Every answer that the gateway gives in its own name when it does not let a request through: code, status, sentence.
import type { Effect, Outcome } from './domain.ts';

/** The closed list of refusals: code -> HTTP status and the sentence that callers see as `message`. */
const REFUSALS = {
  request_malformed: [400, 'The request is not well-formed HTTP.'],
  path_malformed: [
    400,
    'The path holds a character or a segment that no path of this API has; it is not repaired and was not sent on.',
  ],
  key_malformed: [400, 'The key in the path is not one: a key is 20 to 128 characters of 0-9, A-Z, a-z, _ and -.'],
  header_duplicated: [400, 'A header that must come once came more than once.'],
  continue_refused: [
    400,
    'A GET that would consume the secret is refused: POST to /api/v2/secret/KEY/reveal to retrieve it.',
  ],
  unknown_region: [400, 'No region of that name is configured here.'],
  region_conflict: [400, 'The request names two different regions.'],
  region_required: [400, 'Nothing in this request tells its region.'],
  authentication_required: [401, 'This call needs an account: send its name and API token as HTTP Basic credentials.'],
  credentials_malformed: [
    401,
    'The Authorization header is not well-formed HTTP Basic credentials (base64 of NAME:TOKEN).',
  ],
  credentials_rejected: [401, 'The region of this account does not accept these credentials.'],
  unknown_account: [401, 'No region is known for this account.'],
  region_not_allowed: [403, 'This account may not reach the region that the request names.'],
  held_elsewhere: [403, 'This secret is not held in a region that this call may reach.'],
  pin_violation: [403, 'This request was stopped on its way out: its account may not reach that region.'],
  not_found: [404, 'There is nothing at this path. The API is under /api/v1 and /api/v2.'],
  method_not_allowed: [405, 'This path does not take that method.'],
  request_timeout: [408, 'The request did not arrive in time.'],
  body_too_large: [413, 'The request body is larger than this gateway takes.'],
  target_too_long: [414, 'The path and query are longer than this gateway takes.'],
  misdirected: [421, 'This gateway serves another region. Send the request to the gateway named in the hint.'],
  // The very sentence that the client library onetime-secret-api takes as its rate-limit error (UPSTREAM.md, Real clients).
  rate_limited: [429, 'Apologies dear citizen! You have been rate limited.'],
  headers_too_large: [431, 'The request headers are larger than this gateway takes.'],
  idempotency_key_malformed: [400, 'The Idempotency-Key is not well-formed.'],
  idempotency_key_reused: [422, 'This Idempotency-Key came before with another request.'],
  internal_error: [500, 'The gateway failed to handle this request.'],
  region_unreachable: [502, 'The region could not be reached. The request was not sent.'],
  region_failed: [502, 'The region took the request, but its answer did not arrive whole.'],
  answer_not_kept: [502, 'This call was sent before, and what it was answered was not kept. It was not sent again.'],
  answer_withheld: [
    502,
    'The region’s answer could not be read, so it cannot be shown to hold no secret’s key; it is withheld.',
  ],
  region_down: [503, 'The region does not answer at the moment. The request was not sent.'],
  region_busy: [503, 'Every connection to the region is in use. The request was not sent.'],
  too_many_connections: [503, 'As many connections are open as this gateway takes. Nothing was read of this one.'],
  overloaded: [503, 'The gateway has more to do than it can do in time. The request was not sent.'],
  audit_unavailable: [
    503,
    'What is sent cannot be recorded in the audit log at the moment, so nothing is. The request was not sent.',
  ],
  region_drained: [503, 'This region was taken out of service by its operator. The request was not sent.'],
  account_moving: [
    503,
    'This account is being moved to another region; it can create secrets again in a moment. The request was not sent.',
  ],
  replay_unavailable: [
    503,
    'Whether this Idempotency-Key came before cannot be told at the moment. The request was not sent.',
  ],
  directory_unavailable: [503, 'Where this account lives cannot be told at the moment. The request was not sent.'],
  index_unavailable: [503, 'Where this key is held cannot be told at the moment. The request was not sent.'],
  verification_unavailable: [
    503,
    'Its region cannot tell at the moment whether these credentials are good. The request was not sent.',
  ],
  region_timeout: [504, 'The region took the request, but its answer did not arrive in time.'],
} as const satisfies Record<string, readonly [status: number, sentence: string]>;

export type RefusalCode = keyof typeof REFUSALS;
export const REFUSAL_CODES = Object.keys(REFUSALS) as readonly RefusalCode[];

/** What a refusal may carry beside its code. */
export interface RefusalDetails {
  /** What the caller can do. Never holds a path, key, name or credential. */
  readonly hint?: string;
  /** Flat list of further headers: name, value, name, value. */
  readonly headers?: readonly string[];
  /** For calls that were, or would have been, forwarded. */
  readonly outcome?: Outcome;
  /** Which limit refused, by its name: counted when the refusal is given. */
  readonly limit?: string;
  /** For the log only, without secrets; never sent. */
  readonly cause?: unknown;
}

/** The gateway's own negative answer, as a value: rooms return it, nobody throws it. */
export class Refusal {
  readonly code: RefusalCode;
  readonly details: RefusalDetails;

  constructor(code: RefusalCode, details: RefusalDetails = {}) {
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return REFUSALS[this.code][0];
  }

  /** What became of the call: a refusal that says nothing else was made before anything was sent. */
  get outcome(): Outcome {
    return this.details.outcome ?? 'not_sent';
  }

  get message(): string {
    return REFUSALS[this.code][1];
  }
}

/** Every 401 names the one scheme (RFC 9110, 11.6.1). */
export const CHALLENGE = ['WWW-Authenticate', 'Basic realm="Onetime Secret", charset="UTF-8"'] as const;

/** What a caller should make of an answer that was lost after the request was sent. */
export function hintForUnknown(effect: Effect): string {
  switch (effect) {
    case 'destroys':
      return 'The secret may have been consumed or burned. Nothing was sent twice; repeat only to find out whether it is still there.';
    case 'creates':
      return 'A secret may have been created whose key nobody holds; it expires by itself. Repeating creates another one.';
    case 'advances':
      return 'The metadata may have been marked as viewed; what it shows only once may have been lost.';
    case 'none':
      return 'The call changes nothing and may be repeated.';
  }
}

/**
 * The body of a refusal: `message` is what real clients show, `error` is stable for programs.
 * @param requestId as in the header X-Request-Id
 */
export function refusalBody(refusal: Refusal, requestId: string): string {
  const { code, outcome } = refusal;
  const { hint } = refusal.details;
  const hinted = hint === undefined ? '' : `,"hint":${JSON.stringify(hint)}`;
  return `${beginningOf(code)}${hinted},"outcome":"${outcome}","request_id":${JSON.stringify(requestId)}}`;
}

/** What every body of one code begins with. A refusal must cost little: who sends many of what is refused hopes that it does. */
function beginningOf(code: RefusalCode): string {
  let beginning = beginnings.get(code);
  if (beginning === undefined) {
    beginning = JSON.stringify({ message: REFUSALS[code][1], error: code }).slice(0, -1);
    beginnings.set(code, beginning);
  }
  return beginning;
}

const beginnings = new Map<RefusalCode, string>();
