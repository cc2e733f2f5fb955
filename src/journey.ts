// The path of a request through the gateway, one room a line. READ FIRST. It has no policy of its own: every room is
// handed in by gateway.ts and says itself what it refuses.

import type { Authenticate } from './caller/authenticate.ts';
import type { Identified, Unidentified } from './caller/identify.ts';
import type { Caller, Classified, Found, Locality, Permit, RegionName } from './domain.ts';
import type { Admit } from './limit/admit.ts';
import type { Decide } from './policy/decide.ts';
import type { Trip } from './record/record.ts';
import { Refusal } from './refusal.ts';
import type { RegionAnswer } from './region/attempt.ts';
import type { Downstream, Forward } from './region/forward.ts';
import { requestHeaders } from './region/headers.ts';
import type { Meaning } from './region/meaning.ts';

/** A request as it came in: its head, and the way to its body. */
export interface Arrival {
  readonly method: string;
  /** Request target as received: path and query. */
  readonly target: string;
  /** Flat, names as received. */
  readonly headers: readonly string[];
  readonly socketAddress: string;
  receive(): Buffer | Refusal | Promise<Buffer | Refusal | 'gone'>;
  readonly downstream: Downstream;
}

export type Answer =
  | Refusal
  /** The gateway's own. */
  | { readonly kind: 'here'; readonly body: string }
  | { readonly kind: 'region'; readonly answer: RegionAnswer; readonly status: number; readonly region: RegionName }
  /** Nobody is there to answer. */
  | 'gone';

export interface Rooms {
  readonly classify: (method: string, target: string) => Classified | Refusal;
  readonly identify: (headers: readonly string[], socketAddress: string) => Identified | Unidentified;
  readonly admit: Pick<Admit, 'admit' | 'missed'>;
  readonly locate: (accountName: string) => Found<Locality>;
  readonly decide: Decide;
  readonly authenticate: Authenticate;
  readonly forward: Forward;
  /** What a region's answer means, and the status that the caller is to see. */
  readonly interpret: (answer: RegionAnswer) => { readonly meaning: Meaning; readonly status: number };
  readonly forwardClientAddress: boolean;
}

/** The body of a status call that names neither account nor region: the service's own words, said of the gateway. */
const NOMINAL = '{"status":"nominal","locale":"en"}';

export type Journey = (arrival: Arrival, trip: Trip) => Promise<Answer>;

export function createJourney(rooms: Rooms): Journey {
  const { classify, identify, admit, locate, decide, authenticate } = rooms;

  return async function journey(arrival, trip) {
    const request = classify(arrival.method, arrival.target);
    if (request instanceof Refusal) return request;
    const { route } = request;
    trip.route = route;

    const identified = identify(arrival.headers, arrival.socketAddress);
    if ('refusal' in identified) return unidentified(identified);
    const { caller, regionHeader, host } = identified;

    const refused = admit.admit(request, caller);
    if (refused !== undefined) return refused;

    const account = caller.credentials && locate(caller.credentials.name);
    const named = { prefix: request.prefix, header: regionHeader, host };
    const decision = decide({ route, named, account });
    if (decision === 'here') return answerHere(trip);
    if (decision instanceof Refusal) {
      return decision.code === 'unknown_account' ? authenticate.failed(caller, decision) : decision;
    }
    trip.reason = decision.reason;

    const body = await arrival.receive();
    if (body === 'gone' || body instanceof Refusal) return body;

    const unverified = await authenticate.authenticate(decision, caller);
    if (unverified !== undefined) return unverified;

    return forward(request, decision, caller, body, arrival, trip);
  };

  function unidentified({ refusal, address }: Unidentified): Refusal {
    if (refusal.code !== 'credentials_malformed') return refusal;
    return authenticate.failed({ credentials: undefined, address }, refusal);
  }

  function answerHere(trip: Trip): Answer {
    trip.reason = 'answered_here';
    return { kind: 'here', body: NOMINAL };
  }

  /** Sends the request on its permit, and tells the other rooms what its answer means to them. */
  async function forward(
    request: Classified,
    permit: Permit,
    caller: Caller,
    body: Buffer,
    arrival: Arrival,
    trip: Trip,
  ): Promise<Answer> {
    const { route, path, query } = request;
    const clientAddress = rooms.forwardClientAddress ? caller.address : undefined;
    const outgoing = {
      method: route.method,
      target: path + query,
      headers: requestHeaders(arrival.headers, permit.credentials, caller.credentials?.header, clientAddress),
      // A GET's body has no meaning, and where the service would read one it could turn the call into another.
      body: route.method === 'POST' ? body : undefined,
    };
    trip.region = permit.region;
    const forwarded = await rooms.forward(permit, permit.region, 'forward', route.effect, outgoing, arrival.downstream);
    if (forwarded.kind === 'gone') return 'gone';
    if (forwarded.kind === 'refused') return forwarded.refusal;

    trip.outcome = 'delivered';
    const { meaning, status } = rooms.interpret(forwarded.answer);
    if (meaning === 'not_authorized') authenticate.turnedDown(permit, caller);
    if (meaning === 'unknown_secret') admit.missed(request, caller);
    return { kind: 'region', answer: forwarded.answer, status, region: permit.region };
  }
}
