// The rooms of one request that leaves spans: each is what it was, within a span of its own.
import type { Identified, Unidentified } from '../caller/identify.ts';
import type { Found } from '../domain.ts';
import type { Call, Rooms } from '../journey.ts';
import type { Decision } from '../policy/question.ts';
import { Refusal } from '../refusal.ts';
import { type Attributes, ofRefusal, type SpanTrace } from './span.ts';

const FAILED = { 'error.type': 'internal_error' } as const;

function ofFound(lookup: 'account' | 'key'): (found: Found<unknown> | undefined) => Attributes {
  return (found) => ({ 'onetime.lookup': lookup, 'onetime.found': found?.kind });
}

function ofDecision(decision: Decision): Attributes {
  if (decision === 'here') return { 'onetime.reason': 'answered_here' };
  if (decision instanceof Refusal) return ofRefusal(decision);
  const { region, reason } = 'permit' in decision ? decision.permit : decision;
  return { 'onetime.reason': reason, 'onetime.region': region };
}

/** Where it does not, the vault is not asked (replay/replay.ts). */
function mayBeRepeat({ request, arrival: { headers } }: Call): boolean {
  if (request.route.effect === 'none') return false;
  return headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'idempotency-key');
}

/** The time in the vault: until it has the call sent, or has answered. */
function replayed(trace: SpanTrace, replay: Rooms['replay']): Rooms['replay'] {
  return (call, send) => {
    if (!mayBeRepeat(call)) return replay(call, send);
    const span = trace.child('replay');
    let over = false;
    const end = (attributes: Attributes): void => {
      if (!over) span.end(attributes);
      over = true;
    };
    const answered = replay(call, (first) => {
      end({ 'onetime.replay': 'sent' });
      return send(first);
    });
    answered.then(
      (answer) => end({ ...ofRefusal(answer), 'onetime.replay': call.trip.replayed ? 'replayed' : undefined }),
      () => end(FAILED),
    );
    return answered;
  };
}

/**
 * @param trace the request's own span
 * @returns rooms for this one request
 */
export function spanned(rooms: Rooms, trace: SpanTrace): Rooms {
  const { identify, admit, locateAccount, locateKey, decide, authenticate, replay } = rooms;
  return {
    ...rooms,
    identify: (headers, address) =>
      trace.within(
        'identify',
        () => identify(headers, address),
        (found: Identified | Unidentified) => ('refusal' in found ? ofRefusal(found.refusal) : {}),
      ),
    admit: {
      admit: (request, caller, patience) =>
        trace.within(
          'admit',
          () => admit.admit(request, caller, patience),
          (limited: Refusal | undefined) => ({
            ...ofRefusal(limited),
            'onetime.limit': limited?.details.limit,
          }),
        ),
    },
    locateAccount: (name, patience, digest) =>
      trace.within('locate', () => locateAccount(name, patience, digest), ofFound('account')),
    locateKey: (request, caller, patience) =>
      request.key === undefined
        ? locateKey(request, caller, patience)
        : trace.within('locate', () => locateKey(request, caller, patience), ofFound('key')),
    decide: (question, note) => trace.within('decide', () => decide(question, note), ofDecision),
    authenticate: {
      ...authenticate,
      authenticate: (permit, caller, patience) =>
        // Where the region is not to be asked, there is nothing to tell.
        caller.credentials === undefined || permit.verifyAt === undefined
          ? authenticate.authenticate(permit, caller, patience)
          : trace.within(
              'verify',
              (span) => authenticate.authenticate(permit, { ...caller, trace: span }, patience),
              ofRefusal,
            ),
    },
    replay: replayed(trace, replay),
  };
}
