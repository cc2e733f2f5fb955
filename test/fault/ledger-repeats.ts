// What a repeat with the same Idempotency-Key must be told, from what became of the first call.
import { isLate, verdictOf } from './ledger-books.ts';
import { pathOf } from './ledger-cases.ts';
import { type Fault, toldAfter } from './ledger-faults.ts';
import type { Arrival, Entry, World } from './ledger-world.ts';

/** What became of one call, noted between it and its repeat. */
export interface First {
  readonly entry: Entry;
  readonly arrival: Arrival | undefined;
}

export function noteFirsts(world: World, entries: readonly Entry[]): Map<string, First> {
  return new Map(
    entries.map((entry) => {
      const path = pathOf(entry.one);
      return [path, { entry, arrival: world.arrivals(path)[0] }];
    }),
  );
}

const isRaced = ({ after }: Arrival): boolean => after === 'close after the answer';
const isReplayed = ({ seen }: Entry): boolean =>
  seen.kind === 'told' && seen.headers.get('idempotency-replayed') === 'true';
const delivered = ({ entry }: First): boolean => verdictOf(entry.seen) === 'delivered';
const bodyOf = ({ seen }: Entry): string => (seen.kind === 'told' ? seen.body : '');

/** The verdicts that a repeat may bring, and whether it must be marked as a repeat. */
function expected({ entry, arrival }: First, met: Fault): { readonly verdicts: readonly string[]; replayed: boolean } {
  const first = verdictOf(entry.seen);
  // An answer that its caller got, or an unknown outcome, is final.
  if (first === 'delivered' || first === 'unknown') return { verdicts: [first], replayed: true };
  if (arrival === undefined) {
    // Never sent, and then this was the first; or lost with its connection on the way.
    const verdicts = first === 'hung up' ? [toldAfter(met), 'unknown'] : [toldAfter(met)];
    return { verdicts, replayed: false };
  }
  const whole = toldAfter(arrival.fault);
  return { verdicts: isRaced(arrival) ? [whole, 'unknown'] : [whole], replayed: true };
}

/** @returns what is wrong with the repeats, in words: one call repeated, and then repeated again */
export function repeatProblems(
  firsts: ReadonlyMap<string, First>,
  repeats: readonly Entry[],
  again: readonly Entry[],
): string[] {
  const laters = new Map(again.map((entry) => [pathOf(entry.one), entry]));
  return repeats.flatMap((repeat) => {
    const path = pathOf(repeat.one);
    const first = firsts.get(path);
    const later = laters.get(path);
    if (first === undefined || later === undefined) return ['a repeat of nothing'];
    const { verdicts, replayed } = expected(first, repeat.one.fault);
    const { one, habit } = first.entry;
    const told = `#${one.index} ${one.kind}, first caller ${habit}, ${first.arrival?.fault ?? 'not arrived'}`;
    const problems: string[] = [];
    const must = (holds: boolean, sentence: string): void => void (holds || problems.push(`${told}: ${sentence}`));
    const expectedly = verdicts.includes(verdictOf(repeat.seen)) || (isLate(repeat.seen) && !delivered(first));
    must(expectedly, `the repeat was told ${verdictOf(repeat.seen)}, not ${verdicts}`);
    must(isReplayed(repeat) || !replayed, 'the repeat is not marked as one');
    if (delivered(first)) must(bodyOf(repeat) === bodyOf(first.entry), 'the repeat got another answer');
    must(verdictOf(later.seen) === verdictOf(repeat.seen) && isReplayed(later), 'a second repeat differs');
    if (verdictOf(repeat.seen) === 'delivered') must(bodyOf(later) === bodyOf(repeat), 'a second answer differs');
    return problems;
  });
}
