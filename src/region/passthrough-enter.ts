// What is asked before a passed-through request may leave: the same rooms as on the journey, with the region that the
// prefix is configured for.
import type { Authenticate } from '../caller/authenticate.ts';
import type { Identified, Unidentified } from '../caller/identify.ts';
import { type Caller, type Credentials, Permit, type RegionName, type Route, type StandingOf } from '../domain.ts';
import type { Arrival } from '../journey.ts';
import type { Admit } from '../limit/admit.ts';
import type { Shed } from '../limit/pressure.ts';
import type { Exchange } from '../listener/exchange.ts';
import type { Locate } from '../locality/localities.ts';
import type { Decide } from '../policy/question.ts';
import type { Trip } from '../record/record.ts';
import { Refusal } from '../refusal.ts';
import { passingRequestHeaders } from './passthrough-headers.ts';
import type { Shown } from './passthrough-line.ts';
import { isPlainTarget } from './passthrough-path.ts';

/** One configured prefix (config/types.ts). */
export interface PassthroughRow {
  readonly prefix: string;
  readonly region: RegionName;
  readonly credentials: 'drop' | 'forward';
}

/** A request whose target stands under a prefix. */
export interface Entrant {
  readonly row: PassthroughRow;
  readonly arrival: Arrival;
  readonly trip: Trip;
  readonly exchange: Exchange;
  /** Whether the router has the prefix's own route for it: not for methods that are not passed through. */
  readonly routed: boolean;
  /** Writes a refusal in place of the region's answer. */
  readonly refuse: (refusal: Refusal) => void;
}

/** A request that may go, and what its connection must know of it. */
export interface Passage extends Entrant {
  readonly permit: Permit;
  readonly caller: Caller;
  /** Path and query, as received. */
  readonly target: string;
  /** Flat: what goes to the region. */
  readonly headers: string[];
  /** Whether cookies cross, each way. */
  readonly cookies: boolean;
  /** Aborted when the caller has gone, or does not send what it began. */
  readonly signal: AbortSignal;
  readonly startedMs: number;
  /** By the connection that it is given to, whose certificate is known once it is open. */
  shown?: Shown | undefined;
  /** Whether a byte may have been sent. */
  sent: boolean;
  /** What the permit rests on ended before anything was sent. */
  lapsed: Refusal | undefined;
  /** Why nothing, or no whole answer, came of it. */
  failure: Refusal | undefined;
  /** To be called when it has been sent: moves of accounts need not wait for it any more. May be called twice. */
  readonly release: () => void;
}

export interface EnterRooms {
  /** The row of the route table that stands for every prefix. */
  readonly route: Route;
  readonly identify: (headers: readonly string[], socketAddress: string) => Identified | Unidentified;
  readonly shed: Shed;
  readonly admit: Pick<Admit, 'admit'>;
  readonly locateAccount: Locate;
  readonly standingOf: StandingOf;
  /** The account's name in records (journey.ts). */
  readonly nameOf: (credentials: Credentials) => string;
  readonly decide: Decide;
  readonly authenticate: Authenticate;
  /** Undefined while what the permit rests on still holds (forward.ts). */
  readonly lapsed: (permit: Permit, region: RegionName) => Refusal | undefined;
  /** A move's next step waits from here on until what is returned is called: more than once does no harm. */
  readonly hold: () => () => void;
  readonly forwardClientAddress: boolean;
  readonly now: () => number;
}

export type Enter = (entrant: Entrant) => Promise<Passage | Refusal | 'gone'>;

/** Methods of the proxy's routes. TRACE would show the caller what the gateway added, CONNECT is no request for a page. */
export const PASSING_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** A caller whose credentials stay here is treated as nobody, so they are not even read. */
function withoutAuthorization(raw: readonly string[]): string[] {
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== 'authorization') headers.push(raw[i] ?? '', raw[i + 1] ?? '');
  }
  return headers;
}

/** Makes the checks. */
export function createEnter(rooms: EnterRooms): Enter {
  const { route, identify, admit, locateAccount, standingOf, nameOf, decide, authenticate } = rooms;

  function passageOf(entrant: Entrant, permit: Permit, caller: Caller, release: () => void): Passage {
    const { row, arrival, trip, exchange } = entrant;
    const gone = new AbortController();
    arrival.downstream.onGone(() => gone.abort());
    exchange.interrupt = () => gone.abort();
    const cookies = row.credentials === 'forward' && permit.credentials !== 'strip';
    const headers = passingRequestHeaders(arrival.headers, {
      cookies,
      authorization: permit.credentials === 'forward' ? caller.credentials?.header : undefined,
      clientAddress: rooms.forwardClientAddress ? caller.address : undefined,
      trace: trip.trace?.headers,
    });
    return {
      ...entrant,
      permit,
      caller,
      target: arrival.target,
      headers,
      cookies,
      signal: gone.signal,
      startedMs: rooms.now(),
      sent: false,
      lapsed: undefined,
      failure: undefined,
      release,
    };
  }

  /** Who may go where, from the caller's headers. */
  async function permitFor({ row, arrival, trip }: Entrant): Promise<{ permit: Permit; caller: Caller } | Refusal> {
    const { patience } = trip;
    const raw = row.credentials === 'forward' ? arrival.headers : withoutAuthorization(arrival.headers);
    const identified = identify(raw, arrival.socketAddress);
    trip.client = 'refusal' in identified ? identified.address : identified.caller.address;
    if ('refusal' in identified) {
      const { refusal, address } = identified;
      if (refusal.code !== 'credentials_malformed') return refusal;
      return authenticate.failed({ credentials: undefined, address }, refusal, patience);
    }
    const { caller, regionHeader, host } = identified;
    const overloaded = rooms.shed(caller.credentials === undefined ? 'anonymous' : 'authenticated');
    if (overloaded !== undefined) return overloaded;
    const request = { route, path: arrival.target, query: '', key: undefined, prefix: undefined };
    if (caller.credentials !== undefined) trip.account = caller.account = nameOf(caller.credentials);
    const limited = await admit.admit(request, caller, patience);
    if (limited !== undefined) return limited;

    const account =
      caller.credentials && (await locateAccount(caller.credentials.name, patience, caller.credentials.digest));
    trip.standing = caller.standing = standingOf(account);
    caller.trace = trip.trace;
    const named = { prefix: row.region, header: regionHeader, host };
    const permit = decide({ route, named, account, held: undefined });
    if (Permit.isGenuine(permit)) return { permit, caller };
    if (!(permit instanceof Refusal)) return new Refusal('internal_error', { outcome: 'not_sent' });
    return permit.code === 'unknown_account' ? authenticate.failed(caller, permit, patience) : permit;
  }

  async function check(entrant: Entrant, release: () => void): Promise<Passage | Refusal | 'gone'> {
    const { arrival, trip } = entrant;
    trip.route = route;
    if (!isPlainTarget(arrival.target)) return new Refusal('path_malformed');
    if (!entrant.routed) {
      return new Refusal('method_not_allowed', { headers: ['Allow', PASSING_METHODS.join(', ')] });
    }
    const permitted = await permitFor(entrant);
    if (permitted instanceof Refusal) return permitted;
    const { permit, caller } = permitted;
    trip.reason = permit.reason;
    const unverified = await authenticate.authenticate(permit, caller, trip.patience);
    if (unverified !== undefined) return unverified;
    const lapsed = rooms.lapsed(permit, permit.region);
    if (lapsed !== undefined) return lapsed;
    if (arrival.downstream.isGone()) return 'gone';
    return entrant.exchange.trouble ?? passageOf(entrant, permit, caller, release);
  }

  return async function enter(entrant) {
    const release = rooms.hold();
    let passage: Passage | Refusal | 'gone' = 'gone';
    try {
      passage = await check(entrant, release);
      return passage;
    } finally {
      const { res } = entrant.exchange;
      // Where it is never sent, its caller is answered or has gone.
      if (passage === 'gone' || passage instanceof Refusal || res.closed) release();
      else res.once('close', release);
    }
  };
}
