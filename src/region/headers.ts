// Which headers cross, each way: allow-lists. What is not named here stays on its side, so hop-by-hop headers, headers
// named by Connection, cookies and forged forwarding headers never need to be known by name.
import type { PermitFacts } from '../domain.ts';

/** Request headers that go to the region as they came (lower case). Authorization is the permit's matter. */
const REQUEST_HEADERS = new Set(['accept', 'accept-language', 'content-type', 'user-agent']);

/**
 * Response headers that go to the caller (lower case). No Set-Cookie (a cookie of the region is a credential for it), no
 * Location (a redirect is not followed and could name another region), no Server, Via or Date of the region.
 */
const RESPONSE_HEADERS = new Set([
  'content-type',
  'content-language',
  'content-disposition',
  'retry-after',
  'ratelimit',
  'ratelimit-policy',
  'x-ots-intended-status',
]);

/**
 * The header list of the one attempt. Host is set by the connection from the region's own URL, Content-Length from the
 * body.
 * @param raw the caller's headers, flat: name, value, ...
 * @param credentials what the permit says of them
 * @param authorization the canonical header value, sent only when the permit says `forward`
 * @param clientAddress the caller's address for the one X-Forwarded-For, or undefined for none. The service takes its
 *   first entry as the client and counts its own limits by it (UPSTREAM.md), so there is only ever this one.
 */
export function requestHeaders(
  raw: readonly string[],
  credentials: PermitFacts['credentials'],
  authorization: string | undefined,
  clientAddress: string | undefined,
): string[] {
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (REQUEST_HEADERS.has(name)) headers.push(name, raw[i + 1] ?? '');
  }
  if (credentials === 'forward' && authorization !== undefined) headers.push('authorization', authorization);
  if (clientAddress !== undefined) headers.push('x-forwarded-for', clientAddress);
  return headers;
}

/**
 * What of a region's answer goes on to the caller, flat.
 * @param raw the region's headers as undici hands them over: flat Buffers or strings
 */
export function responseHeaders(raw: readonly (Buffer | string)[]): string[] {
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = String(raw[i]).toLowerCase();
    if (!RESPONSE_HEADERS.has(name)) continue;
    const value = raw[i + 1];
    headers.push(name, typeof value === 'string' ? value : (value?.toString('latin1') ?? ''));
  }
  return headers;
}

/** The first value of a header (lower case) in a flat list, or undefined. */
export function headerOf(raw: readonly (Buffer | string)[], name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (String(raw[i]).toLowerCase() === name) return String(raw[i + 1]);
  }
  return undefined;
}
