// The connections of the passed-through paths: their own pools, so that slow callers there use up none of the API's. Each
// request is sent once, and only with a permit.
import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Effect, RegionName } from '../domain.ts';
import { Refusal } from '../refusal.ts';
import type { ConnectionOptions } from './connections.ts';
import { createDial, type DialOptions, isUnopened } from './dial.ts';
import { isStale } from './failure.ts';
import type { LineObserver, Observe } from './forward.ts';
import type { Health } from './health.ts';
import type { Passage } from './passthrough-enter.ts';
import { Busy, effectOf, FULL, LATE, passageFailureOf } from './passthrough-failure.ts';
import { stopped, type Watching, type Way, watchOver } from './passthrough-guard.ts';
import { Line } from './passthrough-line.ts';
import { signalOf } from './probe.ts';

export interface UpstreamOptions extends ConnectionOptions, Watching {
  /** How long a caller may take to send its request: the region is not late before. */
  readonly requestTimeoutMs: number;
  readonly now: () => number;
  readonly health: Pick<Health, 'gate' | 'order' | 'report'>;
  readonly observe: Observe;
  /** Told of the line for a region's connections. */
  readonly line: Pick<LineObserver, 'turnedAway'>;
  /** How each region is reached. */
  readonly dialOf: (region: RegionName) => DialOptions;
}

export type Received = Dispatcher.ResponseData<unknown>;
export type MakeBody = (() => Readable) | undefined;
export type Done = (error: Error | null, received?: Received) => void;

export interface Upstream {
  /**
   * Sends once. Where nothing came of it, `passage.failure` says what its caller gets.
   * @param makeBody a stream that nothing has been read from, for each upstream URL that is tried
   */
  send(passage: Passage, makeBody: MakeBody, done: Done): void;
  /** The region's upstream URLs in the order to be tried, or why none may be: asked before every connection. */
  open(passage: Passage): readonly string[] | Refusal;
  /** The guard of a connection that was opened elsewhere. @param headers flat: what is about to be written to it */
  check(passage: Passage, headers: readonly string[]): Refusal | undefined;
  /** An upstream URL did not take a connection. */
  unreachable(passage: Passage, origin: string, cause: unknown): Refusal;
  close(): Promise<void>;
}

/**
 * Passed-through paths are no measure of a region's API: they never are the trial of its breaker, their answers do not
 * close it, and what a caller could provoke does not open it. Only a connection that cannot be opened counts.
 */
const NO_TRIAL: Effect = 'advances';

/** So many kept connections one request may find closed before its caller is told: undici's pool serves others first each time. */
const MOST_LOST = 8;

/** A connection that was open was lost: where that was before a byte was written, another one will do. */
function isLost(cause: unknown): boolean {
  return isStale(cause) && !isUnopened(cause);
}

/** @param regions the regions with prefixes, and their upstream URLs; TLS is always verified against their host names */
export function createUpstream(
  regions: ReadonlyMap<RegionName, readonly string[]>,
  options: UpstreamOptions,
): Upstream {
  const { health } = options;
  const { connections, idleTimeoutMs, connectTimeoutMs, headersTimeoutMs } = options;
  /** Requests of one upstream URL without the head of an answer: those that are sent, and those that wait. */
  const mostAsked = connections + options.queue.most;

  function openPool(region: RegionName, origin: string): Dispatcher {
    const way: Way = { region, host: new URL(origin).host };
    const dial = createDial(options.dialOf(region));
    // Here, since the whole of undici takes a tenth of the start, and most gateways pass nothing through.
    const { Pool } = createRequire(import.meta.url)('undici') as typeof import('undici');
    const lines = {
      pipelining: 1,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: options.bodyTimeoutMs,
      keepAliveTimeout: idleTimeoutMs,
      keepAliveMaxTimeout: idleTimeoutMs,
    };
    return new Pool(origin, {
      connections,
      factory: (url) => new Line(url, lines, dial),
    }).compose(watchOver(way, options));
  }
  const pools = new Map(
    [...regions].map(([region, origins]) => [
      region,
      new Map(origins.map((origin) => [origin, { pool: openPool(region, origin), asked: 0 }])),
    ]),
  );

  function open(passage: Passage): readonly string[] | Refusal {
    const { row, trip } = passage;
    const refusal = stopped(passage, row.region, passage.headers, options.onViolation);
    if (refusal !== undefined) return refusal;
    trip.region = row.region;
    trip.outcome = 'not_sent';
    const effect = effectOf(trip.method);
    // When its answer has left: the outcome is the record's.
    passage.exchange.res.once('close', () => {
      trip.upstreamMs = options.now() - passage.startedMs;
      options.observe(row.region, 'forward', effect, trip.outcome ?? 'not_sent', trip.upstreamMs, trip);
    });
    const gate = health.gate(row.region, NO_TRIAL);
    if (gate.kind === 'go') {
      gate.over();
      return health.order(row.region, NO_TRIAL);
    }
    const headers = ['Retry-After', String(Math.ceil(gate.retryAfterMs / 1000))];
    return new Refusal('region_down', { outcome: 'not_sent', headers });
  }

  function unreachable(passage: Passage, origin: string, cause: unknown): Refusal {
    const signal =
      cause instanceof Busy || isLost(cause) ? undefined : signalOf({ kind: 'failed', sent: false, cause });
    if (signal !== undefined && !passage.signal.aborted) health.report(passage.row.region, origin, signal);
    return passageFailureOf(passage, cause);
  }

  /**
   * One upstream URL. `done` gets what came of it, with `passage.failure` set unless it is an answer.
   * @param lost how many kept connections were found closed before
   */
  function attempt(passage: Passage, origin: string, makeBody: MakeBody, done: Done, lost = 0): void {
    const line = pools.get(passage.row.region)?.get(origin);
    if (line === undefined) throw new Error('not an upstream URL of the region');
    const body = makeBody?.();
    // Undici's pool lets any number wait.
    if (line.asked >= mostAsked) {
      body?.destroy();
      passage.failure = unreachable(passage, origin, FULL);
      done(FULL);
      return;
    }
    line.asked++;
    passage.shown = undefined;
    // That of an upstream URL before is nothing of this one's.
    passage.failure = undefined;
    // Undici's own timeouts start with the connection, which may take its time to be opened after the wait. What waits is told
    // of an abort when its turn comes, and not before: its caller is told here.
    const patience = new AbortController();
    let isLate = false;
    const timer = setTimeout(() => {
      // It has a connection, or one is being opened for it.
      if (passage.shown !== undefined) return;
      isLate = true;
      patience.abort(LATE);
      body?.destroy();
      passage.failure = unreachable(passage, origin, LATE);
      done(LATE);
    }, 2 * connectTimeoutMs);
    line.pool.request(
      {
        path: passage.target,
        method: passage.trip.method as Dispatcher.HttpMethod,
        headers: passage.headers,
        body: body ?? null,
        opaque: passage,
        signal: AbortSignal.any([passage.signal, patience.signal]),
        headersTimeout: headersTimeoutMs + (body === undefined ? 0 : options.requestTimeoutMs),
      },
      (error, received) => {
        clearTimeout(timer);
        line.asked--;
        if (isLate) return;
        if (error !== null && !passage.sent && lost < MOST_LOST && isLost(error)) {
          // Not from within undici's callback: the connection that has failed is still being cleared there.
          queueMicrotask(() => attempt(passage, origin, makeBody, done, lost + 1));
          return;
        }
        if (error !== null) {
          const failed = passage.sent ? passageFailureOf(passage, error) : undefined;
          passage.failure = passage.lapsed ?? failed ?? unreachable(passage, origin, error);
        }
        done(error, received);
      },
    );
  }

  return {
    open,
    check: (passage, headers) => stopped(passage, passage.row.region, headers, options.onViolation),
    unreachable,
    send(passage, makeBody, done) {
      const order = open(passage);
      if (order instanceof Refusal) {
        passage.failure = order;
        done(new Error(order.code));
        return;
      }
      const tryFrom = (at: number): void => {
        attempt(passage, order[at] ?? '', makeBody, (error, received) => {
          const untouched = !passage.sent && !passage.signal.aborted && passage.lapsed === undefined;
          const again = error !== null && untouched && at + 1 < order.length;
          if (again && passage.failure?.code !== 'request_malformed') {
            tryFrom(at + 1);
            return;
          }
          if (error instanceof Busy) options.line.turnedAway(passage.row.region, error.why);
          done(error, received);
        });
      };
      tryFrom(0);
    },
    async close() {
      await Promise.all([...pools.values()].flatMap((each) => [...each.values()].map(({ pool }) => pool.destroy())));
    },
  };
}
