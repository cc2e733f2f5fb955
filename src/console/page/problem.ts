// What went wrong with a question to the admin API, in the API's own sentences.
import type { AdminProblem } from '../../listener/admin-live-types.ts';

/** Thrown by every call that was not answered with success. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  /** The API's own code, or `unreachable` where nothing answered. */
  readonly code: string;
  /** 0: nothing answered. */
  readonly status: number;
  readonly hint: string | undefined;

  constructor(status: number, { error, message, hint }: AdminProblem) {
    super(message);
    this.status = status;
    this.code = error;
    this.hint = hint;
  }
}

/** What nobody foresaw is shown in words, too. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const message = `This page failed: ${error instanceof Error ? error.message : 'unknown cause'}.`;
  return new ApiProblem(0, { error: 'page_failed', message, hint: 'Reload the page.' });
}

export function unreachable(): ApiProblem {
  return new ApiProblem(0, {
    error: 'unreachable',
    message: 'The gateway does not answer.',
    hint: 'It may be restarting, or the way to it is interrupted. Try again in a moment.',
  });
}

/** Whether another token, or one at all, would help. */
export function needsToken({ code }: ApiProblem): boolean {
  return ['token_required', 'token_unknown', 'tokens_not_configured', 'role_insufficient'].includes(code);
}
