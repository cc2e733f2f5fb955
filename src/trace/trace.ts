// What tracing is to the other rooms, and all that is done of it where it is not configured: the caller's trace is passed on.
import type { Trace } from '../domain.ts';
import type { Journey, Rooms } from '../journey.ts';
import type { Recorder } from '../record/record.ts';
import type { Forward } from '../region/forward.ts';
import type { SendRooms } from '../region/send.ts';
import { readTrace, type TraceHeaders } from './context.ts';

/** What became of the spans of this thread. */
export interface TracingReading {
  /** The collector took them. */
  readonly exported: number;
  /** Too many were waiting, or the collector did not take them. */
  readonly dropped: number;
}

/** Each hands back the room that it was given, or one that makes spans around it. */
export interface Tracing {
  /** A request begins. Undefined: it is part of no trace. */
  begin(headers: TraceHeaders): Trace | undefined;
  /** @param create makes a journey of rooms; called again for each request that leaves spans */
  journey(rooms: Rooms, create: (rooms: Rooms) => Journey): Journey;
  /** The call carries its trace to the region (Egress.trace). */
  forward(forward: Forward): Forward;
  learn(learn: SendRooms['learn']): SendRooms['learn'];
  /** The request is over. */
  record(record: Recorder): Recorder;
  /** Undefined where no spans are made. */
  readings(): TracingReading | undefined;
  /** Sends what is left, for a bounded time. Never rejects. */
  close(): Promise<void>;
}

export const UNTRACED: Tracing = {
  begin: readTrace,
  journey: (rooms, create) => create(rooms),
  forward: (forward) => (permit, to, purpose, effect, request, downstream, egress) => {
    if (egress.trace !== undefined) request.headers.push(...egress.trace.headers);
    return forward(permit, to, purpose, effect, request, downstream, egress);
  },
  learn: (learn) => learn,
  record: (record) => record,
  readings: () => undefined,
  close: async () => {},
};
