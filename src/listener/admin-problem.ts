// What the admin API answers when it does not do what it was asked: a code, a status, a sentence, perhaps a hint. None of
// them repeats what was sent: requests hold names, keys and tokens.
import type { DeskCode, DeskError } from '../locality/desk.ts';

/** The closed list of the listener's own: code -> status and sentence. */
const PROBLEMS = {
  request_malformed: [400, 'The request is not one that this listener reads.'],
  body_malformed: [400, 'The body is not JSON.'],
  input_invalid: [400, 'A field is not as it should be.'],
  token_required: [401, 'This needs a token: send it as Authorization: Bearer TOKEN.'],
  token_unknown: [401, 'No token like the one in the Authorization header is configured.'],
  tokens_not_configured: [
    403,
    'Without a configured token, only callers on this very machine may read, and nobody may change anything.',
  ],
  role_insufficient: [403, 'The role of this token is read: it may change nothing.'],
  origin_refused: [403, 'A page of another site sent this request.'],
  no_such_endpoint: [404, 'There is nothing at this path.'],
  not_found: [404, 'There is no such entry.'],
  method_not_allowed: [405, 'This path does not take that method.'],
  lives_elsewhere: [409, 'The directory knows this account in another region. Nothing was changed.'],
  being_moved: [409, 'This account is being moved. Nothing was changed.'],
  too_late: [409, 'The account lives in its new region already: this move can no longer be aborted.'],
  not_sampled: [409, 'This gateway does not tell its state.'],
  configuration_fixed: [409, 'This gateway was not started from a file that could be read again.'],
  log_level_fixed: [409, 'The log level of this gateway cannot be changed while it runs.'],
  audit_off: [409, 'This gateway keeps no audit log.'],
  verification_running: [409, 'The audit log is being verified already.'],
  body_too_large: [413, 'The body is larger than 64 KiB.'],
  media_type_unsupported: [415, 'The body has to be JSON: send Content-Type: application/json.'],
  host_unknown: [421, 'The Host of this request is neither loopback nor one of admin.hosts.'],
  too_many_attempts: [429, 'Too many wrong tokens came from this address.'],
  internal_error: [500, 'The gateway failed to handle this request.'],
  too_many_listeners: [503, 'As many as may listen at a time do so already.'],
  verification_slow: [503, 'Verifying the audit log takes longer than an answer may.'],
  store_unavailable: [503, 'The store does not answer at the moment.'],
} as const satisfies Record<string, readonly [status: number, sentence: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** How the desk's errors are answered; their sentences are the desk's own. */
const DESK_STATUS: Readonly<Record<DeskCode, number>> = {
  malformed: 400,
  unknown_region: 422,
  not_found: 404,
  conflict: 409,
  hidden_by_rule: 409,
  keep_old_required: 422,
  unavailable: 503,
};

/** The store's own errors, where one came past the desk. By name: rooms share no classes. */
const STORE_ERRORS = new Set(['StoreAwayError', 'MarkMissingError', 'MarkRegressedError']);
const RETRY_SECONDS = '1';

export interface ProblemDetails {
  readonly hint?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the code's own sentence. */
  readonly message?: string;
}

/** Thrown anywhere in the admin listener, answered in one place. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: string;
  readonly status: number;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    const [status, sentence] = PROBLEMS[code];
    super(details.message ?? sentence);
    this.code = code;
    this.status = status;
    this.details = details;
  }

  /** An error of the desk, with its code and its sentence. */
  static ofDesk(error: DeskError): Problem {
    const headers = error.code === 'unavailable' ? { 'retry-after': RETRY_SECONDS } : {};
    const problem = new Problem('internal_error', { message: error.message, headers });
    return Object.assign(problem, { code: error.code, status: DESK_STATUS[error.code] });
  }

  body(): { error: string; message: string; hint?: string } {
    const { hint } = this.details;
    return { error: this.code, message: this.message, ...(hint === undefined ? {} : { hint }) };
  }
}

/** Every code that an answer may carry as `error`, with its status. */
export const PROBLEM_STATUS: ReadonlyMap<string, number> = new Map([
  ...Object.entries(PROBLEMS).map(([code, [status]]) => [code, status] as const),
  ...Object.entries(DESK_STATUS),
]);

/** The desk's error class is of another room, and is known by its name and code. */
export function isDeskError(error: unknown): error is DeskError {
  return error instanceof Error && error.name === 'DeskError' && 'code' in error && String(error.code) in DESK_STATUS;
}

/** Fastify's own, by their codes; what it says in words may hold the path or the body. */
const FASTIFY: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_unsupported',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'request_malformed',
  FST_ERR_BAD_URL: 'request_malformed',
};

/** Whatever was thrown, as the problem that is answered. Anything unforeseen is an internal error without a word more. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isDeskError(error)) return Problem.ofDesk(error);
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  if (STORE_ERRORS.has(String(name)))
    return new Problem('store_unavailable', { headers: { 'retry-after': RETRY_SECONDS } });
  return new Problem(FASTIFY[String(code)] ?? 'internal_error');
}
