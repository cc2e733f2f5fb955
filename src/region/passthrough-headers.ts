// Which headers cross on the passed-through paths: here all do, but for those that belong to one connection, forge where
// a request comes from, carry credentials that stay, or lead past the gateway.
import type { IncomingHttpHeaders } from 'node:http';
import { type IsForbiddenHost, leadsAstray, mayLead } from './location.ts';

/** Belong to one connection (RFC 9110, 7.6.1), lower case. Headers that Connection names are dropped with them. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
]);

/** Say who calls, through what, or what is meant instead of what is asked (UPSTREAM.md, Headers); and the gateway's own. */
const FORGEABLE = new Set([
  'apx-incoming-host',
  'cf-connecting-ip',
  'client-ip',
  'fastly-client-ip',
  'forwarded',
  'idempotency-key',
  'o-domain-context',
  'o-homepage-mode',
  'o-organization-id',
  'o-shrimp',
  'onetime-region',
  'onetime-shrimp',
  'true-client-ip',
  'via',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-host',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-real-ip',
  'x-request-id',
  'x-rewrite-url',
]);
const FORGEABLE_FAMILIES = ['x-forwarded', 'x-original-', 'proxy-', 'sec-websocket-', 'onetime-gateway-'];
const CREDENTIALS = new Set(['authorization', 'cookie', 'cookie2']);
/** The first two cross as they were read (trace/context.ts); baggage tells what nobody here has looked at. */
const TRACE = new Set(['traceparent', 'tracestate', 'baggage']);

/** Response headers that stay here: refresh is a redirect, alt-svc leads past the gateway, via tells of what is inside. */
const STAYING = new Set(['proxy-connection', 'refresh', 'alt-svc', 'via', 'x-request-id']);

/** Lower case. Servers of the CGI family cannot tell `X_Real_IP` from `X-Real-IP`. */
function nameOf(raw: string): string {
  return raw.toLowerCase().replaceAll('_', '-');
}

/** The names in a Connection header's values. */
function namedBy(values: readonly string[]): ReadonlySet<string> {
  return new Set(values.flatMap((value) => value.split(',').map((name) => nameOf(name.trim()))));
}

export interface Crossing {
  /** Whether cookies travel. */
  readonly cookies: boolean;
  /** The canonical Authorization that travels, if any. */
  readonly authorization: string | undefined;
  /** The one X-Forwarded-For, if any. */
  readonly clientAddress: string | undefined;
  /** Flat: the trace that the request is part of. */
  readonly trace: readonly string[] | undefined;
}

/**
 * What goes to the region, flat, names in lower case. Host is set from the region's own URL by the connection.
 * @param raw the caller's headers, flat
 */
export function passingRequestHeaders(raw: readonly string[], crossing: Crossing): string[] {
  const connection: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() === 'connection') connection.push(raw[i + 1] ?? '');
  }
  const named = namedBy(connection);
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = nameOf(raw[i] ?? '');
    if (name === 'host' || HOP_BY_HOP.has(name) || named.has(name) || FORGEABLE.has(name)) continue;
    if (FORGEABLE_FAMILIES.some((family) => name.startsWith(family))) continue;
    if (CREDENTIALS.has(name) && !(name === 'cookie' && crossing.cookies)) continue;
    if (TRACE.has(name)) continue;
    headers.push((raw[i] ?? '').toLowerCase(), raw[i + 1] ?? '');
  }
  if (crossing.authorization !== undefined) headers.push('authorization', crossing.authorization);
  if (crossing.clientAddress !== undefined) headers.push('x-forwarded-for', crossing.clientAddress);
  if (crossing.trace !== undefined) headers.push(...crossing.trace);
  return headers;
}

/**
 * What of a region's answer goes on to the caller.
 * @param received as parsed by Node or undici, names in lower case
 * @param removed called for each header that would lead to a region behind the gateway's back
 */
export function passingResponseHeaders(
  received: IncomingHttpHeaders,
  cookies: boolean,
  isForbidden: IsForbiddenHost,
  removed: () => void,
): IncomingHttpHeaders {
  const named = namedBy([String(received.connection ?? '')]);
  const headers: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(received)) {
    if (value === undefined) continue;
    const values = typeof value === 'string' ? [value] : value;
    if (values.some((each) => leadsAstray(name, each, isForbidden))) {
      removed();
      continue;
    }
    if (HOP_BY_HOP.has(name) || STAYING.has(name) || named.has(name)) continue;
    if (name.startsWith('onetime-gateway-')) continue;
    if (!cookies && (name === 'set-cookie' || name === 'set-cookie2')) continue;
    const leads = name === 'location' || name === 'content-location';
    if (leads && !values.every((each) => mayLead(each, isForbidden))) continue;
    headers[name] = value;
  }
  return headers;
}
