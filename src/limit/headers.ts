// How a limit is told to callers: Retry-After, and RateLimit and RateLimit-Policy as structured fields
// (draft-ietf-httpapi-ratelimit-headers-10).

/** A limit's policy as callers see it. */
export interface PolicyItem {
  /** Lower case, as in RateLimit-Policy. */
  readonly name: string;
  readonly requests: number;
  readonly perMs: number;
}

/**
 * The headers of a 429, flat.
 * @param remaining requests left now
 * @param retryAfterMs until a request like this one would pass
 */
export function limitHeaders(policy: PolicyItem, remaining: number, retryAfterMs: number): string[] {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return [
    'Retry-After',
    String(seconds),
    'RateLimit-Policy',
    `"${policy.name}";q=${policy.requests};w=${Math.max(1, Math.round(policy.perMs / 1000))}`,
    'RateLimit',
    `"${policy.name}";r=${Math.max(0, Math.floor(remaining))};t=${seconds}`,
  ];
}
