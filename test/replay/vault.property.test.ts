// The vault against an oracle that keeps everything in the clear.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Began, Replayable } from '../../src/replay/vault.ts';
import { answers, KEEP_MS, KEY, openVault, REVEAL } from './support.ts';

const KEYS = [`${KEY}-0`, `${KEY}-1`] as const;
const CALLERS = ['Basic YTph', 'Basic YTpi', undefined] as const;
const REQUESTS = [REVEAL, { ...REVEAL, body: Buffer.from('other') }] as const;

const who = fc.record({
  key: fc.constantFrom(...KEYS),
  caller: fc.constantFrom(...CALLERS),
  request: fc.constantFrom(...REQUESTS),
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('begin' as const), who }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which: fc.nat(),
      answer: fc.option(answers, { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.oneof(fc.constantFrom(1, KEEP_MS - 1, KEEP_MS), fc.integer({ min: 1, max: KEEP_MS })),
    }),
  },
);

interface Known {
  readonly request: (typeof REQUESTS)[number];
  readonly id: string;
  /** Undefined: under way. */
  answer: Replayable | undefined;
  keptAt: number;
  settle: Extract<Began, { kind: 'first' }>['settle'];
}

describe('for every sequence of begin, settle and advance', () => {
  it('never two firsts for one key and caller, a kept answer is replayed until keepMs, mismatch only while known', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { vault, clock } = openVault();
        const known = new Map<string, Known>();
        const flying: Known[] = [];

        const begin = ({ key, caller, request }: typeof who extends fc.Arbitrary<infer W> ? W : never): void => {
          const began = vault.begin(key, caller, request);
          const id = `${key} ${caller}`;
          const before = known.get(id);
          const live = before?.answer !== undefined && clock.ms >= before.keptAt + KEEP_MS ? undefined : before;
          if (live === undefined) {
            expect(began.kind).toBe('first');
            if (began.kind !== 'first') return;
            const flight: Known = { request, id, answer: undefined, keptAt: 0, settle: began.settle };
            known.set(id, flight);
            flying.push(flight);
          } else if (live.request !== request) {
            expect(began).toEqual({ kind: 'mismatch' });
          } else if (live.answer === undefined) {
            expect(began.kind).toBe('under_way');
          } else {
            expect(began).toEqual({ kind: 'replay', answer: live.answer });
          }
        };
        const settle = (which: number, answer: Replayable | undefined): void => {
          const [flight] = flying.splice(which % flying.length, 1);
          if (flight === undefined) return;
          flight.settle(answer);
          if (answer === undefined) known.delete(flight.id);
          else Object.assign(flight, { answer, keptAt: clock.ms });
        };

        for (const each of steps) {
          if (each.do === 'begin') begin(each.who);
          else if (each.do === 'advance') clock.ms += each.ms;
          else settle(each.which, each.answer);
          expect(vault.readings().underWay).toBe(flying.length);
        }
        const left = [...known.values()].filter(
          ({ answer, keptAt }) => answer !== undefined && clock.ms < keptAt + KEEP_MS,
        );
        expect(vault.readings()).toMatchObject({ entries: left.length, evicted: 0, unreadable: 0, marked: 0 });
      }),
      { numRuns: 1000 },
    );
  });

  it('a waiter is woken exactly when the first settles', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.option(answers, { nil: undefined }),
        fc.integer({ min: 1, max: 5 }),
        async (answer, count) => {
          const { vault } = openVault();
          const first = vault.begin(KEY, undefined, REVEAL);
          let woken = 0;
          for (let i = 0; i < count; i++) {
            const waiting = vault.begin(KEY, undefined, REVEAL);
            if (waiting.kind === 'under_way') void waiting.done.then(() => woken++);
          }
          await new Promise((resolve) => setImmediate(resolve));
          expect(woken).toBe(0);
          if (first.kind === 'first') first.settle(answer);
          await new Promise((resolve) => setImmediate(resolve));
          expect(woken).toBe(count);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('in little room, what is left are the newest, within the bound, and every one of them opens', () => {
    const sizes = fc.array(fc.record({ length: fc.nat({ max: 3000 }), ms: fc.nat({ max: KEEP_MS / 4 }) }), {
      minLength: 20,
      maxLength: 60,
    });
    fc.assert(
      fc.property(sizes, (list) => {
        const maxBytes = 16_384;
        const { vault, shelf, clock } = openVault({ maxBytes });
        const put: { key: string; answer: Replayable; name: string; at: number }[] = [];
        for (const [i, { length, ms }] of list.entries()) {
          clock.ms += ms;
          const answer: Replayable =
            length * 8 > maxBytes - 1600
              ? { kind: 'unknown', code: 'region_failed' }
              : { kind: 'answered', status: 200, headers: [], body: Buffer.alloc(length, i), region: 'eu' };
          const began = vault.begin(`${KEY}-${i}`, undefined, REVEAL);
          if (began.kind === 'first') began.settle(answer);
          const name = [...shelf.dump()].at(-1)?.name ?? '';
          put.push({ key: `${KEY}-${i}`, answer, name, at: clock.ms });
          expect(vault.readings().bytes).toBeLessThanOrEqual(maxBytes);
        }
        const { entries } = vault.readings();
        const newest = put.slice(put.length - entries);
        expect([...shelf.dump()].map(({ name }) => name)).toEqual(newest.map(({ name }) => name));
        for (const { key, answer } of newest) {
          expect(vault.begin(key, undefined, REVEAL)).toEqual({ kind: 'replay', answer });
        }
      }),
      { numRuns: 100 },
    );
  });
});
