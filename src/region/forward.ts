// A request to a region, exactly once: one complete attempt is made on a connection that checks the permit again, and its
// outcome said.
import type { Effect, Outcome, Permit, RegionName, Route, Standing, Trace } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import type { AttemptOptions, AttemptRequest, RegionAnswer } from './attempt.ts';
import type { Ticket } from './guard.ts';
import type { Health } from './health.ts';
import type { NoConnection, Region } from './region.ts';
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
  /** How long a request may wait for a free connection, at all upstream URLs of its region together. */
  readonly patienceMs: number;
  /** The clients that share one part of the line, by name: addresses of one IPv6 network do. */
  readonly clientOf: (address: string) => string;
  /** How each region is: asked before a call, told what became of each attempt. */
  readonly health: Pick<Health, 'gate' | 'order' | 'report'>;
  readonly onViolation: OnViolation;
  /**
   * Undefined while what a permit rests on still holds: asked right before a connection is used, since a request may
   * have waited long for its body, its verification or a free connection.
   */
  readonly lapsed: (permit: Permit, to: RegionName) => Refusal | undefined;
  /** Told of the line for a region's connections. */
  readonly line: LineObserver;
  /** Headers of a region's answer that lead elsewhere, flat; they stay here. */
  readonly led: (region: RegionName, leading: readonly string[]) => void;
  /** Called once for each call that was allowed: what became of it and how long the region took. */
  readonly observe: Observe;
}

/** Why a call got no connection. */
export type Turned = Exclude<NoConnection, 'gone'>;

export interface LineObserver {
  /** A call waited until it had a connection or its time was over. */
  waited(region: RegionName, durationMs: number): void;
  /** A call was refused since it got no connection. */
  turnedAway(region: RegionName, why: Turned): void;
}

export type Purpose = Ticket['purpose'];

/** Something was stopped right before it left. @param region where it would have gone */
export type OnViolation = (problem: string, region: RegionName, egress: Egress) => void;

export type Observe = (
  region: RegionName,
  purpose: Purpose,
  effect: Effect,
  outcome: Outcome,
  durationMs: number,
  egress: Egress,
) => void;

/** For whom a call leaves, and, filled in on its way, where it went: the record's. */
export interface Egress {
  readonly requestId: string | undefined;
  /** The account's keyed hash in hex. */
  readonly account: string | undefined;
  /** The client's address (domain.ts, Caller). */
  readonly client: string | undefined;
  /** Of the account, as located. */
  readonly standing: Standing | undefined;
  /** Undefined: it is the gateway's own question. */
  readonly route: Pick<Route, 'retrieves'> | undefined;
  /** That the call carries to the region (trace/trace.ts). */
  readonly trace: Trace | undefined;
  /** The one that was asked, or would have been: always one of this gateway's. */
  region: RegionName | undefined;
  /** `host:port` of the upstream URL that a byte may have been sent to. */
  upstream: string | undefined;
  /** SHA-256 of the certificate which that upstream showed, in hex. */
  certificate: string | undefined;
  upstreamMs: number | undefined;
}

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
  egress: Egress,
) => Promise<Forwarded>;

/** Makes the forwarder for a fixed set of regions. */
export function createForward(regions: ReadonlyMap<RegionName, Region>, options: ForwardOptions): Forward {
  return function forward(permit, to, purpose, effect, request, downstream, egress) {
    const region = regions.get(to);
    if (region === undefined) {
      options.onViolation('not a region of this gateway', to, egress);
      return Promise.resolve({ kind: 'refused', refusal: new Refusal('pin_violation', { outcome: 'not_sent' }) });
    }
    egress.region = to;
    const refusal = options.lapsed(permit, to);
    if (refusal !== undefined) return Promise.resolve({ kind: 'refused', refusal });
    const gate = options.health.gate(to, effect);
    if (gate.kind === 'wait') {
      options.observe(to, purpose, effect, 'not_sent', 0, egress);
      const headers = ['Retry-After', String(Math.ceil(gate.retryAfterMs / 1000))];
      return Promise.resolve({
        kind: 'refused',
        refusal: new Refusal('region_down', { outcome: 'not_sent', headers }),
      });
    }
    return new Promise((resolve, reject) => {
      const call = { permit, purpose, effect, request, downstream, egress, over: gate.over, resolve, reject };
      new Tries(region, call, options).begin();
    });
  };
}
