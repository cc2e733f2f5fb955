// Headers and socket -> who calls, and which region they name. One pass over the raw headers, in which what must come
// once is checked: Node would silently take the first of two Authorization headers.
import type { Caller } from '../domain.ts';
import { CHALLENGE, Refusal } from '../refusal.ts';
import { parseCredentials } from './credentials.ts';

/** What the headers say, parsed. */
export interface Identified {
  readonly caller: Caller;
  /** The Onetime-Region header, unchecked. */
  readonly regionHeader: string | undefined;
  /** The Host header, lower case, without port. */
  readonly host: string | undefined;
}

/** The caller could not be identified; the address is known all the same. */
export interface Unidentified {
  readonly refusal: Refusal;
  readonly address: string;
}

export type ClientAddress = (socketAddress: string, forwardedFor: readonly string[]) => string;

const NONE: readonly string[] = [];

/** Host without its port and a root dot, in lower case; brackets of an IPv6 literal stay. */
export function hostName(value: string): string {
  const port = value.lastIndexOf(':');
  const bare = port > value.lastIndexOf(']') ? value.slice(0, port) : value;
  return (bare.endsWith('.') ? bare.slice(0, -1) : bare).toLowerCase();
}

interface Singles {
  authorization: string | undefined;
  region: string | undefined;
  host: string | undefined;
  contentType: string | undefined;
  forwardedFor: string[] | undefined;
  duplicated: string | undefined;
}

/** The headers that are looked at, in the lengths of their names: most others are passed over unread. */
const LENGTHS = new Uint8Array(64);
for (const name of ['authorization', 'onetime-region', 'host', 'content-type', 'x-forwarded-for']) {
  LENGTHS[name.length] = 1;
}

type Single = 'authorization' | 'region' | 'host' | 'contentType';

function once(found: Singles, slot: Single, name: string, value: string): void {
  if (found[slot] !== undefined) found.duplicated = name;
  found[slot] = value;
}

function scan(raw: readonly string[]): Singles {
  const found: Singles = {
    authorization: undefined,
    region: undefined,
    host: undefined,
    contentType: undefined,
    forwardedFor: undefined,
    duplicated: undefined,
  };
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const given = raw[i] ?? '';
    if (LENGTHS[given.length] !== 1) continue;
    const value = raw[i + 1] ?? '';
    switch (given.toLowerCase()) {
      case 'authorization':
        once(found, 'authorization', 'Authorization', value);
        break;
      case 'onetime-region':
        once(found, 'region', 'Onetime-Region', value);
        break;
      case 'host':
        once(found, 'host', 'Host', value);
        break;
      case 'content-type':
        once(found, 'contentType', 'Content-Type', value);
        break;
      case 'x-forwarded-for':
        found.forwardedFor ??= [];
        found.forwardedFor.push(value);
        break;
    }
  }
  return found;
}

/**
 * @param clientAddress caller/client-address.ts, with the configured trusted proxies
 * @param digestOf for `Credentials.digest`
 * @returns a function of the raw headers (flat) and the socket's peer address
 */
export function createIdentify(
  clientAddress: ClientAddress,
  digestOf?: (header: string) => string,
): (raw: readonly string[], socketAddress: string) => Identified | Unidentified {
  return function identify(raw, socketAddress) {
    const headers = scan(raw);
    const address = clientAddress(socketAddress, headers.forwardedFor ?? NONE);
    if (headers.duplicated !== undefined) {
      return { address, refusal: new Refusal('header_duplicated', { hint: `Send ${headers.duplicated} once.` }) };
    }
    const parsed = parseCredentials(headers.authorization, digestOf);
    if (parsed === 'malformed') {
      return { address, refusal: new Refusal('credentials_malformed', { headers: CHALLENGE }) };
    }
    return {
      caller: { credentials: parsed === 'absent' ? undefined : parsed, address },
      regionHeader: headers.region,
      host: headers.host === undefined ? undefined : hostName(headers.host),
    };
  };
}
