// A request to a region, exactly once: the permit is checked again, one complete attempt is made, and its outcome said.
import type { Effect, Outcome, Permit, RegionName } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import type { AttemptOptions, AttemptRequest, RegionAnswer } from './attempt.ts';
import { violation } from './guard.ts';
import type { Health } from './health.ts';
import type { Region } from './region.ts';
import { Tries } from './tries.ts';

/** The caller on the other side, as far as forwarding must know it. */
export interface Downstream {
  /** Whether it has hung up. */
  isGone(): boolean;
  /** Registers what is to be called when it hangs up. */
  onGone(callback: () => void): void;
}

export type Forwarded =
  | { readonly kind: 'answered'; readonly answer: RegionAnswer }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The caller left before anything was sent: there is nobody to answer. */
  | { readonly kind: 'gone' };

export interface ForwardOptions extends AttemptOptions {
  /** How long a request may wait for a free connection. */
  readonly patienceMs: number;
  /** How each region is: asked before a call, told what became of each attempt. */
  readonly health: Pick<Health, 'gate' | 'order' | 'report'>;
  readonly onViolation: (problem: string) => void;
  /**
   * Undefined while what a permit rests on still holds: asked right before a connection is used, since a request may
   * have waited long for its body, its verification or a free connection.
   */
  readonly lapsed: (permit: Permit, to: RegionName) => Refusal | undefined;
  /** Called once for each call that was allowed: what became of it and how long the region took. */
  readonly observe: (
    region: RegionName,
    purpose: Purpose,
    effect: Effect,
    outcome: Outcome,
    durationMs: number,
  ) => void;
}

export type Purpose = 'forward' | 'verify';

/**
 * Sends `request` to `to`, which the permit must allow. At most one attempt has a byte sent; attempts whose connection
 * could not be opened were not used, and the region's next upstream URL is tried.
 */
export type Forward = (
  permit: Permit,
  to: RegionName,
  purpose: Purpose,
  effect: Effect,
  request: AttemptRequest,
  downstream: Downstream,
) => Promise<Forwarded>;

/** Makes the forwarder for a fixed set of regions. */
export function createForward(regions: ReadonlyMap<RegionName, Region>, options: ForwardOptions): Forward {
  return function forward(permit, to, purpose, effect, request, downstream) {
    const problem = violation(permit, to, purpose);
    const region = regions.get(to);
    if (problem !== undefined || region === undefined) {
      options.onViolation(problem ?? 'not a region of this gateway');
      return Promise.resolve({ kind: 'refused', refusal: new Refusal('pin_violation', { outcome: 'not_sent' }) });
    }
    const refusal = options.lapsed(permit, to);
    if (refusal !== undefined) return Promise.resolve({ kind: 'refused', refusal });
    const gate = options.health.gate(to, effect);
    if (gate.kind === 'wait') {
      options.observe(to, purpose, effect, 'not_sent', 0);
      const headers = ['Retry-After', String(Math.ceil(gate.retryAfterMs / 1000))];
      return Promise.resolve({
        kind: 'refused',
        refusal: new Refusal('region_down', { outcome: 'not_sent', headers }),
      });
    }
    return new Promise((resolve, reject) => {
      const call = { permit, purpose, effect, request, downstream, over: gate.over, resolve, reject };
      new Tries(region, call, options).begin();
    });
  };
}
