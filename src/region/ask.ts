// Asks a region whether credentials are good: GET /api/v1/authcheck, the one harmless way (UPSTREAM.md).
import type { Ask, Verification } from '../caller/verify.ts';
import type { Refusal } from '../refusal.ts';
import type { RegionAnswer } from './attempt.ts';
import type { Egress, Forward } from './forward.ts';
import { type Meaning, saysNominal } from './meaning.ts';

/** Simultaneous askers share the answer, so one caller that leaves must not take it from the others. */
const SOMEBODY = { isGone: () => false, onGone: () => {} };

/** That nothing may leave is no matter of this region's: whoever asks is told as every other caller is. */
function unasked(refusal: Refusal): Verification {
  const { cause } = refusal.details;
  return refusal.code === 'audit_unavailable'
    ? { kind: 'unavailable', cause, refusal }
    : { kind: 'unavailable', cause };
}

/**
 * @param interpret what an answer means
 * @param forwardAddress whether the region is told the caller's address, by which it counts these questions
 * @returns `good` only for the service's own words: a maintenance page with status 200 verifies nobody
 */
export function createAsk(
  forward: Forward,
  interpret: (answer: RegionAnswer) => { readonly meaning: Meaning },
  forwardAddress: boolean,
): Ask {
  return async (permit, at, asker) => {
    const { credentials, address, standing, account, trace } = asker;
    const headers = ['accept', 'application/json', 'authorization', credentials.header];
    if (forwardAddress) headers.push('x-forwarded-for', address);
    const request = { method: 'GET', target: '/api/v1/authcheck', headers, body: undefined } as const;
    // Of several who ask at once the first one's: it is asked for its credentials, which are everybody's.
    const egress: Egress = {
      requestId: undefined,
      account,
      client: address,
      standing,
      route: undefined,
      trace,
      region: undefined,
      upstream: undefined,
      certificate: undefined,
      upstreamMs: undefined,
    };
    const forwarded = await forward(permit, at, 'verify', 'none', request, SOMEBODY, egress);
    if (forwarded.kind === 'gone') return { kind: 'unavailable', cause: undefined };
    if (forwarded.kind === 'refused') return unasked(forwarded.refusal);

    const { answer } = forwarded;
    const { meaning } = interpret(answer);
    if (!Buffer.isBuffer(answer.body)) {
      answer.body.destroy();
      return { kind: 'unavailable', cause: { code: 'AUTHCHECK_TOO_LONG' } };
    }
    if (meaning === 'success' && saysNominal(answer.body)) return 'good';
    return meaning === 'not_authorized' ? 'bad' : { kind: 'unavailable', cause: { code: `AUTHCHECK_${meaning}` } };
  };
}
