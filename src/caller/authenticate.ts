// Between permit and region: are the credentials good, where the permit asks for it or the caller has failed too often.
import type { Caller, Patience, Permit, RegionName } from '../domain.ts';
import { CHALLENGE, Refusal } from '../refusal.ts';
import { createLanes } from './lanes.ts';
import type { Asker, Verification, Verify } from './verify.ts';

/** The limit on failed authentication, as this room needs it (limit/admit.ts). */
export interface FailedAuth {
  /** Whether surely nobody is over the limit: known at once. */
  isQuiet(): boolean;
  /** Undefined while the caller is within the limit, else the 429. Spends nothing; never rejects. */
  over(caller: Caller, patience?: Patience): Over | Promise<Over>;
  /** Counts one failure against the client and, where one was named, the account. */
  charge(caller: Caller): void;
  /** The clients that are counted as one, by name. */
  clientOf(address: string): string;
}

type Over = Refusal | undefined;

/** At once where memory answers. `patience`: how long the request may wait for what gateways share. */
export interface Authenticate {
  /** Undefined when the request may go on. */
  authenticate(permit: Permit, caller: Caller, patience?: Patience): undefined | Refusal | Promise<undefined | Refusal>;
  /** A failure that needed no question (malformed credentials, unknown account): counted, and 429 over the limit. */
  failed(caller: Caller, refusal: Refusal, patience?: Patience): Refusal | Promise<Refusal>;
  /** The region itself turned forwarded credentials down: counted, and no longer remembered as good. */
  turnedDown(permit: Permit, caller: Caller): void;
}

/**
 * Who has failed too often is not shut out, since others could do that to an account or an address: their credentials
 * are verified first on every route, one question at a time for each client and account, and only bad ones get the 429.
 * What was found good within the last minutes passes without a question, and those who send the same credentials at once
 * share one.
 * @param accountName the form in which account names are compared
 */
export function createAuthenticate(
  verify: Verify,
  failedAuth: FailedAuth,
  accountName: (name: string) => string,
): Authenticate {
  const lanes = createLanes<Verification>();

  function conclude(answer: Verification, caller: Caller, over: Over): undefined | Refusal {
    if (answer === 'good') return undefined;
    if (answer === 'bad') {
      failedAuth.charge(caller);
      return over ?? new Refusal('credentials_rejected', { headers: CHALLENGE, outcome: 'not_sent' });
    }
    if (answer.refusal !== undefined) return answer.refusal;
    return new Refusal('verification_unavailable', {
      outcome: 'not_sent',
      headers: ['Retry-After', '5'],
      cause: answer.cause,
    });
  }

  /** In turn behind the other unknown credentials of this client and account; a full line is 503, not 429. */
  async function askInTurn(permit: Permit, at: RegionName, caller: Caller, over: Refusal, patience?: Patience) {
    if (!hasCredentials(caller)) return over;
    const { credentials, address } = caller;
    const lane = JSON.stringify([failedAuth.clientOf(address), accountName(credentials.name)]);
    const answer = await lanes.run(lane, credentials.header, async () => verify.verify(permit, at, caller, patience));
    return conclude(answer ?? { kind: 'unavailable', cause: { code: 'VERIFICATION_LANE_FULL' } }, caller, over);
  }

  function decided(permit: Permit, caller: Caller, over: Over, patience: Patience | undefined) {
    const at = permit.verifyAt ?? (over === undefined ? undefined : permit.region);
    if (!hasCredentials(caller) || at === undefined) return undefined;
    if (over !== undefined) return askInTurn(permit, at, caller, over, patience);
    const answer = verify.verify(permit, at, caller, patience);
    return answer instanceof Promise
      ? answer.then((result) => conclude(result, caller, undefined))
      : conclude(answer, caller, undefined);
  }

  function fail(caller: Caller, over: Over, refusal: Refusal): Refusal {
    failedAuth.charge(caller);
    return over ?? refusal;
  }

  return {
    authenticate(permit, caller, patience) {
      const { credentials } = caller;
      if (credentials === undefined) return undefined;
      // Most of the time nobody has failed lately, and who the caller is does not matter here.
      const passes = failedAuth.isQuiet() || verify.isKnownGood(credentials);
      const over = passes ? undefined : failedAuth.over(caller, patience);
      return over instanceof Promise
        ? over.then((told) => decided(permit, caller, told, patience))
        : decided(permit, caller, over, patience);
    },
    // Looked at before it is counted: the failure that uses up the allowance is still told what was wrong.
    failed(caller, refusal, patience) {
      const over = failedAuth.over(caller, patience);
      return over instanceof Promise ? over.then((told) => fail(caller, told, refusal)) : fail(caller, over, refusal);
    },
    turnedDown(permit, caller) {
      if (caller.credentials === undefined || permit.credentials !== 'forward') return;
      failedAuth.charge(caller);
      verify.forget(permit.region, caller.credentials);
    },
  };
}

function hasCredentials(caller: Caller): caller is Asker {
  return caller.credentials !== undefined;
}
