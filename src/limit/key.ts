// Whose allowance a request spends from: an address or a hash, placed in the tables by keyed hash.
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { createBounded } from '../bounded.ts';
import type { KeyedHash } from '../domain.ts';
import { type HashParts, seededDigest } from '../keyed-hash.ts';

export const HASH_MIN_BYTES = 16;
/**
 * Coarse keys of addresses. They count only when somebody has filled a set, for which thousands of addresses are needed,
 * and these come in blocks: an IPv6 /32 is what a registry gives to a provider, an IPv4 /16 what a large host or carrier
 * holds. With a finer key (/24, /48) who holds such a block would hold hundreds of coarse buckets as well.
 */
const COARSE_IPV6_BITS = 32;
const KNOWN_ADDRESSES = 8192;
const ADDRESS_MAX_CHARACTERS = 45;

/** Whose allowance it is. Made by addressKey, textKey and hashKey; lives as long as a request, or in the cache of addresses. */
export class LimitKey {
  /** Plain text, or a hash that needs no other. */
  readonly fine: string | KeyedHash;
  /** What a newcomer shares when there is no room; undefined: as many bits of the key's own hash as there are buckets. */
  readonly coarse: string | undefined;
  /** In place of hashing `fine` with the seed. */
  readonly digest: string | undefined;
  readonly #purpose: string;
  readonly #text: string;
  readonly #more: string;
  /** Hashed once for all tables with the same seed. */
  #place: Place | undefined;
  /** The same for counters that gateways share. */
  #shared: { readonly hash: HashParts; readonly hashed: KeyedHash } | undefined;

  /** @param purpose with the texts: as they are hashed for counters outside this process */
  constructor(
    fine: string | KeyedHash,
    coarse: string | undefined,
    purpose = '',
    text = '',
    more = '',
    digest?: string,
  ) {
    this.fine = fine;
    this.coarse = coarse;
    this.digest = digest;
    this.#purpose = purpose;
    this.#text = text;
    this.#more = more;
  }

  /** For tables. @param seed as one-byte characters */
  place(seed: string): Place {
    let place = this.#place;
    if (place?.seed !== seed) {
      place = placeOf(this, seed);
      this.#place = place;
    }
    return place;
  }

  /** For counters outside this process: nothing plain may leave it. @param hash the same at every gateway */
  hashed(hash: HashParts): KeyedHash {
    if (typeof this.fine !== 'string') return this.fine;
    let shared = this.#shared;
    if (shared?.hash !== hash) {
      const texts = this.#more === '' ? [this.#text] : [this.#text, this.#more];
      shared = { hash, hashed: hash(this.#purpose, ...texts) };
      this.#shared = shared;
    }
    return shared.hashed;
  }
}

/** 128 bits of keyed hash: which set, which entry of it, and which coarse bucket. */
export interface Place {
  readonly seed: string;
  readonly set: number;
  readonly low: number;
  readonly high: number;
  readonly coarse: number;
}

/**
 * @param address canonical text (domain.ts, Caller); IPv4-mapped IPv6 counts as IPv4, and what is no address (a Unix
 *   socket's peer) as itself
 * @param ipv6Prefix bits by which IPv6 addresses are told apart; IPv4 addresses are always whole
 */
export function addressKey(address: string, ipv6Prefix: number): LimitKey {
  let known = knownAddresses.get(ipv6Prefix);
  if (known === undefined) {
    known = createBounded(KNOWN_ADDRESSES);
    knownAddresses.set(ipv6Prefix, known);
  }
  let key = known.get(address);
  if (key === undefined) {
    // A copy: what was cut out of a header would keep the whole header alive.
    const text = Buffer.from(address).toString();
    key = readAddress(text, ipv6Prefix);
    if (text.length <= ADDRESS_MAX_CHARACTERS) known.set(text, key);
  }
  return key;
}

/** One bounded cache for each configured prefix: clients come back, and parsing and hashing take microseconds. */
const knownAddresses = new Map<number, ReturnType<typeof createBounded<LimitKey>>>();

/**
 * @param hashed a keyed hash of 128 bits or more (RangeError if shorter), or the text of one (hex or base64)
 */
export function hashKey(hashed: KeyedHash | string): LimitKey {
  if (hashed.length < HASH_MIN_BYTES) throw new RangeError('a hash of at least 16 bytes is needed');
  return new LimitKey(hashed, undefined);
}

/**
 * By any text, which may be a capability: it is kept nowhere.
 * @param purpose tells equal texts of different limits apart
 * @param digest of the text, where a secret one is at hand already: 16 bytes or more, one character each. Else it is hashed
 *   with the table's seed
 */
export function textKey(purpose: string, text: string, more = '', digest?: string): LimitKey {
  return new LimitKey(`${purpose}\0${text.length}:${text}${more}`, undefined, purpose, text, more, digest);
}

function readAddress(address: string, ipv6Prefix: number): LimitKey {
  if (isIPv6(address)) {
    const zone = address.indexOf('%');
    const ipv6 = ipaddr.IPv6.parse(zone === -1 ? address : address.slice(0, zone));
    if (ipv6.isIPv4MappedAddress()) return readAddress(ipv6.toIPv4Address().toString(), ipv6Prefix);
    const coarseBits = Math.min(COARSE_IPV6_BITS, ipv6Prefix);
    return clientKey(network(ipv6.parts, ipv6Prefix), network(ipv6.parts, coarseBits));
  }
  const secondDot = address.indexOf('.', address.indexOf('.') + 1);
  return clientKey(address, secondDot === -1 ? undefined : address.slice(0, secondDot));
}

function clientKey(fine: string, coarse: string | undefined): LimitKey {
  return new LimitKey(fine, coarse, 'limit-client', fine);
}

/** `2001:db8:0:1::/64` */
function network(groups: readonly number[], bits: number): string {
  let text = '';
  for (let index = 0; index * 16 < bits; index++) {
    const spareBits = Math.max(0, (index + 1) * 16 - bits);
    text += `${(((groups[index] ?? 0) >> spareBits) << spareBits).toString(16)}:`;
  }
  return `${text}:/${bits}`;
}

/** A KeyedHash was hashed with a secret key and needs no other; text is hashed with the seed. */
function placeOf({ fine, coarse, digest }: LimitKey, seed: string): Place {
  if (typeof fine !== 'string') {
    const word = (at: number): number => fine.readInt32LE(at);
    return { seed, set: word(0), low: word(4), high: word(8), coarse: word(12) };
  }
  const own = digest ?? seededDigest(seed, fine);
  const shared = coarse === undefined ? word(own, 12) : word(seededDigest(seed, coarse), 0);
  return { seed, set: word(own, 0), low: word(own, 4), high: word(own, 8), coarse: shared };
}

/** 32 bits of one-byte characters. */
function word(bytes: string, at: number): number {
  return (
    bytes.charCodeAt(at) |
    (bytes.charCodeAt(at + 1) << 8) |
    (bytes.charCodeAt(at + 2) << 16) |
    (bytes.charCodeAt(at + 3) << 24)
  );
}
