// Claims and records of calls with Idempotency-Key in the engine, against a model of them in memory.
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createValkeyReplays } from '../../src/store/valkey-replays.ts';
import { createReplayModel } from '../replay/shared-model.ts';
import { type Engine, GENERATION, HAS_ENGINE, startEngine, until } from './valkey-shared-engine.ts';

const bytes = (fill: number): Buffer => Buffer.alloc(16, fill);
const [NAME, CHECK, OWNER, OTHER] = [bytes(0x7b), bytes(0x0a), bytes(1), bytes(2)];
const RECORD = Buffer.concat([CHECK, Buffer.from([0, 0xff, 0x0d, 0x0a, 0x7d])]);
const LONG_MS = 3_600_000;
const patience = () => ({ leftMs: 5_000 });

describe.skipIf(!HAS_ENGINE)('replays in the engine', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine[Symbol.asyncDispose]());
  beforeEach(async () => {
    await engine.raw.flushall();
    await engine.mark();
  });
  const open = async (generation: () => string | undefined = () => GENERATION) =>
    createValkeyReplays(await engine.client(), generation);

  it('of many that begin at once on several connections, one claims', async () => {
    const gateways = await Promise.all([open(), open(), open()]);
    const begun = await Promise.all(
      gateways.flatMap((replays, g) =>
        Array.from({ length: 20 }, (_, i) =>
          replays.begin(NAME, CHECK, bytes(20 * g + i), LONG_MS, LONG_MS, patience()),
        ),
      ),
    );
    const kinds = begun.map((found) => (found.kind === 'found' ? found.value.kind : found.kind));
    expect(kinds.filter((kind) => kind === 'claimed')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'under_way')).toHaveLength(59);
  });

  it('does as the model for every sequence of begin, extend and settle', async () => {
    const [replays] = await Promise.all([open()]);
    const owner = fc.constantFrom(OWNER, OTHER);
    const name = fc.constantFrom(NAME, bytes(0x00));
    // 0: it lapses at once.
    const claimMs = fc.constantFrom(0, LONG_MS);
    const step = fc.oneof(
      fc.record({ how: fc.constant('begin' as const), name, owner, claimMs, check: fc.constantFrom(CHECK, bytes(11)) }),
      fc.record({ how: fc.constant('extend' as const), name, owner, claimMs }),
      fc.record({
        how: fc.constant('settle' as const),
        name,
        owner,
        record: fc.option(fc.constant(RECORD), { nil: undefined }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (list) => {
        await engine.raw.flushall();
        await engine.mark();
        const model = createReplayModel(() => 0);
        for (const each of list) {
          const ask = (of: typeof replays) => {
            if (each.how === 'begin')
              return of.begin(each.name, each.check, each.owner, each.claimMs, LONG_MS, patience());
            if (each.how === 'extend') return of.extend(each.name, each.owner, each.claimMs, LONG_MS);
            return of.settle(each.name, each.owner, each.record, LONG_MS);
          };
          expect(await ask(replays)).toEqual(await ask(model));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is unavailable where the engine was emptied, holds other data, or the mark is not known', async () => {
    let known: string | undefined = GENERATION;
    const replays = await open(() => known);
    const kinds = async () => [
      (await replays.begin(NAME, CHECK, OWNER, LONG_MS, LONG_MS, patience())).kind,
      (await replays.extend(NAME, OWNER, LONG_MS, LONG_MS)).kind,
      (await replays.settle(NAME, OWNER, RECORD, LONG_MS)).kind,
    ];
    const away = Array(3).fill('unavailable');
    await engine.raw.flushall();
    expect(await kinds()).toEqual(away);
    await engine.mark('ffffffffffffffffffffffffffffffff');
    expect(await kinds()).toEqual(away);
    await engine.mark();
    known = undefined;
    expect(await kinds()).toEqual(away);
    expect(await engine.raw.keys('*r:*')).toEqual([]);
    known = GENERATION;
    expect(await kinds()).toEqual(Array(3).fill('found'));
  });

  it('lies in its bucket beside the mark, whose tag names the slot, and goes away by itself', async () => {
    const replays = await open();
    await replays.begin(NAME, CHECK, OWNER, LONG_MS, LONG_MS, patience());
    const [entry = ''] = await engine.raw.keys('*r:*');
    expect(entry).toBe(`otgw:{b7b}r:${NAME.toString('base64url')}`);
    await replays.settle(NAME, OWNER, RECORD, 50);
    await until(async () => (await engine.raw.exists(entry)) === 0);
  });

  it('takes nothing off a patience that is used up, and claims nothing', async () => {
    const replays = await open();
    const found = await replays.begin(NAME, CHECK, OWNER, LONG_MS, LONG_MS, { leftMs: 0 });
    expect(found.kind).toBe('unavailable');
    expect(await engine.raw.keys('*r:*')).toEqual([]);
  });
});
