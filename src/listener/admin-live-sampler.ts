// Takes samples of the gateway for those who look: one for all of them, and none while nobody looks.
import { setTimeout as pause } from 'node:timers/promises';
import { type Reading, stateOf } from './admin-live-state.ts';
import type { LiveState } from './admin-live-types.ts';

export interface SamplerOptions {
  /** What the gateway is at this moment. */
  readonly read: () => Promise<{ readonly reading: Reading; readonly facts: Parameters<typeof stateOf>[2] }>;
  /** Milliseconds of a clock that nobody sets, the one of the readings. */
  readonly steady: () => number;
  readonly everyMs: number;
  /** A sample that could not be taken. */
  readonly onFailure: (cause: unknown) => void;
}

export interface Sampler {
  /**
   * A sample at once and then each `everyMs`, until the signal; undefined in place of one that could not be taken. One
   * at a time.
   */
  watch(deliver: (state: LiveState | undefined) => void, signal: AbortSignal): Promise<void>;
  /** One sample, with rates: without an earlier one to compare with it takes `everyMs`. @throws what `read` throws */
  once(): Promise<LiveState>;
  close(): void;
}

/** What is older is nothing to compare with: rates would be over a time that nobody has in mind. */
const OLDEST_MS = 60_000;
/** What is younger is given again: those who ask often shall not slow down the gateway. */
const YOUNGEST_MS = 200;
/** So far apart that the one before is not too young: timers may be early. */
const APART_MS = YOUNGEST_MS + 10;

export function createSampler({ read, steady, everyMs, onFailure }: SamplerOptions): Sampler {
  const closing = new AbortController();
  let last: { readonly reading: Reading; readonly state: LiveState } | undefined;
  let taking: Promise<LiveState> | undefined;
  let asked: Promise<LiveState> | undefined;

  const ageMs = (): number => (last === undefined ? Number.POSITIVE_INFINITY : steady() - last.reading.atMs);

  async function compare(): Promise<LiveState> {
    const before = ageMs() < OLDEST_MS ? last?.reading : undefined;
    const { reading, facts } = await read();
    const state = stateOf(before, reading, facts);
    last = { reading, state };
    return state;
  }

  /** Whoever comes while one is being taken gets that one. */
  function take(): Promise<LiveState> {
    if (last !== undefined && ageMs() < YOUNGEST_MS) return Promise.resolve(last.state);
    taking ??= compare().finally(() => {
      taking = undefined;
    });
    return taking;
  }

  /** Ends early when the time is no longer needed. */
  const wait = (ms: number, signal: AbortSignal): Promise<void> => pause(ms, undefined, { signal }).catch(() => {});

  async function takeWithRates(): Promise<LiveState> {
    const first = await take();
    if (first.intervalMs > 0) return first;
    await wait(Math.max(APART_MS, everyMs), closing.signal);
    return take();
  }

  return {
    async watch(deliver, until) {
      const signal = AbortSignal.any([until, closing.signal]);
      while (!signal.aborted) {
        const startedMs = steady();
        const state = await take().catch((cause: unknown) => void onFailure(cause));
        if (signal.aborted) return;
        deliver(state);
        await wait(Math.max(APART_MS, everyMs - (steady() - startedMs)), signal);
      }
    },
    once() {
      asked ??= takeWithRates().finally(() => {
        asked = undefined;
      });
      return asked;
    },
    close: () => closing.abort(),
  };
}
