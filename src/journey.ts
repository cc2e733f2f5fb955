// The path of a request through the gateway, one room a line. READ FIRST. It has no policy of its own: every room is
// handed in by gateway.ts and says itself what it refuses.
import type { Readable } from 'node:stream';
import type { Authenticate } from './caller/authenticate.ts';
import type { Identified, Unidentified } from './caller/identify.ts';
import {
  type Caller,
  type Classified,
  type Credentials,
  type Found,
  type Patience,
  Permit,
  type RegionName,
  type StandingOf,
} from './domain.ts';
import type { Admit } from './limit/admit.ts';
import type { Pressure, Shed } from './limit/pressure.ts';
import type { Own } from './listener/own.ts';
import type { Locate } from './locality/localities.ts';
import type { Decide, Held } from './policy/question.ts';
import type { Trip } from './record/record.ts';
import type { AnswerReference } from './reference/reference.ts';
import { Refusal } from './refusal.ts';
import type { Downstream } from './region/forward.ts';
import type { Send } from './region/send.ts';

/** A request as it came in: its head, and the way to its body. */
export interface Arrival {
  readonly method: string;
  /** Request target as received: path and query. */
  readonly target: string;
  /** Flat, names as received. */
  readonly headers: readonly string[];
  readonly socketAddress: string;
  receive(): Buffer | Refusal | Promise<Buffer | Refusal | 'gone'>;
  /** What the body may come to: what it says, or as much as it may have. */
  readonly bodyBytes: number;
  /** Ends the receiving of the body, which the refusal is then; nothing once it is over. */
  interrupt(refusal: Refusal): void;
  readonly downstream: Downstream;
}

/** What a region answered, ready to be written: only the headers that may cross. */
export interface RegionReply {
  readonly kind: 'region';
  readonly region: RegionName;
  readonly status: number;
  /** Flat. */
  readonly headers: readonly string[];
  /** A stream only when it is too long to be collected. */
  readonly body: Buffer | Readable;
  /** Of a stream, where the region announced it. */
  readonly lengthBytes?: number | undefined;
}

/** The gateway's own. */
export interface OwnAnswer {
  readonly kind: 'own';
  readonly status: number;
  /** Flat. */
  readonly headers: readonly string[];
  readonly body: string;
  /** Its Cache-Control, where it is not `no-store`. */
  readonly caching?: string;
}

export type Answer =
  | Refusal
  | RegionReply
  | OwnAnswer
  /** Nobody is there to answer. */
  | 'gone';

export interface Rooms {
  readonly classify: (method: string, target: string) => Classified | Refusal;
  readonly identify: (headers: readonly string[], socketAddress: string) => Identified | Unidentified;
  /** Turns away what this thread has no time for. */
  readonly shed: Shed;
  /** Turns away whose body is being received, where there is no memory for it. */
  readonly receiving: Pressure['receiving'];
  readonly admit: Pick<Admit, 'admit'>;
  readonly locateAccount: Locate;
  /** What a connection holds the permit against. */
  readonly standingOf: StandingOf;
  /** The account's keyed hash in hex: its name in records. */
  readonly nameOf: (credentials: Credentials) => string;
  readonly locateKey: (
    request: Classified,
    caller: Caller,
    patience: Patience,
  ) => Found<Held> | undefined | Promise<Found<Held>>;
  readonly decide: Decide;
  readonly authenticate: Authenticate;
  /** Answers a repeated call from the vault, or has it sent. */
  readonly replay: (call: Call, send: (call: Call) => Promise<Answer>) => Promise<Answer>;
  /** Sends, once, and tells the rooms that learn from the answer. */
  readonly send: Send;
  /** The gateway's own answers in place of a region's. */
  readonly own: Own;
  /** What tells of the API. */
  readonly reference: AnswerReference;
}

/** A request that may go: everything that was found out about it. */
export interface Call {
  readonly request: Classified;
  readonly caller: Caller;
  readonly permit: Permit;
  /** Received whole. */
  readonly body: Buffer;
  readonly arrival: Arrival;
  readonly trip: Trip;
}

export type Journey = (arrival: Arrival, trip: Trip) => Promise<Answer>;

export function createJourney(rooms: Rooms): Journey {
  const { classify, identify, shed, admit, locateAccount, standingOf, nameOf, locateKey, decide } = rooms;
  const { receiving, authenticate, replay, send, own } = rooms;

  return async function journey(arrival, trip) {
    const request = classify(arrival.method, arrival.target);
    if (request instanceof Refusal) return request;
    const { route } = request;
    const { patience } = trip;
    trip.route = route;
    if (route.version === 'reference') {
      trip.reason = 'answered_here';
      return shed('anonymous') ?? rooms.reference(route, arrival.headers);
    }

    const identified = identify(arrival.headers, arrival.socketAddress);
    trip.client = 'refusal' in identified ? identified.address : identified.caller.address;
    if ('refusal' in identified) return unidentified(identified, patience);
    const { regionHeader, host } = identified;
    // A link is followed, not called: whoever follows it does so as nobody.
    const caller = route.version === 'link' ? { ...identified.caller, credentials: undefined } : identified.caller;

    const load = caller.credentials === undefined ? 'anonymous' : 'authenticated';
    const overloaded = shed(load);
    if (overloaded !== undefined) return overloaded;
    // What memory answers is not awaited: no promise on the way of most requests.
    const admitted = admit.admit(request, caller, patience);
    const limited = admitted instanceof Promise ? await admitted : admitted;
    if (caller.credentials !== undefined) trip.account = caller.account = nameOf(caller.credentials);
    if (limited !== undefined) return limited;

    const lives = caller.credentials && locateAccount(caller.credentials.name, patience, caller.credentials.digest);
    const account = lives instanceof Promise ? await lives : lives;
    trip.standing = caller.standing = standingOf(account);
    caller.trace = trip.trace;
    const located = locateKey(request, caller, patience);
    const held = located instanceof Promise ? await located : located;
    const named = { prefix: request.prefix, header: regionHeader, host };
    const decision = decide({ route, named, account, held });
    if (decision === 'here') {
      trip.reason = 'answered_here';
      return own.status();
    }
    if (decision instanceof Refusal) {
      if (route.version === 'link') return own.link(request, decision);
      return decision.code === 'unknown_account' ? authenticate.failed(caller, decision, patience) : decision;
    }
    const permit = Permit.isGenuine(decision) ? decision : decision.permit;
    if (route.version === 'link') return own.link(request, permit);
    trip.reason = permit.reason;

    const received = arrival.receive();
    const body = received instanceof Promise ? await receiving(load, arrival, received) : received;
    if (body === 'gone' || body instanceof Refusal) return body;
    trip.receivedBytes = body.length;

    const asked = authenticate.authenticate(permit, caller, patience);
    const unverified = asked instanceof Promise ? await asked : asked;
    if (unverified !== undefined) return unverified;
    const call = { request, caller, permit, body, arrival, trip };
    if (Permit.isGenuine(decision)) return replay(call, send);
    const { answer } = decision;
    return answer instanceof Refusal ? answer : replay(call, async () => own.unknownKey(call));
  };

  function unidentified({ refusal, address }: Unidentified, patience: Patience): Refusal | Promise<Refusal> {
    if (refusal.code !== 'credentials_malformed') return refusal;
    return authenticate.failed({ credentials: undefined, address }, refusal, patience);
  }
}
