// What stands in the way of an audit log, in words.

/** The audit log cannot be opened as it is. The message says what is wrong and what to do; it holds nothing secret. */
export class AuditOpenError extends Error {
  override readonly name = 'AuditOpenError';
}

/** `ENOSPC`, or undefined for what is no error of the system. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
