// The head of an HTTP/2 request in the words of HTTP/1.1, in which everything behind the listener reads it: routes, credentials
// and limits are decided on one form whatever a caller speaks, and a region gets one form. What nghttp2 refuses by itself does
// not come here: names that are not lower case, a connection's own headers (RFC 9113, 8.2.2), pseudo-headers that are missing,
// repeated, unknown or misplaced (8.3), a Content-Length that is no number or comes twice.
import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from '../refusal.ts';
import { METHODS } from './http.ts';

export interface StreamHead {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: string[];
  /** What two readers could understand differently, or nobody serves. */
  readonly problem: Refusal | undefined;
}

/** RFC 9110, 9.3.6: who may have a tunnel is nobody. Neither has a WebSocket one (RFC 8441): it comes over HTTP/1.1. */
const NO_TUNNEL = { outcome: 'not_sent', headers: ['Allow', 'GET, HEAD, POST'] } as const;

/** What a parser of HTTP/1.1 takes: others are known to no router behind it. */
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);

interface Found {
  readonly rawHeaders: string[];
  authority: string | undefined;
  host: string | undefined;
  scheme: string | undefined;
  cookie: string | undefined;
  /** A value that begins or ends with a space (RFC 9113, 8.2.1). */
  spaced: boolean;
}

/** @param raw flat, with pseudo-headers */
function sort(raw: readonly string[]): Found {
  const found: Found = {
    rawHeaders: [],
    authority: undefined,
    host: undefined,
    scheme: undefined,
    cookie: undefined,
    spaced: false,
  };
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    if (value !== '' && value.trim().length !== value.length) found.spaced = true;
    if (name === ':authority') found.authority = value;
    else if (name === ':scheme') found.scheme = value;
    else if (name === 'host') found.host = value;
    // One header in several fields, so that each can be compressed by itself (RFC 9113, 8.2.3).
    else if (name === 'cookie') found.cookie = found.cookie === undefined ? value : `${found.cookie}; ${value}`;
    else if (name[0] !== ':') found.rawHeaders.push(name, value);
  }
  return found;
}

function problemOf(method: string, { authority, host, scheme, spaced }: Found, isSound: boolean): Refusal | undefined {
  if (method === 'CONNECT') return new Refusal('method_not_allowed', NO_TUNNEL);
  const malformed = (hint: string): Refusal => new Refusal('request_malformed', { hint, outcome: 'not_sent' });
  if (!KNOWN_METHODS.has(method)) return malformed('The method is none that this gateway knows.');
  // Any text may stand there, and some have made the beginning of a URL of it. Behind a load balancer it may be http.
  if (scheme !== 'https' && scheme !== 'http') return malformed('The :scheme is https.');
  if (authority === undefined && host === undefined) return malformed('Send :authority.');
  if (authority !== undefined && host !== undefined && authority.toLowerCase() !== host.toLowerCase()) {
    return malformed('Host and :authority name two hosts: send :authority alone.');
  }
  if (!isSound) return malformed('A header has a name that is none, or a value with a character that it may not have.');
  return spaced ? malformed('A header value begins or ends with a space.') : undefined;
}

/**
 * @param headers as Node has collected them
 * @param raw the same, flat, as received
 * @param known whether something follows the head, and whether nghttp2 has left none of its fields out
 */
export function translateHead(
  headers: IncomingHttpHeaders,
  raw: readonly string[],
  known: { readonly hasBody: boolean; readonly isSound: boolean },
): StreamHead {
  const method = String(headers[':method'] ?? '');
  const url = String(headers[':path'] ?? '');
  const found = sort(raw);
  const { rawHeaders, cookie } = found;
  const host = found.authority ?? found.host;
  if (host !== undefined) {
    headers.host = host;
    rawHeaders.push('Host', host);
  }
  if (cookie !== undefined) rawHeaders.push('Cookie', cookie);
  // A body without a length is what chunks are for there.
  if (known.hasBody && headers['content-length'] === undefined) {
    headers['transfer-encoding'] = 'chunked';
    rawHeaders.push('Transfer-Encoding', 'chunked');
  }
  return { method, url, headers, rawHeaders, problem: problemOf(method, found, known.isSound) };
}
