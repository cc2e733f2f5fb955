// One request and its answer: it is begun, takes the journey, is answered and recorded once.
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Trace } from '../domain.ts';
import type { Answer, Arrival } from '../journey.ts';
import type { Epochs } from '../locality/epochs.ts';
import { beginTrip, type Trip } from '../record/record.ts';
import { Refusal } from '../refusal.ts';
import { HttpArrival } from './arrival.ts';
import type { Exchange } from './exchange.ts';
import type { FrontInUse } from './fronts.ts';
import { endsConnection } from './head.ts';
import type { Outgoing } from './message.ts';
import type { Respond } from './respond.ts';
import type { UnderWay } from './under-way.ts';

export interface ServeOptions {
  readonly now: () => number;
  /** Every request holds the state of the directory in which it began, until it is over: a move's next step waits for it. */
  readonly epochs: Pick<Epochs, 'enter' | 'leave'>;
  readonly onBegin: () => void;
  /** The trace that a request with these headers is part of. */
  readonly trace: (headers: IncomingHttpHeaders) => Trace | undefined;
}

/** The journey, or for a passed-through path the checks before the proxy's own route. */
export type Take = (arrival: Arrival, trip: Trip) => Promise<Answer | 'passed'>;

export interface Serve {
  /** Never rejects. @returns resolves when it is answered, or passed on */
  serve(exchange: Exchange, by: FrontInUse, take: Take): Promise<void>;
  /** Writes an answer for a request that `serve` has begun. */
  write(answer: Answer, trip: Trip, res: Outgoing, timeoutMs: number): void;
}

/** What an answer means for the record, also when nobody is there to take it. */
function note(answer: Answer, trip: Trip): void {
  if (answer === 'gone') {
    trip.outcome ??= 'not_sent';
  } else if (answer instanceof Refusal) {
    trip.refusal = answer.code;
    trip.limit = answer.details.limit;
    trip.status = answer.status;
    trip.outcome ??= answer.outcome;
    trip.cause = answer.details.cause;
  } else {
    trip.status = answer.status;
  }
}

/** Ends what is left of an answer that nobody takes: an unread stream would hold its connection to the region. */
function discard(answer: Answer): void {
  if (answer === 'gone' || answer instanceof Refusal || answer.kind !== 'region') return;
  if (!Buffer.isBuffer(answer.body)) answer.body.destroy();
}

/** Cuts a caller that does not take its answer. Small answers have left by now and set no timer. */
function boundDelivery(res: Outgoing, timeoutMs: number): void {
  if (res.closed || !res.writableEnded || (res.socket?.writableLength ?? 0) === 0) return;
  const timer = setTimeout(() => res.destroy(), timeoutMs).unref();
  res.once('close', () => clearTimeout(timer));
}

/** Makes the room. */
export function createServe(respond: Respond, underWay: UnderWay, options: ServeOptions): Serve {
  const { now, epochs, onBegin, trace } = options;

  function write(answer: Answer, trip: Trip, res: Outgoing, timeoutMs: number): void {
    note(answer, trip);
    const head = trip.method === 'HEAD';
    if (answer === 'gone' || res.closed) {
      discard(answer);
      res.destroy();
    } else if (answer instanceof Refusal) {
      if (endsConnection(answer)) res.shouldKeepAlive = false;
      respond.refuse(res, answer, trip, head);
    } else if (answer.kind === 'own') respond.own(res, answer, trip, head);
    else respond.region(res, answer, trip, head);
    boundDelivery(res, timeoutMs);
  }

  async function serve(exchange: Exchange, by: FrontInUse, take: Take): Promise<void> {
    const { req, res } = exchange;
    const { front } = by;
    const trip = beginTrip(randomUUID(), req.method ?? '', now(), front.storeTimeoutMs);
    trip.trace = trace(req.headers);
    onBegin();
    underWay.begins();
    by.enter();
    const era = epochs.enter();
    trip.epoch = era.mark?.epoch ?? 0;
    // Recorded when the call is over and its caller has its answer or has gone, whichever comes last: a caller that
    // leaves does not take back what was sent for it.
    let open = 2;
    const over = (): void => {
      if (--open > 0) return;
      front.record(trip, res.writableFinished || trip.status === 101, now());
      by.leave();
      underWay.ends();
    };
    exchange.onGone(over);
    try {
      const problem = exchange.headProblem(front.head);
      const answer = problem ?? (await take(new HttpArrival(exchange, front.bodyLimitBytes), trip));
      if (answer !== 'passed') write(answer, trip, res, front.timeoutMs);
    } catch (cause) {
      // After the request was sent its outcome is unknown, and a defect of ours must not hide that.
      const outcome = trip.region === undefined ? 'not_sent' : 'unknown';
      if (res.headersSent) res.destroy();
      else write(new Refusal('internal_error', { cause, outcome }), trip, res, front.timeoutMs);
    } finally {
      epochs.leave(era);
      over();
    }
  }

  return { serve, write };
}
