// How long fuzzing takes, with which seeds, and what is said when it finds something.
import { readdirSync, readFileSync } from 'node:fs';
import { ROOT } from '../support/process.ts';
import { createRandom, type Random } from './random.ts';

/** `FUZZ_SEED=N` runs that one alone. */
const OWN_SEED = process.env.FUZZ_SEED;
/** `FUZZ_SECONDS=N` for each run; otherwise what fits into a build. */
const OWN_SECONDS = process.env.FUZZ_SECONDS;

export interface Run {
  readonly seed: number;
  readonly cases: number;
  readonly seconds: number;
}

/** The cases of a build are always the same, so that it says the same twice. A long run has a seed that nobody has chosen. */
export function runsOf(cases: number, seconds: number): Run[] {
  if (OWN_SECONDS === undefined && OWN_SEED === undefined) {
    return [
      { cases, seconds, seed: 1 },
      { cases, seconds: Math.ceil(seconds / 2), seed: 2 },
    ];
  }
  const drawn = Math.floor(Math.random() * 2 ** 31);
  const bounds =
    OWN_SECONDS === undefined ? { cases, seconds } : { cases: Number.POSITIVE_INFINITY, seconds: Number(OWN_SECONDS) };
  return [{ ...bounds, seed: OWN_SEED === undefined ? drawn : Number(OWN_SEED) }];
}

/** The messages kept in seeds/, in latin1, in the order of their names. */
export function seedsOf(kind: 'requests' | 'answers'): string[] {
  const folder = `${ROOT}test/fuzz/seeds/${kind}`;
  const names = readdirSync(folder).filter((name) => name.endsWith('.http'));
  return names.toSorted().map((name) => readFileSync(`${folder}/${name}`, 'latin1'));
}

/** Rejects when nothing came of `promise` in time: the one thing that no answer may do is never to come. */
export async function within<T>(promise: Promise<T>, boundMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing in ${boundMs} ms`)), boundMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/**
 * Runs cases on `lanes` at once until the time is over or all are done.
 * @param one throws when something is wrong; the first that does ends the run
 * @returns how many were run
 */
export async function fuzz(
  run: Run,
  lanes: number,
  one: (random: Random, turn: number) => Promise<void>,
): Promise<number> {
  process.stdout.write(`fuzz: seed ${run.seed}, up to ${run.cases} cases or ${run.seconds} s\n`);
  const endsMs = performance.now() + run.seconds * 1000;
  let turn = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (!failed && turn < run.cases && performance.now() < endsMs) {
      const mine = turn++;
      try {
        await one(createRandom(run.seed, mine), mine);
      } catch (cause) {
        failed = true;
        throw new Error(`FUZZ_SEED=${run.seed}, case ${mine}: ${String(cause)}`, { cause });
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return turn;
}

/** Sends in up to three pieces, so that what belongs together arrives apart. */
export async function sendInPieces(
  write: (piece: Buffer) => void,
  text: string,
  random: Random,
  end = text.length,
): Promise<void> {
  const bytes = Buffer.from(text, 'latin1');
  const cuts = random.below(2) === 0 ? [] : [random.below(end + 1), random.below(end + 1)].toSorted((a, b) => a - b);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (cut > from) write(bytes.subarray(from, cut));
    from = cut;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What went wrong, and with which bytes; what is repeated in them is told by how often. */
export function shown(cause: unknown, facts: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(facts).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  const text = [String(cause), ...lines].join('\n');
  return text.replaceAll(/(.{1,8}?)\1{49,}/g, (long, one) => `${one}{${long.length / one.length}}`);
}
