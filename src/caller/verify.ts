// Are these credentials good? Asked of the one region that a permit names, remembered for a while, asked once for
// simultaneous callers. Where gateways share what they were told, they are asked before the region.
import { createBounded } from '../bounded.ts';
import type { Caller, Credentials, KeyedHash, Patience, Permit, RegionName } from '../domain.ts';
import type { HashParts } from '../keyed-hash.ts';
import type { Refusal } from '../refusal.ts';
import type { SharedVerifications } from '../store/store.ts';

export type Verification =
  | 'good'
  | 'bad'
  /** `refusal`: what its callers are to be told, where that is not that their region could not be asked. */
  | { readonly kind: 'unavailable'; readonly cause: unknown; readonly refusal?: Refusal };

/** Puts the question to `permit.verifyAt` (GET /api/v1/authcheck, the one harmless way: UPSTREAM.md). Never throws. */
export type Ask = (permit: Permit, at: RegionName, asker: Asker) => Promise<Verification>;

/** A caller with credentials. */
export interface Asker extends Caller {
  readonly credentials: Credentials;
}

export interface VerifyOptions {
  readonly goodMs: number;
  readonly badMs: number;
  /** How many credentials are remembered, good and bad together. */
  readonly entries: number;
  readonly now: () => number;
  readonly hash: HashParts;
  /** What other gateways were told, and the hash by which all of them name credentials: both or neither. */
  readonly shared?: { readonly verifications: SharedVerifications; readonly hash: HashParts } | undefined;
  /** Called for each verification: `cached` when the region was not asked for it. */
  readonly observe?: (at: RegionName, result: 'good' | 'bad' | 'unavailable', cached: boolean) => void;
}

export interface Verify {
  /**
   * An answer from memory, or a promise of the region's. `at` is `permit.verifyAt`, or the permit's region. Never rejects.
   * @param patience how long this request may wait for what gateways share; undefined: the store's own timeout
   */
  verify(permit: Permit, at: RegionName, asker: Asker, patience?: Patience): Verification | Promise<Verification>;
  /** Whether these very credentials were found good, at any region, within the time that good answers are kept. */
  isKnownGood(credentials: Credentials): boolean;
  /** The region answered a forwarded call with "not authorized": what was remembered as good is so no longer. */
  forget(at: RegionName, credentials: Credentials): void;
}

/** What is remembered of credentials, whoever asked. */
export interface Verifications {
  /**
   * The room by one way to the regions.
   * @param placeOf what a region is by that way: what one place says of credentials is nothing that another one said. Short
   */
  through(ask: Ask, placeOf: (at: RegionName) => string): Verify;
  /** Another gateway forgot the credentials of this hash (StoreNews): they are dropped from memory. */
  dropped(hash: KeyedHash): void;
}

/**
 * Of the time that an answer is kept, how long one from another gateway is remembered here where nobody tells how old it
 * is: this is what it may be kept too long.
 */
const SECOND_HAND = 1 / 10;

interface Result {
  readonly good: boolean;
  readonly untilMs: number;
  /** The credentials' name in `goodAnywhere`. */
  readonly anywhere: string;
}

/** The room where there is one way to the regions. */
export function createVerify(ask: Ask, options: VerifyOptions): Verify & Pick<Verifications, 'dropped'> {
  const verifications = createVerifications(options);
  return { ...verifications.through(ask, (at) => at), dropped: verifications.dropped };
}

/** State: an LRU of results by keyed hash, bounded by `entries`; no credentials are kept. */
export function createVerifications(options: VerifyOptions): Verifications {
  const { goodMs, badMs, entries, now, observe, shared } = options;
  const hash = shared?.hash ?? options.hash;
  const results = createBounded<Result>(entries);
  const goodAnywhere = createBounded<number>(entries);
  const asking = new Map<string, Question>();

  const hashAt = (place: string, c: Credentials): KeyedHash => hash('verified-at', place, c.name, c.token);
  // What stays in this process needs no hash of its own where the credentials have a digest.
  const nameAt = (place: string, c: Credentials): string =>
    shared === undefined && c.digest !== undefined ? c.digest + place : hashAt(place, c).toString('latin1');
  const nameAnywhere = (c: Credentials): string => c.digest ?? hash('verified', c.name, c.token).toString('latin1');

  function remember(name: string, credentials: Credentials, good: boolean, keepMs: number): void {
    const untilMs = now() + keepMs;
    const anywhere = nameAnywhere(credentials);
    results.set(name, { good, untilMs, anywhere });
    if (good) goodAnywhere.set(anywhere, untilMs);
  }

  function drop(name: string): void {
    const anywhere = results.get(name)?.anywhere;
    results.delete(name);
    if (anywhere !== undefined) goodAnywhere.delete(anywhere);
    // What is being found out may be what was just forgotten: it is answered, but not remembered.
    const question = asking.get(name);
    if (question !== undefined) question.stale = true;
  }

  /** What another gateway was told; undefined: nothing, or nobody can tell, and the region is asked. */
  async function secondHand({ place, asker: { credentials } }: Question, patience: Patience | undefined) {
    if (shared === undefined) return undefined;
    const found = await shared.verifications.find(hashAt(place, credentials), patience);
    if (found.kind !== 'found') return undefined;
    return { good: found.value, keepMs: found.leftMs ?? (found.value ? goodMs : badMs) * SECOND_HAND };
  }

  async function answerOf(question: Question, ask: Ask, patience: Patience | undefined) {
    const { name, permit, at, place, asker } = question;
    const { credentials } = asker;
    const known = await secondHand(question, patience);
    if (known !== undefined && !question.stale) {
      remember(name, credentials, known.good, known.keepMs);
      observe?.(at, known.good ? 'good' : 'bad', true);
      return known.good ? 'good' : 'bad';
    }
    const answer = await ask(permit, at, asker);
    if ((answer === 'good' || answer === 'bad') && !question.stale) {
      const keepMs = answer === 'good' ? goodMs : badMs;
      remember(name, credentials, answer === 'good', keepMs);
      shared?.verifications.put(hashAt(place, credentials), answer === 'good', keepMs);
    } else shared?.verifications.pass?.(hashAt(place, credentials));
    observe?.(at, typeof answer === 'string' ? answer : answer.kind, false);
    return answer;
  }

  const through: Verifications['through'] = (ask, placeOf) => ({
    verify(permit, at, asker, patience) {
      const place = placeOf(at);
      const name = nameAt(place, asker.credentials);
      const known = results.get(name);
      if (known !== undefined && known.untilMs > now()) {
        const answer = known.good ? 'good' : 'bad';
        observe?.(at, answer, true);
        return answer;
      }
      const underWay = asking.get(name)?.answer;
      if (underWay !== undefined) return underWay;
      const question: Question = { name, permit, at, place, asker, stale: false, answer: undefined };
      asking.set(name, question);
      question.answer = answerOf(question, ask, patience).finally(() => asking.delete(name));
      return question.answer;
    },
    isKnownGood(credentials) {
      const untilMs = goodAnywhere.get(nameAnywhere(credentials));
      return untilMs !== undefined && untilMs > now();
    },
    forget(at, credentials) {
      const place = placeOf(at);
      drop(nameAt(place, credentials));
      goodAnywhere.delete(nameAnywhere(credentials));
      shared?.verifications.forget(hashAt(place, credentials));
    },
  });

  return { through, dropped: (hashed) => drop(hashed.toString('latin1')) };
}

/** One that is being answered, for everybody who asks it meanwhile. */
interface Question {
  readonly name: string;
  readonly permit: Permit;
  readonly at: RegionName;
  readonly place: string;
  readonly asker: Asker;
  /** The credentials were forgotten since it was asked. */
  stale: boolean;
  answer: Promise<Verification> | undefined;
}
