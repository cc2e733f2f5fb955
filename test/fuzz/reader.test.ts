// The gateway's reader of answers against the one here that knows RFC 9112 alone, without sockets: of the same bytes, in whatever
// pieces, both take the same answer, or both none.
import { expect, it } from 'vitest';
import { AnswerReader } from '../../src/region/answer-reader.ts';
import { mutated } from './mutate.ts';
import type { Random } from './random.ts';
import { fuzz, runsOf, seedsOf, shown } from './run.ts';
import { readAnswer } from './strict.ts';

/** The gateway's bounds begin here. */
const MOST_READ = 4000;

type Read = { readonly passed: string; readonly state: 'whole' | 'spoilt' | 'unfinished' | 'refused' };

function readInPieces(text: string, toHead: boolean, random: Random): Read {
  const reader = new AnswerReader();
  reader.begin(toHead);
  const bytes = Buffer.from(text, 'latin1');
  let passed = '';
  try {
    for (let at = 0; at < bytes.length; ) {
      const end = at + (random.below(3) === 0 ? bytes.length : 1 + random.below(40));
      passed += reader.read(bytes.subarray(at, end))?.toString('latin1') ?? '';
      at = end;
    }
  } catch {
    return { passed, state: 'refused' };
  }
  if (reader.isSpoilt) return { passed, state: 'spoilt' };
  return { passed, state: reader.begin(false) ? 'whole' : 'unfinished' };
}

/** White space behind a length may have been moved, and zeros stand where a chunk had extensions. */
const bare = (text: string): string => text.replaceAll(/[ \t]|(?<=\n)0+(?=[0-9a-f])|;[^\r\n]*/gi, '');

function compare(text: string, toHead: boolean, read: Read): void {
  const said = readAnswer(text, 0, toHead);
  if (said === 'malformed') expect(read.state).toBe('refused');
  else if (said === 'incomplete') expect(read.state).toMatch(/^(unfinished|refused)$/);
  else if (said.end < MOST_READ || read.state !== 'refused') {
    expect(read.state).toBe(said.end === text.length ? 'whole' : 'spoilt');
    // Those of 1xx before it stay out.
    expect(bare(read.passed)).toBe(bare(text.slice(said.start, said.end)));
  }
}

it.each(runsOf(40_000, 4))(
  'the gateway reads an answer as RFC 9112 does (seed $seed)',
  async (run) => {
    const seeds = seedsOf('answers');
    const states: Record<Read['state'], number> = { whole: 0, spoilt: 0, unfinished: 0, refused: 0 };
    const done = await fuzz(run, 1, async (random, turn) => {
      const text = mutated(seeds, random);
      const toHead = random.below(8) === 0;
      const read = readInPieces(text, toHead, random);
      states[read.state]++;
      try {
        compare(text, toHead, read);
      } catch (cause) {
        throw new Error(shown(cause, { toHead, text, ...read }));
      }
      if (turn % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    });
    process.stdout.write(`fuzz: ${done} answers, ${JSON.stringify(states)}\n`);
    for (const count of Object.values(states)) expect(count).toBeGreaterThan(done / 50);
  },
  3_600_000,
);
