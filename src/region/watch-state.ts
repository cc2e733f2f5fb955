// What is known of one region (watch.ts decides with it), and where it is kept: by one thread for itself, or by all threads
// together (shared-watch.ts).
import { type Breaker, CLOSED } from './breaker.ts';
import { type Upstream, untried } from './upstream-order.ts';

export interface WatchState {
  readonly upstreams: readonly Upstream[];
  /** The breaker's, 0 while it is closed. Read for each call, outside steps. */
  readonly openings: number;
  /** The breaker's, likewise. */
  readonly failures: number;
  readonly breaker: Breaker;
  /** Keeps all of it but `trial`, which has an owner. */
  keep(breaker: Breaker): void;
  /** This thread takes the trial, or gives it back. */
  takeTrial(taken: boolean): void;
  /** Answered with what may be a fault, since the last trial ended. */
  doubted: Upstream | undefined;
  /** A probe is under way; who sets it is the one that asks. */
  probing: boolean;
  /** When the last one was sent. */
  probedMs: number;
  /** How many times `probeMs` lies between probes while closed. */
  calm: number;
  /**
   * Begins a step: what is read and written from here to `leave` is one change to all threads. Nothing in it waits or calls
   * anything outside.
   * @returns the moment of the step: nowMs, or another thread's if that is a little later
   */
  enter(nowMs: number): number;
  leave(): void;
}

/** For one thread: there is nobody to wait for. */
export class OwnState implements WatchState {
  readonly upstreams: readonly Upstream[];
  breaker: Breaker = CLOSED;
  doubted: Upstream | undefined;
  probing = false;
  probedMs = Number.NEGATIVE_INFINITY;
  calm = 1;

  constructor(origins: readonly string[]) {
    this.upstreams = origins.map(untried);
  }

  get openings(): number {
    return this.breaker.openings;
  }

  get failures(): number {
    return this.breaker.failures;
  }

  keep(breaker: Breaker): void {
    this.breaker = breaker;
  }

  takeTrial(taken: boolean): void {
    this.breaker = { ...this.breaker, trial: taken };
  }

  enter(nowMs: number): number {
    return nowMs;
  }

  leave(): void {}
}
