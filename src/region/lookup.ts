// The addresses of upstreams and proxies, remembered for a time: a resolver that is away does not take the regions with it,
// and none is asked for every connection. The system's own resolver tells no lifetime of its answers (getaddrinfo has none),
// so there is one for all of them.
import dns, { type LookupAddress } from 'node:dns';
import { closeSync, openSync } from 'node:fs';
import type { LookupFunction } from 'node:net';
import { devNull } from 'node:os';
import { createBounded } from '../bounded.ts';
import { isSpent } from './failure.ts';

/** All addresses of a name, at least one, in the order to be tried. */
export type Resolve = (
  hostname: string,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

/** So long an answer is used without asking again: records of data centres live about as long, or longer. */
export const FRESH_MS = 30_000;
/** So long it is used while nobody can give a better one. A name that is gone for longer is gone. */
export const STALE_MS = 5 * 60_000;
/** How long a connection waits for a better one while there is one. */
const PATIENCE_MS = 250;
/** After a failure the old answer does for so long before the resolver is asked again. */
const RETRY_MS = 5000;
/** Names come from the configuration; reloads bring new ones. */
const NAMES = 256;

/** As Node does without a lookup of one's own: all addresses that this machine has a way to. */
const resolveBySystem: Resolve = (hostname, done) => {
  dns.lookup(hostname, { all: true, hints: dns.ADDRCONFIG }, (error, addresses) => {
    done(error === null ? null : causeOf(error), addresses ?? []);
  });
};

/** Where no descriptor is left to ask anybody with, the system says that there is no such name: that is no fault of the name's. */
function causeOf(error: Error): Error {
  try {
    closeSync(openSync(devNull, 'r'));
    return error;
  } catch (cause) {
    return cause instanceof Error && isSpent(cause) ? cause : error;
  }
}

type Told = (error: Error | null, addresses: readonly LookupAddress[]) => void;

/** One name: what is known of it, and who waits for more. */
class Name {
  #addresses: readonly LookupAddress[] = [];
  #knownMs = Number.NEGATIVE_INFINITY;
  #askedMs = Number.NEGATIVE_INFINITY;
  #failedMs = Number.NEGATIVE_INFINITY;
  #waiting: Told[] = [];
  readonly #hostname: string;
  readonly #resolve: Resolve;
  readonly #now: () => number;

  constructor(hostname: string, resolve: Resolve, now: () => number) {
    this.#hostname = hostname;
    this.#resolve = resolve;
    this.#now = now;
  }

  ask(told: Told): void {
    const now = this.#now();
    const isUsable = now - this.#knownMs < STALE_MS;
    const hangs = this.#waiting.length > 0 && now - this.#askedMs >= PATIENCE_MS;
    if (now - this.#knownMs < FRESH_MS || (isUsable && (hangs || now - this.#failedMs < RETRY_MS))) {
      told(null, this.#addresses);
      return;
    }
    this.#query(isUsable ? this.#impatient(told) : told);
  }

  /** A resolver that hangs does so for longer than a connection may take. */
  #impatient(told: Told): Told {
    let over = false;
    const tell: Told = (error, addresses) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      told(error, addresses);
    };
    const old = this.#addresses;
    const timer = setTimeout(() => tell(null, old), PATIENCE_MS);
    return tell;
  }

  /** One question at a time: a resolver that hangs holds one thread of the system's, not all of them. */
  #query(told: Told): void {
    this.#waiting.push(told);
    if (this.#waiting.length > 1) return;
    this.#askedMs = this.#now();
    this.#resolve(this.#hostname, (error, addresses) => {
      const now = this.#now();
      const failure = error ?? (addresses.length === 0 ? noAddress() : null);
      if (failure === null) {
        this.#addresses = addresses;
        this.#knownMs = now;
      } else this.#failedMs = now;
      const isUsable = now - this.#knownMs < STALE_MS;
      for (const each of this.#waiting.splice(0)) each(isUsable ? null : failure, isUsable ? this.#addresses : []);
    });
  }
}

function noAddress(): Error {
  return Object.assign(new Error('the name has no address'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' });
}

/**
 * @param now milliseconds of a clock that nobody sets
 * @returns for net.connect and tls.connect. Fails as `resolve` does where there is no answer that may still be used.
 */
export function createLookup(now: () => number, resolve: Resolve = resolveBySystem): LookupFunction {
  const names = createBounded<Name>(NAMES);
  return (hostname, options, done) => {
    const key = hostname.toLowerCase();
    const name = names.get(key) ?? new Name(key, resolve, now);
    names.set(key, name);
    name.ask((error, addresses) => {
      // A lookup never answers before it returns: who connects listens for errors only afterwards.
      queueMicrotask(() => {
        const fitting = addresses.filter(({ family }) => !options.family || options.family === family);
        const [first] = fitting;
        if (error !== null || first === undefined) done(error ?? noAddress(), options.all ? [] : '', 4);
        else if (options.all) done(null, [...fitting]);
        else done(null, first.address, first.family);
      });
    });
  };
}
