// The directory and its moves against a simple oracle, on every engine, whatever is done in whatever order.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { KeyedHash } from '../../src/domain.ts';
import type { AccountRow, DirectoryStore, Mark } from '../../src/store/directory-store.ts';
import * as oracle from './directory-oracle.ts';
import { ENGINES } from './engines.ts';
import { randomHash } from './support.ts';
import { account, type Engine, lease, markOf, newsOf, type World } from './world.ts';

const ACCOUNTS = 3;
const GATEWAYS = 2;
const REGIONS = ['ap', 'eu', 'us'];
const LEASE_MS = 600_000;

interface Real {
  readonly world: World;
  readonly directories: readonly DirectoryStore[];
  /** Of each account, the current hash and the older one. */
  readonly hashes: readonly (readonly [KeyedHash, KeyedHash])[];
  readonly leases: readonly ReturnType<typeof lease>[];
  readonly generation: string;
}
type Command = fc.AsyncCommand<oracle.State, Real>;

function command(name: string, run: (state: oracle.State, real: Real) => Promise<void>): Command {
  return {
    check: () => true,
    toString: () => name,
    async run(state, real) {
      await run(state, real);
      expect(oracle.splits(state), 'accounts that are created for in two regions').toEqual([]);
      expect(await markOf(directoryOf(real, 0))).toEqual({ generation: real.generation, epoch: state.epoch });
    },
  };
}

function directoryOf({ directories }: Real, gateway: number): DirectoryStore {
  const directory = directories[gateway];
  if (directory === undefined) throw new Error('no such gateway');
  return directory;
}

function hashOf({ hashes }: Real, at: number, under: 0 | 1): KeyedHash {
  return hashes[at]?.[under] ?? randomHash();
}

function rowOf(real: Real, at: number, facts: oracle.Facts, under: 0 | 1 = 0): AccountRow {
  return account({ ...facts, hash: hashOf(real, at, under), replaces: under === 0 ? [hashOf(real, at, 1)] : [] });
}

/** The hash of its entry, or the one that it would get. */
function storedHash(state: oracle.State, real: Real, at: number): KeyedHash {
  return hashOf(real, at, state.entries[at]?.under ?? 0);
}

/** That account or the next one that is being moved: steps of no move show little. */
function aimed(state: oracle.State, at: number): number {
  const around = Array.from({ length: ACCOUNTS }, (_, step) => (at + step) % ACCOUNTS);
  return around.find((index) => state.entries[index]?.move !== undefined) ?? at;
}

function expected(real: Real, at: number, entry: oracle.Entry) {
  const { under, move, ...facts } = entry;
  const moving = move && { ...move, sinceMs: expect.any(Number) };
  return { ...facts, hash: hashOf(real, at, under), identity: account().identity, move: moving };
}

async function expectFound(state: oracle.State, real: Real, at: number, gateway: number): Promise<void> {
  const entry = state.entries[at];
  for (const under of [0, 1] as const) {
    const found = await directoryOf(real, gateway).findAccount(hashOf(real, at, under), { leftMs: 5000 });
    const mark = { generation: real.generation, epoch: state.epoch };
    if (entry?.under === under) expect(found).toEqual({ kind: 'found', value: expected(real, at, entry), mark });
    else expect(found).toEqual({ kind: 'missing', mark });
  }
}

async function follow(state: oracle.State, real: Real, which: number, answered: boolean): Promise<void> {
  const gateway = state.gateways[which];
  const held = real.leases[which];
  if (gateway === undefined || held === undefined) return;
  const { since } = gateway;
  const mark: Mark | undefined = since === undefined ? undefined : { generation: real.generation, epoch: since };
  oracle.follow(state, which, answered);
  const news = await newsOf(directoryOf(real, which), { ...held, seen: gateway.seen ?? 0 }, mark);
  expect(news.mark.epoch).toBe(state.epoch);
  expect([...news.drained].sort()).toEqual([...state.drained].sort());
  if (since === undefined) expect(news.changes).toBe('gap');
  else expect(news.changes).toMatchObject(state.log.filter(({ epoch }) => epoch > since));
  const moving = state.entries.flatMap((entry, at) => (entry?.move ? [expected(real, at, entry)] : []));
  expect(news.moving).toHaveLength(moving.length);
  expect(news.moving).toEqual(expect.arrayContaining(moving));
}

/** Giving up and going on at the same time end as one after the other would, in either order. */
async function race(state: oracle.State, real: Real, at: number): Promise<void> {
  const hash = storedHash(state, real, at);
  const [aborted, advanced] = await Promise.all([
    directoryOf(real, 0).abortMove(hash, 'cli:test'),
    directoryOf(real, 1).advanceMove(hash, 'cli:test'),
  ]);
  const [first, second] = [structuredClone(state), structuredClone(state)];
  const abortFirst = [oracle.abort(first, at), oracle.advance(first, at)];
  const advanceFirst = [oracle.advance(second, at), oracle.abort(second, at)].reverse();
  const became = `${aborted} ${advanced.kind}`;
  expect([abortFirst.join(' '), advanceFirst.join(' ')]).toContain(became);
  Object.assign(state, became === abortFirst.join(' ') ? first : second);
}

async function importAll(
  state: oracle.State,
  real: Real,
  rows: { at: number; facts: oracle.Facts }[],
  overwrite: boolean,
) {
  const stage = await directoryOf(real, 1).stage();
  await stage.add(rows.map(({ at, facts }, index) => ({ ...rowOf(real, at, facts), line: index + 1 })));
  const result = oracle.importAll(state, rows, overwrite);
  expect(await stage.compare()).toEqual(result.summary);
  expect(await stage.commit('cli:test', overwrite)).toEqual(result);
  await stage.discard();
}

const at = fc.nat(ACCOUNTS - 1);
const gateway = fc.nat(GATEWAYS - 1);
const region = fc.constantFrom(...REGIONS);
const facts: fc.Arbitrary<oracle.Facts> = fc
  .record({ region, pinned: fc.boolean(), also: fc.subarray(REGIONS) })
  .map(({ also, ...facts }) => ({ ...facts, also: also.filter((other) => other !== facts.region) }));

const putCommand = fc.tuple(gateway, at, facts, fc.boolean(), fc.boolean()).map(([which, at, facts, old, overwrite]) =>
  command(`put(${at}, ${JSON.stringify(facts)}, ${old ? 'older key' : ''} ${overwrite})`, async (state, real) => {
    // A gateway that does not know the newer key yet; one that does not find what is under it would be misconfigured.
    const under = old && state.entries[at]?.under !== 0 ? 1 : 0;
    const expectedResult = oracle.put(state, at, facts, under, overwrite);
    const result = await directoryOf(real, which).put(rowOf(real, at, facts, under), overwrite, 'cli:test');
    expect(result).toBe(expectedResult);
  }),
);

const removeCommand = fc.tuple(gateway, at).map(([which, at]) =>
  command(`remove(${at})`, async (state, real) => {
    const hashes = [hashOf(real, at, 0), hashOf(real, at, 1)];
    const expectedResult = oracle.remove(state, at);
    expect(await directoryOf(real, which).remove(hashes, 'cli:test')).toBe(expectedResult);
  }),
);

const importCommand = fc
  .tuple(fc.uniqueArray(fc.record({ at, facts }), { selector: ({ at }) => at }), fc.boolean())
  .map(([rows, overwrite]) =>
    command(`import(${JSON.stringify(rows)}, ${overwrite})`, (state, real) => importAll(state, real, rows, overwrite)),
  );

const beginCommand = fc
  .tuple(gateway, at, region, fc.boolean(), fc.option(facts, { nil: undefined }))
  .map(([which, at, to, keepOld, rule]) =>
    command(`begin(${at}, ${to}, ${keepOld}, ${JSON.stringify(rule)})`, async (state, real) => {
      const hash = storedHash(state, real, at);
      const otherwise = rule && rowOf(real, at, rule);
      const expectedKind = oracle.begin(state, at, to, keepOld, rule);
      const begun = await directoryOf(real, which).beginMove({ hash, to, keepOld, otherwise }, 'cli:test');
      expect(begun.kind).toBe(expectedKind);
      const entry = state.entries[at];
      if (begun.kind !== 'missing' && entry) expect(begun.account).toEqual(expected(real, at, entry));
    }),
  );

const stepCommand = fc
  .tuple(gateway, at, fc.constantFrom('advance', 'advance', 'advance', 'abort'))
  .map(([which, from, what]) =>
    command(`${what}(${from})`, async (state, real) => {
      const at = aimed(state, from);
      const hash = storedHash(state, real, at);
      const directory = directoryOf(real, which);
      if (what === 'abort') {
        const expectedResult = oracle.abort(state, at);
        expect(await directory.abortMove(hash, 'cli:test')).toBe(expectedResult);
        return;
      }
      const expectedKind = oracle.advance(state, at);
      const result = await directory.advanceMove(hash, 'cli:test');
      expect(result.kind).toBe(expectedKind);
      const entry = state.entries[at];
      if (result.kind !== 'none' && entry) expect(result.account).toEqual(expected(real, at, entry));
    }),
  );

const raceCommand = at.map((at) => command(`race(${at})`, (state, real) => race(state, real, aimed(state, at))));

const drainCommand = fc.tuple(gateway, region, fc.boolean()).map(([which, region, drained]) =>
  command(`drain(${region}, ${drained})`, async (state, real) => {
    const expectedResult = oracle.drain(state, region, drained);
    expect(await directoryOf(real, which).setDrained(region, drained, 'cli:test')).toBe(expectedResult);
  }),
);

const followCommand = fc
  .tuple(gateway, fc.boolean())
  .map(([which, answered]) =>
    command(`follow(${which}, ${answered})`, (state, real) => follow(state, real, which, answered)),
  );

const leaveCommand = gateway.map((which) =>
  command(`leave(${which})`, async (state, real) => {
    const gateway = state.gateways[which];
    if (gateway) oracle.lapse(gateway);
    await directoryOf(real, which).leave(real.leases[which]?.gateway ?? '');
  }),
);

const expireCommand = fc.constant(
  command('leases expire', async (state, real) => {
    for (const gateway of state.gateways) oracle.lapse(gateway);
    real.world.pass(LEASE_MS * 10);
  }),
);

const findCommand = fc
  .tuple(at, gateway)
  .map(([at, which]) => command(`find(${at})`, (state, real) => expectFound(state, real, at, which)));

function commandsFor({ movesClock }: Engine) {
  // A move takes several steps of its own to come to its end: those are drawn more often.
  const steps = [stepCommand, stepCommand, followCommand, followCommand, beginCommand];
  const rest = [putCommand, removeCommand, importCommand, raceCommand, drainCommand, leaveCommand, findCommand];
  return fc.commands([...steps, ...rest, ...(movesClock ? [expireCommand] : [])], { maxCommands: 60, size: 'max' });
}

async function setUp(world: World): Promise<{ model: oracle.State; real: Real }> {
  const directories = [world.one.directory, world.other.directory];
  const hashes = Array.from({ length: ACCOUNTS }, () => [randomHash(), randomHash()] as const);
  const leases = Array.from({ length: GATEWAYS }, () => lease({ leaseMs: LEASE_MS }));
  const { generation } = await markOf(world.one.directory);
  return { model: oracle.newState(ACCOUNTS, GATEWAYS), real: { world, directories, hashes, leases, generation } };
}

for (const engine of ENGINES) {
  describe.skipIf(!engine.available)(`${engine.name}:`, () => {
    afterAll(() => engine.end());

    it('does what the oracle does, and never has an account created for in two regions', async () => {
      const property = fc.asyncProperty(commandsFor(engine), async (commands) => {
        const world = await engine.open();
        try {
          const set = await setUp(world);
          await fc.asyncModelRun(() => set, commands);
          for (const at of set.model.entries.keys()) await expectFound(set.model, set.real, at, 1);
          const { accounts } = await world.other.directory.list(undefined, 100);
          expect(accounts).toHaveLength(set.model.entries.filter(Boolean).length);
        } finally {
          await world.close();
        }
      });
      await fc.assert(property, { numRuns: 100, interruptAfterTimeLimit: 9_000, markInterruptAsFailure: false });
    }, 60_000);
  });
}
