// One call to the region of its permit, and what its answer teaches: the last rooms of the journey before the record.
import type { Answer, Call, RegionReply } from '../journey.ts';
import { Refusal } from '../refusal.ts';
import type { RegionAnswer } from './attempt.ts';
import type { Forward } from './forward.ts';
import { requestHeaders } from './headers.ts';
import { type Meaning, tellsUnknown } from './meaning.ts';
import { withoutSecretKeys } from './recent.ts';

export interface SendRooms {
  readonly forward: Forward;
  /** What a region's answer means, and the status that the caller is to see. */
  readonly interpret: (answer: RegionAnswer) => { readonly meaning: Meaning; readonly status: number };
  /** Spends from the region's budget for anonymous calls. */
  readonly budget: (call: Call) => Refusal | undefined | Promise<Refusal | undefined>;
  /** The region turned forwarded credentials down. */
  readonly turnedDown: (call: Call) => void;
  /** The region did not know the secret. */
  readonly missed: (call: Call) => void;
  /** A create succeeded: its keys are remembered before its answer leaves, within a bound. Never rejects. */
  readonly learn: (call: Call, body: Buffer) => Promise<void>;
  readonly forwardClientAddress: boolean;
}

export type Send = (call: Call) => Promise<Answer>;

/** Makes the room. An answer that must not leave as it is (recent) is pruned, or withheld. */
export function createSend(rooms: SendRooms): Send {
  const { interpret, budget, turnedDown, missed, learn } = rooms;

  return async function send(call) {
    const { request, caller, permit, body, arrival, trip } = call;
    const { route, path, query } = request;
    const spent = budget(call);
    const overBudget = spent instanceof Promise ? await spent : spent;
    if (overBudget !== undefined) return overBudget;

    const clientAddress = rooms.forwardClientAddress ? caller.address : undefined;
    const outgoing = {
      method: route.method,
      target: path + query,
      headers: requestHeaders(arrival.headers, permit.credentials, caller.credentials?.header, clientAddress),
      // A GET's body has no meaning, and where the service would read one it could turn the call into another.
      body: route.method === 'POST' ? body : undefined,
    };
    const { downstream } = arrival;
    const forwarded = await rooms.forward(permit, permit.region, 'forward', route.effect, outgoing, downstream, trip);
    if (forwarded.kind === 'gone') return 'gone';
    if (forwarded.kind === 'refused') return forwarded.refusal;

    trip.outcome = 'delivered';
    const { answer } = forwarded;
    const { meaning, status } = interpret(answer);
    if (meaning === 'not_authorized') turnedDown(call);
    if (meaning === 'unknown_secret' || isMiss(call, answer)) missed(call);
    if (meaning === 'success' && route.effect === 'creates' && Buffer.isBuffer(answer.body)) {
      await learn(call, answer.body);
    }
    return reply(call, answer, status);
  };
}

function isMiss({ request: { route } }: Call, { status, body }: RegionAnswer): boolean {
  return route.retrieves && route.effect === 'none' && status === 200 && Buffer.isBuffer(body) && tellsUnknown(body);
}

function reply({ request, permit }: Call, answer: RegionAnswer, status: number): RegionReply | Refusal {
  let { body } = answer;
  if (request.route.answer === 'without_secret_keys') {
    const pruned = Buffer.isBuffer(body) ? withoutSecretKeys(body) : undefined;
    if (pruned === undefined && !Buffer.isBuffer(body)) body.destroy();
    if (pruned === undefined) return new Refusal('answer_withheld', { outcome: 'delivered' });
    body = pruned;
  }
  const { crossing: headers, lengthBytes } = answer.head;
  return { kind: 'region', region: permit.region, status, headers, body, lengthBytes };
}
