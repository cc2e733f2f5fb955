// The guard of the passed-through paths: asked of every request on its way out, and once more when its first byte is about to
// be written.
import type { Dispatcher } from 'undici';
import type { Permit, RegionName } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import type { OnViolation } from './forward.ts';
import { violation } from './guard.ts';
import type { Passage } from './passthrough-enter.ts';

const TWICE = new Error('a second send of one request was refused');
const LAPSED = new Error('what the permit rests on has ended');
const STOPPED = new Error('a request was stopped on its way out');

/** An upstream URL as its connections know it. */
export interface Way {
  readonly region: RegionName;
  readonly host: string;
}

export interface Watching {
  readonly onViolation: OnViolation;
  /** Undefined while what the permit rests on still holds (forward.ts). */
  readonly lapsed: (permit: Permit, region: RegionName) => Refusal | undefined;
}

/** What is wrong with sending a passage to a region; told to those who count it. */
export function stopped(
  { permit, trip }: Passage,
  region: RegionName,
  headers: readonly string[],
  onViolation: OnViolation,
): Refusal | undefined {
  const ticket = { permit, purpose: 'forward', standing: trip.standing, retrieves: false } as const;
  const problem = violation(ticket, region, headers);
  if (problem === undefined) return undefined;
  onViolation(problem, region, trip);
  return new Refusal('pin_violation', { outcome: 'not_sent' });
}

/**
 * The guard of a region's connections; and the moment right before the first byte is written: undici passes `opaque` on, and
 * calls onRequestStart only then.
 */
export function watchOver(way: Way, { lapsed, onViolation }: Watching): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const passage = (options as { opaque?: Passage }).opaque;
    if (passage === undefined) throw STOPPED;
    const refusal = stopped(passage, way.region, passage.headers, onViolation);
    if (refusal !== undefined) {
      passage.lapsed = refusal;
      throw STOPPED;
    }
    const { onRequestStart } = handler;
    handler.onRequestStart = (controller, context) => {
      onRequestStart?.call(handler, controller, context);
      // It waited too long, and its caller has been told.
      if (controller.aborted) return;
      if (passage.sent) {
        controller.abort(TWICE);
        return;
      }
      if (passage.signal.aborted) return;
      passage.lapsed = lapsed(passage.permit, passage.row.region);
      if (passage.lapsed !== undefined) {
        controller.abort(LAPSED);
        return;
      }
      passage.sent = true;
      passage.trip.outcome = 'unknown';
      passage.trip.upstream = way.host;
      passage.trip.certificate = passage.shown?.reached?.certificate;
      passage.shown?.reached?.answers.begin(passage.trip.method === 'HEAD');
      passage.release();
    };
    return dispatch(options, handler);
  };
}
