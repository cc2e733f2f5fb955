// Gateways with one shelf, which go down and lose questions and answers, against an oracle that sees everything.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSharedVault, type SharedBegan, type SharedVault } from '../../src/replay/shared-vault.ts';
import type { Replayable } from '../../src/replay/vault.ts';
import type { SharedReplays } from '../../src/store/store.ts';
import { createReplayModel } from './shared-model.ts';
import { answers, KEY, NOT_KEPT, REVEAL } from './support.ts';

/** Longer than any run: nothing is forgotten by age. */
const KEEP_MS = 24 * 3_600_000;
const GATEWAYS = [0, 1, 2] as const;
const KEYS = [`${KEY}-0`, `${KEY}-1`] as const;
const REQUESTS = [REVEAL, { ...REVEAL, body: Buffer.from('other') }] as const;

type Link = 'up' | 'deaf' | 'mute';

/** How one gateway reaches the shelf: `deaf`, its questions are lost; `mute`, the answers are. */
function linked(shelf: SharedReplays, link: () => Link): SharedReplays {
  const through = async <T>(ask: () => Promise<T>) => {
    const state = link();
    if (state === 'up') return ask();
    if (state === 'mute') await ask();
    return { kind: 'unavailable' as const, cause: new Error(state) };
  };
  return {
    begin: (...args) => through(() => shelf.begin(...args)),
    extend: (...args) => through(() => shelf.extend(...args)),
    settle: (...args) => through(() => shelf.settle(...args)),
  };
}

interface Sent {
  readonly key: string;
  readonly request: number;
  readonly gateway: number;
  readonly settle: (answer: Replayable | undefined) => void;
  state: 'under_way' | 'settled' | 'not_sent' | 'dead';
  answer: Replayable | undefined;
}

const [OLD, NEW] = [Buffer.alloc(32, 7), Buffer.alloc(32, 8)];
/** What each gateway knows, before, while and after the identity key is changed: newest first. Any two share one. */
const SALTS: readonly (readonly (readonly [Buffer, ...Buffer[]])[])[] = [
  [[OLD], [OLD], [OLD]],
  [[OLD], [NEW, OLD], [NEW, OLD]],
  [[NEW, OLD], [NEW], [NEW, OLD]],
];

/** The gateways, the callers, and what was really sent. */
function world(salts: (typeof SALTS)[number]) {
  const shelf = createReplayModel(() => Date.now());
  const sent: Sent[] = [];
  const links: Link[] = GATEWAYS.map(() => 'up');
  const dead = new Set<number>();
  const lives = GATEWAYS.map(() => 0);
  function vaultOf(gateway: number): SharedVault {
    const life = lives[gateway];
    const [salt, ...olderSalts] = salts[gateway] ?? [OLD];
    return createSharedVault(
      // What died says nothing any more, also when its successor is up.
      linked(shelf, () => (lives[gateway] === life ? (links[gateway] ?? 'up') : 'deaf')),
      { keepMs: KEEP_MS, mostBytes: 4096, salt, olderSalts, storeTimeoutMs: 50 },
    );
  }
  const vaults = GATEWAYS.map(vaultOf);
  const deaths = GATEWAYS.map(() => Promise.withResolvers<'died'>());
  /** Whether anything went wrong: only then may an answer be unknown, or a call be refused. */
  let troubled = false;

  /** One caller, as replay.ts serves it. Undefined: still waiting when its gateway died, or its call is the first. */
  async function call(gateway: number, key: string, request: number): Promise<SharedBegan | undefined> {
    const [asked, vault, death] = [REQUESTS[request], vaults[gateway], deaths[gateway]?.promise];
    if (asked === undefined || vault === undefined || dead.has(gateway)) return undefined;
    for (;;) {
      const began = await Promise.race([vault.begin(key, undefined, asked, { leftMs: 50 }), death]);
      if (began === 'died' || began === undefined) return undefined;
      if (began.kind === 'under_way') {
        if ((await Promise.race([began.done, death])) === 'died') return undefined;
        continue;
      }
      const before = sent.filter((each) => each.key === key && each.state !== 'not_sent');
      if (began.kind === 'first') {
        expect(before).toEqual([]);
        sent.push({ key, request, gateway, settle: began.settle, state: 'under_way', answer: undefined });
        return undefined;
      }
      check(began, before, request);
      return began;
    }
  }

  function check(began: SharedBegan, before: readonly Sent[], request: number): void {
    if (began.kind === 'unavailable') expect(troubled).toBe(true);
    if (began.kind === 'mismatch' && !troubled) expect(before.map((each) => each.request)).not.toContain(request);
    if (began.kind !== 'replay') return;
    const [one] = before;
    if (one?.answer === undefined || began.answer.kind === 'unknown') {
      // Nobody knows: either it was so settled, or whoever sent it was cut off.
      if (one?.answer?.kind !== 'unknown') expect([began.answer, troubled]).toEqual([NOT_KEPT, true]);
      return;
    }
    expect([one.request, began.answer]).toEqual([request, one.answer]);
  }

  return {
    sent,
    call,
    links,
    trouble: () => {
      troubled = true;
    },
    kill(gateway: number): void {
      dead.add(gateway);
      lives[gateway] = (lives[gateway] ?? 0) + 1;
      deaths[gateway]?.resolve('died');
      for (const each of sent) if (each.gateway === gateway && each.state === 'under_way') each.state = 'dead';
    },
    revive(gateway: number): void {
      if (!dead.delete(gateway)) return;
      vaults[gateway] = vaultOf(gateway);
      deaths[gateway] = Promise.withResolvers();
    },
    readings: () => vaults.map((vault) => vault.readings()),
  };
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      gateway: fc.constantFrom(...GATEWAYS),
      key: fc.constantFrom(...KEYS),
      request: fc.constantFrom(0, 0, 0, 1),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which: fc.nat(),
      answer: fc.option(answers, { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(0, 30, 250, 2_500, 20_000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('link' as const),
      gateway: fc.constantFrom(...GATEWAYS),
      link: fc.constantFrom('up' as const, 'deaf' as const, 'mute' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), gateway: fc.constantFrom(...GATEWAYS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revive' as const), gateway: fc.constantFrom(...GATEWAYS) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function play(salts: (typeof SALTS)[number], steps: readonly Step[]): Promise<void> {
  const { sent, call, links, trouble, kill, revive, readings } = world(salts);
  const callers: Promise<unknown>[] = [];
  const settle = (which: number, answer: Replayable | undefined): void => {
    const flying = sent.filter((each) => each.state === 'under_way');
    const one = flying[which % flying.length];
    if (one === undefined) return;
    one.state = answer === undefined ? 'not_sent' : 'settled';
    one.answer = answer;
    one.settle(answer);
  };
  for (const each of steps) {
    if (each.do === 'call') callers.push(call(each.gateway, each.key, each.request));
    else if (each.do === 'settle') settle(each.which, each.answer);
    else if (each.do === 'advance') await vi.advanceTimersByTimeAsync(each.ms);
    else if (each.do === 'revive') revive(each.gateway);
    else {
      trouble();
      if (each.do === 'kill') kill(each.gateway);
      else links[each.gateway] = each.link;
    }
    await vi.advanceTimersByTimeAsync(0);
  }
  // Everything comes back: then everybody is answered, and nothing is left behind.
  for (const gateway of GATEWAYS) {
    links[gateway] = 'up';
    revive(gateway);
  }
  let waiting = callers.length;
  for (const caller of callers) void caller.finally(() => waiting--);
  for (let rounds = 0; waiting > 0 || sent.some((each) => each.state === 'under_way'); rounds++) {
    expect(rounds).toBeLessThan(100);
    settle(0, rounds % 2 === 0 ? undefined : { kind: 'unknown', code: 'region_failed' });
    await vi.advanceTimersByTimeAsync(20_000);
  }
  await Promise.all(callers);
  for (const key of KEYS) {
    const before = sent.some((each) => each.key === key && each.state !== 'not_sent');
    const asked = call(0, key, 0);
    await vi.advanceTimersByTimeAsync(20_000);
    const began = await asked;
    if (before) expect(began?.kind).toMatch(/^(replay|mismatch)$/);
    settle(0, undefined);
    await vi.advanceTimersByTimeAsync(1_000);
  }
  for (const { underWay, pending } of readings()) expect({ underWay, pending }).toEqual({ underWay: 0, pending: 0 });
  // What died goes on ticking; not into the next run.
  vi.clearAllTimers();
}

describe('a shelf that came back without its last second', () => {
  it('is told of the claim again while its call is under way, and of the answer when it comes', async () => {
    const shelf = createReplayModel(() => Date.now());
    const options = { keepMs: KEEP_MS, salt: Buffer.alloc(32, 7), storeTimeoutMs: 50 };
    const [one, two] = [createSharedVault(shelf, options), createSharedVault(shelf, options)];
    const begin = (vault: SharedVault) => vault.begin(KEY, undefined, REVEAL, { leftMs: 50 });
    const first = await begin(one);
    if (first.kind !== 'first') throw new Error(first.kind);
    shelf.entries.clear();
    await vi.advanceTimersByTimeAsync(3_000);
    expect((await begin(two)).kind).toBe('under_way');
    shelf.entries.clear();
    first.settle({ kind: 'unknown', code: 'region_timeout' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await begin(two)).toEqual({ kind: 'replay', answer: { kind: 'unknown', code: 'region_timeout' } });
    // Settled, it is not claimed again.
    shelf.entries.clear();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(shelf.entries.size).toBe(0);
  });
});

describe('for every sequence of calls, answers, cut links and deaths of gateways', () => {
  it('nothing is sent twice, what is replayed was answered, and only trouble makes an answer unknown', async () => {
    await fc.assert(fc.asyncProperty(fc.constantFrom(...SALTS), fc.array(step, { maxLength: 40 }), play), {
      numRuns: 500,
    });
  });
});
