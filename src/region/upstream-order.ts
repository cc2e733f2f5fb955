// The upstream URLs of one region: which failed last, and in which order they are to be tried.
import { within } from './breaker.ts';

export interface Upstream {
  readonly origin: string;
  /** In a row; more than 0: the last that was heard of it is a failure. */
  failures: number;
  /** When that was, or when it was given its last chance since. */
  failedMs: number;
}

function isFailing({ failures }: Upstream): boolean {
  return failures > 0;
}

/** Nothing is known of it yet. */
export function untried(origin: string): Upstream {
  return { origin, failures: 0, failedMs: 0 };
}

export class UpstreamOrder {
  readonly #origins: readonly string[];
  readonly #upstreams: readonly Upstream[];
  readonly #openMs: number;

  /**
   * @param openMs how long one that failed is left alone before it gets another chance
   * @param upstreams those of the origins, where what is known of them is kept elsewhere (shared-watch.ts)
   */
  constructor(origins: readonly string[], openMs: number, upstreams: readonly Upstream[] = origins.map(untried)) {
    this.#origins = origins;
    this.#upstreams = upstreams;
    this.#openMs = openMs;
  }

  find(origin: string): Upstream | undefined {
    return this.#upstreams.find((candidate) => candidate.origin === origin);
  }

  /** The order as configured, where nothing says another: for each call, so before anything else is asked. */
  get usual(): readonly string[] | undefined {
    return this.#upstreams.length === 1 || !this.#upstreams.some(isFailing) ? this.#origins : undefined;
  }

  get allFailing(): boolean {
    return this.#upstreams.every(isFailing);
  }

  /** @returns whether the region as a whole has failed once more: while one of its URLs is usable, it is */
  failed(upstream: Upstream, nowMs: number): boolean {
    const before = this.#leastFailures();
    upstream.failures++;
    upstream.failedMs = nowMs;
    return this.#leastFailures() > before;
  }

  /** So that one dead URL does not take every probe. */
  longestUntried(): Upstream | undefined {
    return this.#upstreams.toSorted((a, b) => a.failedMs - b.failedMs)[0];
  }

  /**
   * As configured, but those that failed last. One that is preferred to the best of now, and has been left alone for long
   * enough, is back in its place for a harmless call; for another call it is handed to `probe` instead.
   */
  order(harmless: boolean, nowMs: number, probe: (due: Upstream) => void): readonly string[] {
    const { usual } = this;
    if (usual !== undefined) return usual;
    const best = this.#upstreams.findIndex((upstream) => !isFailing(upstream));
    const due = this.#upstreams.find(({ failedMs }, at) => at < best && !within(nowMs, failedMs, this.#openMs));
    const chance = harmless ? due : undefined;
    if (chance !== undefined) chance.failedMs = nowMs;
    else if (due !== undefined) probe(due);
    // Where all fail, the one that was left alone longest comes first.
    const rank = (upstream: Upstream): number =>
      isFailing(upstream) && upstream !== chance ? upstream.failedMs : Number.MIN_SAFE_INTEGER;
    return this.#upstreams.toSorted((a, b) => rank(a) - rank(b)).map(({ origin }) => origin);
  }

  #leastFailures(): number {
    return this.#upstreams.reduce((least, { failures }) => Math.min(least, failures), Number.POSITIVE_INFINITY);
  }
}
