import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ask,
  type Breaker,
  type BreakerOptions,
  CLOSED,
  failed,
  openLengthMs,
  released,
  stateOf,
  succeeded,
} from '../../src/region/breaker.ts';

const EPOCH = 1_800_000_000_000;
const OPTIONS: BreakerOptions = { mode: 'enforce', failures: 3, openMs: 10_000 };

function failTimes(breaker: Breaker, times: number, nowMs: number, options = OPTIONS): Breaker {
  let next = breaker;
  for (let i = 0; i < times; i++) next = failed(next, nowMs, options);
  return next;
}

const OPEN = failTimes(CLOSED, 3, EPOCH);
const HALF_OPEN_MS = EPOCH + 10_000;

describe('the state after each signal', () => {
  it.each([
    ['closed stays closed after failures - 1', failTimes(CLOSED, 2, EPOCH), EPOCH, 'closed'],
    ['closed opens at the last of the failures', OPEN, EPOCH, 'open'],
    [
      'a success between starts counting anew',
      failTimes(succeeded(failTimes(CLOSED, 2, EPOCH), EPOCH, OPTIONS), 2, EPOCH),
      EPOCH,
      'closed',
    ],
    ['open is open until the last millisecond', OPEN, HALF_OPEN_MS - 1, 'open'],
    ['open becomes half-open when its time is over', OPEN, HALF_OPEN_MS, 'half_open'],
    ['open is not closed by a late success', succeeded(OPEN, EPOCH + 1, OPTIONS), EPOCH + 1, 'open'],
    ['open is not prolonged by late failures', failTimes(OPEN, 9, EPOCH + 9_999), HALF_OPEN_MS, 'half_open'],
    ['half-open closes after a success', succeeded(OPEN, HALF_OPEN_MS, OPTIONS), HALF_OPEN_MS, 'closed'],
    ['half-open opens again after one failure', failed(OPEN, HALF_OPEN_MS, OPTIONS), HALF_OPEN_MS, 'open'],
    ['half-open stays when a trial ends without a word', released(OPEN), HALF_OPEN_MS, 'half_open'],
    ['off never opens', failTimes(CLOSED, 99, EPOCH, { ...OPTIONS, mode: 'off' }), EPOCH, 'closed'],
    ['shadow opens as enforce does', failTimes(CLOSED, 3, EPOCH, { ...OPTIONS, mode: 'shadow' }), EPOCH, 'open'],
    ['a clock that was set back ends the wait', OPEN, EPOCH - 3_600_000, 'half_open'],
  ] as const)('%s', (_what, breaker, nowMs, state) => {
    expect(stateOf(breaker, nowMs, OPTIONS)).toBe(state);
  });

  it('stays open twice and four times as long for openings in a row, never longer, and anew after a success', () => {
    const lengths: number[] = [];
    let breaker = OPEN;
    let nowMs = EPOCH;
    for (let i = 0; i < 5; i++) {
      lengths.push(openLengthMs(breaker, OPTIONS));
      nowMs += openLengthMs(breaker, OPTIONS);
      breaker = failed(breaker, nowMs, OPTIONS);
    }
    expect(lengths).toEqual([10_000, 20_000, 40_000, 40_000, 40_000]);
    nowMs += 40_000;
    breaker = failTimes(succeeded(breaker, nowMs, OPTIONS), 3, nowMs);
    expect(openLengthMs(breaker, OPTIONS)).toBe(10_000);
  });
});

describe('who passes', () => {
  const shadow: BreakerOptions = { ...OPTIONS, mode: 'shadow' };
  it.each([
    ['closed: any call', CLOSED, EPOCH, false, OPTIONS, { kind: 'pass' }],
    [
      'open: none, and says how long',
      OPEN,
      EPOCH + 4000,
      true,
      OPTIONS,
      { kind: 'held', enforced: true, waitMs: 6000 },
    ],
    ['open, shadow: not enforced', OPEN, EPOCH, false, shadow, { kind: 'held', enforced: false, waitMs: 10_000 }],
    ['half-open: a harmless call is the trial', OPEN, HALF_OPEN_MS, true, OPTIONS, { kind: 'trial' }],
    ['half-open: no other call is', OPEN, HALF_OPEN_MS, false, OPTIONS, { kind: 'held', enforced: true, waitMs: 0 }],
    [
      'half-open: no second trial',
      { ...OPEN, trial: true },
      HALF_OPEN_MS,
      true,
      OPTIONS,
      { kind: 'held', enforced: true, waitMs: 0 },
    ],
  ] as const)('%s', (_what, breaker, nowMs, harmless, options, verdict) => {
    expect(ask(breaker, harmless, nowMs, options)).toMatchObject(verdict);
  });

  it('half-open: no second trial while the first is under way, though the breaker closed and opened in between', () => {
    const verdict = ask(OPEN, true, HALF_OPEN_MS, OPTIONS);
    if (verdict.kind !== 'trial') throw new Error('no trial');
    const again = failTimes(succeeded(verdict.breaker, HALF_OPEN_MS, OPTIONS), 3, HALF_OPEN_MS);
    const laterMs = HALF_OPEN_MS + 10_000;
    expect(ask(again, true, laterMs, OPTIONS).kind).toBe('held');
    expect(ask(released(again), true, laterMs, OPTIONS).kind).toBe('trial');
  });
});

const options = fc.record({
  mode: fc.constantFrom('enforce' as const, 'shadow' as const),
  failures: fc.integer({ min: 1, max: 10 }),
  openMs: fc.integer({ min: 1, max: 60_000 }),
});
type Step = 'harmless' | 'harmful' | 'success' | 'failure' | 'over' | number;
const steps = fc.array(
  fc.oneof(
    fc.constantFrom<Step>('harmless', 'harmful', 'success', 'failure', 'failure', 'over'),
    fc.integer({ min: 0, max: 100_000 }),
  ),
  { maxLength: 200 },
);

describe('whatever happens in whatever order', () => {
  it('one trial at most is under way, never a harmful one, and only in half-open', () => {
    fc.assert(
      fc.property(options, steps, (chosen, path) => {
        let breaker = CLOSED;
        let nowMs = EPOCH;
        let underWay = 0;
        for (const step of path) {
          if (typeof step === 'number') nowMs += step;
          else if (step === 'success') breaker = succeeded(breaker, nowMs, chosen);
          else if (step === 'failure') breaker = failed(breaker, nowMs, chosen);
          else if (step === 'over') {
            if (underWay > 0) breaker = released(breaker);
            underWay = Math.max(0, underWay - 1);
          } else {
            const state = stateOf(breaker, nowMs, chosen);
            const verdict = ask(breaker, step === 'harmless', nowMs, chosen);
            expect(verdict.kind === 'pass').toBe(state === 'closed');
            if (verdict.kind !== 'trial') continue;
            expect([state, step]).toEqual(['half_open', 'harmless']);
            breaker = verdict.breaker;
            underWay++;
            expect(underWay).toBe(1);
          }
        }
      }),
    );
  });

  it('fewer failures in a row than configured never open it', () => {
    fc.assert(
      fc.property(options, fc.array(fc.nat({ max: 20 })), (chosen, runs) => {
        let breaker = CLOSED;
        for (const run of runs) {
          breaker = failTimes(breaker, Math.min(run, chosen.failures - 1), EPOCH, chosen);
          expect(stateOf(breaker, EPOCH, chosen)).toBe('closed');
          breaker = succeeded(breaker, EPOCH, chosen);
        }
      }),
    );
  });

  it('a trial is possible once the opening is over and no other is under way, at the latest after 4 times openMs', () => {
    fc.assert(
      fc.property(options, steps, (chosen, path) => {
        let breaker = failTimes(CLOSED, chosen.failures, EPOCH, chosen);
        let nowMs = EPOCH;
        for (const step of path) {
          if (typeof step === 'number') nowMs += step;
          else if (step === 'failure') breaker = failed(breaker, nowMs, chosen);
        }
        expect(ask(breaker, true, nowMs + 4 * chosen.openMs, chosen).kind).toBe('trial');
      }),
    );
  });
});
