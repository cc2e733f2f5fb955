// Who has spent how much: a table of fixed size that no attacker can grow, aim at, or use to get a fresh allowance.
//
// Eight-way set-associative: a key's keyed hash names a set of eight slots; a slot holds 64 more bits of the hash (the
// plain key is nowhere) and a TAT (gcra.ts). A slot whose TAT has passed says the same as no slot, so it is free by
// itself: no timers, no eviction. Where all eight are live, a newcomer evicts nobody; it is counted in a second array of
// TATs, which it shares with its network (the coarse key).
//
// A newcomer's own slot starts with the debt of the coarse bucket that it would otherwise share: who has spent there gets
// no second burst when a slot comes free, so burst + floor(span / T) holds for every key whatever happens around it. And
// a network that fills the table stops being given slots, which are then left to others. The price: its honest newcomers
// wait with it. Without overflow these buckets are empty, and nobody notices them.
//
// Both arrays are views of one buffer, so that it can lie in a SharedArrayBuffer for several threads.

import { hash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';
import type { KeyedHash } from '../domain.ts';
import { believedTat, compileGcra, type Gcra, gcraCharge, gcraDecide, type LimitResult, type Rate } from './gcra.ts';

export type { LimitResult } from './gcra.ts';

const WAYS = 8;
const SLOTS_MAX = 2 ** 26;
const SEED_MIN_BYTES = 16;
const HASH_MIN_BYTES = 16;

/**
 * Coarse keys of addresses. They count only when somebody has filled a set, for which thousands of addresses are needed,
 * and these come in blocks: an IPv6 /32 is what a registry gives to a provider, an IPv4 /16 what a large host or carrier
 * holds. With a finer key (/24, /48) who holds such a block would hold hundreds of coarse buckets as well.
 */
const COARSE_IPV6_BITS = 32;
const KNOWN_ADDRESSES = 8192;
const ADDRESS_MAX_CHARACTERS = 45;

/** Counters of one limit. Times in milliseconds of one clock; costs are whole. */
export interface LimitTable {
  /** Spends `cost` if the rate allows it; if refused, nothing is spent. */
  spend(key: LimitKey, cost: number, nowMs: number): LimitResult;
  /** Looks without spending: what a cost of 1 would be told, but `remaining` and `resetMs` as they are before it. */
  peek(key: LimitKey, nowMs: number): LimitResult;
  /** Debits after the fact, allowed or not; gcraCharge says how far debt goes. */
  charge(key: LimitKey, cost: number, nowMs: number): void;
  /** Slots, as asked for or up to the next power of two. */
  readonly capacity: number;
  /** Memory of the counters, allocated once. */
  readonly bytes: number;
  /** Live entries, for metrics: reads every slot. */
  used(nowMs: number): number;
  /** How often a coarse bucket was debited because a set was full. */
  readonly sharedNewcomers: number;
}

/** Whose allowance it is. Made by addressKey and hashKey; lives as long as a request, or in the cache of addresses. */
export class LimitKey {
  readonly fine: string | KeyedHash;
  /** What a newcomer shares when there is no room; undefined: as many bits of the key's own hash as there are buckets. */
  readonly coarse: string | undefined;
  /** Hashed once for all tables with the same seed. */
  #place: Place | undefined;

  constructor(fine: string | KeyedHash, coarse: string | undefined) {
    this.fine = fine;
    this.coarse = coarse;
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
}

/** 128 bits of keyed hash: which set, which entry of it, and which coarse bucket. */
interface Place {
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
    known = new LRUCache({ max: KNOWN_ADDRESSES });
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
const knownAddresses = new Map<number, LRUCache<string, LimitKey>>();

/**
 * @param hashed a keyed hash of 128 bits or more (RangeError if shorter), or the text of one (hex or base64)
 */
export function hashKey(hashed: KeyedHash | string): LimitKey {
  if (hashed.length < HASH_MIN_BYTES) throw new RangeError('a hash of at least 16 bytes is needed');
  return new LimitKey(hashed, undefined);
}

/**
 * @param options `slots` (16 bytes each) and `coarseSlots` (8 bytes each) are rounded up to powers of two; `seed` is
 *   secret and random, 16 bytes or more. Tables with the same seed share the work of hashing a key.
 */
export function createLimitTable(
  rate: Rate,
  options: { readonly slots: number; readonly coarseSlots: number; readonly seed: Buffer },
): LimitTable {
  if (options.seed.length < SEED_MIN_BYTES) throw new RangeError('a seed of at least 16 bytes is needed');
  return new SlotTable(
    compileGcra(rate),
    powerOfTwo(options.slots, WAYS),
    powerOfTwo(options.coarseSlots, 1),
    options.seed,
  );
}

function powerOfTwo(count: number, min: number): number {
  if (!(Number.isSafeInteger(count) && count >= 1 && count <= SLOTS_MAX)) throw new RangeError(`not a size: ${count}`);
  return Math.max(min, 2 ** Math.ceil(Math.log2(count)));
}

class SlotTable implements LimitTable {
  readonly capacity: number;
  readonly bytes: number;
  sharedNewcomers = 0;
  readonly #gcra: Gcra;
  readonly #seed: string;
  readonly #setMask: number;
  readonly #coarseMask: number;
  /** The slots' TATs, then the coarse buckets'. */
  readonly #tats: Float64Array;
  /** Two words a slot. */
  readonly #fingerprints: Int32Array;

  constructor(gcra: Gcra, slots: number, coarseSlots: number, seed: Buffer) {
    const tats = slots + coarseSlots;
    const memory = new ArrayBuffer(tats * 8 + slots * 8);
    this.capacity = slots;
    this.bytes = memory.byteLength;
    this.#gcra = gcra;
    this.#seed = seed.toString('latin1');
    this.#setMask = slots / WAYS - 1;
    this.#coarseMask = coarseSlots - 1;
    this.#tats = new Float64Array(memory, 0, tats);
    this.#fingerprints = new Int32Array(memory, tats * 8, slots * 2);
  }

  spend(key: LimitKey, cost: number, nowMs: number): LimitResult {
    const place = key.place(this.#seed);
    const index = this.#locate(place, nowMs);
    const decision = gcraDecide(this.#gcra, this.#debt(place, index, nowMs), nowMs, cost);
    if (decision.allowed) this.#write(place, index, decision.tatMs);
    return decision;
  }

  peek(key: LimitKey, nowMs: number): LimitResult {
    const place = key.place(this.#seed);
    const debt = this.#debt(place, this.#locate(place, nowMs), nowMs);
    const { allowed, retryAfterMs } = gcraDecide(this.#gcra, debt, nowMs, 1);
    const { remaining, resetMs } = gcraDecide(this.#gcra, debt, nowMs, 0);
    return { allowed, retryAfterMs, remaining, resetMs };
  }

  charge(key: LimitKey, cost: number, nowMs: number): void {
    const place = key.place(this.#seed);
    const index = this.#locate(place, nowMs);
    this.#write(place, index, gcraCharge(this.#gcra, this.#debt(place, index, nowMs), nowMs, cost));
  }

  used(nowMs: number): number {
    let live = 0;
    for (let slot = 0; slot < this.capacity; slot++) if (this.#tat(slot) > nowMs) live++;
    return live;
  }

  /** The key's own live slot, else a free one of its set, else its coarse bucket: an index into the TATs. */
  #locate(place: Place, nowMs: number): number {
    const first = (place.set & this.#setMask) * WAYS;
    let free = -1;
    for (let slot = first; slot < first + WAYS; slot++) {
      const tat = this.#tat(slot);
      if (tat <= nowMs) {
        if (free === -1) free = slot;
      } else if (this.#fingerprints[2 * slot] === place.low && this.#fingerprints[2 * slot + 1] === place.high) {
        return slot;
      } else {
        // After a clock that went back no slot is taken for longer than a full bucket.
        const believed = believedTat(this.#gcra, tat, Math.floor(nowMs));
        if (believed !== tat) this.#tats[slot] = believed;
      }
    }
    return free === -1 ? this.#coarseIndex(place) : free;
  }

  /** The TAT that counts: in a free slot, whose old owner owes nothing, that of the newcomer's coarse bucket. */
  #debt(place: Place, index: number, nowMs: number): number {
    const tat = this.#tat(index);
    return tat <= nowMs ? this.#tat(this.#coarseIndex(place)) : tat;
  }

  #write(place: Place, index: number, tatMs: number): void {
    this.#tats[index] = tatMs;
    if (index >= this.capacity) {
      this.sharedNewcomers++;
      return;
    }
    this.#fingerprints[2 * index] = place.low;
    this.#fingerprints[2 * index + 1] = place.high;
  }

  #coarseIndex(place: Place): number {
    return this.capacity + (place.coarse & this.#coarseMask);
  }

  #tat(index: number): number {
    return this.#tats[index] ?? 0;
  }
}

function readAddress(address: string, ipv6Prefix: number): LimitKey {
  if (isIPv6(address)) {
    const zone = address.indexOf('%');
    const ipv6 = ipaddr.IPv6.parse(zone === -1 ? address : address.slice(0, zone));
    if (ipv6.isIPv4MappedAddress()) return readAddress(ipv6.toIPv4Address().toString(), ipv6Prefix);
    const coarseBits = Math.min(COARSE_IPV6_BITS, ipv6Prefix);
    return new LimitKey(network(ipv6.parts, ipv6Prefix), network(ipv6.parts, coarseBits));
  }
  const secondDot = address.indexOf('.', address.indexOf('.') + 1);
  return new LimitKey(address, secondDot === -1 ? undefined : address.slice(0, secondDot));
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
function placeOf({ fine, coarse }: LimitKey, seed: string): Place {
  if (typeof fine !== 'string') {
    const word = (at: number): number => fine.readInt32LE(at);
    return { seed, set: word(0), low: word(4), high: word(8), coarse: word(12) };
  }
  const own = seededHash(seed, fine);
  const shared = coarse === undefined ? word(own, 12) : word(seededHash(seed, coarse), 0);
  return { seed, set: word(own, 0), low: word(own, 4), high: word(own, 8), coarse: shared };
}

/** Secret-prefix SHA-256, of which nobody sees the output. As a string: a Buffer costs three times as much. */
function seededHash(seed: string, text: string): string {
  return hash('sha256', seed + text, 'latin1');
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
