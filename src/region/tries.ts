// The attempts of one call: one of the region's upstream URLs after the other, as long as no connection opens. One object
// in place of a row of async functions: each of those keeps its frame and a promise, half a kilobyte a call.
import type { Effect, Outcome, Permit } from '../domain.ts';
import { hintForUnknown, Refusal } from '../refusal.ts';
import { type AttemptRequest, type AttemptResult, attempt, type RegionAnswer } from './attempt.ts';
import type { Borrowed, Connections } from './connections.ts';
import { failureOf } from './failure.ts';
import type { Downstream, Egress, Forwarded, ForwardOptions, Purpose, Turned } from './forward.ts';
import type { Ticket } from './guard.ts';
import { signalOf } from './probe.ts';
import { type NoConnection, type Region, waitFor } from './region.ts';

/** What is to be sent, for whom, and who hears what came of it. */
export interface CallToRegion {
  readonly permit: Permit;
  readonly purpose: Purpose;
  readonly effect: Effect;
  readonly request: AttemptRequest;
  readonly downstream: Downstream;
  readonly egress: Egress;
  /** Of the region's gate (health.ts): called once, whatever became of the call. */
  readonly over: () => void;
  readonly resolve: (forwarded: Forwarded) => void;
  readonly reject: (error: unknown) => void;
}

/** Text: why there was no connection. A refusal: nothing was sent. */
type Tried = Exclude<AttemptResult, { kind: 'stopped' }> | Turned | Refusal;

const GONE: Tried = { kind: 'gone' };

export class Tries {
  readonly #region: Region;
  readonly #call: CallToRegion;
  readonly #options: ForwardOptions;
  readonly #startedMs = performance.now();
  #order: readonly string[] = [];
  /** Which upstream URL is tried. */
  #at = -1;
  #last: Tried = 'full';
  /** What is left of the time that it may wait for a connection. */
  #patienceMs: number;
  /** In the lines of all upstream URLs together; undefined: it did not have to wait. */
  #waitedMs: number | undefined;
  #connection: Borrowed | undefined;
  /** What ended while the connection was being opened, so that nothing was sent. */
  #late: Refusal | undefined;
  #over = false;

  constructor(region: Region, call: CallToRegion, options: ForwardOptions) {
    this.#region = region;
    this.#call = call;
    this.#options = options;
    this.#patienceMs = options.patienceMs;
  }

  begin(): void {
    try {
      this.#order = this.#options.health.order(this.#region.name, this.#call.effect);
      this.#next();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Undici is about to write: whether it must not. Also the lease may have ended while the connection was opened. */
  isGone(): boolean {
    if (this.#call.downstream.isGone()) return true;
    this.#late = this.#lapsed();
    return this.#late !== undefined;
  }

  /** What became of an attempt. Of a call that is over nothing more is heard. */
  settle(result: AttemptResult): void {
    if (this.#over) return;
    try {
      this.#judge(result);
    } catch (error) {
      this.#fail(error);
    }
  }

  #next(): void {
    while (++this.#at < this.#order.length) {
      if (this.#open()) return;
    }
    this.#end(this.#last);
  }

  /** @returns false: not one of the region's URLs */
  #open(): boolean {
    const origin = this.#order[this.#at];
    const upstream = this.#region.upstreams.find((candidate) => candidate.origin === origin);
    if (upstream === undefined) return false;
    const free = upstream.take();
    if (free === undefined) this.#wait(upstream);
    else this.#use(free);
    return true;
  }

  #wait(upstream: Connections): void {
    const { downstream, egress } = this.#call;
    const { client } = egress;
    const whose = egress.account ?? (client === undefined ? undefined : this.#options.clientOf(client));
    const sinceMs = performance.now();
    waitFor(upstream, Math.max(0, this.#patienceMs), downstream, whose)
      .then((connection) => {
        const waitedMs = performance.now() - sinceMs;
        this.#patienceMs -= waitedMs;
        if (typeof connection !== 'string' || connection === 'late') this.#waitedMs = (this.#waitedMs ?? 0) + waitedMs;
        this.#use(connection);
      })
      .catch((error: unknown) => this.#fail(error));
  }

  #use(connection: Borrowed | NoConnection): void {
    const { downstream, request } = this.#call;
    if (typeof connection === 'string') {
      if (connection === 'gone' || downstream.isGone()) this.#end(GONE);
      else {
        this.#last = connection;
        this.#next();
      }
      return;
    }
    const early = downstream.isGone() ? GONE : this.#lapsed();
    if (early === undefined) {
      this.#connection = connection;
      attempt(connection, this.#ticket(), request, this.#options, this);
      return;
    }
    connection.giveBack();
    this.#end(early);
  }

  #ticket(): Ticket {
    const { permit, purpose, egress } = this.#call;
    return { permit, purpose, standing: egress.standing, retrieves: egress.route?.retrieves === true };
  }

  #judge(result: AttemptResult): void {
    if (result.kind === 'stopped') {
      this.#options.onViolation(result.problem, this.#region.name, this.#call.egress);
      this.#end(new Refusal('pin_violation', { outcome: 'not_sent' }));
      return;
    }
    if (this.#late !== undefined) {
      this.#end(this.#late);
      return;
    }
    const signal = signalOf(result);
    if (signal !== undefined) this.#options.health.report(this.#region.name, this.#order[this.#at] ?? '', signal);
    if (result.kind !== 'failed' || result.sent) {
      if (result.kind !== 'gone') this.#noteWay();
      if (result.kind === 'answered') this.#noteLeading(result.answer);
      this.#end(result);
      return;
    }
    this.#last = result;
    this.#later(() => this.#next());
  }

  /** A byte may have been sent: where to. */
  #noteWay(): void {
    const { egress } = this.#call;
    egress.upstream = this.#connection?.host;
    egress.certificate = this.#connection?.certificate;
  }

  #noteLine(tried: Tried): void {
    const { name } = this.#region;
    if (this.#waitedMs !== undefined && tried !== GONE) this.#options.line.waited(name, this.#waitedMs);
    if (typeof tried === 'string') this.#options.line.turnedAway(name, tried);
  }

  #noteLeading({ head }: RegionAnswer): void {
    if (head.leading !== undefined) this.#options.led(this.#region.name, head.leading);
  }

  /**
   * The next attempt, not from within undici's callback: there the connection that has failed is still being cleared, and
   * what is given to it, since it may be the next one that is free, would end the process.
   */
  #later(step: () => void): void {
    queueMicrotask(() => {
      try {
        step();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #lapsed(): Refusal | undefined {
    return this.#options.lapsed(this.#call.permit, this.#region.name);
  }

  #end(tried: Tried): void {
    this.#over = true;
    const { purpose, effect, egress, over, resolve } = this.#call;
    const { outcome, forwarded } = conclude(tried, effect);
    const durationMs = performance.now() - this.#startedMs;
    egress.upstreamMs = durationMs;
    this.#noteLine(tried);
    this.#options.observe(this.#region.name, purpose, effect, outcome, durationMs, egress);
    over();
    resolve(forwarded);
  }

  #fail(error: unknown): void {
    this.#over = true;
    this.#call.over();
    this.#call.reject(error);
  }
}

/** What became of the attempts, in the words of the caller and of the record. */
function conclude(result: Tried, effect: Effect): { outcome: Outcome; forwarded: Forwarded } {
  if (result instanceof Refusal) return { outcome: 'not_sent', forwarded: { kind: 'refused', refusal: result } };
  if (typeof result === 'string') {
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
