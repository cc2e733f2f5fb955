// Which headers cross, each way: allow-lists. What is not named here stays on its side, so hop-by-hop headers, headers
// named by Connection, cookies and forged forwarding headers never need to be known by name.
import type { PermitFacts } from '../domain.ts';

/**
 * Request headers that go to the region as they came (lower case). Authorization is the permit's matter, traceparent and
 * tracestate are the trace's (trace/): of a caller's own nothing else crosses, baggage neither.
 */
const REQUEST_HEADERS = ['accept', 'accept-language', 'content-type', 'user-agent'];

/**
 * Response headers that go to the caller (lower case). No Set-Cookie (a cookie of the region is a credential for it), no
 * Location (a redirect is not followed and could name another region), no Server, Via or Date of the region. Packed answers are
 * not asked for; one that comes all the same is passed on as it is, and could not be read without Content-Encoding.
 */
const RESPONSE_HEADERS = [
  'content-type',
  'content-encoding',
  'content-language',
  'content-disposition',
  'retry-after',
  'ratelimit',
  'ratelimit-policy',
  'x-ots-intended-status',
];
/** Those that lead elsewhere (location.ts), and stay here. Link has four letters, as Date has: it is not looked for. */
const LEADING_HEADERS = ['location', 'content-location', 'refresh'];
/** Says how long an answer's body is, and stays here. */
const LENGTH_HEADER = 'content-length';

/**
 * Finds names of a list however they are written. By their length first: most headers of a message are none of these,
 * and are passed over without being made a string; most others are found without being lower-cased.
 */
class Names {
  readonly #spellings = new Map<string, string>();
  readonly #lengths = new Uint8Array(256);

  /** @param names lower case */
  constructor(names: readonly string[]) {
    for (const name of names) {
      const title = name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
      for (const spelling of [name, title]) this.#spellings.set(spelling, name);
      this.#lengths[name.length] = 1;
    }
  }

  /** The name in lower case, or undefined when it is none of the list. */
  find(raw: Buffer | string): string | undefined {
    if (this.#lengths[raw.length] !== 1) return undefined;
    const name = typeof raw === 'string' ? raw : raw.toString('latin1');
    return this.#spellings.get(name) ?? this.#spellings.get(name.toLowerCase());
  }
}

const REQUEST_NAMES = new Names(REQUEST_HEADERS);
const RESPONSE_NAMES = new Names([...RESPONSE_HEADERS, LENGTH_HEADER, ...LEADING_HEADERS]);

/** What is asked of the head of a region's answer. */
export interface AnswerHead {
  /** Flat: what goes on to the caller. */
  readonly crossing: string[];
  /** That Content-Length announces. */
  readonly lengthBytes: number | undefined;
  /** Of X-OTS-Intended-Status (UPSTREAM.md): which status the service would rather have sent. */
  readonly intended: string | undefined;
  /** Flat: those that would lead elsewhere. Undefined: none. */
  readonly leading: string[] | undefined;
}

/**
 * One pass over the headers of a region's answer.
 * @param raw as undici hands them over: flat Buffers or strings
 */
export function readAnswerHead(raw: readonly (Buffer | string)[]): AnswerHead {
  const crossing: string[] = [];
  let lengthBytes: number | undefined;
  let intended: string | undefined;
  let leading: string[] | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = RESPONSE_NAMES.find(raw[i] as Buffer | string);
    if (name === undefined) continue;
    const given = raw[i + 1] as Buffer | string;
    const value = typeof given === 'string' ? given : given.toString('latin1');
    if (name === LENGTH_HEADER) lengthBytes = Number(value);
    else if (name === 'location' || name === 'content-location' || name === 'refresh') {
      leading ??= [];
      leading.push(name, value);
    } else {
      crossing.push(name, value);
      if (name === 'x-ots-intended-status') intended ??= value.trim();
    }
  }
  return { crossing, lengthBytes, intended, leading };
}

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
    const name = REQUEST_NAMES.find(raw[i] ?? '');
    if (name !== undefined) headers.push(name, raw[i + 1] ?? '');
  }
  if (credentials === 'forward' && authorization !== undefined) headers.push('authorization', authorization);
  if (clientAddress !== undefined) headers.push('x-forwarded-for', clientAddress);
  return headers;
}
