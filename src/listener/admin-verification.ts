// Verifying the audit log because somebody asked: one at a time, and nobody waits for ever.
import type { AuditVerification } from './admin-live-types.ts';
import { Problem } from './admin-problem.ts';
import type { AuditTools } from './admin-route.ts';

export interface Verification {
  /** @throws Problem while one is under way, or where it takes too long; what was begun goes on to its end */
  run(): Promise<AuditVerification>;
}

export interface VerificationOptions {
  readonly verify: AuditTools['verify'];
  readonly now: () => number;
  /** How long an answer is waited for; a minute without it. */
  readonly boundMs?: number | undefined;
}

const BOUND_MS = 60_000;
/** Of a log that is not good the first ones tell enough. */
const MOST_FAULTS = 20;
const BY_HAND = 'Run `onetime-gateway audit verify`, which takes all the time it needs.';

export function createVerification({ verify, now, boundMs = BOUND_MS }: VerificationOptions): Verification {
  let running = false;

  async function verified(): Promise<AuditVerification> {
    const startedMs = now();
    const { good, records, files, faults } = await verify();
    return {
      at: new Date(startedMs).toISOString(),
      tookMs: Math.round(now() - startedMs),
      good,
      records,
      files,
      faults: faults.slice(0, MOST_FAULTS).map(({ file, line, what }) => ({ file, line: line ?? null, what })),
    };
  }

  return {
    async run() {
      if (running) throw new Problem('verification_running', { headers: { 'retry-after': '10' } });
      running = true;
      const done = verified().finally(() => {
        running = false;
      });
      const late = Promise.withResolvers<never>();
      const tooSlow = (): void => late.reject(new Problem('verification_slow', { hint: BY_HAND }));
      const timer = setTimeout(tooSlow, boundMs);
      return Promise.race([done, late.promise]).finally(() => clearTimeout(timer));
    },
  };
}
