// Health with a probe that answers what it is told, and a clock and timers that are moved by hand. What one thread has for
// itself, what it shares, and two threads by turns have to say the same.
import { describe, expect, it } from 'vitest';
import type { Effect, RegionName } from '../../src/domain.ts';
import {
  createHealth,
  type Gate,
  type Health,
  type HealthEvent,
  type HealthOptions,
  healthBytes,
} from '../../src/region/health.ts';
import type { ProbeAnswer } from '../../src/region/probe.ts';

const US = 'us' as RegionName;
const EU = 'eu' as RegionName;
const A = 'https://a.us.example';
const B = 'https://b.us.example';
const EU_ONLY = 'https://eu.example';
const EPOCH = 1_800_000_000_000;

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

type Kind = 'alone' | 'shared' | 'by turns';

function healthOf(kind: Kind, regions: ReadonlyMap<RegionName, readonly string[]>, options: HealthOptions): Health {
  if (kind === 'alone') return createHealth(regions, options);
  const memory = new SharedArrayBuffer(healthBytes(regions));
  const holders = kind === 'shared' ? [1] : [1, 2];
  const healths = holders.map((holder) => createHealth(regions, { ...options, shared: { memory, holder } }));
  let calls = 0;
  const next = (): Health => healths[calls++ % healths.length] as Health;
  return {
    gate: (region, effect) => next().gate(region, effect),
    report: (region, upstream, signal) => next().report(region, upstream, signal),
    order: (region, effect) => next().order(region, effect),
    readings: () => next().readings(),
    close: () => healths.forEach((health) => void health.close()),
    states: (healths[0] as Health).states,
  };
}

function waits(gate: Gate): number | 'goes' {
  return gate.kind === 'go' ? 'goes' : gate.retryAfterMs;
}

function trial(gate: Gate): () => void {
  if (gate.kind !== 'go') throw new Error('not let through');
  return gate.over;
}

describe.each(['alone', 'shared', 'by turns'] as const)('health, %s:', (kind) => {
  /** @param us the upstream origins of us; eu always has one */
  function watch(us: readonly string[], more: Partial<HealthOptions> = {}) {
    let nowMs = EPOCH;
    const timers = new Set<Timer>();
    const probes: string[] = [];
    const events: HealthEvent[] = [];
    const pending: ((answer: ProbeAnswer) => void)[] = [];
    const regions = new Map([
      [US, us],
      [EU, [EU_ONLY]],
    ]);
    const options: HealthOptions = {
      mode: 'enforce',
      failures: 3,
      openMs: 10_000,
      probeMs: 60_000,
      now: () => nowMs,
      probe(_region, origin) {
        probes.push(origin);
        return new Promise((settle) => pending.push(settle));
      },
      setTimer(callback, ms) {
        const timer = { atMs: nowMs + ms, callback };
        timers.add(timer);
        return () => timers.delete(timer);
      },
      observe: (_region, event) => void events.push(event),
      ...more,
    };
    const health = healthOf(kind, regions, options);
    const lab = {
      health,
      /** The origins that were probed, in order. */
      probes,
      events,
      expectPlanned(count: number) {
        // By turns, a thread learns only from its timer that the other one has closed the region.
        if (kind !== 'by turns') expect(timers.size).toBe(count);
      },
      state: (region = US) => health.readings().find((reading) => reading.region === region)?.state,
      fail(origin: string, times = 1) {
        for (let i = 0; i < times; i++) health.report(US, origin, 'failure');
      },
      /** Moves the clock, and lets the timers go off at their time. */
      advance(ms: number) {
        const endMs = nowMs + ms;
        for (;;) {
          const [next] = [...timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
          if (next === undefined) break;
          timers.delete(next);
          nowMs = next.atMs;
          next.callback();
        }
        nowMs = endMs;
      },
      /** The probe that is under way has its answer. */
      async answer(answer: ProbeAnswer) {
        const settle = pending.shift();
        if (settle === undefined) throw new Error('no probe is under way');
        settle(answer);
        await new Promise(setImmediate);
      },
    };
    return lab;
  }

  describe('the gate of a region', () => {
    it('lets every call pass while failures in a row stay under the bound, and does not probe', () => {
      const { health, fail, probes, expectPlanned } = watch([A]);
      fail(A, 2);
      health.report(US, A, 'success');
      fail(A, 2);
      expect(
        (['none', 'creates', 'advances', 'destroys'] as const).map((effect) => waits(health.gate(US, effect))),
      ).toEqual(Array(4).fill('goes'));
      expect(probes).toEqual([]);
      expectPlanned(0);
      expect(health.readings()[0]).toEqual({ region: US, state: 'closed', up: false, failures: 2 });
    });

    it('refuses every call for openMs after the last failure, and no call of another region', () => {
      const { health, fail, advance, events } = watch([A]);
      fail(A, 3);
      advance(4000);
      expect([waits(health.gate(US, 'none')), waits(health.gate(US, 'destroys'))]).toEqual([6000, 6000]);
      expect(waits(health.gate(EU, 'destroys'))).toBe('goes');
      expect(events).toEqual([
        { kind: 'opened', forMs: 10_000 },
        { kind: 'held', enforced: true },
        { kind: 'held', enforced: true },
      ]);
      expect(health.readings().map(({ up }) => up)).toEqual([false, true]);
    });

    it('lets one harmless call through in half-open, others when it closed', async () => {
      const { health, fail, advance, answer, state, events, expectPlanned } = watch([A], { probeMs: 600_000 });
      // So that the next probe is far away.
      health.report(US, A, 'suspicious');
      await answer('nothing');
      fail(A, 3);
      advance(10_000);
      const over = trial(health.gate(US, 'none'));
      expect([waits(health.gate(US, 'none')), waits(health.gate(US, 'destroys'))]).toEqual([1000, 10_000]);
      health.report(US, A, 'success');
      over();
      expect([state(), waits(health.gate(US, 'destroys'))]).toEqual(['closed', 'goes']);
      expect(events.at(-1)).toEqual({ kind: 'closed' });
      expectPlanned(0);
    });

    it.each(['creates', 'advances', 'destroys'] as const)(
      'a call that %s is never the trial: the region is probed',
      async (effect: Effect) => {
        const { health, fail, advance, answer, probes } = watch([A], { setTimer: () => () => {} });
        fail(A, 3);
        advance(10_000);
        expect(waits(health.gate(US, effect))).toBe(1000);
        expect(waits(health.gate(US, effect))).toBe(1000);
        expect(probes).toEqual([A]);
        await answer('up');
        expect(waits(health.gate(US, effect))).toBe('goes');
      },
    );

    it('opens again, for longer, when the trial fails', async () => {
      const { health, fail, advance, answer } = watch([A], { probeMs: 600_000 });
      health.report(US, A, 'suspicious');
      await answer('nothing');
      fail(A, 3);
      advance(10_000);
      const over = trial(health.gate(US, 'none'));
      fail(A);
      over();
      expect(waits(health.gate(US, 'none'))).toBe(20_000);
    });

    it('a trial that ends without a report makes room for the next, and ends once', async () => {
      const { health, fail, advance, answer, state } = watch([A], { probeMs: 600_000 });
      health.report(US, A, 'suspicious');
      await answer('nothing');
      fail(A, 3);
      advance(10_000);
      const first = trial(health.gate(US, 'none'));
      first();
      const second = trial(health.gate(US, 'none'));
      first();
      expect(waits(health.gate(US, 'none'))).toBe(1000);
      second();
      expect([state(), waits(health.gate(US, 'none'))]).toEqual(['half_open', 'goes']);
    });

    it.each(['shadow', 'off'] as const)('in mode %s nothing is refused', (mode) => {
      const { health, fail, state, events, advance } = watch([A], { mode });
      fail(A, 5);
      expect(waits(health.gate(US, 'destroys'))).toBe('goes');
      expect(state()).toBe(mode === 'shadow' ? 'open' : 'closed');
      expect(events).toEqual(
        mode === 'shadow'
          ? [
              { kind: 'opened', forMs: 10_000 },
              { kind: 'held', enforced: false },
            ]
          : [],
      );
      advance(10_000);
      health.report(US, A, 'success');
      expect(state()).toBe('closed');
    });
  });

  describe('probes', () => {
    it('suspicion probes the suspected upstream, and counts for nothing by itself', async () => {
      const { health, probes, answer, state } = watch([A]);
      for (let i = 0; i < 50; i++) health.report(US, A, 'suspicious');
      expect([probes, state(), health.readings()[0]?.failures]).toEqual([[A], 'closed', 0]);
      await answer('up');
      expect([state(), health.readings()[0]?.failures]).toEqual(['closed', 0]);
    });

    it('a failed probe counts as a failure: at one a minute, the third opens', async () => {
      const { health, probes, answer, advance, state } = watch([A]);
      for (let i = 1; i <= 3; i++) {
        health.report(US, A, 'suspicious');
        await answer('down');
        expect([probes.length, state()]).toEqual([i, i < 3 ? 'closed' : 'open']);
        if (i < 3) advance(59_999);
        health.report(US, A, 'suspicious');
        expect(probes.length).toBe(i);
        if (i < 3) advance(1);
      }
    });

    it('suspicion that is refuted again and again leaves most of the service’s 25 in 20 minutes', async () => {
      const { health, probes, answer, advance } = watch([A]);
      for (let second = 0; second < 20 * 60; second++) {
        const before = probes.length;
        health.report(US, A, 'suspicious');
        if (probes.length > before) await answer('up');
        advance(1000);
      }
      expect(probes.length).toBeLessThanOrEqual(7);
    });

    it('one that says nothing changes nothing', async () => {
      const { health, answer, fail } = watch([A]);
      fail(A, 2);
      health.report(US, A, 'suspicious');
      await answer('nothing');
      expect(health.readings()[0]).toEqual({ region: US, state: 'closed', up: false, failures: 2 });
    });

    it('goes out when the opening is over, without a caller, and closes the region', async () => {
      const { fail, advance, probes, answer, state, expectPlanned } = watch([A]);
      fail(A, 3);
      advance(9999);
      expect(probes).toEqual([]);
      advance(1);
      expect(probes).toEqual([A]);
      await answer('up');
      expect(state()).toBe('closed');
      expectPlanned(0);
    });

    it('repeats at most once in probeMs while the region stays down or says nothing', async () => {
      const { fail, advance, probes, answer, state } = watch([A]);
      fail(A, 3);
      advance(10_000);
      await answer('down');
      expect(state()).toBe('open');
      advance(59_999);
      expect([probes.length, state()]).toEqual([1, 'half_open']);
      advance(1);
      await answer('nothing');
      expect([probes.length, state()]).toEqual([2, 'half_open']);
      advance(59_999);
      expect(probes.length).toBe(2);
      advance(1);
      expect(probes.length).toBe(3);
    });

    it('is the trial while it runs, and does not go out beside a caller’s', async () => {
      const { health, fail, advance, probes, answer } = watch([A]);
      fail(A, 3);
      advance(10_000);
      expect(waits(health.gate(US, 'none'))).toBe(1000);
      await answer('nothing');
      const over = trial(health.gate(US, 'none'));
      advance(60_000);
      expect(probes.length).toBe(1);
      over();
      advance(10_000);
      expect(probes.length).toBe(2);
    });

    it('one that throws says nothing; none is sent after close', async () => {
      const { health, fail, advance, state, expectPlanned } = watch([A], {
        probe: () => Promise.reject(new Error('a bug')),
      });
      fail(A, 3);
      advance(10_000);
      await new Promise(setImmediate);
      expect([state(), waits(health.gate(US, 'none'))]).toEqual(['half_open', 'goes']);
      expectPlanned(1);
      health.close();
      expectPlanned(0);
    });

    it('an answer after close is not heard', async () => {
      const { health, fail, advance, answer, state, events } = watch([A]);
      fail(A, 3);
      advance(10_000);
      health.close();
      const before = events.length;
      await answer('up');
      expect([state(), events.length]).toEqual(['half_open', before]);
    });
  });

  describe('several upstream URLs of one region', () => {
    it('are used as configured while nothing failed; another region’s are never among them', () => {
      const { health } = watch([A, B]);
      expect([health.order(US, 'destroys'), health.order(EU, 'none')]).toEqual([[A, B], [EU_ONLY]]);
      health.report(US, EU_ONLY, 'failure');
      expect(health.order(US, 'none')).toEqual([A, B]);
    });

    it('one that failed comes last, and is back in its place after a success', () => {
      const { health, fail } = watch([A, B]);
      fail(A);
      expect(health.order(US, 'none')).toEqual([B, A]);
      health.report(US, A, 'success');
      expect(health.order(US, 'none')).toEqual([A, B]);
    });

    it('after openMs one harmless call gives it another chance, no other call meanwhile', () => {
      const { health, fail, advance } = watch([A, B]);
      fail(A);
      advance(9999);
      expect(health.order(US, 'none')).toEqual([B, A]);
      advance(1);
      expect([health.order(US, 'none'), health.order(US, 'none')]).toEqual([
        [A, B],
        [B, A],
      ]);
      advance(10_000);
      expect(health.order(US, 'none')).toEqual([A, B]);
    });

    it('a call with an effect does not try it: a probe does', async () => {
      const { health, fail, advance, probes, answer } = watch([A, B]);
      fail(A);
      advance(10_000);
      expect([health.order(US, 'destroys'), probes]).toEqual([[B, A], [A]]);
      await answer('up');
      expect(health.order(US, 'destroys')).toEqual([A, B]);
    });

    it('one that nobody prefers is not probed', () => {
      const { health, fail, advance, probes } = watch([A, B]);
      fail(B);
      advance(600_000);
      expect([health.order(US, 'destroys'), probes]).toEqual([[A, B], []]);
    });

    it('the region stays open to calls while one of them is usable', () => {
      const { health, fail, state } = watch([A, B]);
      fail(A, 50);
      fail(B, 2);
      expect([state(), waits(health.gate(US, 'destroys')), health.readings()[0]?.up]).toEqual([
        'closed',
        'goes',
        false,
      ]);
      fail(B);
      expect([state(), waits(health.gate(US, 'destroys'))]).toEqual(['open', 10_000]);
    });

    it('when all fail, the one that was left alone longest is tried first, also by the probe', async () => {
      const { health, fail, advance, probes, answer, state } = watch([A, B]);
      for (let i = 0; i < 3; i++) {
        fail(B);
        advance(20_000);
        fail(A);
      }
      expect(health.order(US, 'destroys')).toEqual([B, A]);
      advance(10_000);
      await answer('down');
      expect([probes, state()]).toEqual([[B], 'half_open']);
      advance(60_000);
      expect(probes).toEqual([B, A]);
      await answer('up');
      expect([state(), health.order(US, 'destroys')]).toEqual(['closed', [A, B]]);
    });
  });

  it('a caller whose harmless calls are answered with faults cannot keep the region shut: it is asked between two of them', async () => {
    // No timer ever goes off: their calls take every trial before it would.
    const lab = watch([A], { setTimer: () => () => {} });
    lab.fail(A, 3);
    lab.advance(10_000);
    const trial = lab.health.gate(US, 'none');
    lab.health.report(US, A, 'suspicious');
    expect(lab.probes).toEqual([]);
    if (trial.kind === 'go') trial.over();
    expect([lab.probes, lab.health.gate(US, 'none').kind]).toEqual([[A], 'wait']);
    await lab.answer('up');
    expect([lab.state(), lab.health.gate(US, 'destroys').kind]).toEqual(['closed', 'go']);
  });
});
