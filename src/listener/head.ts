// What is wrong with the head of a request that Node's parser let pass, although two readers could understand it differently.
// Such a request is refused and its connection closed: nothing that stands behind it is believed.
import type { IncomingMessage } from 'node:http';
import { domainToASCII } from 'node:url';
import { Refusal, type RefusalCode } from '../refusal.ts';
import type { HeadBounds } from './bounds.ts';

/** Behind these nothing on the connection is believed: where the next request begins is not sure, or who sends it is odd. */
const CLOSING: ReadonlySet<RefusalCode> = new Set([
  'request_malformed',
  'header_duplicated',
  'path_malformed',
  'target_too_long',
  'headers_too_large',
]);

/** Whether the connection ends with this refusal. */
export function endsConnection({ code }: Refusal): boolean {
  return CLOSING.has(code);
}

function malformed(hint: string): Refusal {
  return new Refusal('request_malformed', { hint, outcome: 'not_sent' });
}

/** What is looked at. */
type Head = Pick<IncomingMessage, 'url' | 'headers' | 'rawHeaders' | 'httpVersionMajor' | 'httpVersionMinor'>;

const HOST = 'host';
const PORT = /^[0-9]{1,5}$/;
const IPV6 = /^\[[0-9a-f:.]{2,45}\]$/i;
/** What the last good one was, if any was: a gateway is called by few names. */
let lastGood: string | undefined;

/** RFC 9110, 7.2 and RFC 3986, 3.2: a name or an address, and a port; no user, no path, no list. */
function isHost(value: string): boolean {
  if (value === lastGood) return true;
  const bracket = value.lastIndexOf(']');
  const colon = value.indexOf(':', bracket + 1);
  const name = colon === -1 ? value : value.slice(0, colon);
  const port = colon === -1 ? '' : value.slice(colon + 1);
  if (colon !== -1 && !(PORT.test(port) && Number(port) <= 65_535)) return false;
  if (!(name.startsWith('[') ? IPV6.test(name) : isName(name))) return false;
  lastGood = value;
  return true;
}

/** Letters, digits, dots, hyphens and, as some networks have them, underscores: what a resolver would take. */
function isName(name: string): boolean {
  return /^[a-z0-9._-]{1,253}$/i.test(name) && domainToASCII(name) !== '';
}

/** Colon and space in front of a value, CR and LF behind it. */
const BETWEEN_BYTES = 4;

const tooLarge = (hint: string): Refusal => new Refusal('headers_too_large', { hint, outcome: 'not_sent' });

/**
 * One pass over names and values, in which each character is a byte. A name with an underscore could be taken for the one
 * with a hyphen, as CGI and Rack do it, so that a header which the gateway leaves out (X_Forwarded_For) would count behind it.
 * Of two Hosts Node takes the first silently.
 */
function linesProblem(raw: readonly string[], mostBytes: number): Refusal | undefined {
  let hosts = 0;
  let bytes = 0;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    bytes += name.length + (raw[i + 1] ?? '').length + BETWEEN_BYTES;
    if (name.includes('_')) return malformed('A header name with an underscore is not taken.');
    if (name.length === HOST.length && name.toLowerCase() === HOST && ++hosts > 1) {
      return new Refusal('header_duplicated', { hint: 'Send Host once.', outcome: 'not_sent' });
    }
  }
  return bytes > mostBytes ? tooLarge(`At most ${mostBytes} bytes of headers.`) : undefined;
}

/** RFC 9112, 6.1: what is not chunked alone is not understood here, and HTTP/1.0 has no transfer codings. */
function codingProblem(req: Head): Refusal | undefined {
  const coding = req.headers['transfer-encoding'];
  if (coding === undefined) return undefined;
  if (req.httpVersionMajor === 1 && req.httpVersionMinor === 0)
    return malformed('HTTP/1.0 has no Transfer-Encoding: send a Content-Length.');
  return coding.toLowerCase() === 'chunked' ? undefined : malformed('The only Transfer-Encoding taken is chunked.');
}

/** @returns what is wrong; undefined for the head of an ordinary request of HTTP/1.1 or 1.0 */
export function headProblem(req: Head, bounds: HeadBounds): Refusal | undefined {
  if (req.httpVersionMajor !== 1 || req.httpVersionMinor > 1) return malformed('Send HTTP/1.1.');
  return fieldsProblem(req, bounds);
}

/** The same of a head that came by another version, in the words of HTTP/1.1 (http2-head.ts). */
export function fieldsProblem(req: Head, bounds: HeadBounds): Refusal | undefined {
  const { rawHeaders, httpVersionMinor } = req;
  const { host } = req.headers;
  if (rawHeaders.length > 2 * bounds.headerCount) return tooLarge(`At most ${bounds.headerCount} headers.`);
  if ((req.url?.length ?? 0) > bounds.targetBytes) {
    return new Refusal('target_too_long', { hint: `At most ${bounds.targetBytes} bytes.`, outcome: 'not_sent' });
  }
  // RFC 9112, 3.2: a request of HTTP/1.1 without Host is answered 400.
  if (host === undefined && httpVersionMinor === 1) return malformed('Send a Host header.');
  if (host !== undefined && !isHost(host)) return malformed('The Host header is no host name with an optional port.');
  return linesProblem(rawHeaders, bounds.headerBytes) ?? codingProblem(req);
}
