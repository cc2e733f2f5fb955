// What the account directory of an organisation answers, read strictly: a locality, or an error. Never a guess.
import type { Locality, RegionName } from '../domain.ts';

/** Why a question to the source has no answer. */
export type SourceFault =
  /** No connection, or TLS that could not be verified, or a connection that ended too soon. */
  | 'unreachable'
  /** Not answered whole in time. */
  | 'timeout'
  /** Another status than 200 and 404; a redirect is one. */
  | 'status'
  /** A body over the limit. */
  | 'too_large'
  /** A body that is not the JSON that was agreed on. */
  | 'malformed'
  /** A region that the configuration does not know. */
  | 'unknown_region'
  /** A name that cannot be asked for. */
  | 'unaskable'
  /** Too many questions are under way. */
  | 'busy'
  | 'closed';

/** No answer of the source. Its message tells no name, no address and nothing of a body. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code: string;
  readonly fault: SourceFault;
  constructor(fault: SourceFault, message: string) {
    super(message);
    this.fault = fault;
    this.code = `SOURCE_${fault.toUpperCase()}`;
  }
}

/** What the source says of an account. */
export type SourceAnswer = { readonly kind: 'found'; readonly value: Locality } | { readonly kind: 'missing' };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the body of a 200: `{ "region": "eu", "pinned": true, "also": ["us"] }`, of which `pinned` (true) and `also`
 * (none) may be left out. Other members are left alone.
 *
 * @param regions the configured ones
 * @throws SourceError `malformed` or `unknown_region`
 */
export function parseAnswer(body: Uint8Array, regions: ReadonlySet<string>): Locality {
  const answer = parseObject(body);
  const { region, pinned = true, also = [] } = answer;
  if (typeof region !== 'string' || typeof pinned !== 'boolean' || !isStrings(also)) throw malformed();
  return localityOf(region, pinned, also, regions) ?? unknownRegion();
}

/** @returns undefined when one of the regions is not configured; `also` sorted, without the home and without repeats */
export function localityOf(
  region: string,
  pinned: boolean,
  also: readonly string[],
  regions: ReadonlySet<string>,
): Locality | undefined {
  const isConfigured = (name: string): name is RegionName => regions.has(name);
  if (!isConfigured(region) || !also.every(isConfigured)) return undefined;
  return { home: region, pinned, also: [...new Set(also)].filter((name) => name !== region).sort() };
}

function parseObject(body: Uint8Array): Record<string, unknown> {
  let answer: unknown;
  try {
    answer = JSON.parse(utf8.decode(body));
  } catch {
    // The parser's own message quotes the body.
    throw malformed();
  }
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) throw malformed();
  return { ...answer };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function malformed(): SourceError {
  return new SourceError('malformed', 'the account directory answered something else than { region, pinned, also }');
}

function unknownRegion(): never {
  throw new SourceError('unknown_region', 'the account directory named a region that is not configured');
}
