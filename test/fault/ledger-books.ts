// The comparison: what the regions know of each secret against what its caller was told. And the table of it.
import { isHalfSent, type Seen } from './ledger-caller.ts';
import { isRightAnswer, pathOf } from './ledger-cases.ts';
import { FAULTS, reachesRegion, toldAfter } from './ledger-faults.ts';
import type { Entry, World } from './ledger-world.ts';

/** What a caller knows in the end. */
export type Verdict = 'delivered' | 'unknown' | 'not_sent' | 'hung up' | 'gateway died' | 'other';
const VERDICTS: readonly Verdict[] = ['delivered', 'unknown', 'not_sent', 'hung up', 'gateway died', 'other'];

export function verdictOf(seen: Seen): Verdict {
  if (seen.kind === 'hung up') return 'hung up';
  if (seen.kind !== 'told') return 'gateway died';
  const outcome = seen.headers.get('onetime-gateway-outcome');
  return outcome === 'delivered' || outcome === 'unknown' || outcome === 'not_sent' ? outcome : 'other';
}

/** What is true of a secret, whatever its caller saw. */
interface Truth {
  readonly consumed: boolean;
  /** Requests to destroy it that the region received whole. */
  readonly received: number;
  /** Requests to destroy it of which the region's side saw the head. */
  readonly arrived: number;
}

/** @returns what is wrong with one entry, in words */
function problemsOf({ one, habit, seen }: Entry, { consumed, received, arrived }: Truth, mayDie: boolean): string[] {
  const problems: string[] = [];
  const must = (holds: boolean, sentence: string): void => void (holds || problems.push(sentence));
  const verdict = verdictOf(seen);
  must(received <= 1 && arrived <= 1, `sent ${Math.max(received, arrived)} times`);
  if (isHalfSent(habit)) must(arrived === 0 && !consumed, 'forwarded before its request was whole');
  if (verdict === 'not_sent') must(arrived === 0 && !consumed, 'not_sent, but it was sent');
  if (consumed && verdict !== 'delivered')
    must(['unknown', 'hung up', 'gateway died'].includes(verdict), `consumed, and its caller was told ${verdict}`);
  must(mayDie || verdict !== 'gateway died', 'no whole answer from a gateway that is alive');
  must(seen.kind !== 'refused' || arrived === 0, 'sent without a connection to its caller');
  if (seen.kind !== 'told') return problems;

  if (verdict === 'delivered') {
    must(seen.status === 200 && consumed, `delivered with status ${seen.status}, consumed: ${consumed}`);
    must(seen.status !== 200 || isRightAnswer(one, seen.body), 'another answer than the region gave to this call');
  } else {
    must(verdict !== 'other', `status ${seen.status} without an outcome: ${seen.body.slice(0, 200)}`);
    must(seen.status >= 502 && seen.status <= 504, `${verdict} with status ${seen.status}`);
    must(JSON.parse(seen.body).outcome === verdict, 'the body says another outcome than the header');
    must(seen.headers.get('onetime-gateway-region') === undefined, 'an answer of the gateway that names a region');
  }
  return problems;
}

const describe = ({ one, habit, seen }: Entry): string =>
  `#${one.index} ${one.region} ${one.kind}, caller ${habit}, fault: ${one.fault}, seen: ${verdictOf(seen)}`;

/**
 * Every entry whose books do not balance, in words. Empty is good.
 * @param mayDie whether the gateway was killed while it served these
 */
export function audit(world: World, entries: readonly Entry[], mayDie = false): string[] {
  const counts = world.counts();
  return entries.flatMap((entry) => {
    const { one } = entry;
    const path = pathOf(one);
    const truth = {
      consumed: world.twins[one.region].secret(one.secret)?.consumed ?? true,
      received: counts.get(path) ?? 0,
      arrived: world.arrivals(path).length,
    };
    const problems = problemsOf(entry, truth, mayDie);
    // The proxy and the twin must agree, or the test would prove nothing.
    const [first] = world.arrivals(path);
    const passed = first !== undefined && reachesRegion(first.fault);
    if (one.padding === 0 && passed !== truth.received > 0) problems.push('the proxy did not do what was planned');
    return problems.map((problem) => `${describe(entry)}: ${problem}`);
  });
}

/** The short timeouts of this test ran out on a machine that was busy: unknown, truly, whatever the fault. */
export const isLate = (seen: Seen): boolean => seen.kind === 'told' && seen.status === 504;

/**
 * Callers that stayed, whose request met its fault, and that were told something else than that fault should bring; and
 * faults that should let answers through, but did not for anybody.
 */
export function surprises(world: World, entries: readonly Entry[]): string[] {
  const delivered = new Set(entries.filter(({ seen }) => verdictOf(seen) === 'delivered').map(({ one }) => one.fault));
  const silent = FAULTS.filter((fault) => toldAfter(fault) === 'delivered' && !delivered.has(fault));
  const others = entries
    .filter(({ one, habit, seen }) => {
      const [arrival] = world.arrivals(pathOf(one));
      // A connection that closed while the next request was on its way: unknown, truly.
      const raced = arrival?.after === 'close after the answer' && verdictOf(seen) === 'unknown';
      return (
        habit === 'stays' &&
        arrival !== undefined &&
        !raced &&
        !isLate(seen) &&
        verdictOf(seen) !== toldAfter(arrival.fault)
      );
    })
    .map(describe);
  return [...silent.map((fault) => `nobody got an answer under: ${fault}`), ...others];
}

const NOT_WHOLE = '(left before its request was whole)';
const NOT_ARRIVED = '(no request arrived at the region)';

/** Faults x what callers were told, in counts; `consumed` is the twins' truth. */
export function table(world: World, entries: readonly Entry[]): string {
  const columns = [...VERDICTS, 'calls', 'consumed'] as const;
  const rows = new Map([...FAULTS, NOT_WHOLE, NOT_ARRIVED, 'all'].map((name) => [name, new Map<string, number>()]));
  for (const { one, habit, seen } of entries) {
    const name = world.arrivals(pathOf(one))[0]?.fault ?? (isHalfSent(habit) ? NOT_WHOLE : NOT_ARRIVED);
    const consumed = world.twins[one.region].secret(one.secret)?.consumed === true;
    for (const row of [rows.get(name), rows.get('all')])
      for (const column of [verdictOf(seen), 'calls', ...(consumed ? ['consumed'] : [])])
        row?.set(column, (row.get(column) ?? 0) + 1);
  }
  const line = (name: string, cells: readonly unknown[]): string =>
    name.padEnd(40) + cells.map((cell) => String(cell).padStart(13)).join('');
  const body = [...rows].map(([name, row]) =>
    line(
      name,
      columns.map((column) => row.get(column) ?? 0),
    ),
  );
  return [line('fault', columns), ...body].join('\n');
}
