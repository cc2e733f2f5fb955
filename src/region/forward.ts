// A request to a region, exactly once: the permit is checked again, one complete attempt is made, and its outcome said.
import type { Effect, Outcome, Permit, RegionName } from '../domain.ts';
import { hintForUnknown, Refusal } from '../refusal.ts';
import { type AttemptOptions, type AttemptRequest, type AttemptResult, attempt, type RegionAnswer } from './attempt.ts';
import type { Borrowed, Connections } from './connections.ts';
import { codeOf, failureOf } from './failure.ts';
import { violation } from './guard.ts';
import type { Health } from './health.ts';
import { signalOf } from './probe.ts';
import { borrow, type Region } from './region.ts';

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

const GONE: AttemptResult = { kind: 'gone' };

/** What is to be sent, and what is asked until it is. */
interface CallToRegion {
  readonly request: AttemptRequest;
  readonly downstream: Downstream;
  readonly lapsed: () => Refusal | undefined;
  /** What ended while the connection was being opened, so that nothing was sent. */
  late: Refusal | undefined;
}

/** `busy`: no connection in time. A refusal: nothing was sent. */
type Tried = AttemptResult | 'busy' | Refusal;

function isUnsent(tried: Tried): tried is AttemptResult & { readonly kind: 'failed' } {
  return tried !== 'busy' && !(tried instanceof Refusal) && tried.kind === 'failed' && !tried.sent;
}

/** How a connection that was kept open reports that it no longer is. */
const STALE = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** Makes the forwarder for a fixed set of regions. */
export function createForward(regions: ReadonlyMap<RegionName, Region>, options: ForwardOptions): Forward {
  /** One attempt over a connection to one upstream URL, when there is one in time. */
  function tryUpstream(upstream: Connections, call: CallToRegion): Tried | Promise<Tried> {
    const borrowed = borrow(upstream, options.patienceMs, call.downstream);
    return borrowed instanceof Promise ? borrowed.then((connection) => use(connection, call)) : use(borrowed, call);
  }

  function use(connection: Borrowed | undefined, call: CallToRegion): Tried | Promise<Tried> {
    const { request, downstream, lapsed } = call;
    if (connection === undefined) return downstream.isGone() ? GONE : 'busy';
    const early = downstream.isGone() ? GONE : lapsed();
    if (early !== undefined) {
      connection.giveBack();
      return early;
    }
    // Opening the connection may take as long as the lease that the permit rests on: asked again where it is written to.
    return attempt(connection, request, options, () => {
      if (downstream.isGone()) return true;
      call.late = lapsed();
      return call.late !== undefined;
    });
  }

  /** The attempts, on one upstream URL after the other while no connection opens. */
  async function tryUpstreams(region: Region, effect: Effect, call: CallToRegion): Promise<Tried> {
    let last: Tried = 'busy';
    for (const origin of options.health.order(region.name, effect)) {
      const upstream = region.upstreams.find((candidate) => candidate.origin === origin);
      if (upstream === undefined) continue;
      last = await tryUpstream(upstream, call);
      // A kept connection that the region had closed meanwhile, noticed before a byte was written: a new one will do.
      if (isUnsent(last) && STALE.has(codeOf(last.cause))) last = await tryUpstream(upstream, call);
      if (call.late !== undefined) return call.late;
      if (last === 'busy') continue;
      if (last instanceof Refusal) return last;
      const signal = signalOf(last);
      if (signal !== undefined) options.health.report(region.name, origin, signal);
      if (!isUnsent(last)) return last;
    }
    return last;
  }

  return async function forward(permit, to, purpose, effect, request, downstream) {
    const problem = violation(permit, to, purpose);
    const region = regions.get(to);
    if (problem !== undefined || region === undefined) {
      options.onViolation(problem ?? 'not a region of this gateway');
      return { kind: 'refused', refusal: new Refusal('pin_violation', { outcome: 'not_sent' }) };
    }

    const lapsed = (): Refusal | undefined => options.lapsed(permit, to);
    const refusal = lapsed();
    if (refusal !== undefined) return { kind: 'refused', refusal };
    const gate = options.health.gate(to, effect);
    if (gate.kind === 'wait') {
      options.observe(to, purpose, effect, 'not_sent', 0);
      const headers = ['Retry-After', String(Math.ceil(gate.retryAfterMs / 1000))];
      return { kind: 'refused', refusal: new Refusal('region_down', { outcome: 'not_sent', headers }) };
    }
    const startedMs = performance.now();
    try {
      const result = await tryUpstreams(region, effect, { request, downstream, lapsed, late: undefined });
      const { outcome, forwarded } = conclude(result, effect);
      options.observe(to, purpose, effect, outcome, performance.now() - startedMs);
      return forwarded;
    } finally {
      gate.over();
    }
  };
}

/** What became of the attempts, in the words of the caller and of the record. */
function conclude(result: Tried, effect: Effect): { outcome: Outcome; forwarded: Forwarded } {
  if (result instanceof Refusal) return { outcome: 'not_sent', forwarded: { kind: 'refused', refusal: result } };
  if (result === 'busy') {
    const refusal = new Refusal('region_busy', { outcome: 'not_sent', headers: ['Retry-After', '1'] });
    return { outcome: 'not_sent', forwarded: { kind: 'refused', refusal } };
  }
  switch (result.kind) {
    case 'answered':
      return { outcome: 'delivered', forwarded: result };
    case 'gone':
      return { outcome: 'not_sent', forwarded: result };
    case 'failed': {
      const refusal = failureOf(result.sent, result.cause, hintForUnknown(effect));
      return { outcome: result.sent ? 'unknown' : 'not_sent', forwarded: { kind: 'refused', refusal } };
    }
  }
}
