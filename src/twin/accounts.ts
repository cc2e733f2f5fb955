// Who may call: the accounts of a region and HTTP Basic as the service reads it.

export interface TwinAccount {
  readonly name: string;
  readonly token: string;
  /** `ur` and 25 base36 characters, the other user name that 0.24+ accepts. */
  readonly id?: string;
}

/** The accounts of the recordings, with the tokens from their Authorization headers. */
export const DEMO_ACCOUNTS: Record<'us' | 'eu', TwinAccount[]> = {
  us: [
    { name: 'alice@us.example', token: 'a11ce000000000000000000000000000000000us', id: 'uralice00000000000000000000' },
    { name: 'carol@us.example', token: 'ca201000000000000000000000000000000000us', id: 'urcarol00000000000000000000' },
  ],
  eu: [
    { name: 'bruno@eu.example', token: 'b2000000000000000000000000000000000000eu', id: 'urbruno00000000000000000000' },
    { name: 'dora@eu.example', token: 'd02a0000000000000000000000000000000000eu', id: 'urdora000000000000000000000' },
  ],
};

/** `refused`: credentials were sent and are no good; they never fall back to anonymous (case 037-share-auth-bad-token). */
export type Authenticated = TwinAccount | 'anonymous' | 'refused';

export type Authenticate = (authorization: string | undefined) => Authenticated;

/**
 * Reads `Authorization` as Rack does: the scheme in any case, base64 decoded leniently, split at the first colon, both
 * halves needed (cases 016 to 021). Names and tokens are case-sensitive.
 */
export function createAuthenticate(accounts: readonly TwinAccount[], version: '0.20' | '0.26'): Authenticate {
  const byName = new Map(accounts.map((account) => [account.name, account]));
  if (version === '0.26') {
    for (const account of accounts) {
      if (account.id !== undefined) byName.set(account.id, account);
    }
  }
  return (authorization) => {
    if (authorization === undefined) return 'anonymous';
    const space = authorization.indexOf(' ');
    if (space < 0 || authorization.slice(0, space).toLowerCase() !== 'basic') return 'refused';
    const pair = Buffer.from(authorization.slice(space + 1), 'base64').toString('utf8');
    const colon = pair.indexOf(':');
    if (colon <= 0 || colon === pair.length - 1) return 'refused';
    const account = byName.get(pair.slice(0, colon));
    return account !== undefined && account.token === pair.slice(colon + 1) ? account : 'refused';
  };
}
