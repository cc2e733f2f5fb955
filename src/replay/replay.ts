// Calls that change something, sent with Idempotency-Key: the first answer is kept sealed and given again to a repeat.
import type { RegionName } from '../domain.ts';
import type { Answer, Call } from '../journey.ts';
import { hintForUnknown, Refusal } from '../refusal.ts';
import { readIdempotencyKey } from './header.ts';
import type { SharedVault } from './shared-vault.ts';
import type { Began, Replayable, Vault } from './vault.ts';

export type ReplayResult = 'first' | 'replayed' | 'mismatch';

/** What of an answer is kept: success and unknown outcomes, never what the caller may put right and send again. */
function keep(answer: Answer): Replayable | undefined {
  if (answer === 'gone') return undefined;
  if (answer instanceof Refusal) {
    if (answer.details.outcome !== 'unknown') return undefined;
    return { kind: 'unknown', code: answer.code === 'region_timeout' ? 'region_timeout' : 'region_failed' };
  }
  if (answer.kind !== 'region') return undefined;
  const { status, headers, body, region } = answer;
  if (status < 200 || status > 299) return undefined;
  // Too long to be collected, so too long to be kept: a repeat must not send it again, and cannot see it.
  if (!Buffer.isBuffer(body)) return { kind: 'unknown', code: 'answer_not_kept' };
  return { kind: 'answered', status, headers, body, region };
}

/** The kept answer as a repeat gets it. */
function again(kept: Replayable, call: Call): Answer {
  call.trip.replayed = true;
  call.trip.outcome = kept.kind === 'answered' ? 'delivered' : 'unknown';
  const headers = ['Idempotency-Replayed', 'true'];
  if (kept.kind === 'unknown') {
    const hint = hintForUnknown(call.request.route.effect);
    return new Refusal(kept.code, { outcome: 'unknown', hint, headers });
  }
  const { status, body } = kept;
  return { kind: 'region', region: kept.region as RegionName, status, headers: [...kept.headers, ...headers], body };
}

/** The header may only be read where it means something: on calls that do not change anything it is ignored. */
function keyOf({ request, arrival }: Call): string | undefined | Refusal {
  if (request.route.effect === 'none') return undefined;
  const given = readIdempotencyKey(arrival.headers);
  if (given.kind === 'absent') return undefined;
  if (given.kind === 'given') return given.key;
  return new Refusal('idempotency_key_malformed', { outcome: 'not_sent', hint: given.hint });
}

/** Without knowing whether it was sent before, it is not sent: a secret could be consumed twice, or made twice. */
function unavailable(cause: unknown): Refusal {
  return new Refusal('replay_unavailable', {
    outcome: 'not_sent',
    headers: ['Retry-After', '5'],
    hint: 'Send it again in a moment with the same Idempotency-Key. If it surely was never sent before, it may be sent without the header.',
    cause,
  });
}

/**
 * Makes the room (draft-ietf-httpapi-idempotency-key-header).
 * @param vault of this process, or shared by gateways; undefined where `replay: off`: then the header is ignored
 * @returns answers a repeat from the vault, lets it wait for the first, or has the call sent
 */
export function createReplay(
  vault: Vault | SharedVault | undefined,
  observe: (result: ReplayResult) => void,
): (call: Call, send: (call: Call) => Promise<Answer>) => Promise<Answer> {
  if (vault === undefined) return (call, send) => send(call);

  async function sendFirst(began: Began & { kind: 'first' }, call: Call, send: (call: Call) => Promise<Answer>) {
    let kept: Replayable | undefined;
    try {
      const answer = await send(call);
      kept = keep(answer);
      return answer;
    } catch (error) {
      // A defect of ours after the request may have been sent: a repeat must not send it again.
      if (call.trip.region !== undefined) kept = { kind: 'unknown', code: 'region_failed' };
      throw error;
    } finally {
      began.settle(kept);
    }
  }

  async function answer(shelf: Vault | SharedVault, key: string, call: Call, send: (call: Call) => Promise<Answer>) {
    const { request, caller, permit, body, arrival, trip } = call;
    const same = {
      method: request.route.method,
      // With its region: the same words to another one are another request.
      target: `${permit.region} ${request.path}${request.query}`,
      contentType: contentTypeOf(arrival.headers),
      body,
    };
    for (;;) {
      const begun = shelf.begin(key, caller.credentials?.header, same, trip.patience);
      const began = begun instanceof Promise ? await begun : begun;
      switch (began.kind) {
        case 'first':
          observe('first');
          return sendFirst(began, call, send);
        case 'replay':
          observe('replayed');
          return again(began.answer, call);
        case 'mismatch':
          observe('mismatch');
          return new Refusal('idempotency_key_reused', { outcome: 'not_sent' });
        case 'unavailable':
          return unavailable(began.cause);
        case 'under_way':
          await began.done;
          if (arrival.downstream.isGone()) return 'gone';
      }
    }
  }

  return function replay(call, send) {
    const key = keyOf(call);
    // Without the header, as nearly always, this room costs no promise.
    if (key === undefined) return send(call);
    return key instanceof Refusal ? Promise.resolve(key) : answer(vault, key, call, send);
  };
}

function contentTypeOf(raw: readonly string[]): string {
  for (let i = 0; i + 1 < raw.length; i += 2) if (raw[i]?.toLowerCase() === 'content-type') return raw[i + 1] ?? '';
  return '';
}
