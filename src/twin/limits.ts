// The service's own limits, counted per event and identity in blocks of 20 minutes (UPSTREAM.md, run 2 of the recordings).

export type LimitedEvent =
  | 'check_status'
  | 'create_secret'
  | 'show_secret'
  | 'show_metadata'
  | 'burn_secret'
  | 'attempt_secret_access'
  | 'failed_passphrase';

/** Counts a call; false when it is over the limit. */
export type Spend = (event: LimitedEvent, identity: string) => boolean;

// status and authcheck share one counter (case 057: alice's 26th of both). A burn counts as an attempt also with the right
// passphrase: the 13th call of one address is refused (case 144-ratelimit-burn), the 10th retrieval is not (case 130).
const SHIPPED: Record<LimitedEvent, number> = {
  check_status: 25,
  create_secret: 1000,
  show_secret: 1000,
  show_metadata: 1000,
  burn_secret: 1000,
  attempt_secret_access: 10,
  failed_passphrase: 5,
};

const BLOCK_MS = 20 * 60 * 1000;

export function createLimits(limits: 'shipped' | 'raised', version: '0.20' | '0.26', now: () => number): Spend {
  if (limits === 'raised') return () => true;
  let block = -1;
  let counts = new Map<string, number>();
  return (event, identity) => {
    if (version === '0.26' && isExempt(event, identity)) return true;
    const current = Math.floor(now() / BLOCK_MS);
    if (current !== block) {
      block = current;
      counts = new Map();
    }
    const name = JSON.stringify([event, identity]);
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count <= SHIPPED[event];
  };
}

/** 0.26 limits creating and retrieving by address; wrong passphrases lock the secret instead (see passphrase.ts). */
function isExempt(event: LimitedEvent, identity: string): boolean {
  return identity.startsWith('account ') || (event !== 'create_secret' && event !== 'show_secret');
}
