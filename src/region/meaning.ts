// What an answer of the service means. Version 1 says 404 to everything, so the body tells (UPSTREAM.md, Answers).
export type Meaning =
  | 'success'
  | 'not_authorized'
  | 'unknown_secret'
  | 'rate_limited'
  | 'invalid'
  | 'fault'
  | 'not_found'
  | 'other';

/** Bodies longer than this are not one of the service's short refusals. */
const LONGEST_REFUSAL = 4096;

/** 0.20, and 0.25 and later. Anchored: other messages repeat words of the caller. */
const RATE_LIMITED = /^(Cripes! You have been rate limited|Rate limit exceeded)/;

/** The JSON object of a short body, or undefined: never throws. */
function objectOf(body: Buffer): Record<string, unknown> | undefined {
  if (body.length > LONGEST_REFUSAL) return undefined;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function meaningOf404(body: Buffer, intended: string | undefined): Meaning {
  const answer = objectOf(body);
  const message = answer?.message;
  if (typeof message === 'string') {
    if (message === 'Not authorized') return 'not_authorized';
    if (message === 'Unknown secret' && 'secret_key' in (answer ?? {})) return 'unknown_secret';
    if (RATE_LIMITED.test(message)) return 'rate_limited';
    if (message.startsWith('An unexpected error occurred')) return 'fault';
    if (intended === '401') return 'not_authorized';
    if (intended === '400' || 'shrimp' in (answer ?? {})) return 'invalid';
  }
  if (intended === '401') return 'not_authorized';
  if (intended === '400') return 'invalid';
  return answer?.error === 'Not Found' || answer?.message === 'Not Found' ? 'not_found' : 'other';
}

/**
 * @param status the region's own
 * @param intended the value of X-OTS-Intended-Status, sent by 0.25 and later
 */
export function meaningOf(status: number, body: Buffer, intended: string | undefined): Meaning {
  if (status >= 200 && status < 300) return 'success';
  if (status === 404) return meaningOf404(body, intended);
  if (status === 401) return 'not_authorized';
  if (status === 403) return objectOf(body)?.message === 'Not authorized' ? 'not_authorized' : 'other';
  if (status === 429) return 'rate_limited';
  if (status === 400 || status === 422) return 'invalid';
  return status >= 500 ? 'fault' : 'other';
}

/**
 * Whether a successful answer about a secret says that there is none: 0.26 answers 200 with the state `unknown` where
 * 0.20 says 404.
 */
export function tellsUnknown(body: Buffer): boolean {
  const record = objectOf(body)?.record;
  return typeof record === 'object' && record !== null && 'state' in record && record.state === 'unknown';
}

/** Whether the body is the service's own word that all is well with the caller (status and authcheck). */
export function saysNominal(body: Buffer): boolean {
  return objectOf(body)?.status === 'nominal';
}

/** The status that says what the service's ambiguous 404 meant; others stay (`errors: accurate`). */
export function accurateStatus(status: number, meaning: Meaning): number {
  if (status !== 404) return status;
  switch (meaning) {
    case 'not_authorized':
      return 401;
    case 'rate_limited':
      return 429;
    case 'invalid':
      return 400;
    case 'fault':
      return 502;
    default:
      return status;
  }
}
