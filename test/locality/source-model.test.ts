// The source's memory against an oracle: a list of what was answered when, and the rules written down once more.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RegionName } from '../../src/domain.ts';
import { createLocator } from '../../src/locality/source.ts';
import { type SourceAnswer, SourceError } from '../../src/locality/source-answer.ts';
import { NO_FILE } from '../../src/locality/source-file.ts';
import { createSourceMemory } from '../../src/locality/source-memory.ts';
import { HASH, homeOf, NOW } from './source-support.ts';

const [REFRESH, EXPIRE, NEGATIVE] = [10_000, 60_000, 5000];

type Step =
  | { readonly do: 'ask'; readonly account: string }
  | { readonly do: 'move'; readonly ms: number }
  /** What the source says of an account from now on; undefined: nothing, it is away. */
  | { readonly do: 'say'; readonly account: string; readonly region: string | undefined };

const account = fc.constantFrom('ann', 'bob', 'cat');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('ask' as const), account }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      ms: fc.oneof(
        fc.constantFrom(0, 1, 1000, 1001, NEGATIVE, NEGATIVE + 1, REFRESH, REFRESH + 1, EXPIRE, EXPIRE + 1, -1),
        fc.integer({ min: -EXPIRE, max: 2 * EXPIRE }),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('say' as const),
      account,
      region: fc.constantFrom('eu', 'us', 'missing', undefined),
    }),
  },
);

/** What the source last said of an account. */
interface Known {
  home: string;
  atMs: number;
  failures: number;
  failedAtMs: number;
}

/** The rules, in the plainest form. */
function createOracle(truth: Map<string, string | undefined>, questions: string[]) {
  const known = new Map<string, Known>();
  const ageOf = (atMs: number, nowMs: number): number => (nowMs < atMs ? Number.POSITIVE_INFINITY : nowMs - atMs);

  function question(name: string, nowMs: number): string {
    questions.push(name);
    const home = truth.get(name);
    const before = known.get(name);
    if (home !== undefined) known.set(name, { home, atMs: nowMs, failures: 0, failedAtMs: 0 });
    else if (before !== undefined) Object.assign(before, { failures: before.failures + 1, failedAtMs: nowMs });
    return home ?? 'unavailable';
  }

  return function locate(name: string, nowMs: number): string {
    const last = known.get(name);
    if (last === undefined) return question(name, nowMs);
    const age = ageOf(last.atMs, nowMs);
    if (last.home === 'missing') return age <= NEGATIVE ? 'missing' : question(name, nowMs);
    if (age > EXPIRE) return question(name, nowMs);
    const { home, failures, failedAtMs } = last;
    const pause = Math.min(60_000, 500 * 2 ** failures);
    if (age > REFRESH && (failures === 0 || ageOf(failedAtMs, nowMs) > pause)) question(name, nowMs);
    return home;
  };
}

it('answers and asks as the rules say, whatever the source and the clock do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const truth = new Map<string, string | undefined>([['ann', 'eu']]);
      const [asked, expected]: [string[], string[]] = [[], []];
      let nowMs = NOW;
      const put = async (name: string): Promise<SourceAnswer> => {
        asked.push(name);
        const home = truth.get(name);
        if (home === undefined) throw new SourceError('unreachable', 'away');
        if (home === 'missing') return { kind: 'missing' };
        return { kind: 'found', value: { home: home as RegionName, pinned: true, also: [] } };
      };
      const times = { refreshMs: REFRESH, expireMs: EXPIRE, negativeMs: NEGATIVE, entries: 10 };
      const clock = { timeoutMs: 10_000, hash: HASH, now: () => nowMs };
      const locator = createLocator(put, createSourceMemory(times), NO_FILE, clock);
      const oracle = createOracle(truth, expected);

      for (const what of steps) {
        if (what.do === 'move') nowMs = Math.max(0, nowMs + what.ms);
        else if (what.do === 'say') truth.set(what.account, what.region);
        else {
          const answer = homeOf(await locator.locate(what.account));
          // A refresh that was begun ends before the next step.
          while (locator.readings().underWay > 0) await Promise.resolve();
          expect(answer).toBe(oracle(what.account, nowMs));
        }
        expect(asked).toEqual(expected);
      }
    }),
    { numRuns: 500 },
  );
});
